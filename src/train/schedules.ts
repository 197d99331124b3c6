/** Learning-rate schedules: a factor for every step. */
import { cos } from "../base/exact.ts";

/** Warm-up, then constant or a fall to a share of the rate. */
export interface Schedule {
  /** Steps over which the factor rises from 1 / warmup to 1. */
  warmup: number;
  /** What follows the warm-up. */
  decay: "none" | "linear" | "cosine";
  /** Factor at the last step where it decays, in [0, 1]. */
  final: number;
}

/** A constant rate. */
export const constantRate: Schedule = { warmup: 0, decay: "none", final: 1 };

/**
 * Factor of the learning rate.
 *
 *   warm-up   step / warmup
 *   linear    1 − (1 − final) t,  t = (step − warmup) / (steps − warmup)
 *   cosine    final + (1 − final) (1 + cos π t) / 2
 *
 * @param step   number of the update, from 1
 * @param steps  number of updates in all
 * @source cosine: Loshchilov & Hutter 2017, eq. 5 without restarts
 */
export function rateFactor(schedule: Schedule, step: number, steps: number): number {
  const { warmup, decay, final } = schedule;
  if (step <= warmup) return step / warmup;
  if (decay === "none" || steps <= warmup) return 1;
  const t = Math.min(1, (step - warmup) / (steps - warmup));
  return decay === "linear" ? 1 - (1 - final) * t : final + ((1 - final) * (1 + cos(Math.PI * t))) / 2;
}
