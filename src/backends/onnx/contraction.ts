/**
 * Contractions over named axes as matrix products, the population being one more named axis.
 *
 * The axes of `einsum` fall into four groups: batch (in both operands and the result), rows (left operand and result),
 * columns (right operand and result), inner (both operands, summed). With the axes of each group side by side the
 * contraction is
 *
 *   result[batch, rows, columns] = left[batch, rows, inner] · right[batch, inner, columns]
 *
 * A plan is the order of groups and of axes within them that moves the fewest elements. An operand whose inner axes
 * stand before its rows costs nothing: ONNX Runtime folds a transposition of the last two axes into the product.
 */

/** An axis of a contraction: its name and size. */
export interface Axis {
  readonly label: string;
  readonly size: number;
}

/** How an operand becomes a stack of matrices. */
export interface Layout {
  /** The axes in the order they must stand in, without those of size 1. */
  readonly axes: readonly Axis[];
  /** Whether each matrix then stands there with its two axes exchanged. */
  readonly isTransposed: boolean;
}

/** A contraction as one product of stacks of matrices. */
export interface Contraction {
  /** Whether the second operand stands left of the first. */
  readonly isSwapped: boolean;
  /** In the order in which they are multiplied. */
  readonly left: Layout;
  readonly right: Layout;
  /** Number of matrices in a stack, and their sizes. */
  readonly batch: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  /** Axes of the product, in the order it has them. */
  readonly result: readonly Axis[];
  /** Elements that have to be moved. */
  readonly cost: number;
}

const sizeOfAxes = (axes: readonly Axis[]) => axes.reduce((product, { size }) => product * size, 1);
const sameOrder = (a: readonly Axis[], b: readonly Axis[]) =>
  a.length === b.length && a.every(({ label }, at) => label === b[at].label);

/** The layout of an operand as [batch, first, second], and the elements that must move for it. */
function layOut(
  own: readonly Axis[],
  batch: readonly Axis[],
  first: readonly Axis[],
  second: readonly Axis[],
): { layout: Layout; cost: number } {
  const [upright, transposed] = [
    [...batch, ...first, ...second],
    [...batch, ...second, ...first],
  ];
  if (sameOrder(own, upright)) return { layout: { axes: upright, isTransposed: false }, cost: 0 };
  if (sameOrder(own, transposed)) return { layout: { axes: transposed, isTransposed: true }, cost: 0 };
  return { layout: { axes: upright, isTransposed: false }, cost: sizeOfAxes(own) };
}

/** Different orders of the same axes, the first of equals. */
function different(orders: readonly (readonly Axis[])[]): (readonly Axis[])[] {
  return orders.filter((order, at) => orders.findIndex((other) => sameOrder(order, other)) === at);
}

/**
 * The contraction of two operands that moves the fewest elements.
 *
 * @param out  axes of the result in the order it is wanted in
 */
export function planContraction(a: readonly Axis[], b: readonly Axis[], out: readonly Axis[]): Contraction {
  const plans = [ordered(a, b, out, false), ordered(b, a, out, true)].flat();
  return plans.reduce((best, plan) => (plan.cost < best.cost ? plan : best));
}

/** Every plan with these operands left and right. Axes of size 1 are nowhere: a reshape puts them anywhere. */
function ordered(
  a: readonly Axis[],
  b: readonly Axis[],
  out: readonly Axis[],
  isSwapped: boolean,
): Contraction[] {
  const [left, right, wanted] = [a, b, out].map((axes) => axes.filter(({ size }) => size > 1));
  const has = (axes: readonly Axis[], { label }: Axis) => axes.some((axis) => axis.label === label);
  const within = (axes: readonly Axis[], inLeft: boolean, inRight: boolean, inOut: boolean) =>
    axes.filter(
      (axis) => has(left, axis) === inLeft && has(right, axis) === inRight && has(wanted, axis) === inOut,
    );
  const plans: Contraction[] = [];
  for (const batch of different([left, right, wanted].map((axes) => within(axes, true, true, true))))
    for (const rows of different([wanted, left].map((axes) => within(axes, true, false, true))))
      for (const columns of different([wanted, right].map((axes) => within(axes, false, true, true))))
        for (const inner of different([left, right].map((axes) => within(axes, true, true, false)))) {
          const ofLeft = layOut(left, batch, rows, inner);
          const ofRight = layOut(right, batch, inner, columns);
          const result = [...batch, ...rows, ...columns];
          const moved = sameOrder(result, wanted) ? 0 : sizeOfAxes(wanted);
          plans.push({
            ...{ isSwapped, left: ofLeft.layout, right: ofRight.layout, result },
            batch: sizeOfAxes(batch),
            rows: sizeOfAxes(rows),
            inner: sizeOfAxes(inner),
            columns: sizeOfAxes(columns),
            cost: ofLeft.cost + ofRight.cost + moved,
          });
        }
  return plans;
}
