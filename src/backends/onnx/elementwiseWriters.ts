/** Ops on one element at a time, in ONNX operators. */
import type { ComputedOp } from "../../graph/node.ts";
import { aligned, type Emitter, type Writer } from "./emitter.ts";
import { elementTypes } from "./onnxModel.ts";

/** An ONNX operator that means the same. */
function same<P extends ComputedOp>(op: string): Writer<P> {
  return (_, operands, emitter) => emitter.call(op, aligned(operands, emitter));
}

/** Where a > b, as ONNX decides it: false where either is NaN. */
const isGreater = (a: string, b: string, emitter: Emitter) => emitter.call("Greater", [a, b]);

type ElementwiseOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "maximum"
  | "minimum"
  | "greater"
  | "select"
  | "gate"
  | "scale"
  | "offset"
  | "exp"
  | "log"
  | "sqrt"
  | "tanh"
  | "erf"
  | "relu"
  | "gelu";

/** Writers of the elementwise ops. */
export const elementwiseWriters: { [P in ElementwiseOp]: Writer<P> } = {
  add: same("Add"),
  sub: same("Sub"),
  mul: same("Mul"),
  div: same("Div"),
  maximum: same("Max"),
  minimum: same("Min"),
  greater: (_, operands, emitter) => {
    const [a, b] = aligned(operands, emitter);
    return emitter.call("Cast", [isGreater(a, b, emitter)], { to: elementTypes.float32 });
  },
  select: (_, operands, emitter) => {
    const [condition, a, b] = aligned(operands, emitter);
    return emitter.call("Where", [isGreater(condition, emitter.number(0), emitter), a, b]);
  },
  gate: (_, operands, emitter) => {
    const [x, y] = aligned(operands, emitter);
    return emitter.call("Where", [isGreater(y, emitter.number(0), emitter), x, emitter.number(0)]);
  },
  scale: ({ attrs: { by } }, [x], emitter) => emitter.call("Mul", [x.name, emitter.number(by)]),
  offset: ({ attrs: { by } }, [x], emitter) => emitter.call("Add", [x.name, emitter.number(by)]),
  exp: same("Exp"),
  log: same("Log"),
  sqrt: same("Sqrt"),
  tanh: same("Tanh"),
  erf: same("Erf"),
  relu: same("Relu"),
  gelu: same("Gelu"), // by the error function, which is its default
};
