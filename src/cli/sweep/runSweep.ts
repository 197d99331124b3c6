/** `palimpsest sweep`: from a file to jobs, from jobs to results, from results to a run folder with its report. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { commandText } from "../../record/commandWords.ts";
import { expandSweep, type SweepPlan, type SweepPoint, valuesText } from "../../studies/sweep/expand.ts";
import { jobSize } from "../../studies/sweep/job.ts";
import { parseSweep, type SweepSpec } from "../../studies/sweep/spec.ts";
import { type SweepOptions, sweepWords } from "../commands/sweep.ts";
import type { Outcome, RunIo } from "../io.ts";
import { createMemoryQueue } from "../queue/memoryQueue.ts";
import { isObjectAddress, openAnyStore } from "../queue/objectStore.ts";
import { computingProgram, openQueue } from "../queue/openQueue.ts";
import { queueUrl } from "../queue/queueUrl.ts";
import { inRun, type RunPlan } from "../runs/inRun.ts";
import { engineOf, installed } from "../runs/installed.ts";
import { shippedText } from "../runs/shippedText.ts";
import { carriedBy } from "./carriedBy.ts";
import { jobScript } from "./jobChild.ts";
import { programVersion } from "./programVersion.ts";
import { readSweepFile } from "./readSweepFile.ts";
import { computeJobs } from "./sweepJobs.ts";
import type { ShownJob } from "./sweepProgress.ts";
import { dryOutcome, sizeText } from "./sweepText.ts";
import { openWorkplace, type Program } from "./workplace.ts";
import { writeSweep } from "./writeSweep.ts";

/** What jobs are computed with here. */
export function installedProgram(): Program {
  const engines = new Map<string, string | null>();
  return {
    version: programVersion(installed.versions.palimpsest, jobScript),
    engineOf: (backend) => {
      // 100,000 jobs ask for the hash of the same kernels
      if (!engines.has(backend)) engines.set(backend, engineOf(backend));
      return engines.get(backend) ?? null;
    },
  };
}

/** The jobs of a plan with their names and sizes. */
function shownJobs({ jobs, points }: SweepPlan): ShownJob[] {
  const first = new Map<string, SweepPoint>();
  for (const point of points) if (!first.has(point.key)) first.set(point.key, point);
  const text = jobs.some(({ job }) => job.study === "text-persistence") ? shippedText() : "";
  const several = new Set(jobs.map(({ job }) => job.study)).size > 1;
  return jobs.map(({ key, job }) => {
    const values = valuesText(first.get(key)?.values ?? {});
    const name = [several || values === "" ? job.study : "", values].filter((part) => part !== "").join(", ");
    return { key, job, name, size: jobSize(job, { text }) };
  });
}

/** What decides the numbers of a sweep, for its manifest. */
function configOf({ title, studies, seeds, base, grids, random }: SweepSpec): Record<string, JsonValue> {
  const over = random && Object.fromEntries([...random.over].map(([field, law]) => [field, { ...law }]));
  return {
    ...{ title, studies, seeds, base },
    grids: grids.map((grid) => Object.fromEntries(grid)),
    random: random === null ? null : { draws: random.draws, seed: random.seed, over },
  };
}

/** Runs a sweep into a run folder, or says what it would compute. */
export async function runSweep(options: SweepOptions, io: RunIo): Promise<Outcome> {
  const { file } = options;
  const isNamed = io.resume === undefined && io.repeats === undefined;
  const spec = parseSweep(await readSweepFile(file, io.cwd, isNamed), file);
  const program = installedProgram();
  const plan = expandSweep(spec, file, program);
  const jobs = shownJobs(plan);
  // a run that is made again to prove its numbers must not find them in the store
  const again = io.out === undefined ? null : mkdtempSync(join(tmpdir(), "palimpsest-sweep-"));
  const place = { folder: again ?? options.store, cwd: io.cwd };
  try {
    if (options.dryRun) {
      // one that is not there yet is not made for a look
      const there = isObjectAddress(options.store) || existsSync(resolve(io.cwd, options.store));
      const done = there ? await (await openAnyStore(place)).keys() : new Set<string>();
      return dryOutcome(spec.title, jobs, done, plan.fields);
    }
    const store = await openAnyStore(place);
    const present = await store.keys();
    const carried = carriedBy(options, io.resume, jobs.filter(({ key }) => !present.has(key)).length);
    // the place without its password: whoever goes on with the run is told where its jobs went
    const shown = carried.queue === null ? null : queueUrl(carried.queue).shown;
    const backends = new Set(plan.jobs.map(({ job }) => job.config.backend));
    const run: RunPlan = {
      ...{ study: "sweep", out: options.out, config: configOf(spec), command: sweepWords(options) },
      engine: backends.has("wasm") ? program.engineOf("wasm") : null,
      // those of its jobs are in processes of their own
      workers: 1,
      started: { file, processes: carried.workers, ...(shown === null ? {} : { queue: shown }) },
    };
    return await inRun(run, io, async ({ folder }) => {
      io.board.log(`${spec.title}: ${sizeText(jobs)}`);
      const { queue: address, workers } = carried;
      const queue =
        address === null
          ? createMemoryQueue()
          : await openQueue(address, { store: store.id, program: computingProgram(program) });
      const workplace = workers === 0 ? null : await openWorkplace({ store: place, program });
      try {
        const givenUp = await computeJobs({
          ...{ title: spec.title, jobs, store, queue, workplace, slots: workers, io, log: folder.log },
        });
        io.board.log(`Writing ${folder.name}`);
        const command = commandText(sweepWords(options));
        return await writeSweep({ plan, jobs, store, givenUp, folder, command, program, signal: io.signal });
      } finally {
        await workplace?.close();
        await queue.close();
        for (const notice of store.notices) io.warn(notice);
      }
    });
  } finally {
    if (again !== null) rmSync(again, { recursive: true, force: true });
  }
}
