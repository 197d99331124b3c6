/** Which positions of a task count: where an answer follows a random prompt, only the answer does. */
import { ArgumentError } from "../base/errors.ts";

/** 1 for each position that counts, else 0, [pos], the same for all sequences; undefined where all count. */
export type Scored = Uint8Array | undefined;

/**
 * The last `count` of `nPos` positions count.
 *
 * @returns  undefined where that is all of them
 */
export function lastScored(nPos: number, count: number): Scored {
  return count === nPos ? undefined : new Uint8Array(nPos).fill(1, nPos - count);
}

/**
 * Positions that count, ascending.
 *
 * @throws ArgumentError if `scored` has another length than nPos, or no position counts
 */
export function scoredPositions(scored: Scored, nPos: number): number[] {
  const positions = Array.from({ length: nPos }, (_, pos) => pos);
  if (scored === undefined) return positions;
  const counting = positions.filter((pos) => scored[pos] === 1);
  if (scored.length === nPos && counting.length > 0) return counting;
  throw new ArgumentError({
    where: "positions that count",
    rule: `needs a 0 or 1 for each of ${nPos} positions, at least one of them 1`,
    got: `[${scored.join(" ")}]`,
  });
}

/**
 * Mean over the positions that count: of losses by position, what a step of training reports.
 *
 * @param values  [pos]
 * @throws ArgumentError as {@link scoredPositions}
 */
export function scoredMean(values: ArrayLike<number>, scored: Scored): number {
  const positions = scoredPositions(scored, values.length);
  return positions.reduce((sum, pos) => sum + values[pos] / positions.length, 0);
}
