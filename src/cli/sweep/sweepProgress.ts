/** Keeps the state that a sweep's display shows, from what the queue tells. */
import type { KeyedJob } from "../../studies/sweep/expand.ts";
import type { JobSize } from "../../studies/sweep/job.ts";
import type { QueueEvent } from "../queue/jobQueue.ts";
import type { RunningJob, SweepState } from "./sweepBoard.ts";

/** A job for the display. */
export interface ShownJob extends KeyedJob {
  /** Its values for the reader. */
  readonly name: string;
  readonly size: JobSize;
}

/** The display's state, and the ways it changes. */
export interface SweepProgress {
  read(): SweepState;
  /** Takes in what the queue tells of the sweep's own jobs; what it tells of others is passed over. */
  event(event: QueueEvent): void;
  /** A job's result is there, however that became known. */
  computed(key: string): void;
  /** What the queue counts. */
  counts(running: number, workers: number): void;
}

/** Updates that stand for a network of a study whose plan fixes its training. */
const plannedSteps = 1000;

const workOf = ({ models, modelSteps }: JobSize) => modelSteps ?? models * plannedSteps;

/**
 * @param todo   jobs that have no result yet
 * @param found  how many others there are
 */
export function sweepProgress(
  title: string,
  todo: readonly ShownJob[],
  found: number,
  clock: () => number,
): SweepProgress {
  const started = clock();
  const jobs = new Map(todo.map((job) => [job.key, job]));
  const total = todo.reduce((sum, { size }) => sum + workOf(size), 0);
  const done = new Set<string>();
  /** Of the jobs that are done, summed as they come: the display asks many times a second, and a sweep has many jobs. */
  const ended = { models: 0, modelSteps: 0, work: 0 };
  const parked = new Set<string>();
  const running = new Map<string, RunningJob & { modelSteps: number; work: number }>();
  let [failures, inProgress, workers] = [0, 0, 0];
  const computed = (key: string) => {
    running.delete(key);
    parked.delete(key);
    const size = jobs.get(key)?.size;
    if (size === undefined || done.has(key)) return;
    done.add(key);
    ended.models += size.models;
    ended.modelSteps += size.modelSteps ?? 0;
    ended.work += workOf(size);
  };
  const told = (job: ShownJob, value: Extract<QueueEvent, { kind: "told" }>["value"]) => {
    const { done: share, modelSteps } = value as { done?: unknown; modelSteps?: unknown };
    if (typeof share !== "number" || typeof modelSteps !== "number") return;
    const work = share * workOf(job.size);
    running.set(job.key, { name: job.name, done: share, modelSteps, work });
  };
  const sumOf = <T>(items: Iterable<T>, of: (item: T) => number) =>
    [...items].reduce((sum, item) => sum + of(item), 0);
  return {
    read: () => ({
      ...{ title, started, workers, running },
      jobs: {
        ...{ total: found + jobs.size, found, computed: done.size },
        ...{ running: Math.max(inProgress, running.size), parked: parked.size, failures },
      },
      models: ended.models,
      modelSteps: ended.modelSteps + sumOf(running.values(), ({ modelSteps }) => modelSteps),
      work: { total, done: ended.work + sumOf(running.values(), ({ work }) => work) },
    }),
    event: (event) => {
      const job = jobs.get(event.key);
      if (job === undefined || done.has(event.key)) return;
      if (event.kind === "done") return computed(event.key);
      if (event.kind === "told") return told(job, event.value);
      running.delete(event.key);
      if (event.kind === "parked") parked.add(event.key);
      if (event.kind !== "lost") failures++;
    },
    computed,
    counts: (count, of) => {
      [inProgress, workers] = [count, of];
    },
  };
}

/** A queue event as a record of the log; null for those that are only for the display. */
export function eventRecord(event: QueueEvent): { event: string; job: string; reason?: string } | null {
  if (event.kind === "told") return null;
  const reason = "reason" in event ? { reason: event.reason } : {};
  return { event: event.kind, job: event.key, ...reason };
}
