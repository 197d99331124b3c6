import type { DecisionRule } from "../protocol/rule.ts";
import type { StudyPlan } from "../protocol/study.ts";
import { keeps, mainKeep, ticketName } from "./tickets.ts";

/** Loss, in nats, that a ticket must gain to be called one; written before the study was run. */
export const ticketMargin = 0.05;

/** Names of the outcomes that rules ask for. */
export const outcomeNames = {
  /** Ticket − its mask with new values, at a share. */
  reinit: (keep: number) => ticketName("ticket - re-init", keep),
  random: "ticket - random mask",
  signs: "ticket - signs",
  iterative: "three rounds - one",
  units: (score: string) => `units by ${score} - random`,
  auroc: "AUROC persistence",
  /** Masks learned without training, against another network at the same share; added after the first run. */
  learned: (arm: string, other: string, keep: number) => ticketName(`${arm} - ${other}`, keep),
  maskTrained: "learned mask trained - ticket",
  learnedJaccard: "Jaccard edge-popup - chance",
  learnedAuroc: "AUROC persistence, edge-popup",
} as const;

const rules: readonly DecisionRule[] = [
  {
    about: "H",
    statement:
      "Lottery tickets: the large weights of the trained network, a fifth of each matrix, train to a lower loss from their own initial values than from new ones.",
    supportedIf: {
      all: [
        { outcome: outcomeNames.reinit(mainKeep), take: "estimate", below: -ticketMargin },
        { outcome: outcomeNames.reinit(mainKeep), take: "high", below: 0 },
      ],
    },
    refutedIf: { outcome: outcomeNames.reinit(mainKeep), take: "low", above: -ticketMargin },
  },
  {
    about: "C6",
    statement:
      "Persistent features are the winning tickets: the ticket keeps the weights of units whose tuning lasts.",
    supportedIf: {
      all: [
        { outcome: outcomeNames.auroc, take: "estimate", above: 0.6 },
        { outcome: outcomeNames.auroc, take: "low", above: 0.5 },
      ],
    },
    refutedIf: { outcome: outcomeNames.auroc, take: "high", below: 0.55 },
  },
  {
    about: "H2",
    statement:
      "The most persistent fifth of the MLP units, kept whole, trains to a lower loss than a random fifth.",
    supportedIf: {
      all: [
        { outcome: outcomeNames.units("persistence"), take: "estimate", below: -ticketMargin },
        { outcome: outcomeNames.units("persistence"), take: "high", below: 0 },
      ],
    },
    refutedIf: { outcome: outcomeNames.units("persistence"), take: "low", above: -ticketMargin },
  },
  {
    about: "H3",
    statement:
      "Signs are enough: a ticket whose weights begin with their own signs and one magnitude a matrix ends less than 0.05 nats behind.",
    supportedIf: { outcome: outcomeNames.signs, take: "low", above: -ticketMargin },
    refutedIf: { outcome: outcomeNames.signs, take: "high", below: -ticketMargin },
  },
];

export const plan: StudyPlan = {
  id: "S12",
  name: "lottery-tickets",
  title: "Lottery tickets",
  question:
    "Does a network contain, before training, a small subnetwork that learns well because of its initial values, and is it made of the features that persist?",
  hypothesis:
    "A subnetwork of a fifth of the weights, chosen by their size after training, learns better from its own initial values than from others of the same law. If training refines what is there, the ticket lies on the units whose tuning persists.",
  arms: [
    `Whole network, trained; then the same initialisation with ${keeps.map((keep) => `${Math.round(100 * keep)} %`).join(", ")} of the entries of every matrix of attention and MLP kept and the others held at 0, trained again on the same sequences. Embeddings, unembedding, biases and layer norms are not masked.`,
    "Mask: the entries that are largest after training; a random draw; the largest before training; those that moved most.",
    "Values under the mask of the large final weights: their own initial ones; the whole network drawn anew; their own signs with one magnitude for each matrix.",
    "At 20 % besides: new magnitudes with own signs; own values exchanged at random within each matrix, with and without their signs; new embeddings and unembedding only; new blocks only; values of a tenth of the training; other sequences; unchanged signs only; pruned in three rounds, with own and with new values; embeddings and unembedding masked too, with own and with new values.",
    "At 20 % of the MLP units of each layer, kept whole: most selective before training, fittest before training, most important after training, most persistent, least persistent, random.",
    "Without training: the initial network under the masks, with its values and with signed constants.",
    "Without training, at 50 % and 20 %: masks of the same matrices learned by edge-popup and by Bernoulli draws on the sequences of the training, as many steps, every weight frozen; edge-popup also with the masked matrices divided by the share that stays, as scale is what a mask of zeros cannot give. Beside them the large final weights of unchanged sign and a random mask, divided too; the same matrices trained with all else frozen; and the edge-popup mask at 20 % trained from its own values.",
  ],
  statistic:
    "Held-out loss in nats on sequences that all networks share; differences between arms of one seed, which share initialisation and sequences; mean over seeds with 95 % t intervals, not widened; p corrected by Holm over the twelve outcomes of tickets and, as a family of their own that was added after the study had first been run and that no rule asks for, over the twelve of learned masks. AUROC of the tuning correlation r of a unit for whether the 20 % ticket keeps more than a fifth of its weights, mean of both layers. Jaccard of learned mask and ticket less its expectation, over all matrices by their entries.",
  nullModel:
    "Same mask with values of the same law drawn anew, and a random mask of the same size with the same values; random units; AUROC of 0.5; overlaps by the hypergeometric law.",
  rules,
  seeds: { full: 20, quick: 4 },
};
