/**
 * What carries the jobs of a sweep to whoever computes them.
 *
 * A queue promises that a job which was added is handed out again and again until somebody says that it is done, never
 * that it is handed out once: a worker that was taken for dead may still be at it. That each job has exactly one result
 * is therefore the store's promise, and what a queue knows of a finished job it forgets: the store is the only memory.
 */
import type { JsonValue } from "../../record/canonicalJson.ts";

/** A job on its way: plain data under the hash that names it and its result. */
export interface QueuedJob {
  /** SHA-256 of the job's canonical form, in lower-case hexadecimal digits. */
  readonly key: string;
  readonly data: JsonValue;
}

/** How many jobs the queue holds, by where they are. Finished ones are in the store and no longer here. */
export interface QueueCounts {
  readonly waiting: number;
  /** Leased by a worker, which may be dead as long as its lease has not ended. */
  readonly running: number;
  readonly parked: number;
  /** Processes that take jobs from this queue now. */
  readonly workers: number;
}

/** A job that was tried too often, kept aside so that the others go on. */
export interface ParkedJob {
  readonly key: string;
  /** Why the last try ended. */
  readonly reason: string;
}

/** What a queue tells whoever watches it. Told at most once, and not at all to whoever was not connected then. */
export type QueueEvent =
  | { readonly kind: "done"; readonly key: string }
  /** A try failed; the job is tried again. */
  | { readonly kind: "failed"; readonly key: string; readonly reason: string }
  | { readonly kind: "parked"; readonly key: string; readonly reason: string }
  /** A worker let its lease run out; the job is handed to another. */
  | { readonly kind: "lost"; readonly key: string }
  /** What a worker says of a job it is at, see {@link Lease.tell}. */
  | { readonly kind: "told"; readonly key: string; readonly value: JsonValue };

/** Jobs cannot be had, because the server does not answer or this machine's clock is wrong; or they can again. */
export type LinkEvent = { readonly kind: "away"; readonly reason: string } | { readonly kind: "back" };

/** Why a handler is to leave its job. */
export type LeaveReason =
  /** {@link Working.stop}: keep the job's state and return "back". */
  | "stop"
  /** The lease ran out, another worker may have the job: nothing that is returned counts. */
  | "lost";

/** A worker's right to a job for as long as the queue can hear from it. */
export interface Lease {
  /** Tries of this job that failed before. */
  readonly failures: number;
  /** Aborted, with a {@link LeaveReason} as its reason, when the job is to be left. */
  readonly signal: AbortSignal;
  /** Says how far the job is to whoever watches the queue. Never fails: what comes too often or in vain is dropped. */
  tell(value: JsonValue): void;
}

/**
 * Computes a job and publishes its result. "done" once the result is in the store; "back" where the job is to be given
 * to another, its state kept; a try that throws has failed, and the error's message is its reason.
 */
export type JobHandler = (job: QueuedJob, lease: Lease) => Promise<"done" | "back">;

/** Somebody taking jobs. */
export interface Working {
  /** Resolves when the queue holds nothing that is waiting or running (parked jobs do not count), or at the stop. */
  empty(): Promise<void>;
  /** Takes no more jobs, has the handlers leave theirs, and resolves when the queue has all of them back. */
  stop(): Promise<void>;
}

/** How jobs are taken. */
export interface WorkOptions {
  /** Jobs at a time. */
  readonly slots: number;
}

/** A queue of jobs by key, see the top of this file. */
export interface JobQueue {
  /** The place as it may be shown: without a password. */
  readonly shown: string;
  /** Whether others may take its jobs, on a server that may lose them; what nobody tells must then be looked for. */
  readonly shared: boolean;
  /**
   * Adds jobs. One whose key is waiting, running or parked already stays as it is; one whose key was done before is new
   * again (its handler finds the result in the store and returns at once).
   */
  add(jobs: readonly QueuedJob[]): Promise<void>;
  /**
   * Of some keys those that the queue holds in no state, neither waiting nor running nor parked: they were done, or lost.
   * Which of the two it is the store knows.
   */
  unknown(keys: readonly string[]): Promise<string[]>;
  /** Adds jobs that were lost; whatever is left of them is taken away before, so that it does not pass for them. */
  addLost(jobs: readonly QueuedJob[]): Promise<void>;
  counts(): Promise<QueueCounts>;
  /** The jobs that were tried too often, in order of their keys. */
  parked(): Promise<ParkedJob[]>;
  /** Lets parked jobs be tried again, as if they were new. Keys that are not parked are passed over. */
  retry(keys: readonly string[]): Promise<void>;
  /** Tells what happens to jobs from now on, whoever works on them. Returns what ends it. */
  watch(listener: (event: QueueEvent) => void): () => void;
  /** Tells whether the server answers. A call that is not answered waits until it is. */
  watchLink(listener: (event: LinkEvent) => void): () => void;
  /** Takes jobs until it is stopped. */
  work(handler: JobHandler, options: WorkOptions): Working;
  /** Lets go of the server. Stop whoever works first. */
  close(): Promise<void>;
}

/** How often a job may fail before it is parked. */
export const triesOfAJob = 3;
