/** The training loop: a population from its initialisation to the last step, stopping where somebody wants to look. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { BatchSource } from "../data/batches.ts";
import type { Sequences } from "../data/types.ts";
import { rateFactor, type Schedule } from "./schedules.ts";
import type { Trainer } from "./trainer.ts";

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
}

/** A stop of the loop: the trainer holds the weights after `step` updates. */
export interface Stop {
  kind: "checkpoint" | "progress";
  step: number;
  /** Mean training loss over the finite models at the last update; NaN before the first. */
  loss: number;
  /** Training loss of every model at the last update, [model] in nats; empty before the first. */
  losses: Float64Array;
}

/** What the loop leaves behind. */
export interface Grown {
  /** Training loss before every update that was made here, [step][model] in nats. */
  losses: Float64Array[];
  /** Updates after which a model's loss or weights first were not finite; null where they always were. */
  divergedAt: (number | null)[];
}

/**
 * Trains a population, stopping at every checkpoint.
 *
 * A model that diverges goes on in its lane, where it disturbs nobody; the step at which its loss (or, at the end, a
 * weight) first was NaN or infinite is marked.
 *
 * @returns an asynchronous generator of stops, whose return value is {@link Grown}
 * @throws ArgumentError if the start or a checkpoint lies outside the run
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
  const losses: Float64Array[] = [];
  const divergedAt = new Array<number | null>(models).fill(null);
  if (checkpoints.has(from))
    yield { kind: "checkpoint", step: from, loss: Number.NaN, losses: new Float64Array(0) };
  for (let step = from + 1; step <= steps; step++) {
    const batches: Sequences[] = sources.map((source) => source.batch(step - 1));
    const factor = rateFactor(schedule, step, steps);
    const loss = await trainer.step(
      batches,
      step,
      rates.map((rate) => rate * factor),
    );
    losses.push(loss);
    // the loss is that of the weights after step − 1 updates
    markDiverged(divergedAt, step - 1, (model) => Number.isFinite(loss[model]));
    const kind = checkpoints.has(step) ? "checkpoint" : "progress";
    if (kind === "checkpoint" || step % reportEvery === 0)
      yield { kind, step, loss: finiteMean(loss), losses: loss };
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
