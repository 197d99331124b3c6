/** What study S3 asks, and what would answer it. */
import { type Condition, liesAbove, liesBelow, liesWithin } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";

/** Layers and factors in which the original counted its maintained units. */
export const groups = [
  { layer: 0, kind: "token" },
  { layer: 0, kind: "position" },
  { layer: 1, kind: "token" },
  { layer: 1, kind: "position" },
] as const;

/** Kappa that counts as persistence beyond chance. */
const smallestKappa = 0.2;
/** Correlation of unrelated networks that counts as none. */
const unrelated = 0.05;

const kappas = (arm: string) => groups.map(({ layer, kind }) => `kappa ${arm} L${layer} ${kind}`);
const persists = (outcome: string): Condition => ({
  all: [
    { outcome, take: "estimate", above: smallestKappa },
    { outcome, take: "low", above: 0 },
  ],
});
const reachesZero = (outcome: string): Condition => ({ outcome, take: "low", below: 0 });
const layerGaps = ["kappa gap token", "kappa gap position", "r gap token", "r gap position"];
const strangers = ["r stranger L0", "r stranger L1"];

/** The plan of study S3. */
export const plan: StudyPlan = {
  id: "S3",
  name: "chance-corrected",
  title: "Persistence beyond chance: the headline, corrected",
  question:
    "How much of the original study's maintained selectivity is more than any trained unit would show?",
  hypothesis:
    "Units keep their tuning beyond chance in both layers, less in layer 1, and every initialisation keeps its own.",
  arms: [
    "original: the original's settings, 500 sequences, 160 steps of Adam at 1e-3, no mask.",
    "causal: the same with the causal mask that next-token prediction needs.",
    "In both, each seed is three networks: its own, a stranger of another initialisation on the same data, and a twin of the same initialisation on other data.",
  ],
  statistic:
    "Kappa = (maintained − null)/(1 − null) of the original's criterion (five most selective units of each layer and kind; final eta² above 0.05 and above half the initial one), for each seed with its own null, then the mean over seeds. Balanced probe of 1000 sequences at the seven trained positions. Eight kappas are one family (Bonferroni intervals, Holm p), four layer contrasts of the original arm another. Tuning r is the correlation of a unit's tuning before and after, mean over units. Matching of units, class transitions and subspaces are reported beside.",
  nullModel:
    "(a) identity shuffle within the trained layer, in closed form, which kappa subtracts; (b) the stranger's unit at the same index; (f) labels shuffled over the activations of the probe. The twin is the ceiling.",
  rules: [
    {
      about: "C2",
      statement:
        "Of the most selective units of the original network 100 % (layer 0, token), 96 % (layer 0, position), 72 % (layer 1, token) and 32 % (layer 1, position) persist, which is no chance.",
      supportedIf: { all: kappas("original").map(persists) },
      refutedIf: { any: kappas("original").map(reachesZero) },
    },
    {
      about: "C5",
      statement: "Features persist rather than being overwritten, with the mask and without.",
      supportedIf: { all: [...kappas("original"), ...kappas("causal")].map(persists) },
      refutedIf: { any: [...kappas("original"), ...kappas("causal")].map(reachesZero) },
    },
    {
      about: "C3",
      statement: "Layer 0 keeps far more than layer 1, by the corrected criterion and by tuning.",
      supportedIf: { all: layerGaps.map(liesAbove(0)) },
      refutedIf: { any: layerGaps.map(liesBelow(0)) },
    },
    {
      about: "C7",
      statement:
        "What persists is universal across seeds: another initialisation on the same data ends with the same tuning.",
      supportedIf: { all: strangers.map(liesAbove(unrelated)) },
      refutedIf: { all: strangers.flatMap(liesWithin(unrelated)) },
    },
  ],
  seeds: { full: 30, quick: 4 },
};
