/** What every other floor knows of a task: its sequences, and what could at best be predicted of them. */
import type { RandomStream } from "../base/random.ts";
import type { Scored } from "./scored.ts";

/**
 * A set of training or test sequences, position by position.
 *
 * The arrays may be views of a larger set: read them, do not write to them.
 */
export interface Sequences {
  /** Number of sequences. */
  readonly count: number;
  /** Number of positions a model sees, and of targets it predicts. */
  readonly nPos: number;
  /** Tokens the model sees, [sequence, pos]. */
  readonly inputs: Int32Array;
  /** Tokens it has to predict, [sequence, pos]; target `t` belongs to the prediction made at position `t`. */
  readonly targets: Int32Array;
  /** 1 for each position whose targets count for the training loss, else 0, [pos]; absent where all count. */
  readonly scored?: Scored;
}

/**
 * The lowest expected cross-entropy that any predictor can reach on unseen sequences of a task, in nats.
 *
 * x_1 … x_T is a sequence of T = nCtx tokens; its inputs are x_1 … x_{T−1}. All values are exact expectations over the
 * generator, not estimates.
 */
export interface BayesFloor {
  /** H(target at t | inputs 1 … t), t = 1 … nPos: what a causal model can reach at each position. */
  readonly byPosition: readonly number[];
  /** 1 for each position that counts, else 0, [pos]; absent where all do. {@link byPosition} covers all of them. */
  readonly scored?: Scored;
  /** Mean of {@link byPosition} over the positions that count: what a causal model can reach. */
  readonly causal: number;
  /**
   * Mean over the positions that count of H(target at t | all inputs): what a model without a mask can reach. Where the
   * targets are the shifted inputs, all but the last are in sight, so this is H(x_T | x_1 … x_{T−1}) over their number.
   */
  readonly leaky: number;
  /** H(x_1). */
  readonly entropyOfFirst: number;
  /** H(x_1 … x_T). Where targets are the shifted inputs it is `entropyOfFirst` + Σ `byPosition` (chain rule). */
  readonly entropyOfSequence: number;
  /**
   * Standard deviation over sequences of the best causal predictor's loss (mean over the positions that count), in
   * nats: its loss on n fresh sequences has the standard error `sequenceSd` / √n.
   */
  readonly sequenceSd: number;
}

/** The size of a task. */
export interface TaskSize {
  /** Number of different tokens V; at least 2. */
  dVocab: number;
  /** Tokens in a sequence T; at least 2. A model sees nCtx − 1 of them. */
  nCtx: number;
}

/** A source of sequences, with what is known exactly about them. */
export interface Task extends Readonly<TaskSize> {
  /** Name in the registry. */
  readonly name: string;
  /**
   * Draws `count` sequences; equal streams give equal sequences.
   *
   * @throws ArgumentError if `count` is not a whole number of at least 1
   */
  sample(stream: RandomStream, count: number): Sequences;
  /** Share of each token among the targets that count, [token], or undefined where it is not known. */
  targetMarginal(): readonly number[] | undefined;
  /** The exact Bayes floor, or undefined where none is known. */
  bayesFloor(): BayesFloor | undefined;
  /**
   * The highest expected share of right answers at each position, [pos], for a causal model that names the likeliest
   * target, or undefined where it is not known.
   *
   *   accuracyCeiling[t] = E max_x p(target at t = x | inputs 1 … t)
   */
  accuracyCeiling(): readonly number[] | undefined;
  /**
   * The best causal predictor's mean loss on these very sequences at every position, −ln p(target | what came before)
   * in nats, or undefined where that predictor is not known.
   *
   * @param sequences  drawn from this task
   */
  bayesLoss(sequences: Sequences): Float64Array | undefined;
}
