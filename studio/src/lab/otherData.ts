/** The second arm of the study, which the page does not show: the same initialisations on the next seed's data. */
import { armsOf } from "../../../src/studies/persistence/spec.ts";
import type { ArmResult } from "../../../src/studies/population/gather.ts";
import { type RunSettings, studySettingsOf } from "../state/runSettings.ts";
import { assembleCrew } from "./crew.ts";

/** Updates between reports of progress. */
const REPORT_EVERY = 16;

/**
 * Trains the arm.
 *
 * @param settings  of a preset as it is
 * @param tell      told how many updates of all are done
 * @param signal    ends it, by an error
 */
export async function trainOtherData(
  settings: RunSettings,
  { cores, signal, tell }: { cores: number; signal: AbortSignal; tell: (step: number) => void },
): Promise<ArmResult> {
  const { spec, models } = armsOf(settings.preset, studySettingsOf(settings)).otherData;
  let fail: (reason: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {}); // told below, by whatever waits
  signal.addEventListener("abort", () => fail(new Error("stopped.")), { once: true });
  const crew = await Promise.race([
    assembleCrew(spec, models, { cores, onError: (message) => fail(new Error(message)) }),
    failed,
  ]);
  try {
    const losses: Float64Array[] = [];
    for (let step = 0; ; ) {
      step = Math.min(step + REPORT_EVERY, spec.steps);
      const stretch = await Promise.race([crew.advance(step, false), failed]);
      losses.push(...stretch.losses);
      tell(step);
      if (step < spec.steps) continue;
      return {
        ...{ arm: spec, models, kernelShare: Number.NaN },
        checkpoints: [{ step, ...stretch.look }],
        losses: models.map((_, model) => Float64Array.from(losses, (ofStep) => ofStep[model])),
        divergedAt: stretch.divergedAt ?? models.map(() => null),
      };
    }
  } finally {
    crew.dismiss();
  }
}
