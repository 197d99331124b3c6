/** Continuing a sequence: the network is asked for the next token, one is drawn, and asked again. */
import { integerIn, numberIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { exp } from "../base/exact.ts";
import type { RandomStream } from "../base/random.ts";
import { gather, input, reshape } from "../graph/build.ts";
import { makeGraph } from "../graph/graph.ts";
import { forward } from "../model/transformer.ts";
import { weightNodes } from "../model/weights.ts";
import type { Network } from "./network.ts";
import { type TokenArray, type Tokens, tokenArray } from "./tokens.ts";

/** How the next token is chosen from its logits. */
export interface DrawOptions {
  /** Logits are divided by it: below 1 likelier tokens gain, 0 takes the likeliest; 1 by default. */
  readonly temperature?: number;
  /** Only so many of the likeliest tokens can be drawn; all by default. */
  readonly topK?: number;
}

/** How sequences are continued. */
export interface GenerateOptions extends DrawOptions {
  /** Tokens to add to each. */
  readonly count: number;
  /** The stream of a model's sequence; a draw for each token. What the others draw changes nothing. */
  readonly stream: (model: number, row: number) => RandomStream;
}

/** The tokens that may be drawn: all, or the topK likeliest, of equals those with the lower numbers. */
function candidates(logits: ArrayLike<number>, topK: number): Int32Array {
  const tokens = Int32Array.from({ length: logits.length }, (_, token) => token);
  if (topK >= logits.length) return tokens;
  return tokens.sort((a, b) => logits[b] - logits[a] || a - b).subarray(0, topK);
}

/**
 * Draws a token from the softmax of its logits, by inversion of one uniform number.
 *
 *   p(t) ∝ exp(logit_t / temperature) over the topK largest logits
 *
 * Edges: of equal logits the lower token number goes before; temperature 0 draws nothing from the stream.
 *
 * @param logits  [dVocab], at least one
 * @throws ArgumentError  a logit that is NaN or +∞, or all −∞; a temperature below 0; topK below 1
 */
export function drawToken(
  logits: ArrayLike<number>,
  { temperature = 1, topK = logits.length }: DrawOptions,
  stream: RandomStream,
): number {
  numberIn("temperature", temperature, 0);
  integerIn("topK", topK, 1);
  const refuse = (got: number): never => {
    throw new ArgumentError({
      where: "draw of a token",
      rule: "logits must be numbers, the largest of them finite",
      got: String(got),
      wayOut: "A network that diverged has nothing to say.",
    });
  };
  let likeliest = 0;
  for (let token = 0; token < logits.length; token++) {
    if (!(logits[token] < Number.POSITIVE_INFINITY)) refuse(logits[token]);
    if (logits[token] > logits[likeliest]) likeliest = token;
  }
  const largest = logits[likeliest];
  if (!Number.isFinite(largest)) refuse(largest);
  if (temperature === 0) return likeliest;
  const tokens = candidates(logits, topK);
  // the largest is subtracted: exp(89) overflows float32, exp(710) float64
  const weights = Float64Array.from(tokens, (token) => exp((logits[token] - largest) / temperature));
  let rest = stream.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < tokens.length; i++) {
    rest -= weights[i];
    if (rest < 0) return tokens[i];
  }
  return likeliest; // rounding left a little of the last weight
}

/** Shortest input that a program is made for. */
const SHORTEST = 16;

/** Length that inputs are filled up to: powers of two, so that a few programs serve every length. */
function paddedLength(length: number, nCtx: number): number {
  let padded = SHORTEST;
  while (padded < length) padded *= 2;
  return Math.min(nCtx, padded);
}

/**
 * Continues sequences.
 *
 * Each step runs the network on the last nCtx tokens and draws from the logits of the last one. Shorter inputs are
 * filled up behind, where a causal model does not look. The same streams give the same tokens whatever else is in the
 * batch, and on any machine where the backend gives the same bits.
 *
 * @param prompt  at least one token each, of any length, [batch][pos] for all models or [model][batch][pos]
 * @returns       prompt and continuation, [model, batch, pos + count]
 * @throws ArgumentError  a model that is not causal, an empty prompt, an unknown token, logits that are not finite
 * @throws ShapeError     prompts of different lengths
 */
export async function generate(
  network: Network,
  prompt: Tokens,
  { count, stream, ...draw }: GenerateOptions,
): Promise<TokenArray> {
  const { config, models } = network;
  integerIn("tokens to generate", count, 0);
  if (!config.causal)
    throw new ArgumentError({
      where: "generate",
      rule: "needs a causal model: one that looks ahead was not made to say what comes next",
    });
  // a prompt may be longer than the context, of which the checks know
  const given = tokenArray({ models, config: { ...config, nCtx: Number.MAX_SAFE_INTEGER } }, prompt);
  const { batch, pos } = given;
  const rows = models * batch;
  const length = pos + count;
  const data = new Int32Array(rows * length);
  for (let row = 0; row < rows; row++) {
    const from = (row * pos) % given.data.length;
    data.set(given.data.subarray(from, from + pos), row * length);
  }
  const streams = Array.from({ length: rows }, (_, row) => stream(Math.floor(row / batch), row % batch));
  for (let at = pos; at < length; at++) {
    const seen = Math.min(at, config.nCtx);
    const padded = paddedLength(seen, config.nCtx);
    const tokens = new Int32Array(rows * padded);
    for (let row = 0; row < rows; row++)
      tokens.set(data.subarray(row * length + at - seen, row * length + at), row * padded);
    const program = network.program(JSON.stringify(["next token", batch, padded]), () =>
      nextTokenGraph(network, batch, padded),
    );
    const last = Int32Array.from({ length: batch }, (_, row) => row * padded + seen - 1);
    const { logits } = await program.run({ tokens, last });
    for (let row = 0; row < rows; row++)
      data[row * length + at] = drawToken(
        logits.subarray(row * config.dVocab, (row + 1) * config.dVocab),
        draw,
        streams[row],
      );
  }
  return { data, batch, pos: length };
}

/** Logits of one position of each sequence, `last` counted over the batch: [batch, dVocab]. */
function nextTokenGraph({ config }: Network, batch: number, length: number) {
  const tokens = input("tokens", [batch, length], "int32"); // [batch, pos]
  const last = input("last", [batch], "int32"); // [batch]
  const logits = forward(config, weightNodes(config), tokens); // [batch, pos, dVocab]
  const all = reshape(logits, [batch * length, config.dVocab]); // [batch · pos, dVocab]
  return makeGraph({ outputs: { logits: gather(all, last) } }); // [batch, dVocab]
}
