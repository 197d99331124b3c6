/** What study S2 asks, and what would answer it. */
import type { StudyPlan } from "../protocol/study.ts";

/** Largest mean difference of eta² that counts as none. */
export const margin = 0.03;
/** Smallest mean difference of eta² that counts as structure. */
export const structure = 0.05;

/** Share of configurations that decides, 80 % of them: 16 of 20 are above it, 15 are not. */
const mostConfigurations = 0.79;

/** The plan of study S2. */
export const plan: StudyPlan = {
  id: "S2",
  name: "initial-selectivity",
  title: "Initial selectivity is what a random projection gives",
  question:
    "Are units of untrained networks more selective for tokens and positions than random projections of random embeddings?",
  hypothesis: "No: their eta² has the distribution of a null model of three lines, without attention.",
  arms: [
    "Twenty configurations of untrained networks with the same seeds: the base network (width 16, 10 tokens, 7 positions, causal mask) and changes of one thing at a time.",
    "No mask; widths 8, 32, 64 and 128; all pairs of 4, 8 and 16 tokens and positions; embeddings scaled by 0.1, 0.3 and 3; GELU; fixed waves for positions.",
  ],
  statistic:
    "For each seed the mean eta² of all MLP units of a layer minus the mean over eight null networks of as many units. A configuration is within the null if its mean difference over seeds is less than 0.03 for tokens and for positions, and exceeds it if both are above 0.05. Shares of configurations have percentile intervals of a bootstrap over seeds, the same resamples in all configurations. The claim is decided on layer 0, which the null describes; layer 1 is reported beside it.",
  nullModel:
    "Random projection: embeddings N(0, 1), their sum layer-normed, weights and bias uniform within 1/√d, the configuration's nonlinearity; no attention, and no network. Beside it the permutation test of the original question, which shuffles labels over activations.",
  rules: [
    {
      about: "C1",
      statement: "Random networks contain structure: all their units are selective, with eta² up to 0.77.",
      supportedIf: {
        all: [
          { outcome: "share beyond L0", take: "estimate", above: mostConfigurations },
          { outcome: "share within L0", take: "estimate", below: mostConfigurations },
        ],
      },
      refutedIf: { outcome: "share within L0", take: "estimate", above: mostConfigurations },
    },
  ],
  seeds: { full: 100, quick: 4 },
};
