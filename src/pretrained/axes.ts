/**
 * Layouts of weights as data: axes by name, and how one array holds another's elements in another order.
 *
 * A layout lists an array's axes from the slowest to the fastest. An axis in parentheses is made of several, again from
 * the slowest to the fastest; `i/n` among them is the i-th of n parts:
 *
 *   "dVocab dModel"               an embedding
 *   "dModel (1/3 head dHead)"     the middle third of the columns of a matrix that makes queries, keys and values at once
 *   "(head 1/3 dHead) dModel"     the same where query, key and value of a head stand together, and rows are outputs
 */
import { InternalError } from "../base/errors.ts";

/** An axis of a weight. `kvHead` counts heads of keys and values, `into` the dimensions that a dense head reads. */
export type WeightAxis =
  | "dVocab"
  | "pos"
  | "segment"
  | "head"
  | "kvHead"
  | "dHead"
  | "dModel"
  | "into"
  | "dMlp";
/** The size of every axis for one model. */
export type AxisSizes = Readonly<Record<WeightAxis, number>>;

/** An axis, or one of several equal parts. */
type Factor = { readonly axis: WeightAxis } | { readonly part: number; readonly parts: number };

function parseFactor(text: string): Factor {
  const part = /^(\d+)\/(\d+)$/.exec(text);
  return part === null ? { axis: text as WeightAxis } : { part: Number(part[1]), parts: Number(part[2]) };
}

/** A layout's axes, each as the factors it is made of. */
function parseLayout(layout: string): Factor[][] {
  return [...layout.matchAll(/\(([^)]*)\)|(\S+)/g)].map(([, inside, alone]) =>
    (inside ?? alone).split(" ").map(parseFactor),
  );
}

function sizeOfFactor(factor: Factor, sizes: AxisSizes): number {
  return "parts" in factor ? factor.parts : sizes[factor.axis];
}

/** The shape of an array of a layout. */
export function shapeOfLayout(layout: string, sizes: AxisSizes): number[] {
  return parseLayout(layout).map((factors) =>
    factors.reduce((product, factor) => product * sizeOfFactor(factor, sizes), 1),
  );
}

/** Where the elements of a weight lie in an array: the weight's axes, their steps, and the place of the first. */
interface Places {
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
  readonly first: number;
}

/** Places in an array of layout `theirs` of the elements of a weight whose axes are `ours`. */
function placesIn(theirs: string, ours: string, sizes: AxisSizes): Places {
  const steps = new Map<WeightAxis, number>();
  let step = 1;
  let first = 0;
  for (const factor of parseLayout(theirs).flat().reverse()) {
    if ("parts" in factor) first += factor.part * step;
    else steps.set(factor.axis, step);
    step *= sizeOfFactor(factor, sizes);
  }
  const axes = ours.split(" ") as WeightAxis[];
  if (axes.length !== steps.size || !axes.every((axis) => steps.has(axis)))
    throw new InternalError({
      where: "layouts",
      rule: "must have the same axes",
      got: `${ours} and ${theirs}`,
    });
  return {
    sizes: axes.map((axis) => sizes[axis]),
    steps: axes.map((axis) => steps.get(axis) as number),
    first,
  };
}

const tile = 32; // two tiles of 32 × 32 float32 are 8 KiB, within a first-level cache

/** Copies elements from places to places of the same sizes, the two fastest axes by tiles so that a transpose stays in cache. */
function copyPlaces(to: Float32Array, toPlaces: Places, from: Float32Array, fromPlaces: Places): void {
  const { sizes } = toPlaces;
  const pad = [1, 1].slice(Math.min(sizes.length, 2)); // so that there are two fastest axes
  const [rows, columns] = [...pad, ...sizes].slice(-2);
  const [toRow, toColumn] = [...pad.map(() => 0), ...toPlaces.steps].slice(-2);
  const [fromRow, fromColumn] = [...pad.map(() => 0), ...fromPlaces.steps].slice(-2);
  const outer = sizes.slice(0, -2);
  const blocks = outer.reduce((product, size) => product * size, 1);
  for (let block = 0; block < blocks; block++) {
    let t = toPlaces.first;
    let f = fromPlaces.first;
    for (let axis = outer.length - 1, rest = block; axis >= 0; axis--) {
      const at = rest % outer[axis];
      rest = (rest - at) / outer[axis];
      t += at * toPlaces.steps[axis];
      f += at * fromPlaces.steps[axis];
    }
    for (let row0 = 0; row0 < rows; row0 += tile) {
      const rowEnd = Math.min(rows, row0 + tile);
      for (let column0 = 0; column0 < columns; column0 += tile) {
        const columnEnd = Math.min(columns, column0 + tile);
        for (let row = row0; row < rowEnd; row++) {
          let at = t + row * toRow + column0 * toColumn;
          let source = f + row * fromRow + column0 * fromColumn;
          for (let column = column0; column < columnEnd; column++) {
            to[at] = from[source];
            at += toColumn;
            source += fromColumn;
          }
        }
      }
    }
  }
}

/**
 * A weight taken out of an array of another layout.
 *
 * @param theirs  layout of `values`
 * @param ours    the weight's axes, slowest first
 * @returns       `values` itself where both are the same, else a new array
 */
export function takeWeight(
  values: Float32Array,
  theirs: string,
  ours: string,
  sizes: AxisSizes,
): Float32Array {
  const from = placesIn(theirs, ours, sizes);
  const to = placesIn(ours, ours, sizes);
  const count = from.sizes.reduce((product, size) => product * size, 1);
  const same = values.length === count && from.steps.every((s, axis) => s === to.steps[axis]);
  if (same) return values;
  const weight = new Float32Array(count);
  copyPlaces(weight, to, values, from);
  return weight;
}

/** Puts a weight into its places in an array of another layout: the inverse of {@link takeWeight}. */
export function putWeight(
  values: Float32Array,
  theirs: string,
  weight: Float32Array,
  ours: string,
  sizes: AxisSizes,
): void {
  copyPlaces(values, placesIn(theirs, ours, sizes), weight, placesIn(ours, ours, sizes));
}
