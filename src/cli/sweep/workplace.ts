/** Where jobs of sweeps are computed on this machine: a store of results, and child processes. */
import { readSweepJob, type SweepJob } from "../../studies/sweep/job.ts";
import type { JobHandler, Lease, QueuedJob } from "../queue/jobQueue.ts";
import { isObjectAddress, openAnyStore } from "../queue/objectStore.ts";
import type { JobOrder } from "./jobOrders.ts";
import { openJobPool } from "./jobPool.ts";
import type { SweepStore } from "./store.ts";
import { removeLitter } from "./storeLitter.ts";

/** An open workplace; close it, or its processes live on as long as this one. */
export interface Workplace {
  readonly store: SweepStore;
  /**
   * Computes a job and publishes its result; one whose result is in the store is done. It tells the lease
   * `{done, modelSteps}` while the job runs.
   *
   * @throws FileError  where the store cannot be read or written, which is no fault of the job
   * @throws Error      with a sentence: why the job failed
   */
  compute(job: QueuedJob, lease: Lease, options: ComputeOptions): ReturnType<JobHandler>;
  close(): Promise<void>;
}

/** How a job is computed. */
export interface ComputeOptions {
  /** Called with a sentence where the job has another result already that is not equal to this one. */
  readonly alarm: (sentence: string) => void;
  /** Called with a sentence for what was mended. */
  readonly notice: (sentence: string) => void;
  /** Threads that train for it, the same for all jobs; 1 unless given. Changes no number. */
  readonly threads?: number;
}

/** What a workplace is made of. */
export interface WorkplaceOptions {
  /** As {@link openAnyStore} takes it. */
  readonly store: JobOrder["store"];
  readonly program: Program;
}

/** What this machine computes with: what stands in the jobs that it can take. */
export interface Program {
  /** Of Palimpsest. */
  readonly version: string;
  /** SHA-256 of a backend's kernels; null where it has none. */
  readonly engineOf: (backend: string) => string | null;
}

/**
 * Opens a workplace.
 *
 * @throws FileError  where the store cannot be used
 */
export async function openWorkplace({ store: place, program }: WorkplaceOptions): Promise<Workplace> {
  const store = await openAnyStore(place);
  if (!isObjectAddress(place.folder)) removeLitter(place, Date.now());
  const pool = openJobPool();
  return {
    store,
    compute: async ({ key, data }, lease, { alarm, notice, threads = 1 }) => {
      const job = readSweepJob(data, key);
      if ((await store.read(key)) !== null) return "done";
      checkSameProgram(job, program);
      const end = await pool.run(
        { job, store: place, storeId: store.id, threads },
        {
          signal: lease.signal,
          progress: ({ done, modelSteps }) => lease.tell({ done, modelSteps }),
          notice,
        },
      );
      if (end.kind === "left") return "back";
      if (end.kept.kind === "differs") alarm(differsText(key, end.kept.evidence));
      return "done";
    },
    close: () => pool.close(),
  };
}

/** The alarm over two results of one job. */
export function differsText(key: string, evidence: string): string {
  const first = evidence.replace(/\.differs-[0-9a-f]+(?=\.json$)/, "");
  return `Alarm: job ${key} was computed twice with different results, which must not happen: a machine, a disk or Palimpsest is broken. The first is kept as ${first}, the second as ${evidence}. Compute the job once more with another --store on a machine that you trust: where that comes to the first, remove the second; else remove both, and the sweep computes it again. Until then every sweep with this job ends with exit code 1.`;
}

/** Throws where this program is not the one that the job names: its result would be another. */
function checkSameProgram(job: SweepJob, { version, engineOf }: Program): void {
  const engine = engineOf(job.config.backend as string);
  if (job.version === version && job.engine === engine) return;
  const name = (of: string, kernels: string | null) =>
    `Palimpsest ${of}${kernels === null ? "" : ` with kernels ${kernels.slice(0, 12)}`}`;
  throw new Error(`it is a job of ${name(job.version, job.engine)}, and this is ${name(version, engine)}`);
}
