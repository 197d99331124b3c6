/** What study S10 asks, and what would answer it. */
import { type Condition, liesAbove, showsNoAdvantage } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";

/** Layers and factors whose strongest units are followed. */
export const groups = [
  { layer: 0, kind: "token" },
  { layer: 0, kind: "position" },
  { layer: 1, kind: "token" },
  { layer: 1, kind: "position" },
] as const;

/** Name of an outcome of a layer and kind. */
export const named = (what: "difference" | "rank", { layer, kind }: (typeof groups)[number]) =>
  `${what} L${layer} ${kind}`;

/** What the strongest units would have to keep beyond the line to matter, in eta². */
const relevant = 0.05;

const both = (group: (typeof groups)[number]): Condition => ({
  all: [named("difference", group), named("rank", group)].map(liesAbove(0)),
});
/** The interval holds zero, or lies below it, and nothing that would matter. */
const nothingBeyond = (group: (typeof groups)[number]): Condition => ({
  all: showsNoAdvantage(relevant)(named("difference", group)),
});

/** The plan of study S10. */
export const plan: StudyPlan = {
  id: "S10",
  name: "selection-regression",
  title: "Selection and regression to the mean",
  question: "Do the most selective units of an untrained network persist more than units of their kind must?",
  hypothesis: "No: what the strongest five keep and lose is what the line through all other units foretells.",
  arms: [
    "base: causal network, new sequences at every step, 320 steps of Adam at 1e-3. The rule is about it.",
    "original: the original's settings, 500 sequences, 160 steps, no mask.",
    "In both, each seed has a stranger: another initialisation on the same data.",
  ],
  statistic:
    "For each layer and kind: (1) mean final eta² of the five units with the largest initial eta², minus what the line through the other units predicts, initial eta² from one half of the probe and final eta² from the other; (2) Spearman correlation over units of initial eta² (first half) and tuning correlation (second half, corrected for reliability), averaged through Fisher's z. One number a seed. The four differences are one family, the four correlations another (Bonferroni intervals, Holm p). Oldham's correlation and Blomqvist's slope are reported beside.",
  nullModel:
    "The line through the other units; and both statistics with the stranger's trained units, which inherit nothing. Beside the rule, the same networks moved by isotropic noise as far as training moved them, tensor by tensor.",
  rules: [
    {
      about: "H",
      statement: "Stronger initial features persist more, beyond regression to the mean.",
      supportedIf: { atLeast: 3, of: groups.map(both) },
      refutedIf: { atLeast: 2, of: groups.map(nothingBeyond) },
    },
  ],
  seeds: { full: 60, quick: 4 },
};
