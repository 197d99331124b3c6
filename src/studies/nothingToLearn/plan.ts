/** S7, fixed before it is run. */
import { liesAbove, liesBelow, liesWithin, showsNoAdvantage } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";

/** Layers of the networks of this study. */
export const layers = [0, 1] as const;

/** Correlations inside this band are none. */
const NONE = 0.05;

/** Names of an outcome that every layer has. */
const ofLayers = (name: string) => layers.map((layer) => `${name} L${layer}`);

/** Contrasts at equal displacement, one for each control and layer. */
const atEqualDisplacement = layers.flatMap((layer) =>
  ["random", "permuted"].map((control) => `equal displacement ${control} L${layer}`),
);

export const plan: StudyPlan = {
  id: "S7",
  name: "nothing-to-learn",
  title: "Nothing to learn, and initialisation against data",
  question:
    "Does tuning persist because training refines it, or does it persist as well where there is nothing to learn? And what decides it, the initialisation or the data?",
  hypothesis:
    "Persistence needs no task: at equal steps and at equal displacement tuning stays as near to its initialisation where nothing can be learned. The initialisation, not the data, decides what a unit is tuned to, so that units of different seeds have nothing in common.",
  arms: [
    "task: the four patterns, new sequences at every step",
    "random: independent uniform tokens, of which nothing can be predicted",
    "permuted: the inputs of the task, their targets dealt out anew, so that only token frequencies could be learned",
    "embeddings only: the task with all blocks frozen",
    "other data: the same initialisation, trained on other sequences of the task",
    "other initialisation: another initialisation, trained on the same sequences of the task",
    "crossed: 8 initialisations, each trained on each of 4 data orders of the task",
  ],
  statistic:
    "Tuning r: correlation of a neuron's cell means (token × position, balanced probe of the trained positions) before and after 1280 steps, mean over the neurons of a layer; paired differences between arms that share initialisation and data stream, one a seed. At equal displacement: the task's displacement is scaled, weight by weight, to the norm of the control's, so that both moved every weight equally far. Shares: two-way random-effects variance components of each neuron's trained tuning, summed over cells, mean over neurons.",
  nullModel:
    "For persistence: another initialisation trained on the same data, unit by unit (0 where tuning is not inherited). For similarity up to relabelling: the same matching between the two untrained networks. For the contrasts: no difference from training with nothing to learn; beside them isotropic noise of equal displacement in every weight.",
  rules: [
    {
      about: "C6",
      statement:
        "Tuning persists because there is something to learn: after equal steps more of it is left on the task than on random sequences",
      supportedIf: { all: ofLayers("equal steps random").map(liesAbove(0)) },
      refutedIf: { all: ofLayers("equal steps random").map(liesBelow(0)) },
    },
    {
      about: "C6",
      statement:
        "For the distance that the weights move, learning the task disturbs tuning less than training with nothing to learn",
      supportedIf: { all: atEqualDisplacement.map(liesAbove(0)) },
      refutedIf: { all: atEqualDisplacement.flatMap(showsNoAdvantage(NONE)) },
    },
    {
      about: "C7",
      statement: "Tuning is universal: units of one index come to be tuned alike from any initialisation",
      supportedIf: { all: ofLayers("other init").map(liesAbove(0.5)) },
      refutedIf: { all: ofLayers("other init").flatMap(liesWithin(NONE)) },
    },
    {
      about: "C7",
      statement:
        "Tuning is universal up to relabelling: training on the same data makes the units of two networks match better than before",
      supportedIf: { all: ofLayers("matching gain").map(liesAbove(0.1)) },
      refutedIf: { all: ofLayers("matching gain").map(liesBelow(0.1)) },
    },
    {
      about: "H",
      statement: "The initialisation decides what a unit is tuned to after training",
      supportedIf: { all: ofLayers("init share").map(liesAbove(0.5)) },
      refutedIf: { any: ofLayers("init share").map(liesBelow(0.5)) },
    },
  ],
  seeds: { full: 30, quick: 3 },
};
