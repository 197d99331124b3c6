/** How probable a causal network holds whole sequences, token by token. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { crossEntropy, input } from "../graph/build.ts";
import { type Graph, makeGraph } from "../graph/graph.ts";
import type { ModelConfig } from "../model/config.ts";
import { forward } from "../model/transformer.ts";
import { weightNodes } from "../model/weights.ts";
import type { Network } from "./network.ts";

/** Log probabilities of sequences, in nats. */
export interface SequenceLogProbs {
  /** Of every scored token, one array a sequence: [model, token]. Equal sequences share one. */
  readonly tokens: readonly Float64Array[];
  /** Sums over the scored tokens, [model, sequence]. */
  readonly sums: Float64Array;
  /** Tokens scored of each sequence, at least 1. */
  readonly counts: Int32Array;
}

/** What is scored, and who hears of it. */
export interface SequenceLogProbOptions {
  /** Leading tokens of every sequence that are given and not scored; at least 1, since nothing predicts the first. */
  readonly given?: number;
  /** Hears how many of the different sequences are done; what it throws ends the work. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Logits that one run may hold, all models together, in numbers: 64 MiB of float32. */
const mostLogits = 2 ** 24;
const mostRows = 64;
/** Shortest input that a program is made for. */
const shortest = 8;

/** 8, 12, 16, 24, 32, … up to nCtx: a few programs serve every length, and at most a third of an input is filling. */
function paddedLength(length: number, nCtx: number): number {
  let padded = shortest;
  while (padded < length) padded = padded % 3 === 0 ? (padded * 4) / 3 : (padded * 3) / 2;
  return Math.min(padded, nCtx);
}

function check(
  { causal, nCtx, dVocab }: ModelConfig,
  sequences: readonly (readonly number[])[],
  given: number,
) {
  if (!causal)
    throw new ArgumentError({
      where: "log probability of sequences",
      rule: "needs a causal model; one that looks ahead (BERT) gives a sequence no probability",
      wayOut: "The pseudo-log-likelihood of masked models is another measure.",
    });
  integerIn("log probability of sequences, tokens given", given, 1);
  sequences.forEach((sequence, at) => {
    const refuse = (rule: string, got: string): never => {
      throw new ArgumentError({ where: `log probability of sequence ${at}`, rule, got });
    };
    if (sequence.length <= given)
      refuse(`must be longer than the ${given} given`, `${sequence.length} tokens`);
    if (sequence.length > nCtx + 1)
      refuse(`the model reads ${nCtx} positions and predicts one more`, `${sequence.length} tokens`);
    const strange = sequence.find((token) => !(Number.isInteger(token) && token >= 0 && token < dVocab));
    if (strange !== undefined) refuse(`the model knows the tokens 0 to ${dVocab - 1}`, String(strange));
  });
}

/** −ln p of the targets at every position, [batch, pos]. Only these leave the session, not the logits. */
function surprisalGraph(config: ModelConfig, batch: number, pos: number): Graph {
  const tokens = input("tokens", [batch, pos], "int32"); // [batch, pos]
  const logits = forward(config, weightNodes(config), tokens); // [batch, pos, dVocab]
  const nats = crossEntropy(logits, input("targets", [batch, pos], "int32")); // [batch, pos]
  return makeGraph({ outputs: { nats } });
}

/**
 * Log probability of sequences under every model of a network, summed and by token.
 *
 *   ln P(x) = Σ_t ln p(x_t | x_0 … x_{t−1}),  t = given … n − 1
 *
 * The network reads x_0 … x_{n−2}. Inputs of similar length are run together, filled up on the right with token 0, where
 * a causal model does not look: filling changes no score. Equal sequences are run once, so that they tie exactly.
 * A logit that is NaN makes its scores NaN.
 *
 * @param sequences  [sequence][token], of any lengths, the same for all models
 * @throws ArgumentError  a model that is not causal, a sequence without a token to score, one longer than nCtx + 1, an
 *                        unknown token
 */
export async function sequenceLogProb(
  network: Network,
  sequences: readonly (readonly number[])[],
  { given = 1, onProgress }: SequenceLogProbOptions = {},
): Promise<SequenceLogProbs> {
  const { config, models } = network;
  check(config, sequences, given);
  const places = new Map<string, number[]>();
  sequences.forEach((sequence, at) => {
    const key = sequence.join();
    const same = places.get(key);
    if (same === undefined) places.set(key, [at]);
    else same.push(at);
  });
  const byLength = new Map<number, number[][]>();
  for (const same of places.values()) {
    const pos = paddedLength(sequences[same[0]].length - 1, config.nCtx);
    const group = byLength.get(pos);
    if (group === undefined) byLength.set(pos, [same]);
    else group.push(same);
  }
  const tokens: Float64Array[] = new Array(sequences.length);
  let done = 0;
  onProgress?.(done, places.size);
  for (const [pos, group] of byLength) {
    const fitting = Math.floor(mostLogits / (models * pos * config.dVocab));
    const rows = Math.max(1, Math.min(mostRows, fitting, group.length));
    const program = network.program(JSON.stringify(["surprisal", rows, pos]), () =>
      surprisalGraph(config, rows, pos),
    );
    for (let first = 0; first < group.length; first += rows) {
      const some = group.slice(first, first + rows);
      const read = some.map(([at]) => sequences[at]);
      const { nats } = await program.run(inputsOf(read, rows, pos));
      read.forEach((sequence, row) => {
        const count = sequence.length - given;
        const own = new Float64Array(models * count);
        for (let model = 0; model < models; model++) {
          const from = (model * rows + row) * pos + given - 1; // the token at t is predicted at t − 1
          for (let i = 0; i < count; i++) own[model * count + i] = -nats[from + i];
        }
        for (const at of some[row]) tokens[at] = own;
      });
      done += some.length;
      onProgress?.(done, places.size);
    }
  }
  const counts = Int32Array.from(sequences, ({ length }) => length - given);
  return { tokens, counts, sums: sumsOf(tokens, models) };
}

/** Inputs and targets, [batch, pos], the same for all models; places without a token hold 0. */
function inputsOf(
  sequences: readonly (readonly number[])[],
  rows: number,
  pos: number,
): { tokens: Int32Array; targets: Int32Array } {
  const tokens = new Int32Array(rows * pos);
  const targets = new Int32Array(rows * pos);
  sequences.forEach((sequence, row) => {
    tokens.set(sequence.slice(0, -1), row * pos);
    targets.set(sequence.slice(1), row * pos);
  });
  return { tokens, targets };
}

/** [model, sequence] */
function sumsOf(tokens: readonly Float64Array[], models: number): Float64Array {
  const sums = new Float64Array(models * tokens.length);
  tokens.forEach((values, at) => {
    const count = values.length / models;
    for (let model = 0; model < models; model++)
      for (let i = 0; i < count; i++) sums[model * tokens.length + at] += values[model * count + i];
  });
  return sums;
}
