/** The second arm of the study, which the page does not show: the same initialisations on the next seed's data. */
import { armsOf } from "../../../src/studies/persistence/spec.ts";
import type { ArmResult } from "../../../src/studies/population/gather.ts";
import { type RunSettings, studySettingsOf } from "../state/runSettings.ts";
import type { Computer } from "./computer.ts";
import { assembleCrew } from "./crew.ts";
import { divergedAfter, divergedWith } from "./divergence.ts";

/** Updates between reports of progress. */
const REPORT_EVERY = 16;

/**
 * Trains the arm.
 *
 * @param settings  of a preset as it is
 * @param computer  what computed the first arm
 * @param tell      told how many updates of all are done
 * @param signal    ends it, by an error
 */
export async function trainOtherData(
  settings: RunSettings,
  {
    cores,
    computer,
    signal,
    tell,
  }: { cores: number; computer: Computer; signal: AbortSignal; tell: (step: number) => void },
): Promise<ArmResult> {
  const { spec, models } = armsOf(settings.preset, studySettingsOf(settings)).otherData;
  const crew = await assembleCrew(spec, models, { cores, computer });
  if (crew.computedBy.computer !== computer) {
    crew.dismiss();
    throw new Error(`the other half of the study needs the card as well: ${crew.computedBy.instead}`);
  }
  signal.addEventListener("abort", crew.dismiss, { once: true });
  try {
    const losses: Float64Array[] = [];
    for (let step = 0; ; ) {
      signal.throwIfAborted();
      step = Math.min(step + REPORT_EVERY, spec.steps);
      const stretch = await crew.advance(step, false);
      losses.push(...stretch.losses);
      tell(step);
      if (step < spec.steps) continue;
      const byLoss = divergedAfter(
        models.map(() => null),
        losses,
        0,
      );
      return {
        ...{ arm: spec, models, kernelShare: Number.NaN },
        checkpoints: [{ step, ...stretch.look }],
        losses: models.map((_, model) => Float64Array.from(losses, (ofStep) => ofStep[model])),
        divergedAt: [...divergedWith(byLoss, stretch.look.weights, step)],
      };
    }
  } finally {
    signal.removeEventListener("abort", crew.dismiss);
    crew.dismiss();
  }
}
