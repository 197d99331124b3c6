/** What a sweep and the processes that compute its jobs say to each other; plain data. */
import type { SweepJob } from "../../studies/sweep/job.ts";
import type { JobProgress } from "../../studies/sweep/runSweepJob.ts";
import type { Kept } from "./store.ts";

/** A job for a process that has none. */
export interface JobOrder {
  readonly job: SweepJob;
  /** Where its result goes, as {@link openAnyStore} takes it. */
  readonly store: { readonly folder: string; readonly cwd: string };
  /** Identity of that store, so that an empty folder in its place, as of a share that was unmounted, is not taken for it. */
  readonly storeId: string;
  /** Threads that may train for it; changes no number. */
  readonly threads: number;
}

/** To a process: a job, or to leave the one that it is at and keep its state. */
export type ToChild = ({ readonly kind: "run" } & JobOrder) | { readonly kind: "stop" };

/** How a job ended: its result is in the store, or it was left with its state kept. */
export type JobEnd = { readonly kind: "kept"; readonly kept: Kept } | { readonly kind: "left" };

/** From a process. The last of a job is its end, or why it has none. */
export type FromChild =
  /** It listens: an order that came before would be lost. */
  | { readonly kind: "ready" }
  | ({ readonly kind: "progress" } & JobProgress)
  /** Something that was mended, a sentence. */
  | { readonly kind: "notice"; readonly text: string }
  | { readonly kind: "end"; readonly end: JobEnd }
  /** `ofFile`: the store cannot be used, which is no fault of the job. */
  | { readonly kind: "failed"; readonly message: string; readonly ofFile: boolean };
