/** What the page says of networks whose numbers are none any more, whichever view they are looked at in. */
import { counted } from "../../../../src/figures/numberText.ts";
import type { Population } from "../../lab/population.svelte.ts";

/**
 * `Seeds 0, 3 diverged (from step 12 on): …`, of those that have diverged by the step that is shown.
 *
 * @returns  null where none has
 */
export function divergenceText({
  divergedAt,
  models,
  shown,
  step,
}: Pick<Population, "divergedAt" | "models" | "shown" | "step">): string | null {
  const until = shown?.step ?? step;
  const steps = divergedAt.filter((at) => at !== null && at <= until) as number[];
  if (steps.length === 0) return null;
  const seeds = models.flatMap(({ init }, model) => {
    const at = divergedAt[model];
    return at !== null && at <= until ? [init] : [];
  });
  const which =
    seeds.length === models.length
      ? `All ${counted(models.length, "seed")}`
      : `${seeds.length === 1 ? "Seed" : "Seeds"} ${seeds.join(", ")}`;
  return (
    `${which} diverged, from step ${Math.min(...steps)} on: their losses and weights are no finite numbers any more, and ` +
    "means over seeds leave them out. A lower learning rate may help."
  );
}
