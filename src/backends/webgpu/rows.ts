/** Ops along the last axis: one work item takes a whole row. Short rows are written out and kept in registers. */
import { InternalError } from "../../base/errors.ts";
import type { Node } from "../../graph/node.ts";
import { elementOf, type Scope, type Width } from "./expression.ts";
import { f, plus, times, u, type Writer } from "./writer.ts";

/** Takes the value of the core at an index from there: computes what follows it and stores. */
export type Finish = (index: string, width: Width, value: string) => void;

/** The row of one work item. */
interface Row {
  readonly scope: Scope;
  readonly writer: Writer;
  /** Number of the row: the item. */
  readonly row: string;
  readonly length: number;
  readonly width: Width;
  /** A value of the row's elements, as many as `width`. */
  at(node: Node, index: string): string;
  /** For every piece of the row: its index in the tensor and the number of the piece. */
  each(body: (index: string, piece: string) => void): void;
  /** `initial`, changed by `next` with every piece, and then brought to one number by `end`. */
  total(end: "sum" | "max", of: (index: string) => string): string;
}

/** Pieces of a row that are written out one after the other instead of in a loop. */
const WRITTEN_OUT: Readonly<Record<Width, number>> = { 1: 10, 4: 4 };

function rowOf(scope: Scope, row: string, length: number): Row {
  const { writer } = scope;
  const width: Width = length % 4 === 0 ? 4 : 1;
  const pieces = length / width;
  const first = writer.let(times(row, pieces));
  const isShort = pieces <= WRITTEN_OUT[width];
  const each = (body: (index: string, piece: string) => void, from = 0) => {
    const run = (piece: string) => body(writer.let(plus(first, piece)), piece);
    if (isShort) for (let piece = from; piece < pieces; piece++) run(u(piece));
    else
      writer.block(`for (var i = ${u(from)}; i < ${u(pieces)}; i++)`, () => {
        run("i");
      });
  };
  return {
    ...{ scope, writer, row, length, width },
    at: (node, index) => elementOf(scope, node, index, width),
    each: (body) => each(body),
    total(end, of) {
      // a row's sum begins with its first piece, as its maximum does: there is no −∞ to begin with
      const total = writer.variable(of(first));
      each((index) => {
        const next = of(index);
        writer.line(end === "sum" ? `${total} += ${next};` : `${total} = max(${total}, ${next});`);
      }, 1);
      return writer.let(width === 4 ? `${end}4(${total})` : total);
    },
  };
}

type RowCore =
  | "softmax"
  | "softmaxGrad"
  | "normScale"
  | "normalize"
  | "normalizeGrad"
  | "crossEntropy"
  | "crossEntropyGrad";

/** Length of the rows that an op works along. */
export function rowLength(node: Node): number {
  const { shape } = node.op === "normScale" || node.op === "crossEntropy" ? node.inputs[0] : node;
  return shape[shape.length - 1];
}

export function isRowCore(node: Node): node is Node<RowCore> {
  return node.op in kernels;
}

type Kernel = (node: Node, row: Row, finish: Finish, scale?: (value: string) => void) => void;

/** Maximum of the row and the sum of e to what is below it: exp(89) overflows. */
function exponentials({ writer, width, at, total }: Row, x: Node) {
  const largest = total("max", (index) => at(x, index));
  const e = width === 4 ? "expOf4" : "expOf";
  const exponential = (index: string) => writer.let(`${e}(${at(x, index)} - ${largest})`);
  return { largest, exponential, sum: total("sum", exponential) };
}

function mean({ writer, length, at, total }: Row, x: Node): string {
  return writer.let(`${total("sum", (index) => at(x, index))} / ${f(length)}`);
}

/** sqrt(mean((x − mean)²) + eps) */
function scaleOf({ writer, length, at, total }: Row, x: Node, average: string, eps: number): string {
  const squares = total("sum", (index) => {
    const centred = writer.let(`${at(x, index)} - ${average}`);
    return writer.let(`${centred} * ${centred}`);
  });
  return writer.let(`sqrt(${squares} / ${f(length)} + ${f(eps)})`);
}

const kernels: Readonly<Record<RowCore, Kernel>> = {
  softmax: ({ inputs: [x] }, row, finish) => {
    const { exponential, sum } = exponentials(row, x);
    row.each((index) => finish(index, row.width, `${exponential(index)} / ${sum}`));
  },
  softmaxGrad: ({ inputs: [p, d] }, row, finish) => {
    const dot = row.total("sum", (index) => row.writer.let(`${row.at(p, index)} * ${row.at(d, index)}`));
    row.each((index) => finish(index, row.width, `${row.at(p, index)} * (${row.at(d, index)} - ${dot})`));
  },
  normScale: (node, row, finish) => {
    const [x] = node.inputs;
    finish(row.row, 1, scaleOf(row, x, mean(row, x), (node as Node<"normScale">).attrs.eps));
  },
  normalize: ({ inputs: [x, scale] }, row, finish, keepScale) => {
    const average = mean(row, x);
    let divisor: string;
    if (keepScale === undefined) divisor = elementOf(row.scope, scale, row.row, 1);
    else keepScale((divisor = scaleOf(row, x, average, (scale as Node<"normScale">).attrs.eps)));
    row.each((index) => finish(index, row.width, `(${row.at(x, index)} - ${average}) / ${divisor}`));
  },
  normalizeGrad: ({ inputs: [d, y, scale] }, row, finish) => {
    const { writer, length, at } = row;
    const average = mean(row, d);
    const dot = row.total("sum", (index) => writer.let(`${at(d, index)} * ${at(y, index)}`));
    const slope = writer.let(`${dot} / ${f(length)}`);
    const divisor = elementOf(row.scope, scale, row.row, 1);
    row.each((index) =>
      finish(index, row.width, `(${at(d, index)} - ${average} - ${at(y, index)} * ${slope}) / ${divisor}`),
    );
  },
  crossEntropy: ({ inputs: [x, targets] }, row, finish) => {
    const { writer, length, scope } = row;
    const { largest, sum } = exponentials(row, x);
    const target = writer.let(`u32(${elementOf(scope, targets, row.row, 1)})`);
    const chosen = elementOf(scope, x, writer.let(plus(times(row.row, length), target)), 1);
    finish(row.row, 1, `logOf(${sum}) - (${chosen} - ${largest})`);
  },
  crossEntropyGrad: ({ inputs: [x, targets, d] }, row, finish) => {
    const { writer, width, scope } = row;
    const { exponential, sum } = exponentials(row, x);
    const target = writer.let(`u32(${elementOf(scope, targets, row.row, 1)})`);
    const weight = elementOf(scope, d, row.row, 1);
    row.each((index, piece) => {
      const mark =
        width === 1
          ? `select(0f, 1f, ${target} == ${piece})`
          : `select(vec4f(0f), vec4f(1f), vec4u(${target}) == vec4u(${piece} * 4u) + vec4u(0u, 1u, 2u, 3u))`;
      finish(index, width, `(${exponential(index)} / ${sum} - ${mark}) * ${weight}`);
    });
  },
};

/**
 * Prints the kernel of a row-wise op.
 *
 * @param keepScale  with `normalize`: takes the row's scale, which the kernel is to compute itself
 */
export function printRow(
  scope: Scope,
  node: Node,
  finish: Finish,
  keepScale?: (value: string) => void,
): void {
  if (!isRowCore(node))
    throw new InternalError({ where: `webgpu ${node.op}`, rule: "is no row-wise op", got: "one asked for" });
  kernels[node.op](node, rowOf(scope, "item", rowLength(node)), finish, keepScale);
}
