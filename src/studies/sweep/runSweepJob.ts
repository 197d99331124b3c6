/** Runs a job of a sweep: its study, by the study's own functions, and what that found. */
import { taskNamed } from "../../data/registry.ts";
import { scoredMean } from "../../data/scored.ts";
import { unitMeans } from "../../features/index.ts";
import type { GroupBySeed, PresetBySeed } from "../persistence/analyse.ts";
import { heldOutLoss } from "../persistence/analyse.ts";
import { armsOf, siteOfLayer } from "../persistence/spec.ts";
import { analysePairs, type JobRunner } from "../persistence/study.ts";
import { summarisePreset } from "../persistence/summarise.ts";
import type { ArmResult } from "../population/gather.ts";
import { type CarryOutOptions, carryOut } from "../protocol/carryOut.ts";
import type { StudyEvent } from "../protocol/jobs.ts";
import { type StudyMaterial, studyNamed } from "../registry.ts";
import { openStudy } from "./fields.ts";
import { jobKey, type OpenConfig, type PlannedConfig, type SweepJob, settingsOf } from "./job.ts";
import type { SweepFound, SweepResult, SweepSeries } from "./result.ts";

/** What a job needs of the world; changes no bit of what it finds. */
export interface SweepExecution {
  /** Runs the populations of a job, anywhere and in any order. */
  readonly runJobs: JobRunner;
  /** Runs the parts of a study with a plan. */
  readonly runStudy: CarryOutOptions["runJobs"];
  /** Files that studies are made from. */
  readonly material: StudyMaterial;
  /** Told now and then how far the job is. */
  readonly progress?: (progress: JobProgress) => void;
}

/** How far a job is. */
export interface JobProgress {
  /** Share of the job that is done, in [0, 1]. */
  readonly done: number;
  /** Updates made so far, over all networks; 0 for a study whose plan fixes its training. */
  readonly modelSteps: number;
}

/** Models in a job of a population: enough to fill vectors. */
const modelsPerJob = 8;

/**
 * What a job finds: the same to the bit wherever it runs.
 *
 * @throws whatever the study does for a configuration that it cannot carry out
 */
export async function runSweepJob(job: SweepJob, execution: SweepExecution): Promise<SweepResult> {
  const found = job.study === openStudy ? await runOpen(job, execution) : await runPlanned(job, execution);
  return { key: jobKey(job), job, ...found };
}

async function runOpen(job: SweepJob, { runJobs, progress }: SweepExecution): Promise<SweepFound> {
  const { settings, model } = settingsOf(job);
  const pair = { preset: "sweep", ...armsOf("sweep", settings, model) };
  const total = (pair.main.models.length + pair.otherData.models.length) * settings.steps;
  const { backend } = job.config as unknown as OpenConfig;
  const steps = new Map<number, number>();
  const { analyses } = await analysePairs([pair], {
    ...{ backend: { name: backend }, modelsPerJob },
    runJobs: (jobs, tell) =>
      runJobs(jobs, (index, event) => {
        if (event.kind === "progress") {
          steps.set(index, event.step * jobs[index].models.length);
          const modelSteps = [...steps.values()].reduce((sum, part) => sum + part, 0);
          progress?.({ done: modelSteps / total, modelSteps });
        }
        tell(index, event);
      }),
  });
  return foundIn(analyses[0], settings.stepsPerEpoch);
}

/** The statistics of a population, seed by seed. */
function foundIn(analysis: PresetBySeed, stepsPerEpoch: number): SweepFound {
  const { main, groups, identity, overallR, lossProgress } = analysis;
  const summary = summarisePreset(analysis, stepsPerEpoch, null);
  const last = main.checkpoints.length - 1;
  // a model that diverged has no numbers, also where something finite was measured
  const own = (values: ArrayLike<number>) =>
    Array.from(values, (value, seed) => (main.divergedAt[seed] === null ? value : Number.NaN));
  const ofNetwork = (statistic: string, values: ArrayLike<number>): SweepSeries => ({
    ...{ statistic, layer: null, kind: null, values: own(values) },
  });
  const ofLayer = (statistic: string, byLayer: readonly ArrayLike<number>[]) =>
    byLayer.map(
      (values, layer): SweepSeries => ({ ...{ statistic, layer, kind: "all", values: own(values) } }),
    );
  return {
    series: [
      ...groups.flatMap((group) =>
        seriesOf(group, main).map((each) => ({ ...each, values: own(each.values) })),
      ),
      ...ofLayer("tuningR", overallR),
      ...ofLayer("identityRecovery", identity),
      ofNetwork("heldOutLoss", heldOutLoss(main, last)),
      ofNetwork("heldOutAccuracy", accuracyOf(main)),
      ofNetwork(
        "trainingLoss",
        summary.models.map(({ finalLoss }) => finalLoss ?? Number.NaN),
      ),
      ofNetwork("lossProgress", lossProgress),
      {
        ...{ statistic: "diverged", layer: null, kind: null },
        values: main.divergedAt.map((at) => (at === null ? 0 : 1)),
      },
    ],
    outcomes:
      summary.loss.bayesFloor === null
        ? []
        : [{ statistic: "bayesFloor", value: summary.loss.bayesFloor, low: Number.NaN, high: Number.NaN }],
    verdicts: [],
    models: summary.models.map(({ seed, weights, divergedAt }) => ({ seed, weights, divergedAt })),
  };
}

/** Of one layer and kind. */
function seriesOf(group: GroupBySeed, main: ArmResult): SweepSeries[] {
  const { layer, kind, r, nullR, ceilingR, preferred, preferredNull } = group;
  const { maintained, nullShuffle, excess, kappa, varianceRatio } = group;
  const selectivity = (at: number) =>
    unitMeans(main.checkpoints[at].sites[siteOfLayer(layer)].eta2[kind], main.models.length).mean;
  const named: Readonly<Record<string, ArrayLike<number>>> = {
    ...{ tuningR: r, tuningNullR: nullR, tuningExcess: r.map((value, seed) => value - nullR[seed]) },
    ...{ tuningCeilingR: ceilingR, preferredKept: preferred, preferredNull },
    ...{ maintained, maintainedNull: nullShuffle, maintainedExcess: excess, kappa },
    selectivityBefore: selectivity(0),
    selectivityAfter: selectivity(main.checkpoints.length - 1),
    varianceRatio,
  };
  return Object.entries(named).map(
    ([statistic, values]): SweepSeries => ({ ...{ statistic, layer, kind, values: Array.from(values) } }),
  );
}

/** Share of right answers on unseen sequences after training, mean over the positions that count, by model. */
function accuracyOf({ arm, models, checkpoints }: ArmResult): number[] {
  const { dVocab, nCtx } = arm.config;
  const scored = taskNamed(arm.task, { dVocab, nCtx }).bayesFloor()?.scored;
  const { accuracy } = checkpoints[checkpoints.length - 1];
  const nPos = nCtx - 1;
  return models.map((_, model) => scoredMean(accuracy.subarray(model * nPos, (model + 1) * nPos), scored));
}

async function runPlanned(
  job: SweepJob,
  { runStudy, material, progress }: SweepExecution,
): Promise<SweepFound> {
  const { quick, backend } = job.config as unknown as PlannedConfig;
  const study = studyNamed(job.study, material);
  const { result } = await carryOut(
    study,
    { seeds: job.seeds, quick },
    {
      backend: { name: backend },
      command: "",
      runJobs: (jobs, tell) => {
        const costs = jobs.map(({ arm, seeds }) => (arm.cost ?? 1) * seeds.length);
        const total = costs.reduce((sum, cost) => sum + cost, 0);
        const shares = new Map<number, number>();
        const shareOf = (event: StudyEvent) => (event.kind === "end" ? 1 : event.done);
        return runStudy(jobs, (index, event) => {
          shares.set(index, costs[index] * shareOf(event));
          const done = [...shares.values()].reduce((sum, part) => sum + part, 0) / total;
          progress?.({ done, modelSteps: 0 });
          tell(index, event);
        });
      },
    },
  );
  return {
    series: [],
    outcomes: result.outcomes.map(({ name, estimate, interval: [low, high] }) => ({
      ...{ statistic: name, value: estimate, low, high },
    })),
    verdicts: result.decisions.map(({ about, statement, verdict }) => ({ about, statement, verdict })),
    models: [],
  };
}
