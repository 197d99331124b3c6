/** Which checkpoints lie in the order of their steps: the way through a series that never turns back. */
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
  /** Sum of the distances between neighbours. */
  readonly length: number;
}

/** What decides which checkpoints contradict each other. */
export interface WayOptions {
  /** Checkpoints in all. */
  readonly count: number;
  /** Whether two hold the same weights. */
  readonly equal: (a: number, b: number) => boolean;
  readonly tolerance?: OrderTolerance;
}

/**
 * The way through most checkpoints that do not contradict each other: no two are equal, and none lies before one of an
 * earlier step.
 *
 * From each possible start to each of the last few ends, the checkpoint that contradicts most others is left out until
 * none does; one that is out of place contradicts nearly all others, and each of these hardly any. Of two that contradict
 * each other alone, the one that adds less to the way is left out: it lies where another does. Of the starts and ends, the
 * pair that leaves out fewest is taken.
 */
export function orderedWay(distances: Distances, options: WayOptions): Way {
  const { count } = options;
  let best: Way = { members: count > 0 ? [0] : [], length: 0 };
  for (let end = count - 1; end >= Math.max(1, count - triedEnds); end--)
    for (let start = 0; start < end; start++) {
      if (end - start + 1 < best.members.length) break; // too few are left from here on
      const way = wayBetween(distances, { start, end }, options);
      const more = way.members.length - best.members.length;
      if (more > 0 || (more === 0 && way.length > best.length * (1 + 1e-9))) best = way;
    }
  return best;
}

function lengthOf(distances: Distances, members: readonly number[]): number {
  return members.slice(1).reduce((sum, member, i) => sum + distances.at(members[i], member), 0);
}

function wayBetween(
  distances: Distances,
  ends: Ends,
  { equal, tolerance = wholeTolerance }: WayOptions,
): Way {
  const { start, end } = ends;
  let members = Array.from({ length: end - start + 1 }, (_, i) => start + i);
  const against = new Map(members.map((member) => [member, new Set<number>()]));
  for (const b of members)
    for (let a = start; a < b; a++)
      if (equal(a, b) || isReversed(distances, ends, [a, b], tolerance)) {
        against.get(a)?.add(b);
        against.get(b)?.add(a);
      }
  const contradicts = (member: number) => against.get(member)?.size ?? 0;
  for (;;) {
    const inner = members.filter((member) => member !== start && member !== end);
    const most = Math.max(0, ...inner.map(contradicts));
    if (most === 0) break;
    const lengthWithout = (member: number) =>
      lengthOf(
        distances,
        members.filter((other) => other !== member),
      );
    const tied = inner.filter((member) => contradicts(member) === most);
    // of equals the latest
    const out = tied.reduceRight((best, member) =>
      lengthWithout(member) > lengthWithout(best) * (1 + 1e-9) ? member : best,
    );
    members = members.filter((member) => member !== out);
    for (const other of against.get(out) ?? []) against.get(other)?.delete(out);
    against.delete(out);
  }
  // start and end may be left to contradict each other alone
  if (contradicts(start) > 0) members = members.filter((member) => member !== start);
  return { members, length: lengthOf(distances, members) };
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
