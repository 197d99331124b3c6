/** A population computed by a pool of workers, in a page and in Node alike. */
import workerpool, { type WorkerPoolOptions } from "workerpool";
import type { Answer } from "../../src/cli/workers/worker.ts";
import { gatherArm } from "../../src/studies/population/gather.ts";
import type { JobEvent, PopulationJob } from "../../src/studies/population/job.ts";
import { type Digests, digestsOf } from "./digests.ts";

/**
 * Runs the jobs of one arm in `workers` workers of a script, and hashes what came back.
 *
 * @throws Error with the worker's own message if a job fails
 */
export async function digestsFromPool(
  script: string,
  jobs: readonly PopulationJob[],
  workers: number,
  kind: Pick<WorkerPoolOptions, "workerType" | "workerOpts">,
): Promise<Digests> {
  const pool = workerpool.pool(script, { ...kind, minWorkers: workers, maxWorkers: workers });
  try {
    const told = await Promise.all(
      jobs.map(async (job) => {
        const events: JobEvent[] = [];
        const answer: Answer<null> = await pool.exec("population", [job], {
          on: (event) => events.push(event),
        });
        if (!answer.ok) throw new Error(answer.message);
        return events;
      }),
    );
    return await digestsOf(gatherArm(jobs, told));
  } finally {
    await pool.terminate();
  }
}
