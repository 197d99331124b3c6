/** The leak alarm position by position: the mean can hide a leak, as it did in the original study. */
import { integerIn, numberIn, sameLength } from "../base/check.ts";
import { log } from "../base/exact.ts";

/** A position whose loss is below what prediction allows. */
export interface PositionLeak {
  /** Index of the input position, from 0. */
  pos: number;
  /** Loss there, nats. */
  loss: number;
  /** Loss there of the best predictor that sees only what came before, on the same sequences, nats. */
  floor: number;
}

/**
 * Positions at which no model could have this loss without seeing its targets.
 *
 *   leaks at t  ⇔  count · (floor_t − loss_t) > ln(nPos / alpha)
 *
 * For a predictor q that sees only what came before, the product over sequences of q(target) / p(target), with p the
 * true law, has expectation 1 at most; by Markov's inequality it exceeds nPos / alpha with probability alpha / nPos. So
 * honest models set off the alarm with probability alpha at most, whatever they learned elsewhere, and no variance has
 * to be estimated. The same holds for losses averaged over models (Jensen's inequality).
 *
 * @param losses  mean loss of each position over `count` unseen sequences, nats; NaN leaks nothing
 * @param floors  the best causal predictor's loss on the same sequences, see `Task.bayesLoss`
 * @param alpha   probability of a false alarm, in (0, 1); one in a million unless given
 * @throws ArgumentError if the lengths differ or a number is out of range
 * @source Grünwald 2007, "The Minimum Description Length Principle", no-hypercompression inequality
 */
export function leaksByPosition(
  losses: ArrayLike<number>,
  floors: ArrayLike<number>,
  count: number,
  { alpha = 1e-6 }: { alpha?: number } = {},
): PositionLeak[] {
  sameLength("leak by position", losses, floors);
  integerIn("number of sequences", count, 1);
  numberIn("alpha", alpha, Number.MIN_VALUE, 1 - Number.EPSILON / 2);
  const tolerance = log(losses.length / alpha) / count;
  return Array.from(losses, (loss, pos) => ({ pos, loss, floor: floors[pos] })).filter(
    ({ loss, floor }) => loss < floor - tolerance,
  );
}
