/** Figures of heads and of answers: where heads look, what kinds they are, what each part adds and carries. */

import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import * as figures from "../../src/figures/index.ts";
import {
  directLogitAttribution,
  forward,
  headClasses,
  headScoreNames,
  headScoreNull,
  headScores,
  logitDifference,
  logitLens,
  meanOver,
  type Network,
  patchSweep,
  repeatedTokens,
  topTokens,
} from "../../src/interp/index.ts";
import { hook, initialWeights } from "../../src/model/index.ts";
import { mean, quantile, tInterval } from "../../src/stats/index.ts";
import {
  band,
  config,
  init,
  largest,
  layers,
  type Measured,
  nPos,
  others,
  overOthers,
  range,
  sequences,
  stream,
  subject,
  tokens,
} from "./population.ts";

/** Every head, layer by layer. */
export const headsOf = layers.flatMap((layer) => range(config.nHeads).map((head) => ({ layer, head })));

/** Mean attention of every head. */
export function patterns({ cache }: Measured) {
  const heads = headsOf.map(({ layer, head }) => ({
    layer,
    head,
    pattern: meanOver(cache.get(`blocks.${layer}.attn.hook_pattern`, { model: 0, head }), ["batch"]).data,
  }));
  return figures.attentionPatterns({ subject, nPos, causal: config.causal, heads });
}

/** Entropy and distance from uniform of every head, here and in the other networks. */
export function variability({ cache }: Measured) {
  const heads = headsOf.map(({ layer, head }) => {
    const models = range(1 + others).map((model) => {
      const pattern = cache.get(`blocks.${layer}.attn.hook_pattern`, { model, head }).data;
      const queries = range(pattern.length / nPos).filter((query) => query % nPos > 0);
      const keysOf = (query: number) => pattern.subarray(query * nPos, query * nPos + (query % nPos) + 1);
      const entropyRatio = queries.map((query) => {
        const keys = [...keysOf(query)];
        return keys.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0) / Math.log(keys.length);
      });
      const totalVariation = queries.map((query) => {
        const keys = [...keysOf(query)];
        return keys.reduce((sum, p) => sum + Math.abs(p - 1 / keys.length) / 2, 0);
      });
      return { entropyRatio, totalVariation };
    });
    const measure = (key: "entropyRatio" | "totalVariation") => {
      const values = models[0][key];
      return { estimate: quantile(values, 0.5), low: quantile(values, 0.05), high: quantile(values, 0.95) };
    };
    const null_ = (key: "entropyRatio" | "totalVariation") =>
      overOthers((model) => quantile(models[model][key], 0.5));
    return {
      layer,
      head,
      entropyRatio: measure("entropyRatio"),
      totalVariation: measure("totalVariation"),
      null: { entropyRatio: null_("entropyRatio"), totalVariation: null_("totalVariation") },
    };
  });
  return figures.attentionVariability({ subject, heads });
}

/** One sequence read at every residual site. */
export async function lens(network: Network) {
  const input = [3, 1, 4, 1, 5, 9, 2];
  const read = await logitLens(network, [input], { norm: "recomputed" });
  const top = topTokens(read, 1);
  return figures.lensTable({
    subject,
    lens: "logit lens",
    tokens,
    input,
    targets: [...input.slice(1), -1],
    sites: read.sites,
    top: top.tokens,
    probability: top.probabilities,
  });
}

/** Scores and classes of every head. */
export async function scores(network: Network) {
  const repeated = repeatedTokens({
    dVocab: config.dVocab,
    half: 4,
    count: 8,
    stream: stream.child("repeated"),
  });
  const scored = await headScores(network, repeated);
  const drawn = await headScoreNull(wasmBackend(), config, (own) => initialWeights(config, init, own), {
    draws: 479,
    stream: stream.child("heads"),
    tokens: repeated,
  });
  const { heads, threshold } = headClasses(scored, drawn, { stream: stream.child("intervals") });
  return figures.headScoresFigure({
    subject,
    threshold,
    heads: heads.map(({ layer, head, class: kind, scores: judged }) => ({
      layer,
      head,
      class: kind,
      scores: Object.fromEntries(
        headScoreNames.map((name) => [
          name,
          { ...judged[name].corrected, null: band(drawn.sorted[name][layer][head]) },
        ]),
      ),
    })),
  });
}

/** Pairs of different sequences between which the network tells a large difference, and the metric that shows it. */
async function pairs(network: Network) {
  const metric = logitDifference(7, 0);
  const clean = sequences.slice(0, 96);
  const corrupt = clean.map((row) => row.map((token) => (token + 5) % config.dVocab));
  const [a, b] = await inTurn(
    [clean, corrupt],
    async (rows) => metric.measure(await forward(network, rows)).data,
  );
  const told = largest(range(clean.length), (row) => Math.abs(a[row] - b[row]), 48);
  return { clean: told.map((row) => clean[row]), corrupt: told.map((row) => corrupt[row]), metric };
}

/** What the stream carries by position, or each head, between two answers. */
export async function patching(network: Network, site: "stream" | "head") {
  const by = site === "stream" ? (["layer", "pos"] as const) : (["layer", "head"] as const);
  const over = [site === "stream" ? hook.residPre("all") : hook.z("all")];
  const { effect, pairs: counts } = await patchSweep(network, { ...(await pairs(network)), over, by });
  const columns = site === "stream" ? nPos : config.nHeads;
  return figures.patchingMap({
    subject,
    method: "patching",
    metric: "logit difference of 7 and 0",
    pairs: counts[0],
    rowTitle: "layer",
    columnTitle: site === "stream" ? "position" : "head",
    rowLabels: layers.map((layer) => `L${layer}`),
    columnLabels: range(columns).map((i) => (site === "stream" ? String(i) : `H${i}`)),
    maps: [
      {
        title: site === "stream" ? "residual stream before the block" : "head outputs",
        effects: effect.estimate.data,
        low: effect.low.data,
        high: effect.high.data,
      },
    ],
  });
}

/** What every component adds to a logit difference. */
export async function attribution(network: Network) {
  const { components, logits } = await directLogitAttribution(network, sequences, {
    token: 7,
    other: 0,
    heads: true,
  });
  const atEnd = (model: number, component: number) =>
    range(sequences.length).map(
      (row) => logits.data[((model * components.length + component) * sequences.length + row + 1) * nPos - 1],
    );
  return figures.attributionBars({
    subject,
    quantity: "logit of 7 less that of 0",
    unit: "logits",
    intervals: `95 % t interval over ${sequences.length} sequences`,
    components: components.map((name, component) => ({
      name,
      ...tInterval(atEnd(0, component)),
      null: overOthers((model) => mean(atEnd(model, component))),
    })),
  });
}
