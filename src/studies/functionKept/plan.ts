/** S11, fixed before it was run. */
import { liesAbove, liesBelow } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";

/** The study's name, and the first part of every stream key. */
export const STUDY = "function-kept";

/** Units in a group that is ablated. */
export const GROUP = 8;

/** Plan of S11. */
export const plan: StudyPlan = {
  id: "S11",
  name: STUDY,
  title: "Function: is what training keeps what the network needs?",
  question:
    "Do the units that keep their initial tuning carry the trained network's predictions, and does a trained network still need its own initial weights?",
  hypothesis:
    "If training refines what is there, then units that persist are the important ones: persistence weighted by importance exceeds the plain mean, and a group of persistent units is dearer to lose than a matched group of changed ones.",
  arms: [
    "masked: the base network with a causal mask and base training on fresh sequences, 1280 steps. All rules are about this arm.",
    "unmasked: the same seeds without the mask, as the original study trained them; shown beside, in no rule.",
  ],
  statistic: [
    "Persistence of a unit is r, the correlation of its 70 cell means after training with those before, on 1000 Latin-block sequences.",
    "Importance I is what the loss on 512 unseen task sequences rises by when the unit's activation comes from another sequence (resample ablation, mean of 4 partners). Weighted minus plain persistence is Σ I r / Σ I less mean r within a layer.",
    `Groups: the units of a layer are sorted by total variance after training and cut into ${GROUP} strata; the most persistent unit of every stratum makes one group, the least persistent the other. The difference is the loss with the persistent group ablated less that with the changed group.`,
    "FPI = 1 − dL_own / dL_fresh: the loss that resetting a weight to its own initial value costs, against 8 fresh draws (4 for the fan-in of a single unit). The same index of points in random directions, as far from the trained value as the initial one is, says what nearness alone is worth; the difference is taken within a network.",
    "Every number is taken within a network and a layer; the network's is the mean over its layers. Mean and t interval over seeds.",
  ].join(" "),
  nullModel:
    "Persistence that has nothing to do with importance: r shuffled among the units of a layer (expected differences 0). For resets: the own initial value exchanged with a fresh draw (FPI 0, own better than a fresh one half of the time), and a random direction of equal length (difference of FPI 0).",
  rules: [
    {
      about: "C6",
      statement:
        "Networks refine what is there before training, in causal form: what persists is what the trained network needs.",
      // both layers must at least point the same way, so that the mean speaks for neither alone
      supportedIf: {
        all: [
          { outcome: "weighted", take: "low", above: 0 },
          { outcome: "groups", take: "low", above: 0 },
          { outcome: "weighted L0", take: "estimate", above: 0 },
          { outcome: "weighted L1", take: "estimate", above: 0 },
          { outcome: "groups L0", take: "estimate", above: 0 },
          { outcome: "groups L1", take: "estimate", above: 0 },
        ],
      },
      refutedIf: {
        all: [
          { outcome: "weighted", take: "high", below: 0 },
          { outcome: "groups", take: "high", below: 0 },
          { outcome: "weighted L0", take: "estimate", below: 0 },
          { outcome: "weighted L1", take: "estimate", below: 0 },
          { outcome: "groups L0", take: "estimate", below: 0 },
          { outcome: "groups L1", take: "estimate", below: 0 },
        ],
      },
    },
    {
      about: "H",
      statement:
        "A trained network stays adapted to its own initial weights: in both layers the MLP's input weights are better reset to their own initial values than to fresh ones.",
      supportedIf: { all: ["FPI L0", "FPI L1"].map(liesAbove(0)) },
      refutedIf: { any: ["FPI L0", "FPI L1"].map(liesBelow(0)) },
    },
    {
      about: "H",
      statement:
        "That is more than nearness: the own initial weights are better than weights equally far away in a random direction.",
      supportedIf: { outcome: "beyond nearness", take: "low", above: 0 },
      refutedIf: { outcome: "beyond nearness", take: "high", below: 0 },
    },
  ],
  seeds: { full: 20, quick: 4 },
};
