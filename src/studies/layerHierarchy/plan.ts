/** S8, fixed before it was run. */
import { equalsNothing, liesAbove, liesBelow } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";

/** The study's name, and the first part of every stream key. */
export const STUDY = "layer-hierarchy";

/** Two persistences that differ by less are alike, in units of r. */
export const MARGIN = 0.05;

const slopes = ["slope 2", "slope 4"];
const matchedSlopes = ["slope 2 matched", "slope 4 matched"];
/** Differences of layers with what is upstream held. */
const held = ["frozen", "transplanted"];

/** Plan of S8. */
export const plan: StudyPlan = {
  id: "S8",
  name: STUDY,
  title: "Layers: why do deeper ones keep less?",
  question:
    "Do deeper layers keep less of their tuning because they learn more, or because what they read changes?",
  hypothesis:
    "A deeper layer inherits the drift of everything below it: with what is upstream held at its initial value, all layers keep alike.",
  arms: [
    "depth 1, 2 and 4: the base network with so many layers, causal mask, 1280 steps on fresh sequences.",
    "matched, depth 2 and 4: learning rates by layer, chosen on other seeds so that fan-ins of all layers move equally far in the mean.",
    "embeddings × 0.3 and × 0.1, depth 2: initial embeddings scaled, so that they move more of their length.",
    "embeddings frozen, depth 2: nothing upstream of layer 0 changes. Layer 0 of it is compared.",
    "embeddings and layer 0 frozen, depth 2: nothing upstream of layer 1 changes. Layer 1 of it is compared.",
  ],
  statistic: [
    "Persistence of a unit is r, the correlation of its 70 cell means after training with those before, on 1000 Latin-block sequences; of a layer its mean over units.",
    "Slopes are least-squares slopes over layers of the mean of artanh r, per layer and network.",
    "Swap decomposition of every layer: r with its own block trained and all before it initial (transplanted), with all before it trained and its own block initial, and with both; the lost 1 − r is split between the two by Shapley values.",
    "Mean and t interval over seeds; arms share initialisations and data by seed, so differences are paired.",
  ].join(" "),
  nullModel: `No hierarchy: a slope of 0; layers are called alike where the 90 % interval of the difference of r lies within ±${MARGIN} (two one-sided tests at 5 %). r against another network's initial tuning, index by index, is the floor that no persistence has.`,
  rules: [
    {
      about: "C3",
      statement:
        "Layer 0 keeps its tuning better than deeper layers, and it does so because deeper layers inherit what changes below them.",
      supportedIf: { all: [...slopes.map(liesBelow(0)), ...held.map(equalsNothing(MARGIN))] },
      refutedIf: { any: [...slopes.map(liesAbove(0)), { all: held.map(liesAbove(MARGIN)) }] },
    },
    {
      about: "H",
      statement:
        "The hierarchy is no matter of step size: it is there when the fan-ins of all layers move equally far.",
      supportedIf: { all: matchedSlopes.map(liesBelow(0)) },
      refutedIf: { any: matchedSlopes.map(liesAbove(0)) },
    },
    {
      about: "H",
      statement:
        "Deeper layers learn more: the share of the lost tuning that is due to a layer's own weights grows with depth.",
      supportedIf: { outcome: "own share 4", take: "low", above: 0 },
      refutedIf: { outcome: "own share 4", take: "high", below: 0 },
    },
  ],
  seeds: { full: 30, quick: 4 },
};
