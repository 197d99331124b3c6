/** The leak alarm position by position: the mean can hide a leak, as it did in the original study. */
import { leakTolerance } from "./leak.ts";
import type { BayesFloor } from "./types.ts";

/** A position whose loss is below what prediction allows. */
export interface PositionLeak {
  /** Index of the input position, from 0. */
  pos: number;
  /** Loss there, nats. */
  loss: number;
  /** H(x_{t+1} | x_1 … x_t) there, nats. */
  floor: number;
}

/**
 * Positions whose loss on unseen sequences no model can reach without seeing the target.
 *
 *   leaks at t  ⇔  loss_t < H_t − nPos · tolerance
 *
 * The tolerance is that of the mean over positions; the sum over positions varies nPos times as much as the mean, and
 * a single position no more than the sum, so a false alarm is rarer than the one in a million of the mean.
 *
 * @param losses  mean loss of each position over `count` sequences, nats
 * @param count   sequences the losses were measured on
 */
export function leaksByPosition(losses: ArrayLike<number>, floor: BayesFloor, count: number): PositionLeak[] {
  const tolerance = losses.length * leakTolerance(floor, count);
  return floor.byPosition
    .map((bound, pos) => ({ pos, loss: losses[pos], floor: bound }))
    .filter(({ loss, floor: bound }) => loss < bound - tolerance);
}
