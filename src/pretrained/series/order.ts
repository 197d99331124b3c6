/** Which checkpoints lie in the order of their steps: the longest way through a series that never turns back. */
import type { Distances } from "./distances.ts";
import { endTolerance, nearerBy, orderTolerance, outlierFactor } from "./rules.ts";

/** From where to where a way is measured. */
export interface Ends {
  readonly start: number;
  readonly end: number;
}

/** How far distances may run against the order. */
export interface OrderTolerance {
  readonly order: number;
  readonly outlier: number;
}

/** Of the whole model. */
export const wholeTolerance: OrderTolerance = { order: orderTolerance, outlier: outlierFactor };

/** All of the distance that a way covers counts for less than one checkpoint: it decides between equally many. */
const distanceWeight = 1e-3;
/** Last checkpoints that are tried as the end of the way. */
const triedEnds = 3;

/** Whether b, of a later step than a, lies before it. */
export function isReversed(
  distances: Distances,
  { start, end }: Ends,
  [a, b]: readonly [number, number],
  { order }: OrderTolerance = wholeTolerance,
): boolean {
  const fromStart = [distances.at(start, a), distances.at(start, b)];
  const toEnd = [distances.at(a, end), distances.at(b, end)];
  if (a === start) return toEnd[1] > (1 + endTolerance) * toEnd[0];
  if (b === end) return fromStart[1] < (1 - endTolerance) * fromStart[0];
  return (
    (fromStart[1] < (1 - order) * fromStart[0] && toEnd[1] > (1 - nearerBy) * toEnd[0]) ||
    (toEnd[1] > (1 + order) * toEnd[0] && fromStart[1] < (1 + nearerBy) * fromStart[0])
  );
}

/** Whether a checkpoint is off the way between its neighbours. */
export function isForeign(
  distances: Distances,
  [before, own, after]: readonly [number, number, number],
  { outlier }: OrderTolerance = wholeTolerance,
): boolean {
  const nearest = Math.min(distances.at(before, own), distances.at(own, after));
  return nearest > outlier * distances.at(before, after);
}

/** A way through a series. */
export interface Way {
  /** Ascending. */
  readonly members: readonly number[];
  readonly length: number;
}

/**
 * The way through most checkpoints: every pair of neighbours in order and not equal, from one of the checkpoints to one
 * of the last. Of ways with equally many, the one that covers most distance: that leaves out the checkpoint which lies
 * where another does.
 *
 * @param count  checkpoints
 * @param equal  whether two hold the same weights
 */
export function longestWay(
  distances: Distances,
  count: number,
  equal: (a: number, b: number) => boolean,
  tolerance: OrderTolerance = wholeTolerance,
): Way {
  let best: Way = { members: count > 0 ? [0] : [], length: 0 };
  for (let end = count - 1; end >= Math.max(1, count - triedEnds); end--)
    for (let start = 0; start < end; start++) {
      const way = wayBetween(distances, { start, end }, { count, equal, tolerance });
      if (way !== null && way.length > best.length + 1e-9) best = way;
    }
  return best;
}

function wayBetween(
  distances: Distances,
  ends: Ends,
  {
    count,
    equal,
    tolerance,
  }: { count: number; equal: (a: number, b: number) => boolean; tolerance: OrderTolerance },
): Way | null {
  const { start, end } = ends;
  let farthest = 0;
  for (let b = start + 1; b <= end; b++) farthest = Math.max(farthest, distances.at(start, b));
  const length = new Map([[start, 0]]);
  const previous = new Map<number, number>();
  for (let b = start + 1; b <= end; b++)
    for (let a = start; a < b; a++) {
      const before = length.get(a);
      if (before === undefined || equal(a, b) || isReversed(distances, ends, [a, b], tolerance)) continue;
      const covered = farthest > 0 ? distances.at(a, b) / (count * farthest) : 0;
      const stretch = 1 + distanceWeight * covered;
      if (!(before + stretch > (length.get(b) ?? -1))) continue;
      length.set(b, before + stretch);
      previous.set(b, a);
    }
  const total = length.get(end);
  if (total === undefined) return null;
  const members = [end];
  for (let at = previous.get(end); at !== undefined; at = previous.get(at)) members.unshift(at);
  return { members, length: total };
}

/** Members without those that are off the way between their neighbours, the worst first. */
export function withoutForeign(
  distances: Distances,
  members: readonly number[],
  tolerance: OrderTolerance = wholeTolerance,
): number[] {
  const kept = [...members];
  for (;;) {
    let worst = { at: -1, by: 0 };
    for (let i = 1; i + 1 < kept.length; i++) {
      const triple = [kept[i - 1], kept[i], kept[i + 1]] as const;
      if (!isForeign(distances, triple, tolerance)) continue;
      const nearest = Math.min(distances.at(triple[0], triple[1]), distances.at(triple[1], triple[2]));
      const by = nearest / distances.at(triple[0], triple[2]);
      if (by > worst.by) worst = { at: i, by };
    }
    if (worst.at < 0) return kept;
    kept.splice(worst.at, 1);
  }
}
