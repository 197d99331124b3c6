/** What the progress display says: a pure function of the state and the time. */
import { printable } from "./printable.ts";

/** One arm of a study. */
export interface ArmProgress {
  /** Name of the arm, e.g. the preset. */
  readonly arm: string;
  readonly models: number;
  /** Optimiser updates that each model will get. */
  readonly steps: number;
  /** Updates made so far, summed over models. */
  readonly modelSteps: number;
  /** Mean loss over models at their latest step, nats; null before the first. */
  readonly loss: number | null;
  /** Clock readings in ms; null if it has not begun, or not ended. */
  readonly started: number | null;
  readonly ended: number | null;
}

/** One worker, and the models it is at. */
export interface WorkerProgress {
  /** From 1. */
  readonly worker: number;
  readonly arm: string;
  readonly models: number;
  readonly step: number;
  readonly steps: number;
}

/** All that the display knows. */
export interface BoardState {
  /** Clock reading at which the run began, ms. */
  readonly started: number;
  readonly arms: readonly ArmProgress[];
  readonly workers: readonly WorkerProgress[];
  /** What a step is called where it is no optimiser update, e.g. `section`. */
  readonly stepName?: string;
  /** What is running, where a run has several parts; a line above all others. */
  readonly title?: string;
  /** Steps are parts of a network's way and say nothing themselves: shown as a percentage, without a pace. */
  readonly shares?: boolean;
}

/** Numbers of one arm at a time. */
export interface ArmPace {
  /** Updates that every model has had on average, rounded down. */
  readonly step: number;
  /** Model-steps per second since the arm began; null before the first. */
  readonly rate: number | null;
  /** Seconds until its end at that rate; null where there is none. */
  readonly secondsLeft: number | null;
}

/** Workers that get a line of their own; more would push the rest off the screen. */
const shownWorkers = 16;
/** Arms that all get a line; of more only those that are at work. */
const shownArms = 10;
const barCells = 24;

function pace(done: number, total: number, seconds: number): Omit<ArmPace, "step"> {
  if (!(done > 0 && seconds > 0)) return { rate: null, secondsLeft: null };
  const rate = done / seconds;
  return { rate, secondsLeft: Math.max(0, total - done) / rate };
}

/** How fast an arm goes. */
export function armPace({ models, steps, modelSteps, started, ended }: ArmProgress, now: number): ArmPace {
  const seconds = started === null ? 0 : ((ended ?? now) - started) / 1000;
  return { step: Math.floor(modelSteps / Math.max(1, models)), ...pace(modelSteps, models * steps, seconds) };
}

/** How far the whole run is, as a share of all model-steps in [0, 1], and how fast. */
export function totalPace(
  { arms, started }: BoardState,
  now: number,
): { done: number } & Omit<ArmPace, "step"> {
  const done = arms.reduce((sum, arm) => sum + arm.modelSteps, 0);
  const total = arms.reduce((sum, arm) => sum + arm.models * arm.steps, 0);
  return { done: total > 0 ? Math.min(1, done / total) : 0, ...pace(done, total, (now - started) / 1000) };
}

/** `0:07`, `12:34`, `1:02:03`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** A share in [0, 1] as a bar. */
export function bar(share: number): string {
  const filled = Math.floor(share * barCells);
  return "█".repeat(filled) + "░".repeat(barCells - filled);
}

const perSecond = (rate: number | null, step: string) =>
  rate === null ? "" : `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} model-${step}s/s`;

/** How lines say how far something is. */
interface Wording {
  readonly nameWidth: number;
  readonly stepName: string;
  readonly shares: boolean;
}

function stepText(step: number, steps: number, { stepName, shares }: Wording, width = 0): string {
  if (!shares) return `${stepName} ${String(step).padStart(width)}/${steps}`;
  return `${String(Math.floor((100 * step) / Math.max(1, steps))).padStart(3)} %`;
}

function armLine(arm: ArmProgress, now: number, wording: Wording): string {
  const { step, rate, secondsLeft } = armPace(arm, now);
  const parts = [
    arm.arm.padEnd(wording.nameWidth),
    `${arm.models} ${wording.shares ? "seeds" : "models"}`,
    stepText(step, arm.steps, wording, String(arm.steps).length),
    arm.loss === null ? "" : `loss ${arm.loss.toFixed(3)}`,
    wording.shares ? "" : perSecond(rate, wording.stepName),
  ];
  if (arm.started === null) parts.push("waiting");
  else if (arm.ended !== null) parts.push(`done in ${duration((arm.ended - arm.started) / 1000)}`);
  else if (secondsLeft !== null) parts.push(`${duration(secondsLeft)} left`);
  return parts.filter((part) => part !== "").join("  ");
}

function workerLine({ worker, arm, models, step, steps }: WorkerProgress, wording: Wording): string {
  const noun = wording.shares ? "seeds" : "models";
  return `  worker ${worker}  ${arm.padEnd(wording.nameWidth)}  ${models} ${noun}  ${stepText(step, steps, wording)}`;
}

/** Lines of the arms; where there are many, of those that are at work, and how many others there are. */
function armLines(arms: readonly ArmProgress[], now: number, wording: Wording): string[] {
  if (arms.length <= shownArms) return arms.map((arm) => armLine(arm, now, wording));
  const atWork = arms.filter(({ started, ended }) => started !== null && ended === null);
  const done = arms.filter(({ ended }) => ended !== null).length;
  return [
    `${done} of ${arms.length} arms done`,
    ...atWork.slice(0, shownArms).map((arm) => armLine(arm, now, wording)),
  ];
}

/**
 * The lines of the display: arms, workers, and a total with a bar.
 *
 * @param now    clock reading, ms
 * @param width  columns of the terminal; longer lines are cut
 */
export function renderBoard(state: BoardState, now: number, width: number): string[] {
  const names = [...state.arms, ...state.workers].map(({ arm }) => arm.length);
  const nameWidth = Math.max(0, ...names);
  const { stepName = "step", shares = false, title } = state;
  const wording: Wording = { nameWidth, stepName, shares };
  const { done, rate, secondsLeft } = totalPace(state, now);
  const hidden = state.workers.length - shownWorkers;
  const total = [
    `total  ${bar(done)} ${String(Math.floor(done * 100)).padStart(3)} %`,
    shares ? "" : perSecond(rate, stepName),
    `${duration((now - state.started) / 1000)} elapsed`,
    secondsLeft === null ? "" : `${duration(secondsLeft)} left`,
  ];
  const lines = [
    ...(title === undefined ? [] : [title]),
    ...armLines(state.arms, now, wording),
    ...state.workers.slice(0, shownWorkers).map((worker) => workerLine(worker, wording)),
    ...(hidden > 0 ? [`  and ${hidden} more workers`] : []),
    total.filter((part) => part !== "").join("  "),
  ];
  return lines.map((line) => printable(line).replaceAll("\n", " ").slice(0, width));
}
