/** The persistence study from settings to result; whoever calls it says how jobs are run. */
import type { Measurement } from "../../record/measurements.ts";
import { type ArmResult, cutIntoJobs, gatherArm } from "../population/gather.ts";
import type { JobEvent, PopulationJob } from "../population/job.ts";
import { analysePreset, type PresetBySeed } from "./analyse.ts";
import { decideClaims } from "./claims.ts";
import { seedDistributions } from "./distribution.ts";
import type { ClaimVerdict, PresetDetail, PresetSummary } from "./result.ts";
import { type Arm, armsOf, type PersistenceSettings, siteOfLayer } from "./spec.ts";
import { detailPreset, selectivityEvidence, summarisePreset } from "./summarise.ts";

/** Runs jobs somewhere and tells their events; resolves when all are done. Events of one job come in order. */
export type JobRunner = (
  jobs: readonly PopulationJob[],
  tell: (job: number, event: JobEvent) => void,
) => Promise<void>;

/** How the study is carried out; changes no number. */
export interface Execution {
  backend: PopulationJob["backend"];
  runJobs: JobRunner;
  /** Models in a job: a multiple of four fills the vectors. */
  modelsPerJob: number;
  /** Told with every event, for a display. */
  onEvent?: (arm: Arm, models: number, event: JobEvent) => void;
}

/** Everything the study found; a caller writes it down. */
export interface PersistenceStudy {
  summaries: PresetSummary[];
  details: PresetDetail[];
  claims: ClaimVerdict[];
  analyses: PresetBySeed[];
  kernelShare: number;
}

/** A preset's two arms, as {@link armsOf} makes them. */
export interface ArmPair {
  preset: string;
  main: Arm;
  otherData: Arm;
}

/** Grows the networks of some presets and compares them, seed by seed: all of the study but its summary. */
export async function analysePairs(
  pairs: readonly ArmPair[],
  execution: Execution,
): Promise<{ analyses: PresetBySeed[]; kernelShare: number }> {
  const arms = pairs.flatMap(({ main, otherData }) => [main, otherData]);
  const cut = arms.map((arm) => ({
    arm,
    jobs: cutIntoJobs(arm.spec, arm.models, execution.modelsPerJob, execution.backend),
  }));
  const all = cut.flatMap(({ arm, jobs }) => jobs.map((job) => ({ arm, job, told: [] as JobEvent[] })));
  await execution.runJobs(
    all.map(({ job }) => job),
    (index, event) => {
      const { arm, job, told } = all[index];
      if (event.kind === "checkpoint" || event.kind === "end") told.push(event);
      execution.onEvent?.(arm, job.models.length, event);
    },
  );
  const results = new Map<Arm, ArmResult>(
    cut.map(({ arm, jobs }) => [
      arm,
      gatherArm(
        jobs,
        all.filter((entry) => entry.arm === arm).map(({ told }) => told),
      ),
    ]),
  );
  const shares = [...results.values()].map(({ kernelShare }) => kernelShare);
  return {
    analyses: pairs.map(({ preset, main, otherData }) =>
      analysePreset(preset, results.get(main) as ArmResult, results.get(otherData) as ArmResult),
    ),
    kernelShare: shares.reduce((sum, share) => sum + share, 0) / shares.length,
  };
}

/** Runs the study. The same settings give the same numbers, however many jobs and workers there are. */
export async function persistenceStudy(
  settings: PersistenceSettings,
  execution: Execution,
): Promise<PersistenceStudy> {
  const pairs = settings.presets.map((preset) => ({ preset, ...armsOf(preset, settings) }));
  const { analyses, kernelShare } = await analysePairs(pairs, execution);
  const distributions = seedDistributions(analyses);
  const summaries = analyses.map((analysis, i) =>
    summarisePreset(analysis, settings.stepsPerEpoch, distributions[i]),
  );
  return {
    summaries,
    details: analyses.map((analysis, i) => detailPreset(analysis, summaries[i])),
    claims: decideClaims({ presets: analyses, selectivity: selectivityEvidence(analyses) }),
    analyses,
    kernelShare,
  };
}

/** The study's own numbers of every seed as tidy rows, one a seed and statistic: what the intervals are made from. */
export function seedRows({
  preset,
  main,
  groups,
  identity,
  overallR,
  lossProgress,
}: PresetBySeed): Measurement[] {
  const { models, arm } = main;
  const rows: Measurement[] = [];
  const add = (site: string, statistic: string, values: Float64Array) => {
    for (const [model, value] of values.entries())
      rows.push({
        ...{ arm: preset, model, seed: models[model].init, step: arm.steps, site },
        ...{ unit: null, statistic, value },
      });
  };
  for (const { layer, kind, ...numbers } of groups)
    for (const [name, values] of Object.entries(numbers)) add(siteOfLayer(layer), `${name}.${kind}`, values);
  for (const [layer, values] of identity.entries()) add(siteOfLayer(layer), "identityRecovery", values);
  for (const [layer, values] of overallR.entries()) add(siteOfLayer(layer), "r", values);
  add("model", "lossProgress", lossProgress);
  return rows;
}

/** Every measurement of an arm at one checkpoint as tidy rows: selectivity of units, held-out loss and accuracy. */
export function measurementRows(preset: string, main: ArmResult, at: number): Measurement[] {
  const checkpoint = main.checkpoints[at];
  const rows: Measurement[] = [];
  const { step } = checkpoint;
  const row = (model: number, site: string, unit: number | null, statistic: string, value: number) => {
    rows.push({ arm: preset, model, seed: main.models[model].init, step, site, unit, statistic, value });
  };
  for (const [site, snapshot] of Object.entries(checkpoint.sites)) {
    for (const statistic of ["eta2", "omega2", "epsilon2", "amount", "crossValidated"] as const) {
      for (const [source, values] of Object.entries(snapshot[statistic])) {
        values.forEach((value, i) => {
          row(Math.floor(i / snapshot.units), site, i % snapshot.units, `${statistic}.${source}`, value);
        });
      }
    }
  }
  const nPos = main.arm.config.nCtx - 1;
  checkpoint.heldOut.forEach((loss, i) => {
    row(Math.floor(i / nPos), "model", i % nPos, "heldOutLoss.position", loss);
  });
  checkpoint.accuracy.forEach((share, i) => {
    row(Math.floor(i / nPos), "model", i % nPos, "heldOutAccuracy.position", share);
  });
  return rows;
}
