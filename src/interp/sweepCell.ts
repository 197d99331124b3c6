/** One part of a network, where its elements lie, and whether replacing them changes anything. */
import { stridesOf } from "../graph/node.ts";
import type { Site } from "../model/hookPoints.ts";
import { type ActivationCache, cached } from "./activationCache.ts";
import { type Region, regionOf } from "./edits.ts";
import { indicesOf } from "./tensor.ts";

/** One part of a network: some sites, and a region of them. */
export interface SweepCell {
  /** In firing order. */
  readonly sites: readonly Site[];
  readonly region: Region;
}

/** Places of a region's elements within one row of a site. */
export function offsetsOf(site: Site, region: Region, pos: number): Int32Array {
  const shape = site.shape(1, pos).slice(1);
  const strides = stridesOf(shape);
  let offsets = new Int32Array(1);
  for (const [i, axis] of site.axes.slice(1).entries()) {
    const part = (Object.keys(regionOf) as (keyof Region)[]).find((name) => regionOf[name].includes(axis));
    const indices = indicesOf(`sweep, ${axis}`, part && region[part], shape[i]);
    const next = new Int32Array(offsets.length * indices.length);
    let at = 0;
    for (const offset of offsets) for (const index of indices) next[at++] = offset + index * strides[i];
    offsets = next;
  }
  return offsets;
}

/** What a replacement changes in one sequence. */
export interface Change {
  /** First position where an element gets other bits; of scores and patterns, the first that attends differently. */
  readonly first: number;
  /** Whether all elements that get other bits get finite numbers. */
  readonly finite: boolean;
}

/**
 * Compares what is there with what is put there, in every model: entry i is of sequence i, undefined where nothing
 * changes.
 */
export function changesOf(
  { sites, region }: SweepCell,
  own: ActivationCache,
  put: ActivationCache,
): (Change | undefined)[] {
  const { batch, pos } = own;
  const first = new Array<number>(batch).fill(pos);
  const finite = new Array<boolean>(batch).fill(true);
  for (const site of sites) {
    const [a, b] = [cached(own, site.name).data, cached(put, site.name).data];
    const shape = site.shape(1, pos);
    const perRow = stridesOf(shape)[0];
    const axis = site.axes.findIndex((name) => regionOf.pos.includes(name));
    const perPosition = stridesOf(shape)[axis];
    const offsets = offsetsOf(site, region, pos);
    for (let row = 0; row * perRow < a.length; row++) {
      const sequence = row % batch;
      for (const offset of offsets) {
        const [x, y] = [a[row * perRow + offset], b[row * perRow + offset]];
        if (Object.is(x, y)) continue;
        first[sequence] = Math.min(first[sequence], Math.floor(offset / perPosition) % pos);
        if (!Number.isFinite(y)) finite[sequence] = false;
      }
    }
  }
  return first.map((at, sequence) => (at < pos ? { first: at, finite: finite[sequence] } : undefined));
}
