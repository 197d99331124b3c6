/** S9, fixed before it is run. */
import { type Condition, equalsNothing, liesAbove, liesBelow, liesBeyond } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";

/** Layers of the networks of this study. */
export const layers = [0, 1] as const;

/** Ways to say that tokens persist better than positions; each is a difference, token less position. */
export const measures = {
  raw: "maintained ones of the five most selective neurons",
  kappa: "their share beyond chance, kappa",
  r: "r of tuning curves",
  variance: "ln of the variance after over before",
} as const;
/** One of {@link measures}. */
export type Measure = keyof typeof measures;

/** Name of an outcome. */
export const outcomeName = (measure: Measure, layer: number) => `${measure} L${layer}`;

/** Differences of r inside this band are none. */
export const MARGIN = 0.03;

const names = layers.flatMap((layer) =>
  (Object.keys(measures) as Measure[]).map((measure) => outcomeName(measure, layer)),
);
const r = layers.map((layer) => outcomeName("r", layer));

/** The outcomes are token less position: what favours a factor, by its mean and by its 95 % interval. */
const ahead = {
  token: {
    mean: (outcome: string): Condition => ({ outcome, take: "estimate", above: 0 }),
    clearly: liesAbove(0),
  },
  position: {
    mean: (outcome: string): Condition => ({ outcome, take: "estimate", below: 0 }),
    clearly: liesBelow(0),
  },
} as const;

export const plan: StudyPlan = {
  id: "S9",
  name: "token-or-position",
  title: "Token or position: which tuning persists?",
  question:
    "Does token tuning persist better than position tuning, or the reverse, once both are treated alike?",
  hypothesis:
    "Neither: which of the two seems to persist better depends on how persistence is measured, and on how the two were set up.",
  arms: [
    "learned: 8 tokens at 8 trained positions, both embeddings learned, both standard normal, both with 32 gradient terms a row and batch",
    "sinusoidal: the same, positions by fixed waves",
    "no positions: the same without position embedding; only the mask tells positions apart",
    "no mask: as learned, without the causal mask, so that all but one target are in sight (the original's setting)",
  ],
  statistic:
    "Token less position, by layer, one number a seed: how many of the five most selective neurons the original criterion calls maintained (raw); their share beyond an identity shuffle within the trained layer (kappa); mean over neurons of the correlation of token curves before and after, less that of position curves (r); ln ratio of the cross-validated variance after to that before, of the mean over neurons (variance). 1280 steps, balanced probe of all 8 positions.",
  nullModel:
    "No difference between the two factors. With as many tokens as positions both have the same degrees of freedom, chance levels and number of gradient terms. For r itself: the trained layer against another seed's untrained one.",
  rules: [
    ...(["token", "position"] as const).map((better) => {
      const other = better === "token" ? "position" : "token";
      return {
        about: "C4",
        statement: `${better === "token" ? "Token" : "Position"} tuning persists better than ${other} tuning`,
        supportedIf: {
          all: [...names.map(ahead[better].mean), ...r.map(ahead[better].clearly)],
        },
        refutedIf: { any: names.map(ahead[other].clearly) },
      };
    }),
    {
      about: "H",
      statement: "By tuning r, token and position tuning persist equally",
      supportedIf: { all: r.map(equalsNothing(MARGIN)) },
      refutedIf: { any: r.flatMap(liesBeyond(MARGIN)) },
    },
  ],
  seeds: { full: 30, quick: 4 },
};
