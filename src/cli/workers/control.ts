/**
 * What a pool and the worker of a job share while the job runs: whether it is to stop, and how seldom it is to save.
 *
 * A worker in the middle of a training hears no messages, so the two look at the same memory. Nobody ever waits for the
 * other on it: a thread may end at any instant and leaves nothing locked.
 */
import type { Due } from "../../train/grow.ts";

/** Shared integers: 1 where the job is to stop, and the least milliseconds between two savings. */
export type Control = Int32Array<SharedArrayBuffer>;

const [STOP, EVERY] = [0, 1];

/** Least milliseconds between two savings of a job. */
export const SAVE_EVERY = 10_000;
/**
 * Least time between two savings: this many times what the last one took, so that all of them take a hundredth at most;
 * and this part of the time that the job has run, so that a job of days saves some hundred times, and not ten thousand.
 */
const SHARE = 100;

/** A control for one job. */
export function openControl(every: number): Control {
  const control = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  Atomics.store(control, EVERY, every);
  return control;
}

/** Asks the job to tell its state after the step in progress, and to end. */
export function askToStop(control: Control): void {
  Atomics.store(control, STOP, 1);
}

/** Says what the last saving took, ms, where the state was received. */
export function saved(control: Control, took: number, every: number): void {
  // 2^30 ms are twelve days
  Atomics.store(control, EVERY, Math.min(2 ** 30, Math.max(every, Math.ceil(SHARE * took))));
}

/** What a job in a worker is asked after every step. */
export interface Watch {
  readonly due: () => Due;
  /** To be called when the state was told. */
  readonly told: () => void;
}

/** Looks at a control from inside the worker, whose clock measures the time since the last saving. */
export function watch(control: Control, clock: () => number): Watch {
  const began = clock();
  let last = began;
  let asked = last;
  let least = 0;
  return {
    due: () => {
      asked = clock();
      if (Atomics.load(control, STOP) === 1) return "stop";
      const pause = Math.max(least, Atomics.load(control, EVERY), (last - began) / SHARE);
      return asked - last < pause ? "go" : "save";
    },
    told: () => {
      last = clock();
      least = SHARE * (last - asked);
    },
  };
}
