/** `palimpsest worker`: takes jobs from a queue until it is stopped, and says what becomes of each. */
import { hostname } from "node:os";
import { FileError } from "../../base/errors.ts";
import type { WorkerOptions } from "../commands/worker.ts";
import type { LinesIo } from "../io.ts";
import type { SweepStore } from "../sweep/store.ts";
import type { Workplace } from "../sweep/workplace.ts";
import { pause } from "./broker.ts";
import type { JobHandler, JobQueue, LinkEvent } from "./jobQueue.ts";
import { type ComputingProgram, openQueue } from "./openQueue.ts";

/** Where jobs are computed, as far as a worker knows it. */
export interface WorkerPlace extends Pick<Workplace, "compute" | "close"> {
  readonly store: Pick<SweepStore, "id" | "name">;
}

/** What a worker does its work with. */
export interface WorkerParts {
  readonly program: ComputingProgram;
  /** @throws FileError where the store cannot be used */
  readonly openWorkplace: (store: { readonly folder: string; readonly cwd: string }) => Promise<WorkerPlace>;
  /** Monotonic, ms. */
  readonly clock: () => number;
}

/** Longest wait after a failed job before the next is taken, ms. */
const longestRestMs = 60_000;
const firstRestMs = 1000;

/**
 * How long a worker rests whose last jobs failed, ms: not at all after one, then 1 s and twice as long each time. A
 * machine on which everything fails would otherwise take and spoil every job of a sweep before others get at them.
 */
export function restAfter(failuresInARow: number): number {
  return failuresInARow < 2 ? 0 : Math.min(longestRestMs, firstRestMs * 2 ** (failuresInARow - 2));
}

function sayLink(event: LinkEvent, shown: string, print: LinesIo["print"]): void {
  if (event.kind === "away")
    print(
      { event: "away", reason: event.reason },
      `No jobs from ${shown}: ${event.reason}. Trying again until there are.`,
    );
  else print({ event: "back" }, `Jobs from ${shown} again.`);
}

/**
 * Works until the signal is aborted, or until the queue is empty where that is asked for.
 *
 * @returns  the exit code: 0, or 1 where a job had another result already; the command line itself tells of signals
 * @throws UserError where the queue or the store cannot be used, at the start or later; jobs went back before
 */
export async function runWorker(
  { queue: url, store, workers, untilEmpty, lease }: WorkerOptions,
  io: LinesIo,
  { program, openWorkplace, clock }: WorkerParts,
): Promise<number> {
  const { print, signal } = io;
  const workplace = await openWorkplace({ folder: store, cwd: io.cwd });
  let queue: JobQueue;
  try {
    queue = await openQueue(url, { store: workplace.store.id, program, leaseMs: lease * 1000 });
  } catch (error) {
    await workplace.close();
    throw error;
  }
  const began = clock();
  const seconds = (since: number) => Number(((clock() - since) / 1000).toFixed(3));
  print(
    {
      ...{ event: "started", queue: queue.shown, store: workplace.store.name, workers },
      ...{ ...program, lease, pid: process.pid, host: hostname() },
    },
    `Worker ${process.pid} on ${hostname()} takes up to ${workers} jobs at a time from ${queue.shown} for ${workplace.store.name}.`,
  );

  const ended = new AbortController();
  const end = () => ended.abort();
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  let spoiled: FileError | null = null;
  let done = 0;
  let failed = 0;
  let failuresInARow = 0;
  let alarms = 0;

  const handler: JobHandler = async (job, jobLease) => {
    const start = clock();
    const name = job.key.slice(0, 12);
    print(
      { event: "taken", job: job.key, failures: jobLease.failures },
      `${name} taken${jobLease.failures > 0 ? `, after ${jobLease.failures} failed tries` : ""}.`,
    );
    try {
      const verdict = await workplace.compute(job, jobLease, {
        alarm: (message) => {
          alarms++;
          print({ event: "alarm", job: job.key, message }, message);
        },
        notice: (message) => print({ event: "notice", job: job.key, message }, message),
      });
      if (verdict === "done") {
        done++;
        failuresInARow = 0;
        print({ event: "done", job: job.key, seconds: seconds(start) }, `${name} done, ${seconds(start)} s.`);
      } else {
        const why = jobLease.signal.reason === "lost" ? "its lease ran out" : "its state is kept";
        print({ event: "left", job: job.key, why: jobLease.signal.reason }, `${name} left; ${why}.`);
      }
      return verdict;
    } catch (error) {
      if (error instanceof FileError) {
        spoiled ??= error;
        end();
        return "back";
      }
      failed++;
      failuresInARow++;
      const reason = (error as Error).message;
      print({ event: "failed", job: job.key, reason }, `${name} failed: ${reason}`);
      await pause(restAfter(failuresInARow), jobLease.signal);
      throw error;
    }
  };

  const unwatch = queue.watchLink((event) => sayLink(event, queue.shown, print));
  const working = queue.work(handler, { slots: workers });
  const stopped = new Promise<void>((resolve) => {
    if (ended.signal.aborted) resolve();
    ended.signal.addEventListener("abort", () => resolve());
  });
  await Promise.race(untilEmpty ? [stopped, working.empty()] : [stopped]);
  unwatch();
  await working.stop();
  await queue.close();
  await workplace.close();
  signal.removeEventListener("abort", end);
  print(
    { event: "ended", done, failed, alarms, seconds: seconds(began) },
    `Ended: ${done} jobs done, ${failed} tries failed, ${seconds(began)} s.`,
  );
  if (spoiled !== null) throw spoiled;
  return alarms === 0 ? 0 : 1;
}
