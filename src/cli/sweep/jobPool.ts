/** Child processes for the jobs of a sweep on this machine: as many as jobs run at a time, each used again and again. */
import { type JobChild, type JobListener, startJobChild } from "./jobChild.ts";
import type { JobEnd, JobOrder } from "./jobOrders.ts";

/** An open pool; close it, or its processes live on as long as this one. */
export interface JobPool {
  /** Computes a job in a process of its own; throws what {@link JobChild.run} does. */
  run(order: JobOrder, listener: JobListener): Promise<JobEnd>;
  /** Ends all processes. */
  close(): Promise<void>;
}

/**
 * Opens a pool. Processes are started when they are needed; one that died is replaced by the next job's.
 *
 * @param start  starts a process
 */
export function openJobPool(start: () => JobChild = startJobChild): JobPool {
  const idle: JobChild[] = [];
  const all = new Set<JobChild>();
  return {
    run: async (order, listener) => {
      let child = idle.pop();
      while (child !== undefined && !child.alive) child = idle.pop();
      child ??= start();
      all.add(child);
      // a process whose job did not come to its end may hold on to something of it: it is not used again
      let whole = false;
      try {
        const end = await child.run(order, listener);
        whole = end.kind === "kept";
        return end;
      } finally {
        if (whole && child.alive) idle.push(child);
        else {
          await child.close();
          all.delete(child);
        }
      }
    },
    close: async () => {
      await Promise.all([...all].map((child) => child.close()));
    },
  };
}
