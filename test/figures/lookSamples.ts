/** A small input of every figure that looks into networks then and now, with numbers that a reader can check by eye. */
import * as figures from "../../src/figures/index.ts";
import { around, sample, subject } from "./experimentSamples.ts";

const tokens = ["a", "b", "c"];

/** One head that becomes a previous-token head, and one that stays as it was. */
export const courses: figures.HeadCoursesData = {
  subject,
  steps: [0, 1, 10],
  nullName: "100 fresh networks",
  heads: [
    {
      layer: 0,
      head: 0,
      kinds: { previous: 2 },
      scores: {
        previous: {
          networks: [
            [0.1, 0.3, 0.6],
            [0.3, 0.3, 0.8],
          ],
          null: { low: -0.1, middle: 0, high: 0.2 },
        },
        induction: { networks: [[Number.NaN, Number.NaN, Number.NaN]] },
      },
    },
    { layer: 1, head: 1, kinds: {}, scores: { previous: { networks: [[0, 0, 0.1]] } } },
  ],
};

export const distribution: figures.LensDistributionData = {
  subject,
  lens: "logit lens, norm recomputed",
  pos: 1,
  tokens,
  target: 2,
  sites: ["blocks.0.hook_resid_pre", "blocks.0.hook_resid_post"],
  probability: [0.4, 0.3, 0.3, 0.1, 0.2, 0.7],
  before: [0.3, 0.4, 0.3, 0.5, 0.25, 0.25],
};

export const plane: figures.EmbeddingPlaneData = {
  subject,
  tables: [
    {
      title: "token embeddings",
      labels: tokens,
      before: [
        [0, 1],
        [1, 0],
        [-1, -1],
      ],
      points: [
        [0, 2],
        [2, 0],
        [-2, -2],
      ],
      share: 0.6,
      moved: 1,
      null: { low: 0.3, high: 0.5 },
    },
  ],
};

export const norms: figures.StreamNormsData = {
  subject,
  probe: "64 sequences",
  sites: [
    { site: "blocks.0.hook_resid_pre", now: around(2), before: around(1), networks: [1.9, 2.1] },
    { site: "blocks.0.hook_resid_post", now: around(4), before: around(1.5), networks: [4, 4] },
  ],
};

export const composition: figures.CompositionRowsData = {
  subject,
  atRandom: 0.25,
  draws: 199,
  pairs: [
    {
      ...{ pair: "L0H0>L1H0", kind: "q", score: 0.5, before: 0.2, networks: [0.5, 0.4] },
      ...{ null: { low: 0.1, middle: 0.2, high: 0.3 }, p: 0.005 },
    },
    {
      ...{ pair: "L0H1>L1H0", kind: "q", score: 0.2, before: 0.2, networks: [0.2, 0.1] },
      ...{ null: { low: 0.1, middle: 0.2, high: 0.3 }, p: 0.6 },
    },
    {
      ...{ pair: "L0H0>L1H0", kind: "v", score: 0.3, before: 0.1, networks: [0.3] },
      ...{ null: { low: 0.1, middle: 0.2, high: 0.4 }, p: 0.1 },
    },
  ],
};

/** Nine bins; most pairs have r near 0 at both times, some kept an r of 1. */
export const pairMap: figures.PairsThenAndNowData = {
  subject,
  counts: [0, 2, 0, 3, 100, 0, 0, 1, 20],
  kept: around(0.6),
  null: { low: -0.05, high: 0.05 },
};

export const lookSamples = [
  sample(figures.headCourses, courses),
  sample(figures.lensDistribution, distribution),
  sample(figures.embeddingPlane, plane),
  sample(figures.streamNorms, norms),
  sample(figures.compositionRows, composition),
  sample(figures.pairsThenAndNow, pairMap),
];
