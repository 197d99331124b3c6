/** Networks whose numbers are none any more. */
import type { Weights } from "../../../src/model/weights.ts";

/**
 * What is known of the divergence of some models after further updates.
 *
 * @param known  updates after which each model's loss first was not finite, [model]; null where it always was
 * @param losses  training loss before each further update, [update][model]
 * @param from    updates that were made before the first of them
 */
export function divergedAfter(
  known: readonly (number | null)[],
  losses: readonly ArrayLike<number>[],
  from: number,
): readonly (number | null)[] {
  return known.map((at, model) => {
    if (at !== null) return at;
    const update = losses.findIndex((of) => !Number.isFinite(of[model]));
    return update < 0 ? null : from + update;
  });
}

/** The same once weights were seen after `step` updates, [model, ...shape]: a model with one that is not finite diverged. */
export function divergedWith(
  known: readonly (number | null)[],
  weights: Weights,
  step: number,
): readonly (number | null)[] {
  const broken = brokenModels(weights, known.length);
  return known.map((at, model) => at ?? (broken[model] ? step : null));
}

/** Whether a model has a weight that is not finite, [model]; weights are [model, ...shape]. */
function brokenModels(weights: Weights, models: number): boolean[] {
  const tensors = Object.values(weights);
  return Array.from({ length: models }, (_, model) =>
    tensors.some((values) => {
      const size = values.length / models;
      return !values.subarray(model * size, (model + 1) * size).every(Number.isFinite);
    }),
  );
}
