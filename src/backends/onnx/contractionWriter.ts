/** `einsum` in ONNX operators: a matrix product, or elementwise where nothing is summed. */
import { type Axis, type Contraction, type Layout, planContraction } from "./contraction.ts";
import { type Emitter, resized, sizesOf, type Value, type Writer } from "./emitter.ts";

/** Name of the model axis; no axis of a spec can be called so. */
const MODEL = " model";

/** The axes of a value, the model axis among them. */
function axesOf(value: Value, labels: readonly string[], emitter: Emitter): Axis[] {
  const own = value.hasModels ? [MODEL, ...labels] : labels;
  return sizesOf(value, emitter).map((size, at) => ({ label: own[at], size }));
}

const sizesOfAxes = (axes: readonly Axis[]) => axes.map(({ size }) => size);

/** A tensor with its axes in another order; those of size 1 come and go. */
function moved({ name, axes }: Operand, order: readonly Axis[], emitter: Emitter): Operand {
  const wide = axes.filter(({ size }) => size > 1);
  const perm = order.map(({ label }) => wide.findIndex((axis) => axis.label === label));
  if (perm.every((axis, at) => axis === at)) return { name, axes };
  const dense = resized(name, sizesOfAxes(axes), sizesOfAxes(wide), emitter);
  return { name: emitter.call("Transpose", [dense], { perm }), axes: order };
}

/** An operand as a stack of matrices [batch, rows, columns], or as one matrix. */
function stacked(
  operand: Operand,
  layout: Layout,
  sizes: readonly [batch: number, rows: number, columns: number],
  emitter: Emitter,
): string {
  const [batch, rows, columns] = sizes;
  const matrix = layout.isTransposed ? [columns, rows] : [rows, columns];
  const { name, axes } = moved(operand, layout.axes, emitter);
  const stack = resized(name, sizesOfAxes(axes), batch === 1 ? matrix : [batch, ...matrix], emitter);
  if (!layout.isTransposed) return stack;
  return emitter.call("Transpose", [stack], { perm: batch === 1 ? [1, 0] : [0, 2, 1] });
}

interface Operand {
  readonly name: string;
  readonly axes: readonly Axis[];
}

/** The product of two stacks of matrices, with the sizes of its axes as they stand. */
function product(
  plan: Contraction,
  left: Operand,
  right: Operand,
  emitter: Emitter,
): { name: string; sizes: readonly number[] } {
  const { batch, rows, inner, columns } = plan;
  if (inner === 1) {
    // nothing is summed: a product of numbers, broadcast
    const a = stacked(left, plan.left, [batch, rows, 1], emitter);
    const name = emitter.call("Mul", [a, stacked(right, plan.right, [batch, 1, columns], emitter)]);
    return { name, sizes: batch === 1 ? [rows, columns] : [batch, rows, columns] };
  }
  if (rows === 1 && columns === 1) {
    // many dot products: a matrix product for each of them would cost more than its multiplications
    const a = stacked(left, plan.left, [1, batch, inner], emitter);
    const products = emitter.call("Mul", [a, stacked(right, plan.right, [1, batch, inner], emitter)]);
    return {
      name: emitter.call("ReduceSum", [products, emitter.list([1])], { keepdims: 0 }),
      sizes: [batch],
    };
  }
  const b = stacked(right, plan.right, [batch, inner, columns], emitter);
  if (hasPlainRows(plan, left)) {
    const sizes = [...sizesOfAxes(left.axes.slice(0, -1)), columns];
    return { name: emitter.call("MatMul", [left.name, b]), sizes };
  }
  const name = emitter.call("MatMul", [stacked(left, plan.left, [batch, rows, inner], emitter), b]);
  return { name, sizes: batch === 1 ? [rows, columns] : [batch, rows, columns] };
}

/**
 * Whether the left operand can be multiplied as it stands, its last axis by one matrix. The product then seldom has to be
 * reshaped, which would be a copy where it leaves the model: of the logits, say.
 */
function hasPlainRows({ batch, inner, left }: Contraction, { axes }: Operand): boolean {
  const wide = axes.filter(({ size }) => size > 1);
  const isInPlace = left.axes.every(({ label }, at) => label === wide[at].label) && !left.isTransposed;
  return batch === 1 && isInPlace && axes.length > 1 && axes[axes.length - 1].size === inner;
}

/** Writer of `einsum`. */
export const einsum: Writer<"einsum"> = ({ attrs, shape }, [a, b], emitter) => {
  const hasModels = a.hasModels || b.hasModels;
  const [ofA, ofB] = [axesOf(a, attrs.a, emitter), axesOf(b, attrs.b, emitter)];
  const ofResult = axesOf({ name: "", shape, hasModels }, attrs.out, emitter);
  const plan = planContraction(ofA, ofB, ofResult);
  const operands = [
    { name: a.name, axes: ofA },
    { name: b.name, axes: ofB },
  ];
  const [left, right] = plan.isSwapped ? operands.toReversed() : operands;
  const wanted = ofResult.filter(({ size }) => size > 1);
  const made = product(plan, left, right, emitter);
  if (wanted.every(({ label }, at) => label === plan.result[at].label))
    return resized(made.name, made.sizes, sizesOfAxes(ofResult), emitter);
  const dense = resized(made.name, made.sizes, sizesOfAxes(plan.result), emitter);
  const { name, axes } = moved({ name: dense, axes: plan.result }, wanted, emitter);
  return resized(name, sizesOfAxes(axes), sizesOfAxes(ofResult), emitter);
};
