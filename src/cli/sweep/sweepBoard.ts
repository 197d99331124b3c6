/** What the display of a sweep says: a pure function of its state and the time. */
import { printable } from "../printable.ts";
import type { Picture } from "../progress.ts";
import { bar, duration } from "../renderBoard.ts";

/** How far a job in progress is. */
export interface RunningJob {
  /** The job for the reader: its values. */
  readonly name: string;
  /** Share that is done, in [0, 1]. */
  readonly done: number;
}

/** All that the display knows. */
export interface SweepState {
  readonly title: string;
  /** Clock reading at which the sweep began, ms. */
  readonly started: number;
  readonly jobs: {
    readonly total: number;
    /** Their results were in the store at the beginning. */
    readonly found: number;
    /** Computed since. */
    readonly computed: number;
    readonly running: number;
    /** Tried too often, and given up. */
    readonly parked: number;
    /** Tries that failed. */
    readonly failures: number;
  };
  /** Processes that compute. */
  readonly workers: number;
  /** Jobs in progress that were heard of, by key, in the order in which they began. */
  readonly running: ReadonlyMap<string, RunningJob>;
  /** Networks of the jobs that were computed, and updates of those and of the ones in progress, since the beginning. */
  readonly models: number;
  readonly modelSteps: number;
  /** Work that is to be done in all since the beginning, and that is done, in updates of networks or what stands for them. */
  readonly work: { readonly total: number; readonly done: number };
}

/** Jobs in progress that get a line of their own. */
const shownJobs = 16;

/** How fast a sweep goes. */
export function sweepPace({ started, models, modelSteps, work }: SweepState, now: number) {
  const seconds = (now - started) / 1000;
  const perSecond = (count: number) => (count > 0 && seconds > 0 ? count / seconds : null);
  const rate = perSecond(work.done);
  return {
    seconds,
    modelsPerSecond: perSecond(models),
    modelStepsPerSecond: perSecond(modelSteps),
    secondsLeft: rate === null ? null : Math.max(0, work.total - work.done) / rate,
  };
}

const rateText = (rate: number | null, what: string) =>
  rate === null ? "" : `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} ${what}/s`;

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;

const joined = (parts: readonly string[]) => parts.filter((part) => part !== "").join("  ");

/**
 * The lines of the display: the sweep, its jobs, those in progress, and a total with a bar.
 *
 * @param now    clock reading, ms
 * @param width  columns of the terminal; longer lines are cut
 */
export function sweepLines(state: SweepState, now: number, width: number): string[] {
  const { title, jobs, workers, running } = state;
  const { seconds, modelsPerSecond, modelStepsPerSecond, secondsLeft } = sweepPace(state, now);
  const { total, found, computed, parked, failures } = jobs;
  const share = total === 0 ? 1 : (found + computed) / total;
  const shown = [...running.values()].slice(0, shownJobs);
  const hidden = running.size - shown.length;
  const lines = [
    title,
    joined([
      `jobs ${found + computed}/${total}`,
      found === 0 ? "" : `${found} found in the store`,
      `${jobs.running} running`,
      failures === 0 ? "" : `${failures} failed ${failures === 1 ? "try" : "tries"}`,
      parked === 0 ? "" : `${parked} given up`,
      counted(workers, "worker"),
    ]),
    ...shown.map(({ name, done }) => `  ${String(Math.floor(100 * done)).padStart(3)} %  ${name}`),
    ...(hidden > 0 ? [`  and ${hidden} more`] : []),
    joined([
      `total  ${bar(share)} ${String(Math.floor(share * 100)).padStart(3)} %`,
      rateText(modelsPerSecond, "models"),
      rateText(modelStepsPerSecond, "model-steps"),
      `${duration(seconds)} elapsed`,
      secondsLeft === null ? "" : `${duration(secondsLeft)} left`,
    ]),
  ];
  return lines.map((line) => printable(line).replaceAll("\n", " ").slice(0, width));
}

/** The same numbers as one object, for whoever reads a log. */
export function sweepRecord(state: SweepState, now: number): object {
  const { seconds, ...pace } = sweepPace(state, now);
  return {
    event: "progress",
    sweep: printable(state.title),
    seconds,
    jobs: state.jobs,
    workers: state.workers,
    ...pace,
    running: [...state.running].map(([key, { name, done }]) => ({ key, name: printable(name), done })),
  };
}

/** The picture of a sweep's state. */
export function sweepPicture(state: SweepState): Picture {
  return {
    lines: (now, width) => sweepLines(state, now, width),
    record: (now) => sweepRecord(state, now),
  };
}
