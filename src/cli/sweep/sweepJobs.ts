/** Has the jobs of a sweep computed: by this machine's processes, or by whoever takes them from a queue's server. */
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { FileError } from "../../base/errors.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import type { RunIo } from "../io.ts";
import { type JobHandler, type JobQueue, type QueueEvent, triesOfAJob } from "../queue/jobQueue.ts";
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
  /** How often it is looked; {@link standardPace} by default. */
  readonly pace?: LookPace;
  /** Writes a record down for good. */
  readonly log: (record: Readonly<Record<string, JsonValue>> & { readonly event: string }) => void;
}

/** Results that are read before signals are heard again: a folder's are read without waiting, 3 ms each. */
export const readsPerTurn = 16;
/** Results whose reading takes so long that it is said. */
const readsToTell = 1000;
/** Why a sweep that was stopped ended; the command line tells of the signal. */
export const stopped = "the sweep was stopped";

/** Jobs that were given up, by key, and why. */
export type GivenUp = ReadonlyMap<string, string>;

/** How often a sweep looks for what nobody told it. */
export interface LookPace {
  /** Milliseconds between two looks at the store and at what the queue counts. */
  readonly lookMs: number;
  /** Looks between two questions which jobs the queue still knows: it answers with the keys of all, 7 MB of 100,000. */
  readonly looksPerQuestion: number;
}

/** A lost job is missed after a minute. */
const standardPace: LookPace = { lookMs: 2000, looksPerQuestion: 30 };

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
  /** How often a job was computed and its result not there, or damaged, when it was read. */
  const spoiled = new Map<string, number>();
  let computed: readonly ShownJob[] = [];
  for (let first = true; ; first = false) {
    const present = await store.keys();
    // results are read, not only looked for: a damaged one is computed again
    const toRead = jobs.filter(({ key }) => !known.has(key) && present.has(key));
    if (toRead.length > readsToTell) io.board.log(`Reading ${toRead.length} results in ${store.name}`);
    for (const [i, { key }] of toRead.entries()) {
      if (i % readsPerTurn === 0) await turn();
      if (io.signal.aborted) throw new Error(stopped);
      if ((await store.read(key)) !== null) known.add(key);
    }
    for (const { key, name } of computed) {
      if (known.has(key) || givenUp.has(key)) continue;
      const times = (spoiled.get(key) ?? 0) + 1;
      spoiled.set(key, times);
      if (times < triesOfAJob) continue;
      const reason = `its result was written ${times} times and could not be read back: is the disk of ${store.name} at fault?`;
      log({ event: "spoiled", job: key, reason });
      io.warn(`Job ${key.slice(0, 12)} (${name}) given up: ${reason}`);
      givenUp = new Map([...givenUp, [key, reason]]);
    }
    const todo = jobs.filter(({ key }) => !known.has(key) && !givenUp.has(key));
    if (first) {
      log({ event: "jobs", total: jobs.length, found: known.size, queue: queue.shown, store: store.name });
      io.board.log(`${known.size} of ${jobs.length} jobs have their result; computing ${todo.length}`);
    }
    if (todo.length === 0) return givenUp;
    const parked = await computeOnce(todo, known.size, computing);
    givenUp = new Map([...givenUp, ...parked]);
    computed = todo;
  }
}

async function computeOnce(
  todo: readonly ShownJob[],
  found: number,
  { title, store, queue, workplace, slots, io, log, pace = standardPace }: Computing,
): Promise<GivenUp> {
  const { board, clock, signal, warn } = io;
  const progress = sweepProgress(title, todo, found, clock);
  const byKey = new Map(todo.map((job) => [job.key, job]));
  const open = new Set(byKey.keys());
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
      const name = byKey.get(event.key)?.name ?? event.key;
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

  let looks = 0;
  /** Looks at what nobody told: results of workers elsewhere, and jobs that the queue's server forgot. */
  const look = async () => {
    const { running, waiting, workers } = await queue.counts();
    progress.counts(running, workplace === null ? workers : slots);
    show();
    if (!queue.shared) return;
    const isEmpty = waiting + running === 0;
    const isDue = isEmpty || looks % pace.looksPerQuestion === pace.looksPerQuestion - 1;
    looks++;
    // before the store: a job leaves the queue once its result is there
    const unknown = isDue ? await queue.unknown([...open]) : [];
    for (const key of await store.keys())
      if (open.has(key)) {
        progress.computed(key);
        write({ event: "done", job: key });
        close(key);
      }
    for (const { key, reason } of await queue.parked())
      if (open.has(key)) hear({ kind: "parked", key, reason });
    const lost = unknown.flatMap((key) => (open.has(key) ? (byKey.get(key) ?? []) : []));
    if (lost.length === 0) return;
    board.log(
      `The queue no longer knew ${lost.length} of ${open.size} jobs without a result; they are added again`,
    );
    write({ event: "forgotten", jobs: lost.length, open: open.size });
    await queue.addLost(lost.map(data));
  };
  try {
    while (!ended.signal.aborted) {
      await unlessAborted(ended.signal, look().catch(stopBy));
      await wait(pace.lookMs, undefined, { signal: ended.signal }).catch(() => {});
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
  if (signal.aborted) throw new Error(stopped);
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
