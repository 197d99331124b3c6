/**
 * Head scores: how much of a head's attention goes where a head of a known kind would send it.
 *
 * Each score is a share of attention, averaged over queries. A query q sees the keys V(q): 0 … q under a causal mask,
 * all of them without. Where t are the tokens, a score asks for the attention that q pays to the keys
 *
 *   previous     q − 1
 *   first        0
 *   self         q
 *   duplicate    k < q with t[k] = t[q]
 *   induction    k + 1 for those k: what came after an earlier copy (prefix matching). If t[q − 1] = t[q] that includes
 *                q itself, for a head that matches on the token before a key goes there too.
 *   uniformity   none: it is the entropy of the attention, Σ −A log A, over log |V(q)|
 *
 * Attention that knows nothing pays each visible key 1/|V(q)|, and so scores u > 0 on short inputs: 0.27 as a
 * previous-token head on 7 tokens. u is computed exactly for the mask, the length and the tokens at hand, and
 *
 *   corrected = (raw − u) / (1 − u)
 *
 * is 0 for uniform attention, 1 for the pure kind, and negative for a head that avoids those keys. Uniformity has 1 for
 * uniform attention by definition, and 0 for attention to a single key already; it needs no correction and gets none.
 *
 * Query 0 is left out of every score: under a causal mask it has no choice, and to it the first key is itself. Queries
 * without an earlier copy are left out of duplicate and induction; how many, is part of the result. For every other query
 * u < 1: it sees at least two keys, a duplicate is never q itself, and what follows a copy is never key 0.
 *
 * TransformerLens' head detector divides by all rows, row 0 included: of uniform causal attention it has
 * (H(n) − 1)/n as a previous-token head, where the raw score here is (H(n) − 1)/(n − 1), with H(n) = Σ 1/i up to n.
 */
import { ArgumentError, ShapeError } from "../base/errors.ts";
import type { TensorData } from "../graph/backend.ts";
import { hook, resolveSites } from "../model/hookPoints.ts";
import { type ActivationCache, cached, requireFresh } from "./activationCache.ts";
import type { Network } from "./network.ts";
import { runWithCache } from "./run.ts";
import type { Tensor } from "./tensor.ts";
import type { TokenArray, Tokens } from "./tokens.ts";

/** The scores, in the order in which reports have them. */
export const headScoreNames = ["previous", "first", "self", "duplicate", "induction", "uniformity"] as const;
/** Name of a score, and of the kind of head that it is highest for. */
export type HeadScoreName = (typeof headScoreNames)[number];
/** One value for each score. */
export type ByHeadScore<T> = Readonly<Record<HeadScoreName, T>>;

/** One score of all heads. */
export interface HeadScore {
  /** Mean over the queries that have it, [model, layer, head]; NaN where none has. */
  readonly raw: Tensor;
  /** What uniform attention scores on these tokens, exactly, [model]; NaN where no query has the score. */
  readonly uniform: Tensor;
  /** (raw − uniform) / (1 − uniform); of uniformity, raw. [model, layer, head]; NaN where raw is. */
  readonly corrected: Tensor;
  /** Queries that have the score, over all sequences, [model]. */
  readonly queries: Tensor;
  /** Queries that do not and were left out, [model]. */
  readonly leftOut: Tensor;
  /** Sums over the queries of each sequence, of which the above are made; an interval resamples them. */
  readonly bySequence: {
    /** [model, layer, head, batch] */
    readonly raw: Tensor;
    /** [model, batch] */
    readonly uniform: Tensor;
    /** [model, batch] */
    readonly queries: Tensor;
  };
}

/** All scores of all heads of a population. */
export interface HeadScores {
  readonly models: number;
  readonly layers: number;
  readonly heads: number;
  readonly causal: boolean;
  /** What the scores were measured on: a copy, [batch, pos] or [model, batch, pos]. */
  readonly tokens: TokenArray;
  readonly scores: ByHeadScore<HeadScore>;
}

/** A softmax in float32 over a few thousand keys sums to 1 within this. */
const ROW_SUM = 1e-3;

/**
 * Scores of every head of every model.
 *
 * @param source  tokens, at least 2 positions long, or a cache that holds `attn.hook_pattern` of every layer; of tokens
 *                made by {@link repeatedTokens}, induction is the usual prefix matching score
 * @throws NameError      if the model has no attention, or the cache lacks a pattern
 * @throws ArgumentError  if the tokens do not fit, the cache is stale, or an edit left something that is no attention
 */
export async function headScores(network: Network, source: ActivationCache | Tokens): Promise<HeadScores> {
  const sites = resolveSites(network.config, [hook.pattern("all")]);
  const cache =
    "names" in source
      ? source
      : (await runWithCache(network, source, { sites: [hook.pattern("all")] })).cache;
  requireFresh(network, cache);
  const patterns = sites.map(({ name }) => cached(cache, name));
  return patternScores(patterns, cache.tokens(), { causal: network.config.causal });
}

/**
 * Scores of attention patterns from anywhere. The patterns are only read.
 *
 * @param patterns  one a layer, each [model, batch, head, queryPos, keyPos], with rows that sum to 1
 * @param tokens    [batch, pos] for all models, or [model, batch, pos]
 * @param causal    whether queries see only keys up to themselves; decides what uniform attention would score
 * @throws ShapeError     if patterns differ in shape, or the tokens do not fit them
 * @throws ArgumentError  if there is no pattern, fewer than 2 positions, a row that does not sum to 1, or attention to a
 *                        key that the mask hides
 */
export function patternScores(
  patterns: readonly Tensor[],
  tokens: TokenArray,
  { causal }: { causal: boolean },
): HeadScores {
  const { models, batch, heads, pos } = requirePatterns(patterns, tokens);
  const layers = patterns.length;
  const shared = tokens.data.length === batch * pos;
  const sums = byHeadScore(() => ({
    raw: new Float64Array(models * layers * heads * batch),
    uniform: new Float64Array(models * batch),
    queries: new Float64Array(models * batch),
  }));
  for (let model = 0; model < models; model++)
    for (let row = 0; row < batch; row++) {
      const start = ((shared ? 0 : model * batch) + row) * pos;
      const sequence = tokens.data.subarray(start, start + pos);
      const at = model * batch + row;
      const wanted = targetsOf(sequence);
      for (const name of headScoreNames)
        for (let query = 1; query < pos; query++) {
          const keys = wanted[name]?.[query];
          if (keys?.length === 0) continue;
          sums[name].queries[at]++;
          sums[name].uniform[at] += keys === undefined ? 1 : keys.length / visibleKeys(query, pos, causal);
        }
      for (let layer = 0; layer < layers; layer++)
        for (let head = 0; head < heads; head++) {
          const to = ((model * layers + layer) * heads + head) * batch + row;
          const from = ((model * batch + row) * heads + head) * pos * pos;
          const square = patterns[layer].data.subarray(from, from + pos * pos); // [queryPos, keyPos]
          requireAttention(square, { pos, causal, where: `pattern of L${layer}H${head}, sequence ${row}` });
          for (const name of headScoreNames)
            sums[name].raw[to] = attentionSum(square, wanted[name], { pos, causal });
        }
    }
  const frame = { models, layers, heads, batch, pos };
  return {
    models,
    layers,
    heads,
    causal,
    tokens: { ...tokens, data: tokens.data.slice() },
    scores: byHeadScore((name) => summarised(name, sums[name], frame)),
  };
}

/**
 * (raw − u) / (1 − u) from sums over `queries` queries; of uniformity raw itself. NaN without queries.
 *
 * Written with sums, so that a head which pays all its attention to the right keys has exactly 1.
 */
export function correctedScore(name: HeadScoreName, raw: number, uniform: number, queries: number): number {
  if (queries === 0) return Number.NaN;
  const zero = name === "uniformity" ? 0 : uniform;
  return (raw - zero) / (queries - zero);
}

/** A value for every score. */
export function byHeadScore<T>(make: (name: HeadScoreName) => T): ByHeadScore<T> {
  return Object.fromEntries(headScoreNames.map((name) => [name, make(name)])) as ByHeadScore<T>;
}

function visibleKeys(query: number, pos: number, causal: boolean): number {
  return causal ? query + 1 : pos;
}

/** Wanted keys by query; of a score that asks for no keys, undefined. */
type Targets = readonly (readonly number[])[] | undefined;

/** The keys that each score asks for, by query, as the head of this file has them. */
function targetsOf(sequence: ArrayLike<number>): ByHeadScore<Targets> {
  const queries = Array.from(sequence, (_, query) => query);
  const copies = queries.map((query) =>
    queries.filter((key) => key < query && sequence[key] === sequence[query]),
  );
  return {
    previous: queries.map((query) => [query - 1]),
    first: queries.map(() => [0]),
    self: queries.map((query) => [query]),
    duplicate: copies,
    induction: copies.map((keys) => keys.map((key) => key + 1)),
    uniformity: undefined,
  };
}

/** Sum over queries 1 … of one sequence of the attention to the wanted keys, or of the entropy over log |V|. */
function attentionSum(
  square: TensorData,
  wanted: Targets,
  { pos, causal }: { pos: number; causal: boolean },
): number {
  let total = 0;
  for (let query = 1; query < pos; query++) {
    const row = query * pos;
    if (wanted !== undefined) {
      for (const key of wanted[query]) total += square[row + key];
      continue;
    }
    let entropy = 0; // nats
    for (let key = 0; key < pos; key++) {
      const share = square[row + key];
      if (share > 0) entropy -= share * Math.log(share); // 0 log 0 is 0
    }
    total += entropy / Math.log(visibleKeys(query, pos, causal));
  }
  return total;
}

interface Frame {
  models: number;
  layers: number;
  heads: number;
  batch: number;
  pos: number;
}
interface Sums {
  raw: Float64Array;
  uniform: Float64Array;
  queries: Float64Array;
}

function summarised(
  name: HeadScoreName,
  sums: Sums,
  { models, layers, heads, batch, pos }: Frame,
): HeadScore {
  const overBatch = (values: Float64Array) =>
    Float64Array.from({ length: values.length / batch }, (_, i) =>
      values.subarray(i * batch, (i + 1) * batch).reduce((sum, value) => sum + value, 0),
    );
  const raw = overBatch(sums.raw); // [model, layer, head]
  const uniform = overBatch(sums.uniform); // [model]
  const queries = overBatch(sums.queries); // [model]
  const modelOf = (i: number) => Math.floor(i / (layers * heads));
  const byHead = (data: Float64Array): Tensor => ({
    axes: ["model", "layer", "head"],
    shape: [models, layers, heads],
    data,
  });
  const byModel = (data: Float64Array): Tensor => ({ axes: ["model"], shape: [models], data });
  const byRow = (data: Float64Array): Tensor => ({ axes: ["model", "batch"], shape: [models, batch], data });
  return {
    raw: byHead(raw.map((sum, i) => meanOf(sum, queries[modelOf(i)]))),
    uniform: byModel(uniform.map((sum, model) => meanOf(sum, queries[model]))),
    corrected: byHead(
      raw.map((sum, i) => correctedScore(name, sum, uniform[modelOf(i)], queries[modelOf(i)])),
    ),
    queries: byModel(queries),
    leftOut: byModel(queries.map((count) => batch * pos - count)),
    bySequence: {
      raw: {
        axes: ["model", "layer", "head", "batch"],
        shape: [models, layers, heads, batch],
        data: sums.raw,
      },
      uniform: byRow(sums.uniform),
      queries: byRow(sums.queries),
    },
  };
}

/** NaN, said rather than divided, where no query has the score. */
function meanOf(sum: number, queries: number): number {
  return queries === 0 ? Number.NaN : sum / queries;
}

const axes = ["model", "batch", "head", "queryPos", "keyPos"] as const;

function requirePatterns(patterns: readonly Tensor[], tokens: TokenArray): Omit<Frame, "layers"> {
  if (patterns.length === 0)
    throw new ArgumentError({
      where: "head scores",
      rule: "need the pattern of at least one layer",
      got: "none",
    });
  const [models, batch, heads, pos] = patterns[0].shape;
  for (const { axes: own, shape } of patterns)
    if (own.join() !== axes.join() || shape.join() !== [models, batch, heads, pos, pos].join())
      throw new ShapeError({
        where: "head scores",
        rule: `patterns must all be [${axes.join(", ")}] of one size, with as many keys as queries`,
        got: `[${own.map((axis, i) => `${axis} ${shape[i]}`).join(", ")}]`,
      });
  const counts = [batch * pos, models * batch * pos];
  if (tokens.batch !== batch || tokens.pos !== pos || !counts.includes(tokens.data.length))
    throw new ShapeError({
      where: "head scores, tokens",
      rule: `must be [batch ${batch}, pos ${pos}] for all models or [model ${models}, batch ${batch}, pos ${pos}]`,
      got: `[batch ${tokens.batch}, pos ${tokens.pos}], ${tokens.data.length} numbers`,
      wayOut: "Give the tokens that the patterns were computed from.",
    });
  if (pos < 2)
    throw new ArgumentError({
      where: "head scores",
      rule: "need sequences of at least 2 tokens: at the first position nothing can be told apart",
      got: String(pos),
    });
  return { models, batch, heads, pos };
}

/** Shares that an error shows. */
const SHOWN = 8;

/** Throws unless every row is a distribution over the keys its query sees. */
function requireAttention(
  square: TensorData,
  { pos, causal, where }: { pos: number; causal: boolean; where: string },
): void {
  for (let query = 0; query < pos; query++) {
    const visible = visibleKeys(query, pos, causal);
    const row = query * pos;
    let sum = 0;
    let fine = true;
    for (let key = 0; key < pos; key++) {
      const share = square[row + key];
      fine &&= share >= 0 && (key < visible || share === 0);
      sum += share;
    }
    if (fine && Math.abs(sum - 1) <= ROW_SUM) continue;
    throw new ArgumentError({
      where: `${where}, query ${query}`,
      rule: `must be shares of attention to ${visible} keys that sum to 1`,
      got: `${Array.from(square.subarray(row, row + Math.min(pos, SHOWN)), (share) => share.toPrecision(3)).join(" ")}${pos > SHOWN ? " …" : ""}, sum ${sum}`,
      wayOut: "Score the patterns of a run without edits at hook_pattern, under the mask that it had.",
    });
  }
}
