/** Jobs in a pool whose workers die, in a process of their own: what they take with them must be no more than a job's time. */
import { createRequire, syncBuiltinESMExports } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Worker } from "node:worker_threads";
import { randomStream } from "../../src/base/random.ts";
import { openPool } from "../../src/cli/workers/pool.ts";
import { gatherArm } from "../../src/studies/population/gather.ts";
import type { JobEvent } from "../../src/studies/population/job.ts";
import { digestsOf } from "../../test/browser/digests.ts";
import { sampleArm, sampleJobs } from "../samplePopulation.ts";

/** How a worker dies, and before which event; never without a death. */
export interface Trial {
  readonly name: string;
  readonly death?: string;
  readonly at?: number;
  /** The first job's workers die whenever one comes to it. */
  readonly always?: boolean;
  /** A thread is ended from outside, so many milliseconds after so many events of all jobs. */
  readonly ended?: { readonly events: number; readonly milliseconds: number };
}

/** Trials, one after the other, in a folder for marks. */
export interface DeathTask {
  readonly folder: string;
  readonly seed: number;
  readonly trials: readonly Trial[];
}

/** What became of a trial. */
export interface DeathResult {
  readonly name: string;
  /** Threads that ended before they were told to. */
  readonly died: number;
  readonly said: string | null;
  /** Hash of every array of every job that came to its end; what is not "" was told twice or not at all. */
  readonly digests: Readonly<Record<string, string>>;
  readonly wrong: string;
  /** Longest time without an event, ms. */
  readonly longest: number;
}

/** Three jobs of four models for two workers; the first is of a study of its own name. */
const jobs = [0, 1, 2].flatMap((part) =>
  sampleJobs(4, { first: 4 * part, arm: { ...sampleArm, study: part === 0 ? "doomed" : "sample" } }),
);

/** Every thread that is started from here on, and how many have ended. */
const threads: Worker[] = [];
let endings = 0;
function watchThreads(): void {
  const require = createRequire(import.meta.url);
  const module = require("node:worker_threads");
  const Original = module.Worker;
  module.Worker = class extends Original {
    constructor(...given: unknown[]) {
      super(...given);
      const thread = this as unknown as Worker;
      threads.push(thread);
      thread.once("exit", () => {
        endings++;
      });
    }
  };
  syncBuiltinESMExports();
}

/** Tens of milliseconds that a death is waited for. */
const mostWaits = 100;

async function run(trial: Trial, { folder, seed }: DeathTask): Promise<DeathResult> {
  const { name, death, at = 1, always = false, ended } = trial;
  const plan = {
    death,
    at,
    ...(always ? { study: "doomed" } : { once: join(folder, name.replaceAll(/\W/g, "-")) }),
  };
  process.env.LETHAL = death === undefined ? "null" : JSON.stringify(plan);
  const [before, endedBefore] = [threads.length, endings];
  const heap = death === "a heap that is full" ? 96 : undefined;
  const pool = openPool({
    workers: 2,
    saveEvery: 1,
    heap,
    script: resolve("reliability/isolation/lethalWorker.mjs"),
  });
  const told: JobEvent[][] = jobs.map(() => []);
  let [last, longest] = [performance.now(), 0];
  const heard = () => {
    const now = performance.now();
    [last, longest] = [now, Math.max(longest, now - last)];
  };
  let killer: ReturnType<typeof setTimeout> | undefined;
  let heardOf = -1;
  /** Counts an event; after the one that is meant the time begins to run. */
  const count = () => {
    if (++heardOf !== ended?.events) return;
    killer = setTimeout(() => {
      const living = threads.slice(before);
      void living[randomStream("killer", seed, name).integer(living.length)]?.terminate();
    }, ended.milliseconds);
  };
  count();
  let said: string | null = null;
  try {
    await pool.runJobs(jobs, (job, event) => {
      heard();
      count();
      if (event.kind !== "progress") told[job].push(event);
    });
  } catch (error) {
    said = error instanceof Error ? error.message : String(error);
  }
  heard();
  clearTimeout(killer);
  // a thread that dies with its last word dies a little later
  const isExpected = death !== undefined || ended !== undefined;
  for (let wait = 0; isExpected && endings === endedBefore && wait < mostWaits; wait++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const died = endings - endedBefore;
  await pool.close();
  const digests: Record<string, string> = {};
  const wrong: string[] = [];
  for (const [job, events] of told.entries()) {
    if (events.length === 0 || events.at(-1)?.kind !== "end") continue;
    const steps = events.flatMap((event) => (event.kind === "checkpoint" ? [event.step] : []));
    if (steps.join() !== sampleArm.checkpoints.join())
      wrong.push(`job ${job} told the checkpoints ${steps.join()}`);
    for (const [path, hash] of Object.entries(await digestsOf(gatherArm([jobs[job]], [events]))))
      digests[`${job}.${path}`] = hash;
  }
  return { name, died, said, digests, wrong: wrong.join("; "), longest };
}

/** Runs every trial and tells what became of it. */
export async function runDeaths(task: DeathTask): Promise<void> {
  watchThreads();
  process.env.LETHAL_WORKER = pathToFileURL(join(dirname(process.argv[1]), "worker.mjs")).href;
  for (const trial of task.trials) {
    process.stderr.write(`@${trial.name}\n`);
    process.stdout.write(`${JSON.stringify(await run(trial, task))}\n`);
  }
}
