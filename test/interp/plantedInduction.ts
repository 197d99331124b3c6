/** An induction circuit set by hand, one head in each of two layers, among heads and neurons that were drawn at random. */
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import { type Network, openNetwork } from "../../src/interp/network.ts";
import type { TokenArray } from "../../src/interp/tokens.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { stackWeights, type Weights, weightShapes } from "../../src/model/weights.ts";

/** Letters 0 to 11; token 12 begins every sequence and is what an induction head rests on that finds nothing. */
export const LETTERS = 12;
export const START = LETTERS;
export const HALF = 6;
const POS = 1 + 2 * HALF;
/** The stream: token, position, the token before, the answer, and dimensions that nobody who matters reads. */
const TOKEN = 0;
const POSITION = TOKEN + LETTERS + 1;
const BEFORE = POSITION + POS;
const ANSWER = BEFORE + LETTERS;
const IDLE = ANSWER + LETTERS;
const WIDTH = IDLE + 6;
/** Score of the key that is meant, in nats above all others: exp(−60) is lost beside 1 in float32. */
const SHARP = 60;
/** Spread of the random weights: attention of random heads is uneven, and theirs only. */
const NOISE = 1;
/** Logit of the answer above all others. */
export const LOUD = 20;

export const inductionConfig: ModelConfig = {
  ...presets.causal,
  nLayers: 2,
  nHeads: 3,
  dModel: WIDTH,
  dHead: POS,
  dMlp: 8,
  dVocab: LETTERS + 1,
  nCtx: POS,
  normalization: "none",
  finalNorm: false,
  positions: "learned",
  biases: false,
};

/** Where the circuit is, and how sharply the induction head looks. */
export interface InductionPlan {
  /** Head of layer 0 that writes the token before into the stream. */
  readonly previous?: number;
  /** Head of layer 1 that looks its token up among the tokens before, and says what stands there. */
  readonly induction?: number;
  /** Score of a match in nats; that of the start token is half of it, that of all else 0. */
  readonly sharp?: number;
}

/**
 * The previous-token head matches positions; the induction head matches its token with what the previous-token head
 * wrote at the keys (K-composition), and copies the key's token into the answer. All else writes to idle dimensions.
 */
export function inductionWeights({
  previous = 0,
  induction = 0,
  sharp = SHARP,
}: InductionPlan = {}): Weights {
  const shapes = weightShapes(inductionConfig);
  const planted = (name: string, head: number) =>
    (name.startsWith("blocks.0.attn") && head === previous) ||
    (name.startsWith("blocks.1.attn") && head === induction);
  const weights = Object.fromEntries(
    [...shapes].map(([name, shape]) => {
      const stream = randomStream("planted induction", name);
      const [rows, columns] = shape.slice(-2);
      const silent = /W_E|W_pos|W_U/.test(name);
      const writes = /W_O|W_out/.test(name);
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => {
        const value = NOISE * stream.normal();
        const head = Math.floor(i / (rows * columns));
        return silent || planted(name, head) || (writes && i % columns < IDLE) ? 0 : value;
      });
      return [name, values];
    }),
  );
  const put = (name: string, row: number, column: number, value: number, head = 0) => {
    const [rows, columns] = (shapes.get(name) as readonly number[]).slice(-2);
    weights[name][(head * rows + row) * columns + column] = value;
  };
  const attend =
    (layer: number, head: number) => (letter: string, row: number, column: number, value: number) =>
      put(`blocks.${layer}.attn.W_${letter}`, row, column, value, head);
  const scaled = Math.sqrt(inductionConfig.dHead); // scores are divided by it

  const first = attend(0, previous);
  for (let pos = 0; pos < POS; pos++) {
    put("pos_embed.W_pos", pos, POSITION + pos, 1);
    if (pos > 0) first("Q", POSITION + pos, pos - 1, SHARP * scaled);
    first("K", POSITION + pos, pos, 1);
  }
  const second = attend(1, induction);
  const rest = LETTERS; // the component of queries and keys that finds the start token
  for (let token = 0; token <= LETTERS; token++) {
    put("embed.W_E", token, TOKEN + token, 1);
    second("Q", TOKEN + token, rest, (sharp / 2) * scaled);
  }
  second("K", TOKEN + START, rest, 1);
  for (let letter = 0; letter < LETTERS; letter++) {
    put("unembed.W_U", ANSWER + letter, letter, 1);
    first("V", TOKEN + letter, letter, 1);
    first("O", letter, BEFORE + letter, 1);
    second("Q", TOKEN + letter, letter, sharp * scaled);
    second("K", BEFORE + letter, letter, 1);
    second("V", TOKEN + letter, letter, 1);
    second("O", letter, ANSWER + letter, LOUD);
  }
  return weights;
}

/** A population with a circuit in every network. */
export function inductionNetwork(...plans: readonly InductionPlan[]): Network {
  const weights = (plans.length === 0 ? [{}] : plans).map(inductionWeights);
  return openNetwork(wasmBackend(), inductionConfig, stackWeights(inductionConfig, weights));
}

/** Sequences with the start token before them. */
export function started({ data, batch, pos }: TokenArray): number[][] {
  return Array.from({ length: batch }, (_, row) => [START, ...data.subarray(row * pos, (row + 1) * pos)]);
}

/**
 * What an induction head must say, by counting: the shares of letters that followed earlier copies of the token at
 * `query`, times LOUD; nothing where there was no copy.
 */
export function inductionLogits(sequence: readonly number[], query: number): number[] {
  const followers = sequence.filter(
    (_, key) => key > 0 && key <= query && sequence[key - 1] === sequence[query],
  );
  return Array.from({ length: LETTERS + 1 }, (_, token) => {
    const count = followers.filter((follower) => follower === token).length;
    return count === 0 ? 0 : (LOUD * count) / followers.length;
  });
}
