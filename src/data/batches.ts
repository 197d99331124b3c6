/**
 * Which sequences the optimiser sees at which step.
 *
 * A batch is a pure function of the step, never of the batches before it: a run resumed at any step continues with
 * the same data.
 */
import { integerIn } from "../base/check.ts";
import { randomStream, type StreamKey } from "../base/random.ts";
import type { Sequences, Task } from "./types.ts";

/** Batches by step. Step k (from 0) is the batch of the optimiser's update k + 1. */
export interface BatchSource {
  /** @throws ArgumentError if `step` is not a whole number of at least 0 */
  batch(step: number): Sequences;
  /** Sequences in the largest batch. */
  readonly batchSize: number;
  /** Steps until the data repeat; absent where they never do. */
  readonly stepsPerEpoch?: number;
}

/** Sequences `start` … `start + count − 1` of a fixed set. */
export interface BatchRange {
  readonly start: number;
  readonly count: number;
}

/**
 * The place of a step in a fixed set, in order, with a short last batch: 500 sequences in batches of 32 are 15 batches
 * of 32 and one of 20, the same in every epoch.
 *
 * @param total  sequences in the set
 * @throws ArgumentError if an argument is not a whole number, `total` or `batchSize` is below 1, or `step` below 0
 */
export function batchRange(total: number, batchSize: number, step: number): BatchRange {
  integerIn("number of sequences", total, 1);
  integerIn("batch size", batchSize, 1);
  integerIn("step", step, 0);
  const start = (step % Math.ceil(total / batchSize)) * batchSize;
  return { start, count: Math.min(batchSize, total - start) };
}

/** Consecutive sequences as a view, without copying. */
export function sliceSequences(sequences: Sequences, { start, count }: BatchRange): Sequences {
  const { nPos, inputs, targets } = sequences;
  const from = start * nPos;
  const to = from + count * nPos;
  return { count, nPos, inputs: inputs.subarray(from, to), targets: targets.subarray(from, to) };
}

/**
 * The original's schedule: a fixed set, in its order, epoch after epoch, without shuffling.
 *
 * @returns  batches that are views of `sequences`
 * @throws ArgumentError if `batchSize` is not a whole number of at least 1
 */
export function fixedBatches(sequences: Sequences, batchSize: number): BatchSource {
  integerIn("batch size", batchSize, 1);
  return {
    batchSize: Math.min(batchSize, sequences.count),
    stepsPerEpoch: Math.ceil(sequences.count / batchSize),
    batch: (step) => sliceSequences(sequences, batchRange(sequences.count, batchSize, step)),
  };
}

/**
 * New sequences at every step: nothing to memorise, so the training loss is an honest one.
 *
 * Step k draws from the stream keyed `[...key, "batch", k]`.
 *
 * @throws ArgumentError if `batchSize` is not a whole number of at least 1
 */
export function freshBatches(task: Task, key: StreamKey, batchSize: number): BatchSource {
  integerIn("batch size", batchSize, 1);
  return {
    batchSize,
    batch: (step) => task.sample(randomStream(...key, "batch", integerIn("step", step, 0)), batchSize),
  };
}

/** A fixed set of `count` sequences to train on, drawn from the stream keyed `[...key, "training set"]`. */
export function trainingSet(task: Task, key: StreamKey, count: number): Sequences {
  return task.sample(randomStream(...key, "training set"), count);
}

/**
 * `count` sequences to measure the loss on, from the stream keyed `[...key, "held out"]`: independent of every batch
 * and training set of the same key. A small task repeats itself, so single sequences may still occur in both.
 */
export function heldOut(task: Task, key: StreamKey, count: number): Sequences {
  return task.sample(randomStream(...key, "held out"), count);
}
