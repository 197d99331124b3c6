/** Worker threads that are told to stop, that die, and that do neither: what is told does not depend on it. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "tsdown";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ArgumentError, InternalError } from "../../src/base/errors.ts";
import { openPool, type Pool, type PoolOptions } from "../../src/cli/workers/pool.ts";
import type { JobEvent, JobState, PopulationJob } from "../../src/studies/population/job.ts";
import type { StudyEvent } from "../../src/studies/protocol/jobs.ts";
import type { TextEvent } from "../../src/studies/text/job.ts";
import { hashOf } from "../record/bitsOf.ts";
import { populationJob, textJob, toldBy, toldByText } from "../studies/sampleJobs.ts";
import type { Fault } from "./mortalWorker.ts";

let folder = "";
let script = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "palimpsest-"));
  await build({
    config: false,
    entry: { worker: new URL("mortalWorker.ts", import.meta.url).pathname },
    ...{ outDir: folder, format: "esm", platform: "node", target: "node20" },
    ...{ noExternal: [/.*/], inlineOnly: false, dts: false, logLevel: "silent" },
  });
  script = join(folder, readdirSync(folder).find((name) => /^worker\.m?js$/.test(name)) ?? "");
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

const open: Pool[] = [];
function pool(options: Partial<PoolOptions> = {}, fault?: Partial<Fault>): Pool {
  const whole: Fault = { at: 1, how: "exit", times: 1, folder: "", job: "", ...fault };
  process.env.PALIMPSEST_TEST_FAULT = JSON.stringify(fault === undefined ? null : whole);
  const opened = openPool({ workers: 1, script, ...options });
  open.push(opened);
  return opened;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

/** What is told in a thread, the share of time in kernels left out. */
const comparable = (events: readonly (JobEvent | TextEvent | StudyEvent)[]) =>
  hashOf(events.map((event) => ({ ...event, kernelShare: undefined })));

/** Some of the models of the sample job. */
const jobOf = (...seeds: number[]): PopulationJob => ({
  ...populationJob(),
  models: seeds.map((seed) => ({ init: seed, data: seed })),
});

async function run(pool: Pool, jobs: readonly PopulationJob[], from?: (job: number) => JobState | undefined) {
  const told = jobs.map((): JobEvent[] => []);
  const states = jobs.map((): JobState[] => []);
  const places = new Set<number>();
  const end = pool.runJobs(
    jobs,
    (job, event, place) => {
      told[job].push(event);
      places.add(place);
    },
    { from, keep: (job, state) => states[job].push(state) },
  );
  const failure: unknown = await end.then(
    () => null,
    (error) => error,
  );
  return { told, states, places, failure };
}

test("jobs in worker threads tell what they tell in this one", async () => {
  const jobs = [jobOf(0, 1), jobOf(2), jobOf(3, 4)];
  const { told, places, failure } = await run(pool({ workers: 2 }), jobs);
  expect([failure, [...places].sort()]).toEqual([null, [0, 1]]);
  for (const [at, job] of jobs.entries()) expect(comparable(told[at])).toBe(comparable(await toldBy(job)));
});

const deaths: readonly (readonly [Fault["how"], string])[] = [
  ["throw", "an error that nobody catches"],
  ["reject", "a promise that nobody waits for"],
  ["exit", "process.exit"],
  ["trap", "a trap in WebAssembly"],
  ["defect", "an error inside the job"],
  ["memory", "a heap that is full"],
];

test.each(deaths)(
  "a worker that dies (%s: %s) costs nothing that is told, with states or without",
  async (how) => {
    const jobs = [jobOf(0, 1), jobOf(2)];
    const expected = [comparable(await toldBy(jobs[0])), comparable(await toldBy(jobs[1]))];
    for (const [saveEvery, at] of [
      [0, 7], // after some states
      [60_000, 4], // without any
    ]) {
      const deaths = mkdtempSync(join(folder, "deaths-"));
      const mortal = pool({ saveEvery, heap: 128 }, { how, at, folder: deaths });
      const { told, failure, states } = await run(mortal, jobs);
      expect([failure, readdirSync(deaths)]).toEqual([null, ["0"]]);
      expect(states[0].length > 0).toBe(saveEvery === 0);
      expect(told.map(comparable)).toEqual(expected);
    }
  },
);

test("models over which two workers died are given up by name, after all others are done", async () => {
  const jobs = [jobOf(0, 1), jobOf(7, 8, 9), jobOf(2)];
  const deaths = mkdtempSync(join(folder, "deaths-"));
  const mortal = pool({ workers: 2 }, { at: 2, times: 9, job: '"init":8', folder: deaths });
  const { told, failure } = await run(mortal, jobs);
  expect(readdirSync(deaths)).toEqual(["0", "1"]);
  expect(failure).toBeInstanceOf(InternalError);
  expect((failure as Error).message).toBe(
    "workers: 2 of them died over the same models, which were given up; got interrupted, models of seeds 7 to 9 (its end with code 3). All other models were finished; what was done is kept, and resuming tries these again.",
  );
  for (const at of [0, 2]) expect(comparable(told[at])).toBe(comparable(await toldBy(jobs[at])));
  expect(told[1].map(({ kind }) => kind)).toEqual(["progress"]);
});

/** A signal, and a pool that hears it. */
function stoppable(options: Partial<PoolOptions> = {}) {
  const controller = new AbortController();
  const stop = () => controller.abort({ by: "SIGINT", exitCode: 130 });
  return { pool: pool({ signal: controller.signal, ...options }), stop };
}

test("jobs that are told to stop tell their states first, and go on from them to the same bits", async () => {
  // long enough that none ends before the word to stop arrives, on a busy machine too
  const steps = 6000;
  const jobs = [jobOf(0, 1), jobOf(2), jobOf(3)].map((job) => ({
    ...job,
    arm: { ...job.arm, steps, checkpoints: [0, 3, 16, steps] },
  }));
  const { pool: first, stop } = stoppable({ workers: 2 });
  const told = jobs.map((): JobEvent[] => []);
  const states: (JobState | undefined)[] = [undefined, undefined, undefined];
  const running = first.runJobs(
    jobs,
    (job, event) => {
      told[job].push(event);
      if (told[0].length > 1 && told[1].length > 1) stop(); // both are under way, the third waits
    },
    {
      keep: (job, state) => {
        states[job] = state;
      },
    },
  );
  await expect(running).rejects.toThrow(new ArgumentError({ where: "run", rule: "stopped by SIGINT" }));
  expect(told[2]).toEqual([]);
  expect(states.map((state) => state === undefined)).toEqual([false, false, true]);
  const rest = await run(pool({ workers: 2 }), jobs, (job) => states[job]);
  for (const [at, job] of jobs.entries())
    expect(comparable([...told[at], ...rest.told[at]])).toBe(comparable(await toldBy(job)));
});

test("a text job stops and goes on too", async () => {
  const job = textJob();
  const { pool: first, stop } = stoppable();
  const told: TextEvent[] = [];
  let state: JobState | undefined;
  const running = first.runText(
    [job],
    (_, event) => {
      told.push(event);
      stop();
    },
    {
      keep: (_, kept) => {
        state = kept;
      },
    },
  );
  await expect(running).rejects.toThrow("run: stopped by SIGINT.");
  expect(told.at(-1)?.kind).not.toBe("end");
  await pool().runText([job], (_, event) => told.push(event), { from: () => state });
  expect(comparable(told)).toBe(comparable(await toldByText(job)));
});

test("a job without states is ended at once when it is told to stop", async () => {
  const { pool: first, stop } = stoppable();
  const arm = { name: "a", seeds: [0], cost: 1 };
  const job = { study: "layer-hierarchy", arm, seeds: [0], backend: { name: "wasm" } };
  const told: StudyEvent[] = [];
  // the arm is none that the study knows: what it comes to does not matter, only that it is not waited for
  const running = first.runStudy([job], (_, event) => {
    told.push(event);
    stop();
  });
  await expect(running).rejects.toThrow("run: stopped by SIGINT.");
  await expect(first.runStudy([job], () => {})).rejects.toThrow("run: stopped by SIGINT.");
});

test("what goes wrong where events are received ends the call with that error", async () => {
  const full = new ArgumentError({ where: "run/work", rule: "the disk is full" });
  const keep = () => {
    throw full;
  };
  await expect(pool({ saveEvery: 0 }).runJobs([jobOf(0)], () => {}, { keep })).rejects.toBe(full);
  await expect(pool().runJobs([jobOf(0)], keep)).rejects.toBe(full);
  const { pool: first, stop } = stoppable({ workers: 2 });
  const running = first.runJobs([jobOf(0), jobOf(1)], stop, { keep });
  await expect(running, "the disk says more than the signal").rejects.toBe(full);
});

test("an error over one job stops the others as a signal does, and what they had done is kept", async () => {
  const steps = 6000;
  const long = (job: PopulationJob) => ({
    ...job,
    arm: { ...job.arm, steps, checkpoints: [0, 3, 16, steps] },
  });
  const jobs = [long(jobOf(0, 1)), long(jobOf(2)), jobOf(3)];
  const pair = pool({ workers: 2 });
  const wrong = new ArgumentError({ where: "rows", rule: "are not what they were" });
  const told = jobs.map((): JobEvent[] => []);
  const states: (JobState | undefined)[] = [undefined, undefined, undefined];
  const running = pair.runJobs(
    jobs,
    (job, event) => {
      // both are under way, the third waits
      if (job === 0 && told[0].length > 1 && told[1].length > 1) throw wrong;
      told[job].push(event);
    },
    {
      keep: (job, state) => {
        states[job] = state;
      },
    },
  );
  await expect(running).rejects.toBe(wrong);
  expect(states.map((state) => state === undefined)).toEqual([true, false, true]);
  expect(told[2]).toEqual([]);
  // the same pool goes on, as that of a sweep does with its next job
  const rest = await run(pair, [jobs[1]], () => states[1]);
  expect(rest.failure).toBeNull();
  expect(comparable([...told[1], ...rest.told[0]])).toBe(comparable(await toldBy(jobs[1])));
});

test("what the user gave wrong ends the call with the worker's own sentence, and no worker dies of it", async () => {
  const job = { ...jobOf(0), backend: { name: "wasn" } };
  const running = pool().runJobs([job], () => {});
  await expect(running).rejects.toThrow(ArgumentError);
  await expect(running).rejects.toThrow(/"wasn"/);
});
