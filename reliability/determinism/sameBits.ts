import { dirname, join } from "node:path";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { openPool } from "../../src/cli/workers/pool.ts";
import { packValue, unpackValue } from "../../src/record/packed.ts";
import { gatherArm } from "../../src/studies/population/gather.ts";
import {
  type JobEvent,
  type JobState,
  type PopulationJob,
  runJob,
} from "../../src/studies/population/job.ts";
import { type Digests, digestsOf } from "../../test/browser/digests.ts";
import type { Check } from "../check.ts";
import { startCommand } from "../crash/commandLine.ts";
import { differences, hashesOf, withFolder } from "../folderBytes.ts";
import { sampleArm, sampleJobs } from "../samplePopulation.ts";

/** Models of the population: a vector of four that is full twice, and one that is not. */
const models = 10;

/** What differs between two runs, as a phrase; null where nothing does. */
function difference(found: Digests, expected: Digests): string | null {
  const paths = [...new Set([...Object.keys(expected), ...Object.keys(found)])];
  const differing = paths.filter((path) => found[path] !== expected[path]);
  return differing.length === 0
    ? null
    : `${differing.length} of ${paths.length} arrays differ, such as ${differing[0]}`;
}

/** The population in this thread, as one job. */
async function inOneJob(): Promise<Digests> {
  const [job] = sampleJobs(models);
  const told: JobEvent[] = [];
  await runJob(job, wasmBackend(), (event) => void told.push(event));
  return digestsOf(gatherArm([job], [told]));
}

/** A way to share the population out. */
interface Sharing {
  readonly workers: number;
  readonly size: number;
  readonly order: "in order" | "in reverse" | "shuffled";
}

const everySharing = [1, 2, 4, 8].flatMap((workers) =>
  [1, 3, 4, models].flatMap((size) =>
    (["in order", "in reverse", "shuffled"] as const).map((order): Sharing => ({ workers, size, order })),
  ),
);
const fewSharings: readonly Sharing[] = [
  { workers: 1, size: 4, order: "in reverse" },
  { workers: 2, size: 1, order: "shuffled" },
  { workers: 4, size: 3, order: "shuffled" },
  { workers: 8, size: models, order: "in order" },
];

/** The same population, shared out. */
async function inPool({ workers, size, order }: Sharing, isSeededByPlace: boolean): Promise<Digests> {
  // the test of the test: a model's seed is its place in its job, as where a stream is shared by what runs together
  const jobs = sampleJobs(models, { size }).map(
    (job): PopulationJob => ({
      ...job,
      models: isSeededByPlace ? job.models.map((_, i) => ({ init: i, data: i })) : job.models,
    }),
  );
  const places = [...jobs.keys()];
  if (order === "in reverse") places.reverse();
  const drawn = randomStream("sharing", workers, size).permutation(jobs.length);
  const asked = order === "shuffled" ? [...drawn] : places;
  const pool = openPool({ workers, script: join(dirname(process.argv[1]), "worker.mjs") });
  try {
    const told: JobEvent[][] = jobs.map(() => []);
    await pool.runJobs(
      asked.map((place) => jobs[place]),
      (index, event) => void told[asked[index]].push(event),
    );
    return await digestsOf(gatherArm(jobs, told));
  } finally {
    await pool.close();
  }
}

const study = "study persistence --preset original --seeds 3 --steps 8 --sequences 32 --quiet".split(" ");

/** A whole run of the command line, with any number of workers: every file but its log. */
async function wholeRun(cwd: string, workers: number): Promise<Map<string, string>> {
  const out = `workers-${workers}`;
  const { code, stderr } = await startCommand([...study, "--workers", String(workers), "--out", out], { cwd })
    .ended;
  if (code !== 0) throw new Error(`with ${workers} workers: exit code ${code}: ${stderr.slice(-300)}`);
  return hashesOf(join(cwd, out), ["log.jsonl"]);
}

/** G1: who computes what, and when. */
export const anySharing: Check = {
  id: "G1",
  promise:
    "The same bits with any number of workers, however a population is cut into jobs, and in whatever order they run.",
  weakenings: ["seeds-of-models"],
  async run(form, { say, without }) {
    const expected = await inOneJob();
    const sharings = form === "long" ? everySharing : fewSharings;
    const failures: string[] = [];
    for (const [i, sharing] of sharings.entries()) {
      const { workers, size, order } = sharing;
      const differs = difference(await inPool(sharing, without !== undefined), expected);
      if (differs !== null) failures.push(`${workers} workers, ${size} models a job, ${order}: ${differs}`);
      if ((i + 1) % 8 === 0) say(`${i + 1} of ${sharings.length}`);
    }
    const counts = without !== undefined ? [] : form === "long" ? [1, 2, 4, 8] : [1, 3];
    const files = await withFolder(async (cwd) => {
      const [first, ...others] = counts;
      if (first === undefined) return 0;
      const alone = await wholeRun(cwd, first);
      for (const workers of others)
        for (const differs of differences(await wholeRun(cwd, workers), alone))
          failures.push(`the command with ${workers} workers: ${differs}`);
      return alone.size;
    });
    const arrays = Object.keys(expected).length;
    return {
      figure: `${sharings.length} ways to share ${models} models out: ${arrays} arrays the same; ${files} files of a run the same with ${counts.join(", ")} workers`,
      count: sharings.length * arrays + counts.length * files,
      coverage: { sharings: sharings.length, arrays, files, runs: counts.length },
      failures,
    };
  },
};

/** The same population, stopped after some update, its state kept as a file, and gone on with. */
async function stoppedAt(step: number, forgets: boolean): Promise<Digests> {
  const [job] = sampleJobs(models);
  const told: JobEvent[] = [];
  let kept: Uint8Array | null = null;
  const tell = (event: JobEvent) => {
    if (event.kind === "state") kept = packValue(event.state);
    else told.push(event);
  };
  let made = 0;
  await runJob(job, wasmBackend(), tell, { due: () => (++made === step ? "stop" : "go") });
  if (kept === null) throw new Error(`no state was told after step ${step}`);
  const state = unpackValue(kept, "state.safetensors").value as JobState;
  // the test of the test: what the optimiser remembers is not kept
  if (forgets) for (const moments of Object.values(state.moments)) moments.fill(0);
  await runJob(job, wasmBackend(), tell, { from: state });
  return digestsOf(gatherArm([job], [told]));
}

/** G2: again, and with a stop on the way. */
export const anyStop: Check = {
  id: "G2",
  promise:
    "A run that is made again, or stopped after any update and gone on with from the file of its state, has the same bits.",
  weakenings: ["optimiser-state"],
  async run(form, { without }) {
    const expected = await inOneJob();
    const failures: string[] = [];
    const again = difference(await inOneJob(), expected);
    if (again !== null) failures.push(`made again: ${again}`);
    const every = Array.from({ length: sampleArm.steps }, (_, i) => i + 1);
    const stops =
      form === "long"
        ? every
        : [...new Set([1, ...sampleArm.checkpoints.filter((step) => step > 0), sampleArm.steps - 1])];
    for (const step of stops) {
      const differs = difference(await stoppedAt(step, without !== undefined), expected);
      if (differs !== null) failures.push(`stopped after ${step} updates: ${differs}`);
    }
    const arrays = Object.keys(expected).length;
    return {
      figure: `${arrays} arrays the same when made again, and after a stop at ${stops.length} of ${sampleArm.steps} updates`,
      count: (1 + stops.length) * arrays,
      coverage: { stops: stops.length, checkpoints: sampleArm.checkpoints.length, arrays },
      failures,
    };
  },
};
