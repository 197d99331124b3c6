/** A small input of every figure of the experiments, with numbers that a reader can check by eye. */
import * as figures from "../../src/figures/index.ts";

export const subject: figures.Subject = { name: "small at step 0", seeds: 3, seed: 7, time: "then" };
const range = (length: number) => Array.from({ length }, (_, i) => i);
export const around = (estimate: number) => ({ estimate, low: estimate - 0.1, high: estimate + 0.1 });
const tokens = ["a", "b", "c"];

export const tokenPosition: figures.TokenPositionMapsData = {
  subject,
  tokens,
  nPos: 2,
  groups: [
    {
      title: "layer 0 · MLP",
      units: [
        { name: "L0N0", cellMeans: [1, 1, 0, 0, 0, 0], chance: 0.2 },
        { name: "L0N1", cellMeans: [0, 3, 0, 3, 0, 3] },
        { name: "L0N2", cellMeans: [0, 0, 0, 0, 0, 0] },
      ],
    },
  ],
};

export const selectivity: figures.SelectivityMapsData = {
  subject,
  levels: tokens,
  groups: [
    {
      title: "layer 0 · MLP",
      units: [
        { name: "L0N0", curve: [0, 1, 0], share: 0.9 },
        { name: "L0N1", curve: [2, 0, 0], share: 0.1 },
        { name: "L0N2", curve: [0, 0, 0], share: Number.NaN },
        { name: "L0N3", curve: [4, 0, 1], share: 0.7 },
      ],
      null: { low: 0.05, high: 0.6 },
    },
  ],
  nullName: "random projections",
};

/** L0H0 is uniform, L0H1 looks at the first key only. */
export const patterns: figures.AttentionPatternsData = {
  subject,
  nPos: 3,
  causal: true,
  heads: [
    { layer: 0, head: 0, pattern: [1, 0, 0, 1 / 2, 1 / 2, 0, 1 / 3, 1 / 3, 1 / 3] },
    { layer: 0, head: 1, pattern: [1, 0, 0, 1, 0, 0, 1, 0, 0] },
  ],
};

export const distributions: figures.ActivationDistributionsData = {
  subject,
  sites: [
    { title: "L0 MLP", edges: [0, 1, 2], shares: [0.3, 0.2], zeroShare: 0.5, mean: 0.9, sd: 0.5 },
    {
      title: "L1 MLP",
      edges: [-1, 0, 1],
      shares: [0.5, 0.5],
      zeroShare: 0,
      mean: 0,
      sd: 0.4,
      null: { low: [0.4, 0.4], high: [0.6, 0.6], zeroShare: { low: 0, high: 0 } },
    },
  ],
};

export const interaction: figures.TokenPositionInteractionData = {
  subject,
  sites: [
    {
      title: "L0 MLP",
      shares: { token: around(0.4), position: around(0.3), interaction: around(0.2), context: around(0.1) },
      null: {
        token: { low: 0.3, middle: 0.4, high: 0.5 },
        position: { low: 0.3, middle: 0.4, high: 0.5 },
        interaction: { low: 0.1, middle: 0.2, high: 0.3 },
        context: { low: 0, middle: 0, high: 0.02 },
      },
    },
  ],
  nullName: "random projections",
};

export const variability: figures.AttentionVariabilityData = {
  subject,
  heads: [
    {
      layer: 0,
      head: 0,
      entropyRatio: { estimate: 0.9, low: 0.7, high: 1 },
      totalVariation: { estimate: 0.4, low: 0.1, high: 0.5 },
      null: { entropyRatio: { low: 0.85, high: 0.99 }, totalVariation: { low: 0.1, high: 0.3 } },
    },
    {
      layer: 0,
      head: 1,
      entropyRatio: { estimate: 0.95, low: 0.8, high: 1 },
      totalVariation: { estimate: 0.2, low: 0.1, high: 0.3 },
      null: { entropyRatio: { low: 0.85, high: 0.99 }, totalVariation: { low: 0.1, high: 0.3 } },
    },
  ],
};

/** The answer at the last position is `b` from the second of three sites on; right at position 0 only. */
export const lens: figures.LensTableData = {
  subject,
  lens: "logit lens",
  tokens,
  input: [0, 2],
  targets: [2, -1],
  sites: ["blocks.0.hook_resid_pre", "blocks.0.hook_resid_mid", "blocks.0.hook_resid_post"],
  top: [0, 0, 2, 1, 2, 1],
  probability: [0.5, 0.6, 0.7, 0.8, 0.9, 0.95],
};

export const headScores: figures.HeadScoresData = {
  subject,
  threshold: 0.5,
  heads: [
    {
      layer: 0,
      head: 0,
      class: "previous",
      scores: {
        previous: { ...around(0.9), null: { low: -0.1, middle: 0, high: 0.1 } },
        first: { ...around(0), null: { low: -0.1, middle: 0, high: 0.1 } },
      },
    },
    { layer: 0, head: 1, class: "abstain", scores: { previous: around(0.1), first: around(0.2) } },
  ],
};

export const patching: figures.PatchingMapData = {
  subject,
  method: "patching",
  metric: "logit difference",
  pairs: 12,
  rowTitle: "layer",
  columnTitle: "position",
  rowLabels: ["L0", "L1"],
  columnLabels: ["0", "1", "2"],
  maps: [
    {
      title: "residual stream",
      effects: [0, 0.5, -0.25, 0, 1, Number.NaN],
      low: [-0.1, 0.4, -0.5, -0.1, 0.9, Number.NaN],
      high: [0.1, 0.6, 0.1, 0.1, 1.1, Number.NaN],
    },
  ],
};

export const attribution: figures.AttributionBarsData = {
  subject,
  quantity: "logit of b",
  unit: "logits",
  intervals: "95 % t interval over 12 sequences",
  components: [
    { name: "embed", ...around(0.5) },
    { name: "L0H0", ...around(-0.75), null: { low: -0.2, high: 0.2 } },
    { name: "0_mlp_out", ...around(0.125) },
  ],
};

export const network: figures.UnitNetworkData = {
  subject,
  units: [
    { name: "L0N0", layer: 0 },
    { name: "L0N1", layer: 0 },
    { name: "L1N0", layer: 1 },
    { name: "L1N1", layer: 1 },
  ],
  edges: [
    { a: 0, b: 1, r: 0.85 },
    { a: 0, b: 2, r: -0.95 },
  ],
  pairs: 6,
  threshold: 0.8,
  expected: [
    { null: "labels permuted", pairs: 0.25 },
    { null: "fresh networks", pairs: 1.5 },
  ],
  effectiveInputs: 6,
};

export const inputs: figures.TopInputsData = {
  subject,
  tokens,
  searched: "all 9 inputs",
  units: [
    {
      name: "L0N0",
      inputs: [
        { tokens: [0, 1], pos: 1, activation: 2 },
        { tokens: [2, 1], pos: 1, activation: 1.5 },
      ],
      usual: { median: 0.5, high: 1 },
      stability: 0.75,
      tokenCurve: [0, 2, 0],
    },
  ],
};

export const responses: figures.StructuredResponsesData = {
  subject,
  families: ["ascending", "constant"],
  critical: 1.96,
  level: 0.05,
  groups: [
    {
      title: "layer 0 · MLP",
      units: [
        { name: "L0N0", z: [0.1, 5] },
        { name: "L0N1", z: [-2.5, 1] },
      ],
      beyond: [0.5, 0.25],
    },
  ],
};

export const spectra: figures.SingularValuesData = {
  subject,
  nullName: "matrices of the same shape",
  matrices: [
    {
      name: "W_E",
      values: [4, 2, 1],
      null: { low: [2, 1, 0.5], median: [2.5, 1.5, 1], high: [3, 2.5, 1.5] },
    },
  ],
};

export const cosines: figures.EmbeddingCosinesData = {
  subject,
  nullName: "normal vectors",
  tables: [
    {
      title: "token embeddings",
      labels: tokens,
      cosines: [1, 0.5, -0.5, 0.5, 1, 0.1, -0.5, 0.1, 1],
      null: { low: [0, 0, 0, 0], high: [0.5, 0.7, 0.7, 0.5], largest: { low: 0.2, high: 0.8 } },
    },
  ],
};

export const effects: figures.EffectSizesData = {
  subject,
  null: { low: -0.5, middle: 0, high: 0.5 },
  correction: "Holm over 3 hypotheses",
  alpha: 0.05,
  effects: [
    { unit: "L0N0", cell: "token a at 1", selected: around(2), tested: around(1.5), p: 0.01 },
    { unit: "L0N1", cell: "token b at 0", selected: around(1), tested: around(0.2), p: 0.4 },
    { unit: "L0N2", cell: "token c at 0", selected: around(3), tested: around(2.5), p: 0.0001 },
  ],
};

/** A figure with what it is built from. */
export interface FigureSample {
  name: string;
  data: unknown;
  build(data: unknown): figures.FigureSpec;
}

/** A builder with its sample, each value of its own type. */
export function sample<T>(build: (data: T) => figures.FigureSpec, data: T): FigureSample {
  return { name: build.name, data, build: (other) => build(other as T) };
}

export const samples = [
  sample(figures.tokenPositionMaps, tokenPosition),
  sample(figures.tokenSelectivity, selectivity),
  sample(figures.positionSelectivity, selectivity),
  sample(figures.attentionPatterns, patterns),
  sample(figures.activationDistributions, distributions),
  sample(figures.tokenPositionInteraction, interaction),
  sample(figures.attentionVariability, variability),
  sample(figures.lensTable, lens),
  sample(figures.headScoresFigure, headScores),
  sample(figures.patchingMap, patching),
  sample(figures.attributionBars, attribution),
  sample(figures.unitNetwork, network),
  sample(figures.topInputs, inputs),
  sample(figures.structuredResponses, responses),
  sample(figures.singularValues, spectra),
  sample(figures.embeddingCosines, cosines),
  sample(figures.effectSizes, effects),
];

/** Many rows for figures that show only some. */
export const manyEffects: figures.EffectSizesData = {
  ...effects,
  effects: range(60).map((i) => ({
    unit: `L0N${i}`,
    cell: "token a at 1",
    selected: around(i / 10),
    tested: around(i / 10),
    p: 0.5,
  })),
};
