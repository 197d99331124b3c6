/** The study as it was written down before it was run. */
import {
  type Condition,
  type DecisionRule,
  equalsNothing,
  liesAbove,
  liesBelow,
  showsNoAdvantage,
} from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";
import { type SettingName, scaledOptimizers, settingNames, studyName } from "./arms.ts";

/** Layers of every network here. */
export const layers = [0, 1] as const;

/** Largest difference in r that counts as none. */
export const margin = 0.05;

/** Slope per doubling of the width that adds up to less than {@link margin} from 16 to 128. */
export const slopeMargin = margin / 3;

/** Names of the outcomes that the rules are about. */
export const outcomeNames = {
  difference: (setting: SettingName, layer: number) => `difference ${setting} L${layer}`,
  directed: (layer: number) => `gradient difference L${layer}`,
  scale: (optimizer: string) => `scale slope ${optimizer}`,
  lazy: (optimizer: string) => `lazy r ${optimizer}`,
  width: (parametrisation: string) => `width slope ${parametrisation}`,
} as const;

const inBothLayers = (condition: (layer: number) => Condition): Condition => ({ all: layers.map(condition) });

const differences = settingNames.flatMap((setting) =>
  layers.map((layer) => outcomeNames.difference(setting, layer)),
);

/**
 * Supported asks for an advantage in every setting and both layers, refuted for none anywhere: each interval reaches
 * below 0 and leaves no room for an advantage of {@link margin}.
 */
const refine: DecisionRule = {
  about: "C6",
  statement:
    "Training preserves tuning more than isotropic noise of equal size does: it refines what is there.",
  supportedIf: { all: differences.map(liesAbove(0)) },
  refutedIf: { all: differences.flatMap(showsNoAdvantage(margin)) },
};

const motionAlone: DecisionRule = {
  about: "H lazy",
  statement:
    "Persistence is explained by the amount of motion alone: training does what isotropic noise of its size does.",
  supportedIf: { all: differences.map(equalsNothing(margin)) },
  refutedIf: {
    atLeast: 3,
    of: settingNames.map((setting) => ({
      any: layers.flatMap((layer): Condition[] => {
        const outcome = outcomeNames.difference(setting, layer);
        return [
          { outcome, take: "high", below: -margin },
          { outcome, take: "low", above: margin },
        ];
      }),
    })),
  },
};

const directed: DecisionRule = {
  about: "H directed",
  statement:
    "What training does to tuning is its direction, not the subspace it moves in: noise in the covariance of its own gradients moves tuning less.",
  supportedIf: inBothLayers((layer) => ({ outcome: outcomeNames.directed(layer), take: "high", below: 0 })),
  refutedIf: inBothLayers((layer) => ({
    all: [
      { outcome: outcomeNames.directed(layer), take: "high", above: 0 },
      { outcome: outcomeNames.directed(layer), take: "low", above: -margin },
    ],
  })),
};

const outputScale: DecisionRule = {
  about: "H scale",
  statement:
    "A larger output scale makes training lazy and keeps tuning, under Adam and under plain descent.",
  supportedIf: {
    all: scaledOptimizers.flatMap((name): Condition[] => [
      { outcome: outcomeNames.scale(name), take: "low", above: 0 },
      { outcome: outcomeNames.lazy(name), take: "low", above: 0.95 },
    ]),
  },
  refutedIf: { any: scaledOptimizers.map(outcomeNames.scale).map(liesBelow(0)) },
};

const width: DecisionRule = {
  about: "H width",
  statement:
    "Wider networks keep more tuning where the rate falls as 1 / width in the standard parametrisation, and equally much under maximal update.",
  supportedIf: {
    all: [
      { outcome: outcomeNames.width("inverse"), take: "low", above: 0 },
      { outcome: outcomeNames.width("maximal"), equals: 0, margin: slopeMargin },
    ],
  },
  refutedIf: {
    any: [
      { outcome: outcomeNames.width("inverse"), take: "high", below: 0 },
      { outcome: outcomeNames.width("maximal"), take: "low", above: slopeMargin },
      { outcome: outcomeNames.width("maximal"), take: "high", below: -slopeMargin },
    ],
  },
};

export const plan: StudyPlan = {
  id: "S6",
  name: studyName,
  title: "Lazy or rich: is training gentler than noise of its size?",
  question:
    "Do networks keep their tuning because training refines it, or only because training moves them little?",
  hypothesis:
    "If training refines what is there, it keeps tuning better than random motion of equal size; if motion alone counts, equally well; and what makes training lazier (output scale, width) keeps more.",
  arms: [
    "Training and, for each trained network, networks displaced from the same initialisation by noise of the same Frobenius norm in every tensor; in five settings: original (no mask, 500 sequences, 160 steps); and with a causal mask on fresh sequences masked (320 steps), long (1280), fast (640 at three times the rate) and small (320, embeddings a tenth as large).",
    "Output scale 0.1, 1, 10, 100: the output is α times its change since initialisation, the rate is divided by α² under plain descent and by α under Adam, whose steps do not see the factor α of the gradient: in both the same speed of the output by 1/α of the motion. 320 steps under Adam (1e-3 at α = 1), 640 under descent (0.02).",
    "Width 16, 32, 64, 128 (MLP four times as wide, two heads): standard parametrisation at the same rate and at a rate that falls as 1 / width, and maximal update with its factors on initial values and rates. All three are one network at width 16. 96 steps at 2e-3.",
  ],
  statistic:
    "r of a unit: Pearson correlation between its mean activations (after the ReLU) in the cells token × position before and after, on a balanced probe of 1000 sequences; mean over the units of a layer that have tuning. Difference: r trained − r of noise, the mean over four draws a network (two of the exploratory kinds), paired by seed. Slopes: least squares of r (mean of both layers) on log10 α and log2 width, one a seed. t intervals over seeds; those of the twelve differences (ten from isotropic noise, two from gradient noise over all settings) hold together (Bonferroni), their p-values are Holm's.",
  nullModel:
    "Isotropic normal noise of equal norm in every tensor (difference 0). Control: the displacement's own entries in another order with random signs. Subspace null: random normal combinations of the gradients of 64 sequences at each of five points of the training path, again of equal norm.",
  rules: [refine, motionAlone, directed, outputScale, width],
  seeds: { full: 30, quick: 4 },
};
