/** The value of a node at an index, as WGSL: views become index arithmetic, elementwise ops and look-ups become text. */
import { InternalError } from "../../base/errors.ts";
import { type Node, type OpName, sizeOf } from "../../graph/node.ts";
import { broadcastStrides, mergeAxes } from "../plan/strides.ts";
import { affine, type View, viewOf } from "./indices.ts";
import type { Tensor } from "./step.ts";
import { f, plus, times, u, type Writer } from "./writer.ts";

/** How many neighbouring elements an expression is of; an index counts in that many. */
export type Width = 1 | 4;

/** What printing an expression has at hand. */
export interface Scope {
  readonly writer: Writer;
  /** The tensor that a node lies in; undefined where it is to be computed on the spot. */
  tensorOf(node: Node): Tensor | undefined;
  /** Values that the step has in registers, at {@link Scope.own} and in its width. */
  readonly registers: ReadonlyMap<Node, string>;
  readonly own?: { readonly index: string; readonly width: Width };
}

type Text = (operands: readonly string[], node: Node, width: Width) => string;

const infix =
  (operator: string): Text =>
  ([a, b]) =>
    `${a} ${operator} ${b}`;
const call =
  (name: string): Text =>
  (operands) =>
    `${name}(${operands.join(", ")})`;
/** A call of one of our own functions, which have one name for a number and one for four. */
const helper =
  (name: string): Text =>
  (operands, _, width) =>
    `${name}${width === 4 ? 4 : ""}(${operands.join(", ")})`;
const type = (width: Width) => (width === 4 ? "vec4f" : "f32");
const by = (node: Node) => f((node as Node<"scale" | "offset">).attrs.by);
const betas = (node: Node) => {
  const { beta } = (node as Node<"ema" | "emaSquare">).attrs;
  return [f(beta), f(1 - beta)];
};

type ElementwiseOp = Exclude<
  OpName,
  | "input"
  | "state"
  | "constant"
  | "reshape"
  | "transpose"
  | "broadcast"
  | "slice"
  | "concat"
  | "sum"
  | "einsum"
  | "gather"
  | "scatterAdd"
  | "oneHot"
  | "softmax"
  | "softmaxGrad"
  | "normScale"
  | "normalize"
  | "normalizeGrad"
  | "crossEntropy"
  | "crossEntropyGrad"
>;

/** The formula of every elementwise op. */
const formulas: { readonly [P in ElementwiseOp]: Text } = {
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  div: infix("/"),
  maximum: helper("maximum"),
  minimum: helper("minimum"),
  greater: ([a, b], _, width) => `select(${type(width)}(0f), ${type(width)}(1f), ${a} > ${b})`,
  select: ([condition, a, b], _, width) =>
    `select(${b}, ${a}, isPositive${width === 4 ? 4 : ""}(${condition}))`,
  gate: helper("gate"),
  scale: ([x], node) => `${x} * ${by(node)}`,
  offset: ([x], node) => `${x} + ${by(node)}`,
  exp: helper("expOf"),
  log: helper("logOf"),
  sqrt: call("sqrt"),
  tanh: helper("tanhOf"),
  erf: helper("erfOf"),
  relu: helper("relu"),
  gelu: helper("gelu"),
  geluGrad: helper("geluGrad"),
  ema: ([m, g], node) => `${betas(node)[0]} * ${m} + ${betas(node)[1]} * ${g}`,
  emaSquare: ([v, g], node) => `${betas(node)[0]} * ${v} + ${betas(node)[1]} * (${g} * ${g})`,
  adamUpdate: ([weight, m, v, rate, c1, c2], node) =>
    `${weight} - (${rate} * (${m} / ${c1})) / (sqrt(${v} / ${c2}) + ${f((node as Node<"adamUpdate">).attrs.eps)})`,
};

/** Whether element i of the node's result comes from the operands' elements that are broadcast to it. */
export function isElementwise(node: Node): node is Node<ElementwiseOp> {
  return node.op in formulas;
}

/** A constant that is one number, which becomes a literal. */
export function isLiteral(node: Node): node is Node<"constant"> {
  return node.op === "constant" && node.attrs.values.length === 1;
}

/**
 * Prints what it takes and returns a name for elements `width · index` to `width · index + width − 1` of a node.
 *
 * @param index  u32 expression that is cheap to repeat: a name or a literal
 */
export function elementOf(scope: Scope, node: Node, index: string, width: Width): string {
  const { writer, registers, own } = scope;
  if (own !== undefined && own.index === index && own.width === width) {
    const register = registers.get(node);
    if (register !== undefined) return register;
  }
  if (isLiteral(node)) {
    const [value] = Array.from(node.attrs.values);
    if (node.dtype === "int32") return `${value}i`;
    return width === 4 ? writer.let(`vec4f(${f(value)})`) : f(value);
  }
  const tensor = scope.tensorOf(node);
  if (tensor !== undefined)
    return writer.let(width === 4 ? writer.at.load4(tensor, index) : writer.at.load(tensor, index));
  if (node.op === "reshape") return elementOf(scope, node.inputs[0], index, width);
  if (node.op === "transpose" || node.op === "broadcast" || node.op === "slice")
    return viewed(scope, node.inputs[0], viewOf(node), index, width);
  if (node.op === "concat") return concatenated(scope, node, index, width);
  if (node.op === "gather") return gathered(scope, node, index, width);
  if (node.op === "oneHot") return marked(scope, node, index, width);
  if (isElementwise(node)) {
    const operands = node.inputs.map((x) =>
      sizeOf(x.shape) === sizeOf(node.shape)
        ? elementOf(scope, x, index, width)
        : viewed(
            scope,
            x,
            { sizes: node.shape, strides: broadcastStrides(x.shape, node.shape), start: 0 },
            index,
            width,
          ),
    );
    return writer.let((formulas[node.op] as Text)(operands, node, width));
  }
  throw new InternalError({
    where: `webgpu ${node.op}`,
    rule: "has no value on the spot",
    got: "one asked for",
  });
}

/** Four elements by themselves, where they are not neighbours. */
function lanes(writer: Writer, of: (lane: number) => string): string {
  return writer.let(`vec4f(${[0, 1, 2, 3].map(of).join(", ")})`);
}

/** Index of the first of four elements, and of the others. */
const laneIndex = (writer: Writer, index: string, lane: number) =>
  writer.let(plus(times(index, 4), lane === 0 ? "0u" : u(lane)));

/** Elements of `x` seen through a view. */
export function viewed(scope: Scope, x: Node, view: View, index: string, width: Width): string {
  const { writer } = scope;
  if (width === 1) return elementOf(scope, x, affine(writer, index, view), 1);
  const merged = mergeAxes({ sizes: view.sizes, strides: [view.strides] });
  const { sizes } = merged;
  const [strides] = merged.strides;
  const last = sizes.length - 1;
  if (last < 0 || sizes[last] % 4 !== 0)
    return lanes(writer, (lane) =>
      elementOf(scope, x, affine(writer, laneIndex(writer, index, lane), view), 1),
    );
  const quarters = sizes.with(last, sizes[last] / 4);
  const outer = strides.slice(0, last);
  if (strides[last] === 1 && [...outer, view.start, sizeOf(x.shape)].every((n) => n % 4 === 0)) {
    const inner = { sizes: quarters, strides: [...outer.map((n) => n / 4), 1], start: view.start / 4 };
    return elementOf(scope, x, affine(writer, index, inner), 4);
  }
  const first = { sizes: quarters, strides: [...outer, 4 * strides[last]], start: view.start };
  const from = affine(writer, index, first);
  if (strides[last] === 0) return writer.let(`vec4f(${elementOf(scope, x, from, 1)})`);
  return lanes(writer, (lane) =>
    elementOf(scope, x, writer.let(plus(from, lane === 0 ? "0u" : u(lane * strides[last]))), 1),
  );
}

function concatenated(scope: Scope, node: Node<"concat">, index: string, width: Width): string {
  const { writer } = scope;
  const { axis } = node.attrs;
  const inner = sizeOf(node.shape.slice(axis + 1));
  const runs = node.inputs.map((part) => part.shape[axis] * inner);
  if (width === 4 && runs.some((run) => run % 4 !== 0))
    return lanes(writer, (lane) => concatenated(scope, node, laneIndex(writer, index, lane), 1));
  const whole = runs.reduce((total, run) => total + run, 0) / width;
  const outer = axis === 0 ? "0u" : writer.let(`${index} / ${u(whole)}`);
  const within = axis === 0 ? index : writer.let(`${index} % ${u(whole)}`);
  const zero = node.dtype === "int32" ? "0i" : `${type(width)}(0f)`;
  const result = writer.variable(zero);
  let start = 0;
  node.inputs.forEach((part, i) => {
    const run = runs[i] / width;
    const from = start;
    start += run;
    const head = i === node.inputs.length - 1 ? "" : `if (${within} < ${u(start)})`;
    writer.block(i === 0 ? head : `else ${head}`, () => {
      const offset = from === 0 ? within : writer.let(`${within} - ${u(from)}`);
      const at = writer.let(plus(times(outer, run), offset));
      writer.line(`${result} = ${elementOf(scope, part, at, width)};`);
    });
  });
  return result;
}

function gathered(scope: Scope, node: Node<"gather">, index: string, width: Width): string {
  const { writer } = scope;
  const [table, rows] = node.inputs;
  const columns = table.shape[1];
  if (width === 4 && columns % 4 !== 0)
    return lanes(writer, (lane) => gathered(scope, node, laneIndex(writer, index, lane), 1));
  const run = columns / width;
  const at = run === 1 ? index : writer.let(`${index} / ${u(run)}`);
  const row = writer.let(`u32(${elementOf(scope, rows, at, 1)})`);
  const column = run === 1 ? "0u" : writer.let(`${index} % ${u(run)}`);
  return elementOf(scope, table, writer.let(plus(times(row, run), column)), width);
}

function marked(scope: Scope, node: Node<"oneHot">, index: string, width: Width): string {
  const { writer } = scope;
  const { depth } = node.attrs;
  if (width === 4 && depth % 4 !== 0)
    return lanes(writer, (lane) => marked(scope, node, laneIndex(writer, index, lane), 1));
  const run = depth / width;
  const at = run === 1 ? index : writer.let(`${index} / ${u(run)}`);
  const mark = elementOf(scope, node.inputs[0], at, 1);
  const first = run === 1 ? "0i" : writer.let(`i32(${index} % ${u(run)})`);
  if (width === 1) return writer.let(`select(0f, 1f, ${mark} == ${first})`);
  return writer.let(
    `select(vec4f(0f), vec4f(1f), vec4i(${mark}) == vec4i(${first} * 4i) + vec4i(0i, 1i, 2i, 3i))`,
  );
}
