/** The subnetworks that are trained again, as data: which weights stay, and what they begin with. */
import type { MaskCriterion } from "../../features/lotteryMasks.ts";

/** Shares of each matrix of the blocks that stay. */
export const keeps = [0.5, 0.2, 0.1, 0.05] as const;
/** The share at which everything is asked. */
export const mainKeep = 0.2;
/** Rounds of training and pruning of the iterative ticket; the others are pruned in one. */
export const rounds = 3;

/** What MLP units are kept whole for, the largest first. */
export const unitScores = [
  "selectivity",
  "fitness",
  "importance",
  "persistence",
  "change",
  "random",
] as const;
export type UnitScore = (typeof unitScores)[number];

/** What the weights that stay begin with. */
export type TicketValues =
  /** Their own initial values. */
  | "own"
  /** The network anew: every weight, bias and all, from another stream. */
  | "new"
  /** Their own signs with the magnitudes of a new draw; what is not masked keeps its own values. */
  | "new, own signs"
  /** New embeddings of tokens and positions and a new unembedding; the blocks their own. */
  | "new embeddings"
  /** Own embeddings and unembedding; the blocks new, biases and all. */
  | "new blocks"
  /** Their own values, exchanged at random within each tensor. */
  | "exchanged"
  /** Their own signs; magnitudes exchanged at random within each tensor. */
  | "exchanged, own signs"
  /** Their own signs; every magnitude the root mean square of the tensor before training. */
  | "signs"
  /** What they were early in the first training; only the rest of the training follows. */
  | "early";

/** One subnetwork that is trained. */
export interface Ticket {
  /** Unique: `{arm} {kept, in percent}`. */
  readonly name: string;
  readonly arm: string;
  /** Share of every matrix of the blocks, or of the MLP units of every layer, that stays. */
  readonly keep: number;
  readonly mask: MaskCriterion | "iterative" | { readonly units: UnitScore };
  readonly values: TicketValues;
  /** Embeddings and unembedding are masked like the matrices of the blocks; absent: they stay whole. */
  readonly everywhere?: true;
  /** Trained on sequences that the first training did not see; absent: on the same ones. */
  readonly otherData?: true;
}

/** `rewind 20` of the arm `rewind` at 0.2. */
export const ticketName = (arm: string, keep: number) => `${arm} ${Math.round(100 * keep)}`;

type TicketArm = Omit<Ticket, "name" | "keep">;

/** Asked at every share. */
const sweptArms: readonly TicketArm[] = [
  { arm: "rewind", mask: "large final", values: "own" },
  { arm: "re-init", mask: "large final", values: "new" },
  { arm: "signs", mask: "large final", values: "signs" },
  { arm: "random mask", mask: "random", values: "own" },
  { arm: "initial magnitude", mask: "initial magnitude", values: "own" },
  { arm: "movement", mask: "movement", values: "own" },
];

/** Asked at the main share only. */
const mainArms: readonly TicketArm[] = [
  { arm: "same sign", mask: "large final same sign", values: "own" },
  { arm: "re-init, own signs", mask: "large final", values: "new, own signs" },
  { arm: "re-init embeddings", mask: "large final", values: "new embeddings" },
  { arm: "re-init blocks", mask: "large final", values: "new blocks" },
  { arm: "exchanged", mask: "large final", values: "exchanged" },
  { arm: "exchanged, own signs", mask: "large final", values: "exchanged, own signs" },
  { arm: "other data", mask: "large final", values: "own", otherData: true },
  { arm: "rewind early", mask: "large final", values: "early" },
  { arm: "iterative", mask: "iterative", values: "own" },
  { arm: "iterative re-init", mask: "iterative", values: "new" },
  { arm: "everywhere", mask: "large final", values: "own", everywhere: true },
  { arm: "everywhere re-init", mask: "large final", values: "new", everywhere: true },
  ...unitScores.map((units): TicketArm => ({ arm: `units ${units}`, mask: { units }, values: "own" })),
];

/** Every subnetwork of a seed. */
export const tickets: readonly Ticket[] = [
  ...keeps.flatMap((keep) => sweptArms.map((arm) => ({ ...arm, keep, name: ticketName(arm.arm, keep) }))),
  ...mainArms.map((arm) => ({ ...arm, keep: mainKeep, name: ticketName(arm.arm, mainKeep) })),
];

/** What arms are called where a reader sees them. */
export const armLabels: Readonly<Record<string, string>> = {
  dense: "whole network",
  rewind: "ticket: large final weights, own values",
  "re-init": "ticket's mask, new values",
  signs: "ticket's mask, own signs, one magnitude",
  "random mask": "random mask, own values",
  "initial magnitude": "large initial weights, own values",
  movement: "weights that moved most, own values",
  "same sign": "large final weights of unchanged sign",
  "re-init, own signs": "ticket's mask, new magnitudes, own signs",
  "re-init embeddings": "ticket, embeddings and unembedding new",
  "re-init blocks": "ticket, blocks new",
  exchanged: "ticket, values exchanged",
  "exchanged, own signs": "ticket, magnitudes exchanged, own signs",
  "other data": "ticket, trained on other sequences",
  "rewind early": "ticket, values of an early step",
  iterative: "ticket found in three rounds",
  "iterative re-init": "mask of three rounds, new values",
  everywhere: "ticket, embeddings masked too",
  "everywhere re-init": "mask with embeddings, new values",
  "units selectivity": "most selective before training",
  "units fitness": "fittest before training",
  "units importance": "most important after training",
  "units persistence": "most persistent",
  "units change": "least persistent",
  "units random": "random units",
};
