/** S5 as data: how persistence falls with training, and with what. */
import { equalsNothing, liesAbove, liesBelow, liesBeyond } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";

/** Learning rates of Adam, one arm each. */
export const rates = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2] as const;
/** The rate of the base training, which the claim is judged at. */
export const baseRate = 1e-3;
/** Share of what can be learned at which the claim is judged. */
export const learned = 0.9;
/** By how much κ may differ per tenfold rate and still count as the same: the margin of equivalence in r. */
export const rateMargin = 0.05;
/** Layers of the base network. */
export const layers = [0, 1] as const;

/** Names of the outcomes, which rules and conclusions share. */
export const outcomeNames = {
  atLearned: (layer: number) => `r at progress ${learned}, L${layer}`,
  difference: (layer: number) => `R² difference L${layer}`,
  monotoneDifference: (layer: number) => `R² difference, monotone L${layer}`,
  displacementSlope: (layer: number) => `rate at equal displacement L${layer}`,
  progressSlope: (layer: number) => `rate at equal progress L${layer}`,
  halfLife: (layer: number) => `half-life L${layer}`,
} as const;

const { atLearned, difference, monotoneDifference, displacementSlope, progressSlope } = outcomeNames;
const differences = layers.flatMap((layer) => [difference(layer), monotoneDifference(layer)]);

export const plan: StudyPlan = {
  id: "S5",
  name: "dose-response",
  title: "Dose-response and half-life of persistence",
  question: "Does persistence fall with how far the weights moved, or with how much was learned?",
  hypothesis:
    "Lazy account: networks of every learning rate lie on one falling curve of displacement. Task account: they lie on one curve of loss progress.",
  arms: rates.map((rate) => `Adam at ${rate}, looked at after 0, 1, 2, 4, … 4096, 5120 updates`),
  statistic:
    "κ = (r − chance)/(1 − chance), r the mean over units of the correlation between a unit's cell means before training and now; exp(−(x/τ)^β) by least squares in steps, for each network, and for all networks in displacement (root mean square of ‖ΔW‖/‖W₀‖ over the matrices that a layer's units are computed from) and in loss progress (L₀ − L)/(L₀ − L_Bayes); R² of each seed under the curve of the others, differences paired by seed; slope of what is left on log₁₀ rate.",
  nullModel:
    "Chance r: the mean over all pairs of units of the layer, which is the expectation with units shuffled; beside it the r with another network's initialisation. Of two accounts that are equally good the R² difference is 0; of one that is complete the slope on the rate is 0.",
  rules: [
    {
      about: "C5",
      statement: "Features persist rather than being overwritten, also when the task has been learned.",
      supportedIf: { all: layers.map(atLearned).map(liesAbove(0.5)) },
      refutedIf: { outcome: atLearned(1), take: "high", below: 0.5 },
    },
    {
      about: "H lazy",
      statement:
        "One curve of displacement describes persistence at all rates better than one of loss progress.",
      supportedIf: { all: differences.map(liesAbove(0)) },
      refutedIf: { all: differences.map(liesBelow(0)) },
    },
    {
      about: "H displacement alone",
      statement:
        "At equal displacement a tenfold learning rate leaves persistence the same, averaged over the course.",
      supportedIf: { all: layers.map(displacementSlope).map(equalsNothing(rateMargin)) },
      refutedIf: { any: layers.map(displacementSlope).flatMap(liesBeyond(rateMargin)) },
    },
    {
      about: "H progress alone",
      statement:
        "At equal loss progress a tenfold learning rate leaves persistence the same, averaged over the course.",
      supportedIf: { all: layers.map(progressSlope).map(equalsNothing(rateMargin)) },
      refutedIf: { any: layers.map(progressSlope).flatMap(liesBeyond(rateMargin)) },
    },
  ],
  seeds: { full: 20, quick: 4 },
};
