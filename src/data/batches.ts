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
  return { ...sequences, count, inputs: inputs.subarray(from, to), targets: targets.subarray(from, to) };
}

/**
 * Some sequences of a set, copied in the order of their indices.
 *
 * @param indices  of sequences, from 0
 */
export function pickSequences(sequences: Sequences, indices: ArrayLike<number>): Sequences {
  const { nPos } = sequences;
  const picked = (values: Int32Array) => {
    const out = new Int32Array(indices.length * nPos);
    for (let n = 0; n < indices.length; n++)
      out.set(values.subarray(indices[n] * nPos, (indices[n] + 1) * nPos), n * nPos);
    return out;
  };
  const { inputs, targets } = sequences;
  return { ...sequences, count: indices.length, inputs: picked(inputs), targets: picked(targets) };
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
 * A fixed set in a new order every epoch: mini batches of a set that is too small to draw fresh ones.
 *
 * Epoch e is in the order of the permutation that the stream keyed `[...key, "epoch", e]` draws, with a short last batch.
 *
 * @throws ArgumentError if `batchSize` is not a whole number of at least 1
 */
export function shuffledBatches(sequences: Sequences, key: StreamKey, batchSize: number): BatchSource {
  integerIn("batch size", batchSize, 1);
  const { count: total } = sequences;
  const stepsPerEpoch = Math.ceil(total / batchSize);
  let kept: { epoch: number; order: Int32Array } = { epoch: -1, order: new Int32Array() }; // the steps of an epoch mostly follow each other
  return {
    batchSize: Math.min(batchSize, total),
    stepsPerEpoch,
    batch: (step) => {
      const { start, count } = batchRange(total, batchSize, step);
      const epoch = Math.floor(step / stepsPerEpoch);
      if (epoch !== kept.epoch)
        kept = { epoch, order: randomStream(...key, "epoch", epoch).permutation(total) };
      return pickSequences(sequences, kept.order.subarray(start, start + count));
    },
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
