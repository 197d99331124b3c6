/**
 * The null of head scores: what networks that have learned nothing score on the same tokens.
 *
 * A corrected score of 0 is what uniform attention has, and random heads are not uniform: each has its own accidental
 * taste for positions and tokens. How far that reaches depends on the config, its initialisation and the length, and is
 * measured by drawing initialisations. Layers and heads keep their own null, since a deeper layer reads another stream.
 *
 *   p = (1 + number of draws that score as high or higher) / (1 + draws)
 *
 * Under the null a network is one more draw, all orders of the draws are equally likely, and P(p ≤ α) ≤ α holds exactly
 * for any α and any number of draws.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import type { Backend } from "../graph/backend.ts";
import type { ModelConfig } from "../model/config.ts";
import { stackWeights, type Weights } from "../model/weights.ts";
import { type ByHeadScore, byHeadScore, type HeadScore, type HeadScores, headScores } from "./headScores.ts";
import { openNetwork } from "./network.ts";
import type { Tensor } from "./tensor.ts";
import type { TokenArray, Tokens } from "./tokens.ts";

/** Corrected scores of random initialisations. */
export interface HeadScoreNull {
  readonly draws: number;
  readonly layers: number;
  readonly heads: number;
  readonly causal: boolean;
  /** The tokens that every draw was scored on, [batch, pos]. */
  readonly tokens: TokenArray;
  /** Corrected scores, ascending by draw, [layer][head]; NaN where no query of these tokens has the score. */
  readonly sorted: ByHeadScore<readonly (readonly Float64Array[])[]>;
}

/** Where the scores of a population lie within their null. */
export interface HeadPlace {
  /** Share of the draws below, equal ones counted half, in [0, 1], [model, layer, head]; NaN for an undefined score. */
  readonly percentile: Tensor;
  /** P value of a score this high, in [1/(1 + draws), 1], [model, layer, head]; NaN for an undefined score. */
  readonly p: Tensor;
}

/** Draws that are run side by side; it changes no number. */
const POPULATION = 64;

/**
 * Scores of random initialisations.
 *
 * @param initFor  weights of one network from a stream, e.g.
 *                 `(stream) => initialWeights(config, { scheme: "pytorch" }, stream)`
 * @param draws    number of networks. The smallest p value is 1/(1 + draws); {@link headClasses} says what it needs.
 * @param stream   draw i takes `stream.child(i)`
 * @param tokens   those that the networks of interest are scored on, one batch for all
 * @throws ArgumentError, ShapeError  as {@link headScores}; or for weights of more than one model, or tokens by model
 */
export async function headScoreNull(
  backend: Backend,
  config: ModelConfig,
  initFor: (stream: RandomStream) => Weights,
  { draws, stream, tokens }: { draws: number; stream: RandomStream; tokens: Tokens },
): Promise<HeadScoreNull> {
  integerIn("head score null, draws", draws, 1);
  const parts: HeadScores[] = [];
  for (let start = 0; start < draws; start += POPULATION) {
    const count = Math.min(POPULATION, draws - start);
    const weights = Array.from({ length: count }, (_, i) => initFor(stream.child(start + i)));
    parts.push(await scored(backend, config, stackWeights(config, weights), { count, tokens }));
  }
  const [{ layers, heads, causal, tokens: shared }] = parts;
  const valuesOf = (score: HeadScore, cell: number) =>
    score.corrected.data.filter((_, i) => i % (layers * heads) === cell);
  const sorted = byHeadScore((name) =>
    Array.from({ length: layers }, (_, layer) =>
      Array.from({ length: heads }, (_, head) =>
        Float64Array.from(
          parts.flatMap(({ scores }) => Array.from(valuesOf(scores[name], layer * heads + head))),
        ).sort(),
      ),
    ),
  );
  return { draws, layers, heads, causal, tokens: shared, sorted };
}

async function scored(
  backend: Backend,
  config: ModelConfig,
  weights: Weights,
  { count, tokens }: { count: number; tokens: Tokens },
): Promise<HeadScores> {
  const network = openNetwork(backend, config, weights);
  try {
    if (network.models !== count)
      throw new ArgumentError({
        where: "head score null, initFor",
        rule: "must return the weights of one model",
        got: `${network.models} models from ${count} calls`,
      });
    const scores = await headScores(network, tokens);
    const { data, batch, pos } = scores.tokens;
    if (data.length !== batch * pos)
      throw new ShapeError({
        where: "head score null, tokens",
        rule: "must be one batch [batch, pos] for all draws",
        got: `${data.length} numbers for [batch ${batch}, pos ${pos}]`,
      });
    return scores;
  } finally {
    network.close();
  }
}

/**
 * Percentile and p value of every score within its null.
 *
 * @throws ArgumentError unless the null was drawn for as many layers and heads, the same mask and the same tokens
 */
export function headPlaces(scores: HeadScores, drawn: HeadScoreNull): ByHeadScore<HeadPlace> {
  requireSameSetting(scores, drawn);
  const { layers, heads } = scores;
  return byHeadScore((name) => {
    const { axes, shape, data } = scores.scores[name].corrected;
    const percentile = new Float64Array(data.length);
    const p = new Float64Array(data.length);
    for (let i = 0; i < data.length; i++) {
      const cell = i % (layers * heads);
      const draws = drawn.sorted[name][Math.floor(cell / heads)][cell % heads];
      const below = draws.filter((value) => value < data[i]).length;
      const equal = draws.filter((value) => value === data[i]).length;
      const defined = !Number.isNaN(data[i]);
      percentile[i] = defined ? (below + equal / 2) / drawn.draws : Number.NaN;
      p[i] = defined ? (1 + drawn.draws - below) / (1 + drawn.draws) : Number.NaN;
    }
    return { percentile: { axes, shape, data: percentile }, p: { axes, shape, data: p } };
  });
}

function requireSameSetting(scores: HeadScores, drawn: HeadScoreNull): void {
  const { data, batch, pos } = drawn.tokens;
  const size = batch * pos;
  const sameTokens =
    scores.tokens.batch === batch &&
    scores.tokens.pos === pos &&
    scores.tokens.data.every((token, i) => token === data[i % size]);
  const differences = [
    ...(scores.layers === drawn.layers ? [] : [`${scores.layers} and ${drawn.layers} layers`]),
    ...(scores.heads === drawn.heads ? [] : [`${scores.heads} and ${drawn.heads} heads`]),
    ...(scores.causal === drawn.causal ? [] : ["only one has a causal mask"]),
    ...(sameTokens ? [] : ["other tokens"]),
  ];
  if (differences.length === 0) return;
  throw new ArgumentError({
    where: "null of head scores",
    rule: "must be drawn for the same architecture and on the same tokens as the scores",
    got: differences.join(", "),
    wayOut: "Draw it with headScoreNull for the network's config and the tokens of its scores.",
  });
}
