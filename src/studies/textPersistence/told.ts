/** What the networks of one seed of S15 tell; plain data. */
import type { WeightedPersistence } from "../../features/importance.ts";
import type { Reading } from "./reading.ts";

/** One layer of one network; arrays are [checkpoint]. */
export interface LayerTold {
  /** Tuning r on the text with its own initialisation, mean over neurons. */
  readonly r: readonly number[];
  /** The same with the initialisation of a stranger. */
  readonly stranger: readonly number[];
  /** At the end. */
  readonly end: LayerEnd;
}

/** What a neuron can select on a text: what stands there, where, and what came before it. */
export const factors = ["character", "position", "before", "pair"] as const;
/** One of {@link factors}. */
export type Factor = (typeof factors)[number];

/** One layer of one network after training. */
export interface LayerEnd {
  /** Mean r of the curves of each factor beside the others; of `pair` what character and character before do only together. */
  readonly kinds: Readonly<Record<Factor, number>>;
  /** r over the cells (character × character before). */
  readonly contexts: number;
  /** r over the cells, corrected for their reliability. */
  readonly corrected: number;
  /** r on the balanced probe. */
  readonly balanced: number;
  /** Share of neurons that are matched to themselves. */
  readonly recovered: number;
  /** The original's criterion: neurons maintained, as many by chance, and kappa. */
  readonly criterion: Readonly<Record<"character" | "position", CriterionTold>>;
  /** Mean unbiased shares of variance before and after. */
  readonly selected: Readonly<Record<Factor, readonly [before: number, after: number]>>;
}

/** The original's criterion on one layer. */
export interface CriterionTold {
  readonly maintained: number;
  readonly chance: number;
  readonly kappa: number;
}

/** A network of one condition. */
export interface ConditionTold {
  readonly divergedAt: number | null;
  readonly steps: readonly number[];
  /** Loss on unseen windows of what it reads, nats per character, [checkpoint]. */
  readonly loss: readonly number[];
  /** ‖θ − θ₀‖ / ‖θ₀‖, [checkpoint]. */
  readonly displacement: readonly number[];
  /** Loss of counting on the same windows. */
  readonly baseline: Reading["baseline"];
  readonly layers: readonly LayerTold[];
}

/** Two networks that share initialisation or windows, [layer]. */
export interface TwinTold {
  readonly divergedAt: number | null;
  /** Trained tuning r of neurons of one index. */
  readonly r: readonly number[];
  /** Matched mean r after training less before; NaN for twins that began alike. */
  readonly matchingGain: readonly number[];
}

export interface MatchedTold {
  readonly kind: "matched";
  /** Cells (character × position) that the text visits often enough. */
  readonly cells: number;
  readonly of: Readonly<Record<"text" | "shuffled", ConditionTold>>;
  readonly otherData: TwinTold;
  readonly otherInit: TwinTold;
  /** r of the text's displacement at the length of the shuffled text's, [layer]. */
  readonly scaled: readonly number[];
  /** r after isotropic noise of equal displacement in every weight, [layer]. */
  readonly noise: Readonly<Record<"text" | "shuffled", readonly number[]>>;
  /** r on the text weighted by how much each neuron matters, and plain, [layer]. */
  readonly weighted: readonly WeightedPersistence[];
}

export interface ScalesTold {
  readonly kind: "scales";
  readonly of: Readonly<Record<"small" | "gpt2", ConditionTold>>;
}

export type TextPersistenceTold = MatchedTold | ScalesTold;
