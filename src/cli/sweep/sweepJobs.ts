/** Has the jobs of a sweep computed: by this machine's processes, or by whoever takes them from a queue's server. */
import { setTimeout as wait } from "node:timers/promises";
import { FileError } from "../../base/errors.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import type { RunIo } from "../io.ts";
import type { JobHandler, JobQueue, QueueEvent } from "../queue/jobQueue.ts";
import type { SweepStore } from "./store.ts";
import { sweepPicture } from "./sweepBoard.ts";
import { eventRecord, type ShownJob, sweepProgress } from "./sweepProgress.ts";
import type { Workplace } from "./workplace.ts";

/** What computing needs. */
export interface Computing {
  readonly title: string;
  /** All jobs of the sweep, each once. */
  readonly jobs: readonly ShownJob[];
  readonly store: SweepStore;
  readonly queue: JobQueue;
  /** Takes jobs here, too; null where others do all the work. */
  readonly workplace: Workplace | null;
  /** Jobs at a time in the workplace. */
  readonly slots: number;
  readonly io: Pick<RunIo, "board" | "clock" | "signal" | "warn">;
  /** Writes a record down for good. */
  readonly log: (record: Readonly<Record<string, JsonValue>> & { readonly event: string }) => void;
}

/** Jobs that were given up, by key, and why. */
export type GivenUp = ReadonlyMap<string, string>;

/** Milliseconds between two looks at the store and the queue, for what nobody told. */
const lookEvery = 2000;

/**
 * Computes the jobs that have no result in the store, until each has one or was given up.
 *
 * @returns  those that were given up
 * @throws FileError  where the store cannot be used; and an Error where the sweep is stopped: jobs in progress keep their
 *                    state
 */
export async function computeJobs(computing: Computing): Promise<GivenUp> {
  const { jobs, store, queue, io, log } = computing;
  const known = new Set<string>();
  let givenUp: GivenUp = new Map();
  for (let first = true; ; first = false) {
    const present = await store.keys();
    // results are read, not only looked for: a damaged one is computed again
    for (const { key } of jobs)
      if (!known.has(key) && present.has(key) && (await store.read(key)) !== null) known.add(key);
    const todo = jobs.filter(({ key }) => !known.has(key) && !givenUp.has(key));
    if (first) {
      log({ event: "jobs", total: jobs.length, found: known.size, queue: queue.shown, store: store.name });
      io.board.log(`${known.size} of ${jobs.length} jobs have their result; computing ${todo.length}`);
    }
    if (todo.length === 0) return givenUp;
    const parked = await computeOnce(todo, known.size, computing);
    givenUp = new Map([...givenUp, ...parked]);
  }
}

async function computeOnce(
  todo: readonly ShownJob[],
  found: number,
  { title, store, queue, workplace, slots, io, log }: Computing,
): Promise<GivenUp> {
  const { board, clock, signal, warn } = io;
  const progress = sweepProgress(title, todo, found, clock);
  const open = new Set(todo.map(({ key }) => key));
  const parked = new Map<string, string>();
  const ended = new AbortController();
  const end = () => ended.abort();
  let trouble: unknown;
  const show = () => board.draw(sweepPicture(progress.read()));
  const close = (key: string) => {
    open.delete(key);
    if (open.size === 0) end();
  };
  const stopBy = (error: unknown) => {
    trouble ??= error;
    end();
  };
  /** A disk that refuses the log ends the sweep, wherever it is noticed. */
  const write: typeof log = (record) => {
    try {
      log(record);
    } catch (error) {
      stopBy(error);
    }
  };

  const hear = (event: QueueEvent) => {
    if (!open.has(event.key)) return;
    progress.event(event);
    const record = eventRecord(event);
    if (record !== null) write(record);
    if (event.kind === "failed" || event.kind === "parked") {
      const name = todo.find(({ key }) => key === event.key)?.name ?? event.key;
      const verdict = event.kind === "parked" ? "given up" : "failed and is tried again";
      warn(`Job ${event.key.slice(0, 12)} (${name}) ${verdict}: ${event.reason}.`);
    }
    if (event.kind === "parked") parked.set(event.key, event.reason);
    if (event.kind === "done" || event.kind === "parked") close(event.key);
    show();
  };
  const unwatch = queue.watch(hear);
  const unwatchLink = queue.watchLink((event) =>
    warn(
      event.kind === "away"
        ? `The queue at ${queue.shown} does not answer (${event.reason}); trying again until it does.`
        : `The queue at ${queue.shown} answers again.`,
    ),
  );
  // processors that have no job of their own help with one
  const threads = Math.max(1, Math.floor(slots / todo.length));
  const handler: JobHandler = async (job, lease) => {
    // between the end and the queue's hearing of it
    if (ended.signal.aborted) return "back";
    const alarm = (message: string) => {
      write({ event: "alarm", job: job.key, message });
      warn(message);
    };
    try {
      const verdict = await workplace?.compute(job, lease, { alarm, notice: warn, threads });
      return verdict ?? "back";
    } catch (error) {
      // a store that cannot be used is no fault of the job: the sweep ends, and the job is as it was
      if (!(error instanceof FileError)) throw error;
      stopBy(error);
      return "back";
    }
  };

  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const data = (job: ShownJob) => ({ key: job.key, data: job.job as unknown as JsonValue });
  await queue.add(todo.map(data));
  await queue.retry(todo.map(({ key }) => key));
  const working = workplace === null ? null : queue.work(handler, { slots });

  /** Looks at what nobody told: results of workers elsewhere, and jobs that the queue's server forgot. */
  const look = async () => {
    const { running, waiting, workers } = await queue.counts();
    progress.counts(running, workplace === null ? workers : slots);
    show();
    if (workplace !== null) return;
    for (const key of await store.keys())
      if (open.has(key)) {
        progress.computed(key);
        write({ event: "done", job: key });
        close(key);
      }
    for (const { key, reason } of await queue.parked())
      if (open.has(key)) hear({ kind: "parked", key, reason });
    if (waiting + running === 0 && open.size > 0)
      await queue.add(todo.filter(({ key }) => open.has(key)).map(data));
  };
  try {
    while (!ended.signal.aborted) {
      await unlessAborted(ended.signal, look().catch(stopBy));
      await wait(lookEvery, undefined, { signal: ended.signal }).catch(() => {});
    }
  } finally {
    signal.removeEventListener("abort", end);
    await working?.stop();
    unwatch();
    unwatchLink();
    progress.counts(0, 0);
    show();
  }
  if (trouble !== undefined) throw trouble;
  if (signal.aborted) throw new Error("the sweep was stopped");
  return parked;
}

/** Waits until work has ended, well or not, or the signal comes; leaves no listener behind, for a sweep lasts for days. */
function unlessAborted(signal: AbortSignal, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener("abort", done);
      resolve();
    };
    if (signal.aborted) return done();
    signal.addEventListener("abort", done);
    work.then(done, done);
  });
}
