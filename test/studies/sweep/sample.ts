/** A sweep whose results are planted, so that nothing has to be trained for it. */
import { randomStream } from "../../../src/base/random.ts";
import { expandSweep, type SweepPlan } from "../../../src/studies/sweep/expand.ts";
import type { SweepJob } from "../../../src/studies/sweep/job.ts";
import type { SweepResult, SweepSeries } from "../../../src/studies/sweep/result.ts";
import { parseSweep } from "../../../src/studies/sweep/spec.ts";
import { type SweepSummary, summarisePoint } from "../../../src/studies/sweep/summary.ts";

export const setting = { engineOf: () => "kernels", version: "1.2.3" };

/** The jobs and points of a sweep file. */
export const planOf = (file: object): SweepPlan =>
  expandSweep(parseSweep({ sweep: "planted", ...file }, "s.yaml"), "s.yaml", setting);

/** Noise between seeds. */
const spread = 0.05;

/** Two layers whose tuning falls with the logarithm of the rate: by `slope` a factor of ten. */
export function plantedResult(key: string, job: SweepJob, slope = -0.3): SweepResult {
  const { lr } = job.config as { lr: number };
  const { dMlp } = job.config.model as { dMlp: number };
  const stream = randomStream("planted", key);
  const noisy = (middle: number) => job.seeds.map(() => middle + spread * stream.normal());
  const decades = Math.log10(lr / 0.001);
  const series: SweepSeries[] = [0, 1].flatMap((layer) =>
    ["token", "position"].flatMap((kind) => [
      {
        ...{ statistic: "tuningExcess", layer, kind },
        values: noisy(0.8 + slope * (1 + layer / 2) * decades + (kind === "token" ? 0 : dMlp / 1000)),
      },
      { ...{ statistic: "selectivityBefore", layer, kind }, values: noisy(0.4) },
      { ...{ statistic: "selectivityAfter", layer, kind }, values: noisy(0.4 - 0.1 * decades) },
    ]),
  );
  const ofNetwork = (statistic: string, middle: number) => ({
    ...{ statistic, layer: null, kind: null, values: noisy(middle) },
  });
  return {
    ...{ key, job },
    series: [...series, ofNetwork("heldOutLoss", 2 - 0.3 * decades), ofNetwork("heldOutAccuracy", 0.3)],
    outcomes: [{ statistic: "bayesFloor", value: 1.03, low: Number.NaN, high: Number.NaN }],
    verdicts: [],
    models: job.seeds.map((seed) => ({ seed, weights: "00", divergedAt: null })),
  };
}

/** What a sweep is summarised to, with some jobs missing. */
export function summaryOf(plan: SweepPlan, missing: SweepSummary["missing"] = []): SweepSummary {
  const results = new Map(plan.jobs.map(({ key, job }) => [key, plantedResult(key, job)]));
  const lost = new Set(missing.map(({ key }) => key));
  return {
    ...{ study: "sweep", title: plan.spec.title, studies: plan.spec.studies, fields: plan.fields },
    status: lost.size === 0 ? "complete" : "partial",
    jobs: { total: plan.jobs.length, done: plan.jobs.length - lost.size },
    ...{ models: 2 * plan.jobs.length, missing, alarms: [] },
    points: plan.points
      .filter(({ key }) => !lost.has(key))
      .map((point) => summarisePoint(point, results.get(point.key) as SweepResult)),
  };
}
