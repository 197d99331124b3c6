/** Figures of units: what they are tuned to, what drives them most, which go together. */
import type { RandomStream } from "../../src/base/random.ts";
import { randomProjectionNull } from "../../src/features/index.ts";
import * as figures from "../../src/figures/index.ts";
import type { SiteName } from "../../src/model/index.ts";
import { mean, pearson, quantile, sd } from "../../src/stats/index.ts";
import {
  activationsOf,
  band,
  cellMeans,
  cells,
  config,
  largest,
  type Measured,
  neuronName,
  nPos,
  others,
  overOthers,
  probe,
  range,
  sequences,
  shuffledDeviation,
  stream,
  subject,
  tokens,
} from "./population.ts";

/** The most token-tuned and the most position-tuned neurons of each layer. */
export function tokenPositionMaps(all: Measured) {
  const groups = all.neurons.map((neurons) => {
    const { layer, eta2 } = neurons;
    const by = (part: "token" | "position") =>
      largest(range(config.dMlp), (unit) => eta2[part][unit] || 0, 3);
    const units = [...new Set([...by("token"), ...by("position")])].map((unit) => ({
      name: neuronName(layer, unit),
      cellMeans: cellMeans(neurons, unit),
      chance: shuffledDeviation(activationsOf(all, layer, unit), stream.child("shuffle", layer, unit)),
    }));
    return { title: `layer ${layer} · MLP`, units };
  });
  return figures.tokenPositionMaps({ subject, tokens, nPos, groups });
}

/** Tables of the null of selectivity, one a draw. */
export const projections = range(40).map((draw) =>
  randomProjectionNull({
    dModel: config.dModel,
    dVocab: config.dVocab,
    nPos,
    units: config.dMlp,
    draws: 1,
    stream: stream.child("projection", draw),
  }),
);
/** What they are, for the captions. */
export const projectionName = "random projections of random embeddings through layer norm and ReLU";

/** Curves and shares of every neuron, by token or by position. */
export function selectivity({ neurons }: Measured, part: "token" | "position"): figures.SelectivityMapsData {
  const shares = projections.flatMap((draw) => [...draw[part]]);
  const groups = neurons.map(({ layer, parts, eta2 }) => ({
    title: `layer ${layer} · MLP`,
    units: range(config.dMlp).map((unit) => {
      const { values, length } = parts[part];
      const curve = values.subarray(unit * length, (unit + 1) * length);
      return { name: neuronName(layer, unit), curve, share: eta2[part][unit] };
    }),
    null: { low: quantile(shares, 0.05), high: quantile(shares, 0.95) },
  }));
  const levels = part === "token" ? tokens : range(nPos).map(String);
  return { subject, levels, groups, nullName: projectionName };
}

/** Mean shares of variance of each layer. */
export function interaction({ neurons }: Measured) {
  const token = projections.map((draw) => mean(draw.token));
  const position = projections.map((draw) => mean(draw.position));
  const nulls = {
    token: band(token),
    position: band(position),
    interaction: band(token.map((share, i) => 1 - share - position[i])),
    context: { low: 0, middle: 0, high: 0 },
  };
  const sites = neurons.map(({ layer, eta2 }) => {
    const share = (part: keyof typeof nulls) => {
      const defined = [...eta2[part].subarray(0, config.dMlp)].filter(Number.isFinite);
      return { estimate: mean(defined), low: Number.NaN, high: Number.NaN };
    };
    return {
      title: `L${layer} MLP neurons`,
      shares: {
        token: share("token"),
        position: share("position"),
        interaction: share("interaction"),
        context: share("context"),
      },
      null: nulls,
    };
  });
  return figures.tokenPositionInteraction({ subject, sites, nullName: `${projectionName}, no attention` });
}

/** Histograms at six sites, in this network and in the others. */
export function distributions({ cache }: Measured) {
  const titles: readonly [SiteName, string][] = [
    ["blocks.0.hook_resid_pre", "L0 stream before"],
    ["blocks.0.hook_attn_out", "L0 attention output"],
    ["blocks.0.mlp.hook_pre", "L0 MLP before ReLU"],
    ["blocks.0.mlp.hook_post", "L0 MLP neurons"],
    ["blocks.1.mlp.hook_post", "L1 MLP neurons"],
    ["blocks.1.hook_resid_post", "L1 stream after"],
  ];
  const bins = 40;
  const sites = titles.map(([name, title]) => {
    const models = range(1 + others).map((model) => cache.get(name, { model }).data);
    const active = [...models[0]].filter((value) => value !== 0);
    const [low, high] = [quantile(active, 0.001), quantile(active, 0.999)];
    const start = low > 0 ? 0 : low;
    /** Shares by bin, and last that of exact zeros. */
    const sharesOf = (values: ArrayLike<number>) => {
      const counts = new Float64Array(bins + 1);
      for (let i = 0; i < values.length; i++) {
        const bin = Math.floor((bins * (values[i] - start)) / (high - start));
        if (values[i] === 0) counts[bins]++;
        else if (bin >= 0 && bin < bins) counts[bin]++;
      }
      return counts.map((count) => count / values.length);
    };
    const shares = models.map(sharesOf);
    const bands = range(bins + 1).map((bin) => overOthers((model) => shares[model][bin]));
    return {
      title,
      edges: range(bins + 1).map((i) => start + ((high - start) * i) / bins),
      shares: shares[0].subarray(0, bins),
      zeroShare: shares[0][bins],
      mean: mean(active),
      sd: sd(active),
      null: {
        low: bands.map((one) => one.low),
        high: bands.map((one) => one.high),
        zeroShare: bands[bins],
      },
    };
  });
  return figures.activationDistributions({ subject, sites });
}

/** Correlations of cell means between all neurons, beyond what 99.7 % of pairs have in other networks. */
export function unitPairs({ neurons }: Measured) {
  const units = neurons.flatMap((one) => range(config.dMlp).map((unit) => ({ one, unit })));
  const edgesOf = (model: number, shuffle?: RandomStream) => {
    const rows = units.map(({ one, unit }) => {
      const means = cellMeans(one, unit, model);
      return shuffle === undefined ? means : Float64Array.from(shuffle.permutation(cells), (i) => means[i]);
    });
    return rows.flatMap((row, a) =>
      rows.slice(a + 1).map((other, i) => ({ a, b: a + 1 + i, r: pearson(row, other) })),
    );
  };
  const sizes = (edges: readonly { r: number }[]) =>
    edges.map(({ r }) => Math.abs(r)).filter(Number.isFinite);
  const fresh = range(6).map((i) => sizes(edgesOf(1 + i)));
  const shuffled = range(3).map((draw) => sizes(edgesOf(0, stream.child("pairs", draw))));
  const threshold = quantile(fresh.flat(), 0.997);
  const beyond = (draws: readonly (readonly number[])[]) =>
    mean(draws.map((values) => values.filter((r) => r > threshold).length));
  const edges = edgesOf(0);
  return figures.unitNetwork({
    subject,
    units: units.map(({ one: { layer }, unit }) => ({ name: neuronName(layer, unit), layer })),
    edges: edges.filter(({ r }) => Math.abs(r) > threshold),
    pairs: edges.length,
    threshold,
    expected: [
      { null: "labels permuted", pairs: beyond(shuffled) },
      { null: "fresh networks", pairs: beyond(fresh) },
    ],
    effectiveInputs: cells,
  });
}

/** The strongest inputs of the most token-tuned neurons. */
export function inputs(all: Measured) {
  const units = all.neurons.flatMap(({ layer, eta2, parts }) =>
    largest(range(config.dMlp), (unit) => eta2.token[unit] || 0, 3).map((unit) => {
      const values = activationsOf(all, layer, unit);
      const top = (rows: readonly number[]) =>
        largest(
          rows.flatMap((row) => range(nPos).map((pos) => row * nPos + pos)),
          (at) => values[at],
          5,
        );
      const key = (at: number) => `${probe.tokens[at]} at ${at % nPos}`;
      const [first, second] = [0, 1].map((half) =>
        top(range(probe.count).filter((row) => probe.half[row] === half)).map(key),
      );
      return {
        name: neuronName(layer, unit),
        inputs: top(range(probe.count)).map((at) => ({
          tokens: sequences[Math.floor(at / nPos)],
          pos: at % nPos,
          activation: values[at],
        })),
        usual: { median: quantile(values, 0.5), high: quantile(values, 0.95) },
        stability: first.filter((one) => second.includes(one)).length / first.length,
        tokenCurve: parts.token.values.subarray(unit * config.dVocab, (unit + 1) * config.dVocab),
      };
    }),
  );
  return figures.topInputs({
    subject,
    tokens,
    units,
    searched: `${sequences.length} sequences of a balanced probe`,
  });
}
