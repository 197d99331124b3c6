/** Sums: one work item for an element of the result, or for four that lie side by side. */
import { type Node, sizeOf, stridesOf } from "../../graph/node.ts";
import { mergeAxes } from "../plan/strides.ts";
import { elementOf, type Scope, type Width } from "./expression.ts";
import { affine } from "./indices.ts";
import type { Finish } from "./rows.ts";
import type { Tensor } from "./step.ts";
import { plus, times, u } from "./writer.ts";

interface Loops {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

/** The kept and the summed axes of a sum, merged, and how many elements an item takes of each. */
interface SumPlan {
  readonly kept: Loops;
  readonly summed: Loops;
  /** Neighbours in the result, each with its own sum. */
  readonly width: Width;
  /** Neighbours along the summed axis, added up four by four. */
  readonly step: Width;
}

function planSum({ inputs: [x], attrs: { axes } }: Node<"sum">): SumPlan {
  const strides = stridesOf(x.shape);
  const loops = (list: readonly number[]): Loops => {
    const merged = mergeAxes({
      sizes: list.map((axis) => x.shape[axis]),
      strides: [list.map((axis) => strides[axis])],
    });
    return { sizes: merged.sizes, strides: merged.strides[0] };
  };
  const kept = loops(x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis)));
  const summed = loops(axes);
  const inFours = ({ sizes, strides: of }: Loops, others: Loops) => {
    const last = sizes.length - 1;
    return (
      last >= 0 &&
      of[last] === 1 &&
      sizes[last] % 4 === 0 &&
      [...of.slice(0, last), ...others.strides].every((stride) => stride % 4 === 0)
    );
  };
  if (inFours(kept, summed)) return { kept: inQuarters(kept), summed: others(summed), width: 4, step: 1 };
  if (inFours(summed, kept)) return { kept: others(kept), summed: inQuarters(summed), width: 1, step: 4 };
  return { kept, summed, width: 1, step: 1 };
}

/** Axes counted in fours, the last of which has neighbours. */
function inQuarters({ sizes, strides }: Loops): Loops {
  const last = sizes.length - 1;
  return {
    sizes: sizes.with(last, sizes[last] / 4),
    strides: [...strides.slice(0, last).map((stride) => stride / 4), 1],
  };
}

const others = ({ sizes, strides }: Loops): Loops => ({
  sizes,
  strides: strides.map((stride) => stride / 4),
});

/** Pieces of a long sum that one item adds up by itself, at least. */
const SHORTEST_PART = 4;

/** How a sum is cut: parts that are added up side by side, and then the parts. */
export interface SumParts {
  /** Work items for the elements of the result. */
  readonly items: number;
  readonly width: Width;
  /** 1 where the sum is not cut. */
  readonly parts: number;
}

/**
 * A sum of much into little is cut along its outermost summed axis, so that more than a few items have work.
 *
 * @param parallel  work items wanted
 */
export function partsOfSum(node: Node<"sum">, parallel: number): SumParts {
  const { summed, width } = planSum(node);
  const items = sizeOf(node.shape) / width;
  const [outermost = 1] = summed.sizes;
  let parts = 1;
  while (items * parts * 2 <= parallel && outermost % (parts * 2) === 0) parts *= 2;
  while (parts > 1 && sizeOf(summed.sizes) / parts < SHORTEST_PART) parts /= 2;
  return { items, width, parts };
}

/** Prints one item of a sum, or of its parts, part by part as long as the result. */
export function printSum(scope: Scope, node: Node<"sum">, { items, parts }: SumParts, finish: Finish): void {
  const { writer } = scope;
  const { kept, summed, width, step } = planSum(node);
  const inFours = width === 4 || step === 4;
  const { sizes, strides } = summed;
  const cut = parts === 1 ? sizes : sizes.with(0, sizes[0] / parts);
  const element = parts === 1 || items === 1 ? "item" : writer.let(`item % ${u(items)}`);
  const part = parts === 1 ? "0u" : items === 1 ? "item" : writer.let(`item / ${u(items)}`);
  const own = items === 1 ? "0u" : affine(writer, element, kept);
  const from = writer.let(plus(own, parts === 1 ? "0u" : times(part, cut[0] * strides[0])));
  const total = writer.variable(inFours ? "vec4f(0f)" : "0f");
  const walk = (axis: number, index: string): void => {
    if (axis === cut.length) {
      writer.line(`${total} += ${elementOf(scope, node.inputs[0], index, inFours ? 4 : 1)};`);
      return;
    }
    const i = `i${axis}`;
    writer.block(`for (var ${i} = 0u; ${i} < ${u(cut[axis])}; ${i}++)`, () => {
      walk(axis + 1, writer.let(plus(index, times(i, strides[axis]))));
    });
  };
  walk(0, from);
  finish("item", width, step === 4 ? `sum4(${total})` : total);
}

/** Prints one item of the sum of the parts. */
export function printSumOfParts(
  { writer }: Scope,
  partial: Tensor,
  { items, width, parts }: SumParts,
  finish: Finish,
): void {
  const load = width === 4 ? writer.at.load4 : writer.at.load;
  const total = writer.variable(load(partial, "item"));
  writer.block(`for (var i = 1u; i < ${u(parts)}; i++)`, () => {
    writer.line(`${total} += ${load(partial, writer.let(plus(times("i", items), "item")))};`);
  });
  finish("item", width, total);
}

const scatterWidth = (node: Node<"scatterAdd">): Width => (node.shape[1] % 4 === 0 ? 4 : 1);

/** Work items of a scatterAdd. */
export function scatterItems(node: Node<"scatterAdd">): number {
  return sizeOf(node.shape) / scatterWidth(node);
}

/** Prints one item of a scatterAdd: it looks at every index, so that the order of the sum is fixed. */
export function printScatter(scope: Scope, node: Node<"scatterAdd">, finish: Finish): void {
  const { writer } = scope;
  const [index, updates] = node.inputs;
  const width = scatterWidth(node);
  const columns = node.shape[1] / width;
  const row = writer.let(`i32(${columns === 1 ? "item" : `item / ${u(columns)}`})`);
  const column = columns === 1 ? "0u" : writer.let(`item % ${u(columns)}`);
  const total = writer.variable(width === 4 ? "vec4f(0f)" : "0f");
  writer.block(`for (var i = 0u; i < ${u(sizeOf(index.shape))}; i++)`, () => {
    const target = elementOf(scope, index, "i", 1);
    writer.block(`if (${target} == ${row})`, () => {
      const at = writer.let(plus(times("i", columns), column));
      writer.line(`${total} += ${elementOf(scope, updates, at, width)};`);
    });
  });
  finish("item", width, total);
}
