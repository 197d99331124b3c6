/** The training loop: a population from its initialisation to the last step, stopping where somebody wants to look. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { BatchSource } from "../data/batches.ts";
import { rateFactor, type Schedule } from "./schedules.ts";
import type { Trainer, Update } from "./trainer.ts";

/** What a population is fed, and how fast it goes. */
export interface GrowOptions {
  /** One for all models, or one each; their batches must be of one size at every step. */
  sources: readonly BatchSource[];
  /** Learning rate of all models, or of each. */
  rates: readonly number[];
  schedule: Schedule;
  /** Number of the last update. */
  steps: number;
  /** Updates that the trainer's weights and moments have behind them; 0, a fresh initialisation, unless given. */
  from?: number;
  /** Steps at which the loop stops to be looked at; 0 is the exact initialisation. */
  checkpoints: readonly number[];
  /** Steps between reports of progress. */
  reportEvery?: number;
  /** Asked before updates are made: the step to report at besides, which updates made at once do not pass. */
  until?: () => number;
  /** Told the training loss of every model, [model] in nats, of each update in turn, before the stop that follows. */
  onLoss?: (losses: Float64Array) => void;
  /** What was left behind up to `from`, to be gone on with; nothing unless given. */
  past?: Past;
  /**
   * Asked after every update, or after every few where the backend takes them at once, when their checkpoint was looked
   * at; goes on unless given.
   */
  due?: () => Due;
}

/** What is to be done after an update: go on, stop for the state to be saved and go on, or stop for good. */
export type Due = "go" | "save" | "stop";

/** What a growth leaves behind at a step, besides weights and moments. */
export interface Past {
  /** Training loss before every update, [step][model] in nats. */
  losses: Float64Array[];
  /** Updates after which a model's loss or weights first were not finite; null where they always were. */
  divergedAt: (number | null)[];
}

/** A stop of the loop: the trainer holds the weights after `step` updates. */
export type Stop = {
  step: number;
  /** Mean training loss over the finite models at the last update; NaN before the first. */
  loss: number;
  /** Training loss of every model at the last update, [model] in nats; empty before the first. */
  losses: Float64Array;
} & (
  | { kind: "checkpoint" | "progress" }
  /** The last stop of its step; whoever begins `from` this step with this past makes the stops that follow. */
  | { kind: "state"; past: Past }
);

/** What the loop leaves behind: losses of the updates made here, and of those that were made before if their past was given. */
export interface Grown extends Past {
  /** Whether it was told to stop, after which nothing is looked at any more; absent otherwise. */
  stopped?: true;
}

/**
 * Trains a population, stopping at every checkpoint.
 *
 * A model that diverges goes on in its lane, where it disturbs nobody; the step at which its loss (or, at the end, a
 * weight) first was NaN or infinite is marked.
 *
 * @returns an asynchronous generator of stops, whose return value is {@link Grown}
 * @throws ArgumentError if the start or a checkpoint lies outside the run, or the past is that of another step or of
 *                       other models
 */
export async function* grow(trainer: Trainer, options: GrowOptions): AsyncGenerator<Stop, Grown> {
  const { sources, rates, schedule, steps, from = 0, reportEvery = Number.POSITIVE_INFINITY } = options;
  const { models } = trainer.session;
  integerIn("steps", steps, 0);
  integerIn("from", from, 0, steps);
  const checkpoints = new Set(options.checkpoints);
  for (const step of checkpoints) {
    if (!(Number.isInteger(step) && step >= from && step <= steps))
      throw new ArgumentError({
        where: "checkpoints",
        rule: `must lie between ${from} and ${steps}`,
        got: String(step),
      });
  }
  const { past } = options;
  if (past !== undefined) checkPast(past, from, models);
  const losses = [...(past?.losses ?? [])];
  const divergedAt = [...(past?.divergedAt ?? new Array<null>(models).fill(null))];
  if (checkpoints.has(from))
    yield { kind: "checkpoint", step: from, loss: Number.NaN, losses: new Float64Array(0) };
  for (let step = from; step < steps; ) {
    // updates made at once end where the loop stops
    const atOnce = Math.min(trainer.stepsAtOnce, steps - step);
    const first = step + 1;
    const until = options.until?.();
    const isStop = (at: number) => checkpoints.has(at) || at % reportEvery === 0 || at === until;
    do step++;
    while (step - first + 1 < atOnce && !isStop(step));
    const updates = Array.from({ length: step - first + 1 }, (_, i): Update => {
      const factor = rateFactor(schedule, first + i, steps);
      return {
        batches: sources.map((source) => source.batch(first + i - 1)),
        step: first + i,
        rates: rates.map((rate) => rate * factor),
      };
    });
    const told = await trainer.steps(updates);
    losses.push(...told);
    for (const of of told) options.onLoss?.(of);
    // the loss is that of the weights before the update
    for (const [i, of] of told.entries())
      markDiverged(divergedAt, first + i - 1, (model) => Number.isFinite(of[model]));
    const loss = told[told.length - 1];
    const kind = checkpoints.has(step) ? "checkpoint" : "progress";
    if (isStop(step)) yield { kind, step, loss: finiteMean(loss), losses: loss };
    const due = options.due?.() ?? "go";
    if (due === "go") continue;
    const so = { losses: [...losses], divergedAt: [...divergedAt] };
    yield { kind: "state", step, loss: finiteMean(loss), losses: loss, past: so };
    if (due === "stop") return { losses, divergedAt, stopped: true };
  }
  const weights = Object.values(await trainer.readWeights());
  markDiverged(divergedAt, steps, (model) =>
    weights.every((values) => {
      const size = values.length / models;
      return values.subarray(model * size, (model + 1) * size).every(Number.isFinite);
    }),
  );
  return { losses, divergedAt };
}

function checkPast({ losses, divergedAt }: Past, from: number, models: number): void {
  if (losses.length === from && divergedAt.length === models) return;
  throw new ArgumentError({
    where: "past",
    rule: `must hold ${from} steps of ${models} models`,
    got: `${losses.length} of ${divergedAt.length}`,
  });
}

function markDiverged(divergedAt: (number | null)[], step: number, isFine: (model: number) => boolean): void {
  divergedAt.forEach((known, model) => {
    if (known === null && !isFine(model)) divergedAt[model] = step;
  });
}

/** Mean over the finite entries; NaN where there is none. */
export function finiteMean(values: ArrayLike<number>): number {
  const finite = Array.from(values).filter(Number.isFinite);
  return finite.reduce((sum, value) => sum + value, 0) / finite.length;
}
