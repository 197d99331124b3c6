/** Outcomes whose p are corrected together. */
import { holm } from "../../stats/multiplicity.ts";
import type { Outcome } from "../protocol/outcome.ts";

/**
 * The same outcomes with p corrected by Holm over all of them; intervals stay as they are, and the method says both.
 *
 * A test that could not be made must not make the others easier: it counts as p = 1, and its own p stays null.
 *
 * @source Holm 1979
 */
export function oneFamily(outcomes: readonly Outcome[]): Outcome[] {
  const corrected = holm(outcomes.map(({ p }) => p ?? 1));
  return outcomes.map((outcome, i) => ({
    ...outcome,
    p: outcome.p === null ? null : corrected[i],
    method: `${outcome.method}, not widened; p by Holm over ${outcomes.length}`,
  }));
}
