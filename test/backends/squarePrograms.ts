/** Random programs on [3, 3] matrices: whatever is computed fits everything else, so any sequence of ops is a program. */
import fc from "fast-check";
import {
  add,
  concat,
  einsum,
  mul,
  normalize,
  normScale,
  relu,
  scale,
  slice,
  softmax,
  sum,
  transpose,
} from "../../src/graph/build.ts";
import type { Node } from "../../src/graph/node.ts";

const product = (p: Node, q: Node) => einsum("i k, k j -> i j", p, q);
const columnSums = (of: Node) => scale(sum(of, [0]), 0.3); // [3]

/** What a random program is made of: ops that may be written in place, and groups that may be fused. */
const moves: Record<string, (left: Node, right: Node) => Node> = {
  add: (left, right) => scale(add(left, right), 0.5),
  mul: (left, right) => scale(mul(left, right), 0.25),
  product: (left, right) => add(scale(product(left, right), 0.125), right),
  unit: (left, right) => relu(add(scale(product(left, right), 0.25), columnSums(right))),
  norm: (left, right) =>
    add(mul(normalize(left, normScale(left, 0.5)), columnSums(right)), columnSums(mul(left, right))),
  softmax: (left) => softmax(left),
  transpose: (left) => transpose(left, [1, 0]),
  rows: (left, right) => concat([slice(left, 0, 1, 3), slice(right, 0, 0, 1)], 0),
  half: (left) => scale(left, 0.5),
  relu: (left) => relu(left),
};

/** An op with the numbers of its two operands, counted modulo the nodes there are. */
export type SquareStep = [op: string, left: number, right: number];

const pick = fc.nat({ max: 1000 });
export const squareSteps: fc.Arbitrary<SquareStep[]> = fc.array(
  fc.tuple(fc.constantFrom(...Object.keys(moves)), pick, pick),
  { minLength: 1, maxLength: 10 },
);

/** The leaves and, after them, the result of every step. */
export function squareProgram(leaves: readonly Node[], steps: readonly SquareStep[]): Node[] {
  const nodes = [...leaves];
  for (const [op, left, right] of steps)
    nodes.push(moves[op](nodes[left % nodes.length], nodes[right % nodes.length]));
  return nodes;
}
