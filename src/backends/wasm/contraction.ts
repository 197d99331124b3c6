/**
 * Plan of an einsum: which axes are rows, columns, summed or side by side, and in which memory order each operand must
 * be for the matrix-product kernel. Pure arithmetic on labels and strides; nothing is emitted here.
 */
import type { Node, Shape } from "../../graph/node.ts";
import { stridesOf } from "../../graph/node.ts";
import { broadcastStrides } from "../plan/strides.ts";

/** One loop of the product: its size and how far each operand moves, in elements. */
export interface Axis {
  size: number;
  a: number;
  b: number;
  c: number;
  /** The other operands of the epilogue, in the order given. */
  extras: number[];
}

/** How an operand must be copied before the product: its axes in this order, contiguous. */
export type Repack = readonly number[];

/** A product as the kernel wants it. Operand `a` may be the einsum's second: see `swapped`. */
export interface ContractionPlan {
  /** The kernel's a is the einsum's second operand, because the last axis of the result is the first operand's. */
  swapped: boolean;
  repackA?: Repack;
  repackB?: Repack;
  row: Axis;
  col: Axis;
  inner: Axis;
  /** Loops around the product, outermost first. */
  batch: Axis[];
}

interface Operand {
  labels: readonly string[];
  shape: Shape;
}

const UNIT: Axis = { size: 1, a: 0, b: 0, c: 0, extras: [] };
/**
 * @param extras  shapes of operands added, gated or used as bias, broadcast to the result
 */
export function planContraction(node: Node<"einsum">, extras: readonly Shape[]): ContractionPlan {
  const { a: first, b: second, out } = node.attrs;
  const swapped =
    out.length > 0 && first.includes(out[out.length - 1]) && !second.includes(out[out.length - 1]);
  const operands: Operand[] = [
    { labels: first, shape: node.inputs[0].shape },
    { labels: second, shape: node.inputs[1].shape },
  ];
  const [a, b] = swapped ? [operands[1], operands[0]] : operands;
  const rowLabels = out.filter((label) => a.labels.includes(label) && !b.labels.includes(label));
  const colLabels = out.filter((label) => b.labels.includes(label) && !a.labels.includes(label));
  const batchLabels = out.filter((label) => a.labels.includes(label) && b.labels.includes(label));
  const innerLabels = a.labels.filter((label) => !out.includes(label));

  const outStrides = stridesOf(node.shape);
  const extraStrides = extras.map((shape) => broadcastStrides(shape, node.shape));
  const axesOf = (
    labels: readonly string[],
    aStrides: Map<string, number>,
    bStrides: Map<string, number>,
  ): Axis[] => {
    const axes = labels.map((label) => {
      const at = out.indexOf(label);
      const inA = a.labels.indexOf(label);
      return {
        size: inA >= 0 ? a.shape[inA] : b.shape[b.labels.indexOf(label)],
        a: aStrides.get(label) ?? 0,
        b: bStrides.get(label) ?? 0,
        c: at < 0 ? 0 : outStrides[at],
        extras: extraStrides.map((strides) => (at < 0 ? 0 : strides[at])),
      };
    });
    return merge(axes);
  };

  let aStrides = natural(a);
  let bStrides = natural(b);
  let repackA: Repack | undefined;
  let repackB: Repack | undefined;
  // the kernel walks one inner axis; several that are not one in memory need a copy in which they are
  const scattered = () => axesOf(innerLabels, aStrides, bStrides).length > 1;
  if (scattered()) {
    const order = [...batchLabels, ...innerLabels, ...colLabels];
    [repackB, bStrides] = [order.map((label) => b.labels.indexOf(label)), packed(order, b)];
  }
  if (scattered()) {
    const order = [...batchLabels, ...rowLabels, ...innerLabels];
    [repackA, aStrides] = [order.map((label) => a.labels.indexOf(label)), packed(order, a)];
  }

  const rowAxes = axesOf(rowLabels, aStrides, bStrides);
  const colAxes = axesOf(colLabels, aStrides, bStrides);
  const [inner = UNIT] = axesOf(innerLabels, aStrides, bStrides);
  // the kernel writes columns side by side; where the last axis of the result is no column, one column at a time
  const side = colAxes[colAxes.length - 1]?.c === 1;
  const col = (side ? colAxes.pop() : undefined) ?? pad(extras.length);
  const longest = rowAxes.reduce((best, axis, i) => (axis.size > rowAxes[best].size ? i : best), 0);
  const [row = pad(extras.length)] = rowAxes.splice(longest, 1);
  const batch = [...axesOf(batchLabels, aStrides, bStrides), ...rowAxes, ...colAxes];
  return { swapped, repackA, repackB, row, col, inner, batch };
}

function pad(extras: number): Axis {
  return { ...UNIT, extras: new Array<number>(extras).fill(0) };
}

function natural(operand: Operand): Map<string, number> {
  const strides = stridesOf(operand.shape);
  return new Map(operand.labels.map((label, axis) => [label, strides[axis]]));
}

function packed(order: readonly string[], operand: Operand): Map<string, number> {
  const strides = stridesOf(order.map((label) => operand.shape[operand.labels.indexOf(label)]));
  return new Map(order.map((label, axis) => [label, strides[axis]]));
}

/** Joins neighbouring axes that every operand walks as one; axes of size 1 vanish. */
function merge(axes: readonly Axis[]): Axis[] {
  const merged: Axis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const last = merged[merged.length - 1];
    const continues = (outer: number, inner: number) => outer === inner * axis.size;
    const joins =
      last !== undefined &&
      continues(last.a, axis.a) &&
      continues(last.b, axis.b) &&
      continues(last.c, axis.c) &&
      last.extras.every((stride, i) => continues(stride, axis.extras[i]));
    if (joins) merged[merged.length - 1] = { ...axis, size: last.size * axis.size };
    else merged.push(axis);
  }
  return merged;
}
