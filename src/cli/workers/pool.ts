/** A pool of worker threads for the command line. */
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import workerpool from "workerpool";
import { ArgumentError, InternalError } from "../../base/errors.ts";
import type { ExperimentsEvent, ExperimentsJob } from "../../studies/experiments/job.ts";
import type { JobEvent, PopulationJob } from "../../studies/population/job.ts";
import type { StudyEvent, StudyJob } from "../../studies/protocol/jobs.ts";
import type { TextEvent, TextJob } from "../../studies/text/job.ts";
import type { Interruption } from "../io.ts";
import type { BenchJob, BenchMeasurement } from "./measureTraining.ts";
import type { Answer } from "./worker.ts";

/** An open pool; close it, or the process does not end. */
export interface Pool {
  /** Runs population jobs, as many at a time as there are workers. `slot` numbers the busy workers from 0. */
  runJobs(
    jobs: readonly PopulationJob[],
    tell: (job: number, event: JobEvent, slot: number) => void,
  ): Promise<void>;
  /** The same for jobs of the experiments. */
  runExperiments(
    jobs: readonly ExperimentsJob[],
    tell: (job: number, event: ExperimentsEvent, slot: number) => void,
  ): Promise<void>;
  /** The same for jobs of a study. */
  runStudy(
    jobs: readonly StudyJob[],
    tell: (job: number, event: StudyEvent, slot: number) => void,
  ): Promise<void>;
  /** The same for jobs of a text population. */
  runText(
    jobs: readonly TextJob[],
    tell: (job: number, event: TextEvent, slot: number) => void,
  ): Promise<void>;
  /** Measures training in every worker at once. */
  measure(jobs: readonly BenchJob[]): Promise<BenchMeasurement[]>;
  close(): Promise<void>;
}

/** How to open a pool. */
export interface PoolOptions {
  workers: number;
  /** When aborted, every worker is ended at once. */
  signal?: AbortSignal;
  /** Let Node 20 compile relaxed SIMD, which is behind a flag there. */
  relaxed?: boolean;
}

/** Beside this file in the build. */
const script = fileURLToPath(new URL("./worker.js", import.meta.url));

export function openPool({ workers, signal, relaxed = false }: PoolOptions): Pool {
  // V8 takes the flag only while nothing relaxed was compiled; newer versions do not know it and do not need it
  if (relaxed && Number(process.versions.node.split(".")[0]) < 22)
    setFlagsFromString("--experimental-wasm-relaxed-simd");
  const pool = workerpool.pool(script, { workerType: "thread", minWorkers: workers, maxWorkers: workers });
  const busy: boolean[] = new Array(workers).fill(false);
  const abort = () => void pool.terminate(true);
  signal?.addEventListener("abort", abort);

  const call = async <T, E = never>(method: string, job: unknown, on?: (event: E) => void): Promise<T> => {
    let answer: Answer<T>;
    try {
      answer = (await pool.exec(method, [job], { on })) as Answer<T>;
    } catch (error) {
      if (signal?.aborted) throw interrupted(signal);
      const message = error instanceof Error ? error.message : String(error);
      throw new InternalError({ where: "worker", rule: "a worker died", got: message });
    }
    if (answer.ok) return answer.value;
    // the sentence was made in the worker; only its kind is told again
    const Kind = answer.user ? ArgumentError : InternalError;
    throw Object.assign(new Kind({ where: "worker", rule: "failed" }), { message: answer.message });
  };

  /** Runs jobs of one kind; a job takes a slot with its first event and leaves it with its last. */
  const runAll = async <J, E extends { kind: string }>(
    method: string,
    jobs: readonly J[],
    tell: (job: number, event: E, slot: number) => void,
  ): Promise<void> => {
    await Promise.all(
      jobs.map(async (job, index) => {
        let slot = -1;
        await call<null, E>(method, job, (event) => {
          if (slot < 0) {
            slot = Math.max(0, busy.indexOf(false));
            busy[slot] = true;
          }
          tell(index, event, slot);
          if (event.kind === "end") busy[slot] = false;
        });
      }),
    );
  };

  return {
    runJobs: (jobs, tell) => runAll("population", jobs, tell),
    runExperiments: (jobs, tell) => runAll("experiments", jobs, tell),
    runStudy: (jobs, tell) => runAll("study", jobs, tell),
    runText: (jobs, tell) => runAll("text", jobs, tell),
    measure: (jobs) => Promise.all(jobs.map((job) => call<BenchMeasurement>("bench", job))),
    async close() {
      signal?.removeEventListener("abort", abort);
      await pool.terminate();
    },
  };
}

function interrupted(signal: AbortSignal): Error {
  const { by } = signal.reason as Interruption;
  return new ArgumentError({ where: "run", rule: `stopped by ${by}` });
}
