/** The thread of a child process in which a job runs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessagePort } from "node:worker_threads";
import { FileError } from "../../base/errors.ts";
import { jobKey } from "../../studies/sweep/job.ts";
import { runSweepJob } from "../../studies/sweep/runSweepJob.ts";
import type { Interruption } from "../io.ts";
import { durablePool } from "../jobs/durablePool.ts";
import { type Journal, openJournal } from "../journal/journal.ts";
import { OwnedError } from "../journal/lock.ts";
import { openAnyStore } from "../queue/objectStore.ts";
import { shippedText } from "../runs/shippedText.ts";
import { openPool, type Pool } from "../workers/pool.ts";
import type { FromChild, JobEnd, JobOrder, ToChild } from "./jobOrders.ts";
import type { SweepStore } from "./store.ts";

/**
 * Answers orders, one job at a time, until it is told to stop: then it takes no more.
 *
 * @param version  of this program: a job of another has another result, as where a checkout was rebuilt meanwhile
 */
export function workOnJobs(port: MessagePort, version: string): void {
  const tell = (message: FromChild) => port.postMessage(message);
  const stop = new AbortController();
  /** Kept open from job to job: its threads have compiled their kernels. */
  let pool: Pool | null = null;
  port.on("message", (order: ToChild) => {
    if (order.kind === "stop") {
      stop.abort({ by: "its sweep", exitCode: 0 } satisfies Interruption);
      return;
    }
    const run = async () => {
      if (order.job.version !== version)
        throw new Error(
          `it is a job of Palimpsest ${order.job.version}, and what is installed has become ${version}`,
        );
      pool ??= openPool({ workers: order.threads, signal: stop.signal });
      return runOrder(order, pool, tell, stop.signal);
    };
    run().then(
      (end) => tell({ kind: "end", end }),
      (error) =>
        tell({
          kind: "failed",
          message: error instanceof Error ? error.message : String(error),
          ofFile: error instanceof FileError,
        }),
    );
  });
}

/** A journal for the work of a job, and what ends it. */
interface Work {
  readonly journal: Journal;
  /** Removes the folder: the job has its result. */
  remove(): void;
  /** Gives it back: a private folder is of no use to anybody, the job's own is for whoever takes the job over. */
  leave(): void;
}

/** The job's own folder; where another process is at the same job, a private one, as both come to the same result. */
function openWork(store: SweepStore, key: string): Work {
  const open = (path: string, shown: string, isPrivate = false): Work => {
    const journal = openJournal({ path, shown, date: () => new Date() });
    const release = () => journal.release();
    const discard = () => {
      release();
      rmSync(path, { recursive: true, force: true });
    };
    const remove = () => {
      journal.clear();
      discard();
    };
    return { journal, remove, leave: isPrivate ? discard : release };
  };
  try {
    return open(store.workPath(key), `${store.name}/work/${key.slice(0, 12)}`);
  } catch (error) {
    if (!(error instanceof OwnedError)) throw error;
    return open(mkdtempSync(join(tmpdir(), "palimpsest-job-")), "private folder", true);
  }
}

async function runOrder(
  { job, store: place, storeId }: JobOrder,
  pool: Pool,
  tell: (message: FromChild) => void,
  signal: AbortSignal,
): Promise<JobEnd> {
  const key = jobKey(job);
  const store = await openAnyStore(place);
  if (store.id !== storeId)
    throw new FileError({
      where: store.name,
      rule: "must be the store that it was when this began",
      got: "another one in its place",
      wayOut: "Is the share still mounted?",
    });
  const work = openWork(store, key);
  const notice = (text: string) => tell({ kind: "notice", text });
  try {
    // another may have finished it between the order and the lock
    if ((await store.read(key)) !== null) {
      work.remove();
      return { kind: "kept", kept: { kind: "same" } };
    }
    const durable = durablePool(pool, work.journal, { warn: notice });
    const result = await runSweepJob(job, {
      runJobs: durable.runJobs,
      runStudy: durable.runStudy,
      material: job.study === "text-persistence" ? { text: shippedText() } : {},
      progress: (progress) => tell({ kind: "progress", ...progress }),
    });
    const kept = await store.put(result);
    work.remove();
    return { kind: "kept", kept };
  } catch (error) {
    if (signal.aborted) return { kind: "left" };
    throw error;
  } finally {
    for (const text of [...store.notices, ...work.journal.notices]) notice(text);
    work.leave();
  }
}
