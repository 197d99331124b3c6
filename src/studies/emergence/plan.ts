/** S14 as it was written before it was run. */
import { equalsNothing, liesAbove, liesBelow, liesBeyond } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";

/** Widths of the residual stream at which only the embeddings are trained. */
export const widths = [16, 64, 128] as const;

/** What of trained and initial dictionaries is compared. */
const fits = ["fvu difference", "token difference"];
const meanings = ["entropy difference", "context difference"];
const ofWidths = widths.map((width) => `embeddings ${width}`);

/** Learning rate where only the embeddings are trained. */
export const ENDS_RATE = 1e-2;

export const plan: StudyPlan = {
  id: "S14",
  name: "emergence",
  title: "What was not there before",
  question:
    "Is there something that training makes and initialisation has not: an induction head, features that a sparse autoencoder can tell from those of a random network, a body without which embeddings can learn nothing?",
  hypothesis:
    "Circuits emerge: no head matches prefixes at initialisation and one does after training. Descriptions do not tell trained from random: a sparse autoencoder fits the activations of both alike.",
  arms: [
    "induction: attention-only, two layers of four heads, width 32, 16 tokens, trained on segments that repeat",
    "autoencoders: the base network trained, at initialisation, with its body drawn anew under trained embeddings, and Gaussian noise of the same covariance; dictionaries of 256 on the 64 neurons of each layer, learned, or with encoder or decoder left at random",
    "embeddings: only the embeddings and the unembedding of the base network are trained, at ten times the rate, at widths 16, 64 and 128, beside the same network trained whole",
  ],
  statistic:
    "Prefix-matching score of heads less that of uniform attention, by step; unexplained variance, token selectivity, context share and token entropy of dictionaries on unseen sequences, trained less initial; share of the whole network's gain in held-out loss that embeddings alone reach. One number a seed, t intervals over seeds.",
  nullModel:
    "Uniform attention, exactly; the index of a winning head at random, 1 in 4; the same networks before training; Gaussian noise of the same covariance.",
  rules: [
    {
      about: "circuits",
      statement: "Induction heads exist before training.",
      supportedIf: { outcome: "prefix at init", take: "low", above: 0.1 },
      refutedIf: {
        all: [
          { outcome: "prefix at init", equals: 0, margin: 0.05 },
          { outcome: "prefix trained", take: "low", above: 0.9 },
        ],
      },
    },
    {
      about: "winner",
      statement: "Which head becomes the induction head is decided by its score at initialisation.",
      supportedIf: { outcome: "winner predicted", take: "low", above: 0.25 },
      refutedIf: {
        all: [
          { outcome: "winner predicted", take: "low", below: 0.25 },
          { outcome: "winner predicted", take: "high", below: 0.5 },
        ],
      },
    },
    {
      about: "representations",
      statement:
        "How well a sparse autoencoder fits, and how selective its latents are, does not tell a trained network from a random one.",
      supportedIf: { all: fits.map(equalsNothing(0.05)) },
      refutedIf: { any: fits.flatMap(liesBeyond(0.05)) },
    },
    {
      about: "abstractness",
      statement:
        "What latents stand for does tell them apart: how far they spread over tokens, and how much context sets them.",
      supportedIf: { any: meanings.flatMap(liesBeyond(0.05)) },
      refutedIf: { all: meanings.map(equalsNothing(0.05)) },
    },
    {
      about: "random body",
      statement: "Embeddings alone reach at least half of what the whole network learns, whatever the width.",
      supportedIf: { all: ofWidths.map(liesAbove(0.5)) },
      refutedIf: { any: ofWidths.map(liesBelow(0.5)) },
    },
  ],
  seeds: { full: 20, quick: 4 },
};
