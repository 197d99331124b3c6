import { expect, test } from "vitest";
import { wasmBackend } from "../../../src/backends/wasm/index.ts";
import { inTurn } from "../../../src/base/inTurn.ts";
import { presets } from "../../../src/model/config.ts";
import { armsOf } from "../../../src/studies/persistence/spec.ts";
import { analysePairs, persistenceStudy } from "../../../src/studies/persistence/study.ts";
import { carryOut } from "../../../src/studies/protocol/carryOut.ts";
import { runStudyJob } from "../../../src/studies/protocol/jobs.ts";
import { studyNamed } from "../../../src/studies/registry.ts";
import { expandSweep } from "../../../src/studies/sweep/expand.ts";
import { jobKey, type SweepJob } from "../../../src/studies/sweep/job.ts";
import { readSweepResult, type SweepResult, sweepResultBytes } from "../../../src/studies/sweep/result.ts";
import { runSweepJob, type SweepExecution } from "../../../src/studies/sweep/runSweepJob.ts";
import { parseSweep } from "../../../src/studies/sweep/spec.ts";
import { inThisThread, smallSettings } from "../settings.ts";
import { plantedResult } from "./sample.ts";

const backend = wasmBackend();
const setting = { engineOf: () => "kernels", version: "1.2.3" };
const jobsOf = (file: object): SweepJob[] =>
  expandSweep(parseSweep({ sweep: "test", ...file }, "s.yaml"), "s.yaml", setting).jobs.map(({ job }) => job);

const execution: SweepExecution = {
  runJobs: inThisThread(8).runJobs,
  runStudy: async (jobs, tell) => {
    await inTurn(jobs, async (job, index) => {
      await runStudyJob(studyNamed(job.study), job, backend, (event) => tell(index, event));
    });
  },
  material: {},
};

const { steps, sequences } = smallSettings;
const small = { base: { steps, sequences }, seeds: 5 };

const meanOf = (result: SweepResult, statistic: string, layer: number | null, kind: string | null) => {
  const found = result.series.find(
    (each) => each.statistic === statistic && each.layer === layer && each.kind === kind,
  );
  return found!.values.reduce((sum, value) => sum + value / found!.values.length, 0);
};

/** Means are summed in another order here than in the study. */
const ROUNDING = 12;

test("a sweep of one job finds what the persistence study finds with the same settings, number for number", async () => {
  const [job] = jobsOf(small);
  const result = await runSweepJob(job, execution);
  const { summaries } = await persistenceStudy(smallSettings, inThisThread(64));
  const [{ groups, loss, models }] = summaries;
  for (const { layer, kind, tuning, criterion, identityRecovery } of groups) {
    const mean = (statistic: string) => meanOf(result, statistic, layer, kind);
    expect(mean("tuningR")).toBeCloseTo(tuning.r, ROUNDING);
    expect(mean("tuningNullR")).toBeCloseTo(tuning.nullR, ROUNDING);
    expect(mean("tuningExcess")).toBeCloseTo(tuning.r - tuning.nullR, ROUNDING);
    expect(mean("tuningCeilingR")).toBeCloseTo(tuning.ceilingR, ROUNDING);
    expect(mean("maintained")).toBeCloseTo(criterion.maintained, ROUNDING);
    expect(mean("maintainedExcess")).toBeCloseTo(criterion.excess, ROUNDING);
    expect(mean("kappa")).toBeCloseTo(criterion.kappa, ROUNDING);
    expect(meanOf(result, "identityRecovery", layer, "all")).toBeCloseTo(identityRecovery, ROUNDING);
  }
  expect(meanOf(result, "heldOutLoss", null, null)).toBeCloseTo(loss.heldOut, ROUNDING);
  expect(meanOf(result, "trainingLoss", null, null)).toBeCloseTo(loss.last, ROUNDING);
  expect(meanOf(result, "diverged", null, null)).toBe(0);
  expect(result.outcomes).toEqual([
    { statistic: "bayesFloor", value: loss.bayesFloor, low: Number.NaN, high: Number.NaN },
  ]);
  // the same networks, to the last bit
  expect(result.models).toEqual(
    models.map(({ seed, weights, divergedAt }) => ({ seed, weights, divergedAt })),
  );
});

test("a preset is no more than its fields, and a changed model is the one that is trained", async () => {
  const jobs = jobsOf({
    ...{ seeds: 2, base: { steps: 2, sequences: 64 } },
    grid: [{ preset: ["causal"] }, { "model.causal": [true] }, { "model.dMlp": [12] }],
  });
  expect(jobs.length).toBe(2);
  const [causal, narrow] = await inTurn(jobs, (job) => runSweepJob(job, execution));
  const settings = { ...smallSettings, presets: ["causal"], seeds: [0, 1], steps: 2 };
  const { summaries } = await persistenceStudy(settings, inThisThread(64));
  const weightsOf = (models: readonly { weights: string }[]) => models.map(({ weights }) => weights);
  expect(weightsOf(causal.models)).toEqual(weightsOf(summaries[0].models));
  const pair = { preset: "narrow", ...armsOf("narrow", settings, { ...presets.original, dMlp: 12 }) };
  const { analyses } = await analysePairs([pair], inThisThread(64));
  expect(weightsOf(narrow.models)).toEqual(analyses[0].weights);
});

test("a job's bytes are the same in any number of parts and in any order, and are read back as they were", async () => {
  const [job] = jobsOf({ ...small, seeds: 2 });
  const bytes = sweepResultBytes(await runSweepJob(job, execution));
  const backwards: SweepExecution = {
    ...execution,
    runJobs: async (jobs, tell) => {
      await inTurn(jobs.toReversed(), async (each) => {
        await execution.runJobs([each], (_, event) => tell(jobs.indexOf(each), event));
      });
    },
  };
  const result = await runSweepJob(job, backwards);
  expect(sweepResultBytes(result)).toEqual(bytes);
  expect(readSweepResult(bytes, "r.json", result.key)).toEqual(result);
});

test("networks that diverge have no numbers, and say so", async () => {
  const [job] = jobsOf({ seeds: 2, base: { steps: 3, sequences: 64, lr: 1e30, optimizer: "sgd" } });
  const result = await runSweepJob(job, execution);
  expect(result.models.every(({ divergedAt }) => divergedAt !== null)).toBe(true);
  const numbers = result.series.filter(({ statistic }) => statistic !== "diverged");
  expect(numbers.every(({ values }) => values.every(Number.isNaN))).toBe(true);
  expect(meanOf(result, "diverged", null, null)).toBe(1);
  const bytes = sweepResultBytes(result);
  expect(readSweepResult(bytes, "r.json", result.key)).toEqual(result);
});

test("a study with a plan tells its outcomes and what its rules say", async () => {
  const [job] = jobsOf({ study: "selection-regression", base: { quick: true }, seeds: 2 });
  const shares: number[] = [];
  const result = await runSweepJob(job, { ...execution, progress: ({ done }) => shares.push(done) });
  const size = { seeds: [0, 1], quick: true };
  const { result: own } = await carryOut(studyNamed("selection-regression"), size, {
    ...{ backend: { name: "wasm" }, command: "", runJobs: execution.runStudy },
  });
  expect(result.outcomes.map(({ statistic, value }) => [statistic, value])).toEqual(
    own.outcomes.map(({ name, estimate }) => [name, estimate]),
  );
  expect(result.verdicts.map(({ verdict }) => verdict)).toEqual(own.decisions.map(() => null));
  expect(shares.every((share, i) => i === 0 || share >= shares[i - 1])).toBe(true);
  expect(shares.at(-1)).toBe(1);
});

test("every changed byte of a result is found", () => {
  const [job] = jobsOf({ ...small, seeds: 2 });
  const key = jobKey(job);
  const bytes = sweepResultBytes(plantedResult(key, job));
  const isRead = (changed: Uint8Array) => {
    try {
      readSweepResult(changed, "r.json", key);
      return true;
    } catch (error) {
      expect((error as Error).message).toMatch(/^r\.json/);
      return false;
    }
  };
  expect(isRead(bytes)).toBe(true);
  for (const at of bytes.keys()) {
    const changed = bytes.slice();
    changed[at] ^= 1 << (at % 8);
    expect(isRead(changed), `byte ${at}`).toBe(false);
  }
  for (const length of [0, 1, bytes.length - 1]) expect(isRead(bytes.subarray(0, length))).toBe(false);
});
