/** Matrix products: an einsum with its epilogue as one or more calls of the product kernel. */
import { type Node, sizeOf, stridesOf } from "../../graph/node.ts";
import { type Axis, planContraction } from "./contraction.ts";
import type { Emission } from "./emission.ts";
import type { Product } from "./fusion.ts";
import { EPILOGUE } from "./instructions.ts";
import { copyLoops } from "./loops.ts";

const KERNEL_LOOPS = 3;

export function emitProduct(result: Node, product: Product, emission: Emission): void {
  const { einsum, bias, relu, alpha } = product;
  const extra = product.added ?? product.gate;
  const shapes = [bias, extra].flatMap((node) => (node === undefined ? [] : [node.shape]));
  const plan = planContraction(einsum, shapes);
  const [first, second] = plan.swapped ? [einsum.inputs[1], einsum.inputs[0]] : einsum.inputs;
  const a = repacked(first, plan.repackA, emission);
  const b = repacked(second, plan.repackB, emission);
  const extraAt = bias === undefined ? 0 : 1;
  const biasOf = (axis: Axis) => (bias === undefined ? 0 : axis.extras[0]);
  const extraOf = (axis: Axis) => (extra === undefined ? 0 : axis.extras[extraAt]);
  let flags = 0;
  if (alpha !== 1) flags |= EPILOGUE.scale;
  if (bias !== undefined) flags |= EPILOGUE.bias;
  if (product.added !== undefined) flags |= EPILOGUE.add;
  if (relu) flags |= EPILOGUE.relu;
  if (product.gate !== undefined) flags |= EPILOGUE.gate;

  const addresses = {
    a,
    b,
    c: emission.at(result),
    bias: bias === undefined ? 0 : emission.at(bias),
    e: extra === undefined ? 0 : emission.at(extra),
  };
  const { row, col, inner } = plan;
  const loops = plan.batch.map((axis) => ({
    size: axis.size,
    a: axis.a,
    b: axis.b,
    c: axis.c,
    bias: biasOf(axis),
    e: extraOf(axis),
  }));
  const outer = loops.slice(0, Math.max(0, loops.length - KERNEL_LOOPS));
  const inKernel = loops.slice(outer.length);
  const idle = { size: 1, a: 0, b: 0, c: 0, bias: 0, e: 0 };
  while (inKernel.length < KERNEL_LOOPS) inKernel.unshift(idle);
  // more loops than the kernel has: one call for each combination of the outer ones
  const total = outer.reduce((count, loop) => count * loop.size, 1);
  for (let index = 0; index < total; index++) {
    const shifted = { ...addresses };
    let rest = index;
    for (const loop of outer.toReversed()) {
      const i = rest % loop.size;
      rest = Math.floor(rest / loop.size);
      for (const key of ["a", "b", "c", "bias", "e"] as const)
        shifted[key] += i * loop[key] * emission.writer.elementBytes;
    }
    emission.writer.gemm({
      ...shifted,
      rows: row.size,
      inner: inner.size,
      cols: col.size,
      aRow: row.a,
      aInner: inner.a,
      bInner: inner.b,
      bCol: col.b,
      cRow: row.c,
      eRow: extraOf(row),
      biasCol: biasOf(col),
      flags,
      alpha,
      loops: inKernel,
    });
  }
}

/** Address of an operand, copied first where the plan wants its axes in another order. */
function repacked(
  operand: Node,
  order: readonly number[] | undefined,
  { writer, at, temporary }: Emission,
): number {
  if (order === undefined) return at(operand);
  const strides = stridesOf(operand.shape);
  const sizes = order.map((axis) => operand.shape[axis]);
  const out = temporary(sizeOf(operand.shape));
  writer.copy(
    out,
    at(operand),
    copyLoops(
      sizes,
      order.map((axis) => strides[axis]),
      stridesOf(sizes),
    ),
  );
  return out;
}
