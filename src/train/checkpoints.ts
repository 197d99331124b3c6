/** Which steps are looked at. */
import { integerIn } from "../base/check.ts";

/**
 * Log-spaced checkpoints: 0, 1, 2, 4, … below `steps`, then `steps` itself.
 *
 * Step 0 is the exact initialisation, before any update.
 *
 * @param steps  number of updates, at least 0
 */
export function logSpaced(steps: number): number[] {
  integerIn("steps", steps, 0);
  const chosen = [0];
  for (let step = 1; step < steps; step *= 2) chosen.push(step);
  if (steps > 0) chosen.push(steps);
  return chosen;
}
