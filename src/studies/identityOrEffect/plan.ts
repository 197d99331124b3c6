/** S4 as data: whether keeping an effect size is keeping a tuning. */
import { equalsNothing, liesAbove } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";

/** Factors of the initial embeddings, one arm each. */
export const scales = [1, 0.3, 0.1, 0.02] as const;
/** The scale that PyTorch draws, which the others are compared with. */
export const baseScale = 1;
/** The others. */
export const smallScales = [0.3, 0.1, 0.02] as const;
/** The smallest, where the two measures should part most. */
export const smallest = 0.02;
/** Correlation above which a unit counts as tuned as it was: half of its variance is inherited. */
export const keptAbove = 0.7;
/** Losses within this many nats of each other count as equal. */
export const lossMargin = 0.05;
/** The criterion and P(r > 0.7) within this of each other count as the same measure. */
export const gapMargin = 0.1;

/** Names of the outcomes, which rules and conclusions share. */
export const outcomeNames = {
  loss: (scale: number) => `loss difference at ${scale}`,
  criterion: (scale: number) => `criterion at ${scale}`,
  r: (scale: number) => `r at ${scale}`,
  gap: (scale: number) => `criterion − P(r > ${keptAbove}) at ${scale}`,
  fall: `r at ${baseScale} − r at ${smallest}`,
} as const;

const equalLoss = (scale: number) => equalsNothing(lossMargin)(outcomeNames.loss(scale));

export const plan: StudyPlan = {
  id: "S4",
  name: "identity-or-effect",
  title: "Identity of tuning against size of effect",
  question: "Does a unit that keeps its η² keep what it is tuned to?",
  hypothesis:
    "No: embeddings that begin small are replaced by training at the same loss, units prefer other tokens than before, and the criterion of the original study still says that all are maintained.",
  arms: scales.map(
    (scale) => `embeddings drawn from N(0, 1) and multiplied by ${scale}; 320 updates, Adam 0.001, masked`,
  ),
  statistic:
    "Tokens in layer 0: share of the five most selective units that the original criterion calls maintained (final η² > 0.05 and > half the initial), the share of the same units with r > 0.7 between their token curves before and after, and the mean r of all 64 units; losses on the same unseen sequences; t intervals over seeds, scales paired by seed.",
  nullModel:
    "Of the criterion: its expectation with the units of the trained layer shuffled. Of r: the tuning of another network's initialisation, unit index by unit index. Of a difference between the two measures: 0.",
  rules: [
    {
      about: "H η²",
      statement: "Keeping the share of variance, as the original criterion asks, is keeping the tuning.",
      supportedIf: {
        all: [
          ...[baseScale, smallest].map(outcomeNames.gap).map(equalsNothing(gapMargin)),
          ...smallScales.map(outcomeNames.r).map(liesAbove(0.4)),
        ],
      },
      refutedIf: {
        any: smallScales.map((scale) => ({
          all: [
            equalLoss(scale),
            { outcome: outcomeNames.criterion(scale), take: "estimate", above: 0.9 },
            { outcome: outcomeNames.r(scale), take: "high", below: 0.4 },
          ],
        })),
      },
    },
    {
      about: "H scale",
      statement:
        "How much tuning persists depends on the scale of the initial embeddings, at a loss that does not.",
      supportedIf: { all: [equalLoss(smallest), { outcome: outcomeNames.fall, take: "low", above: 0.2 }] },
      refutedIf: { outcome: outcomeNames.fall, equals: 0, margin: 0.05 },
    },
  ],
  seeds: { full: 20, quick: 4 },
};
