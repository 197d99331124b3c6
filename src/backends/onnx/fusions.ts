/** Several nodes for which ONNX has one operator. */
import type { Node } from "../../graph/node.ts";
import { type Emitter, sizesOf, type Value } from "./emitter.ts";

/** How nodes are written as one operator. */
export interface Fusion {
  /** What the operator reads. */
  readonly operands: readonly Node[];
  /** Appends it; returns the name of what it makes. */
  write(operands: readonly Value[], emitter: Emitter): string;
}

/** The fusion that ends in a node. What stands inside and has other readers is written besides. */
export function fusionOf(node: Node): Fusion | undefined {
  return layerNorm(node) ?? geluByTanh(node);
}

/**
 * A layer norm without weights: normalize(x, normScale(x)).
 *
 * With weights of 1, since those of a population have the model axis; and always, so that whoever looks at the scale,
 * which is then computed besides, changes no bit of the rest.
 */
function layerNorm(node: Node): Fusion | undefined {
  if (node.op !== "normalize") return undefined;
  const [x, scale] = node.inputs;
  if (scale.op !== "normScale" || scale.inputs[0] !== x) return undefined;
  const { eps } = scale.attrs;
  return {
    operands: [x],
    write: ([value], emitter) => {
      const axis = sizesOf(value, emitter).length - 1;
      const [width] = value.shape.slice(-1);
      const ones = emitter.constant(new Float32Array(width).fill(1), [width]);
      return emitter.call("LayerNormalization", [value.name, ones], { axis, epsilon: { float: eps } });
    },
  };
}

/** sqrt(2 / π) and what multiplies x³ in the argument of tanh. @source Hendrycks & Gimpel 2016, section 2 */
const SLOPE = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715 * SLOPE;

/** x · ((tanh(x · (x · x · CUBIC + SLOPE)) + 1) / 2). */
function geluByTanh(node: Node): Fusion | undefined {
  if (node.op !== "mul") return undefined;
  const [x, open] = node.inputs;
  const curve = inputOf(inputOf(open, "scale", 0.5), "offset", 1);
  if (curve?.op !== "tanh") return undefined;
  const [argument] = curve.inputs;
  if (argument.op !== "mul" || argument.inputs[0] !== x) return undefined;
  const square = inputOf(inputOf(argument.inputs[1], "offset", SLOPE), "scale", CUBIC);
  if (square?.op !== "mul" || square.inputs.some((factor) => factor !== x)) return undefined;
  return {
    operands: [x],
    write: ([value], emitter) => emitter.call("Gelu", [value.name], { approximate: "tanh" }),
  };
}

/** What a scale or an offset by exactly this number was applied to. */
function inputOf(node: Node | undefined, op: "scale" | "offset", by: number): Node | undefined {
  return node?.op === op && node.attrs.by === by ? node.inputs[0] : undefined;
}
