/**
 * A task to learn: write a sequence backward.
 *
 *   a b c d | d c b a
 *
 * The model reads the letters, then the separator, and must predict the reversed letters one by one. Each is a copy of a
 * letter whose distance grows by two at every step, so no fixed look-back will do: a head has to learn which position
 * mirrors which. Only the reversed half is judged; the first half is noise that nobody could predict.
 */
import type { AdamOptions } from "./adam.ts";
import { adamState, adamStep } from "./adam.ts";
import { lossAndGradients } from "./backward.ts";
import { uniformNumbers } from "./random.ts";
import { forward } from "./transformer.ts";
import type { Config, Weights } from "./weights.ts";
import { initialWeights } from "./weights.ts";

/** What is trained, and for how long. The learning rate is 5e-3 when left out. */
export type ReversalOptions = AdamOptions & {
  /** Adam updates. */
  steps: number;
  /** Of the initial weights and of the training sequences. */
  seed: number;
  /** Called after every update with its number (from 1) and the batch's loss before it, in nats per judged token. */
  onStep?: (progress: { step: number; loss: number; config: Config; weights: Weights }) => void;
  /** Letters in a sequence; 6 when left out. */
  nLetters?: number;
  /** Different letters; 12 when left out. The separator is the token after them. */
  alphabet?: number;
  /** Sequences in a batch; 32 when left out. */
  batchSize?: number;
  /** Which attention; "projected" when left out. */
  attention?: Config["attention"];
};

/** The trained model and the loss of every step, in nats per judged token. */
export type ReversalResult = { config: Config; weights: Weights; losses: number[] };

/** Inputs, targets and which predictions are judged, each [batch][pos]. */
export type ReversalBatch = { inputs: number[][]; targets: number[][]; lossMask: boolean[][] };

/**
 * Random letters, a separator and the letters reversed; the targets are the inputs moved by one.
 *
 * For nLetters = 3:
 *
 *   position  0 1 2 3 4 5
 *   input     a b c | c b
 *   target    b c | c b a
 *   judged    - - - x x x
 *
 * @param config   of a model made by `reversalConfig`
 * @param uniform  uniform numbers in [0, 1)
 */
export function reversalBatch(config: Config, batchSize: number, uniform: () => number): ReversalBatch {
  const nLetters = config.nCtx / 2;
  const separator = config.dVocab - 1;
  const sequences = Array.from({ length: batchSize }, () => {
    const letters = Array.from({ length: nLetters }, () => Math.floor(uniform() * separator));
    return [...letters, separator, ...letters.toReversed()];
  });
  return {
    inputs: sequences.map((sequence) => sequence.slice(0, -1)),
    targets: sequences.map((sequence) => sequence.slice(1)),
    lossMask: sequences.map((sequence) => sequence.slice(1).map((_, pos) => pos >= nLetters)),
  };
}

/**
 * A causal model of the size this task needs; the separator is the last token of the vocabulary.
 *
 * A projected head learns in one block where the mirror image of its position stands. Parameter-free heads can only compare
 * the stream with itself. With one block they had 5 to 33 % of the letters right after 250 steps (five seeds, some still
 * improving), with two blocks all of them (four seeds), so they get two.
 *
 * @param nLetters  letters in a sequence; the model reads 2 · nLetters tokens
 * @param alphabet  different letters
 */
export function reversalConfig(
  nLetters: number,
  alphabet: number,
  attention: Config["attention"] = "projected",
): Config {
  return {
    nLayers: attention === "projected" ? 1 : 2,
    nHeads: 2,
    dModel: 32,
    dMlp: 64,
    dVocab: alphabet + 1,
    nCtx: 2 * nLetters,
    causal: true,
    attention,
  };
}

/**
 * Train a model to reverse sequences, on a fresh batch at every step.
 *
 * The same options give the same weights.
 */
export function trainReversal({
  steps,
  seed,
  onStep,
  nLetters = 6,
  alphabet = 12,
  batchSize = 32,
  attention,
  learningRate = 5e-3,
  ...adam
}: ReversalOptions): ReversalResult {
  const config = reversalConfig(nLetters, alphabet, attention);
  const uniform = uniformNumbers(seed);
  const weights = initialWeights(config, uniform);
  const state = adamState(config);
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const { inputs, targets, lossMask } = reversalBatch(config, batchSize, uniform);
    const { loss, gradients } = lossAndGradients(config, weights, inputs, targets, lossMask);
    adamStep(state, weights, gradients, { learningRate, ...adam });
    losses.push(loss);
    onStep?.({ step, loss, config, weights });
  }
  return { config, weights, losses };
}

/**
 * What the model writes after some letters and the separator: it reads its own output and always takes the likeliest token.
 *
 * @param letters  tokens below the separator, nCtx / 2 of them
 * @returns        as many tokens; `letters` reversed if the model has learned the task
 * @throws RangeError if there are too many letters for the model, or one of them is not a token
 */
export function writeReversed(config: Config, weights: Weights, letters: readonly number[]): number[] {
  const sequence = [...letters, config.dVocab - 1];
  for (let i = 0; i < letters.length; i++) {
    const { rows, cols, data } = forward(config, weights, [sequence]).logits[0]; // [pos, dVocab]
    const last = data.subarray((rows - 1) * cols); // [dVocab]
    sequence.push(last.indexOf(last.reduce((a, b) => Math.max(a, b))));
  }
  return sequence.slice(letters.length + 1);
}

/**
 * Fraction of letters, in [0, 1], that the model writes in the right place, over `count` fresh sequences.
 *
 * @param seed  of the sequences; take another one than the training's
 */
export function reversalAccuracy(config: Config, weights: Weights, count: number, seed: number): number {
  const nLetters = config.nCtx / 2;
  const { inputs } = reversalBatch(config, count, uniformNumbers(seed));
  let right = 0;
  for (const input of inputs) {
    const letters = input.slice(0, nLetters);
    const expected = letters.toReversed();
    right += writeReversed(config, weights, letters).filter((token, i) => token === expected[i]).length;
  }
  return right / (count * nLetters);
}
