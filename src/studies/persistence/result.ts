/** What the persistence study returns: the numbers it prints, and the details its figures are drawn from. */
import type { BayesFloor } from "../../data/types.ts";
import type { ModelConfig } from "../../model/config.ts";

/** An interval [low, high]. */
export type Interval = readonly [low: number, high: number];

/** The factor a unit is tuned to. */
export type Kind = "token" | "position";

/** Persistence of one layer's MLP neurons for one kind of tuning, summarised over seeds. */
export interface Group {
  layer: number;
  kind: Kind;
  /** The original criterion: the five most selective at initialisation, still selective after training. */
  criterion: {
    /** Mean over seeds of the share of the five that count as maintained. */
    maintained: number;
    /** t interval over seeds. */
    ci: Interval;
    /** Share that any unit of the same trained layer would reach: the identity shuffle in closed form. */
    null: number;
    /** maintained − null, and its t interval over seeds (paired). */
    excess: number;
    excessCi: Interval;
    /** excess / (1 − null). */
    kappa: number;
    kappaCi: Interval;
    /** maintained by other initialisations: same data, same index (null b), over neighbouring seeds. */
    nullOtherInit: number;
  };
  /** Correlation of tuning curves before and after training, unit by unit. */
  tuning: {
    /** Mean over units, then seeds; with its t interval over seeds. */
    r: number;
    ci: Interval;
    /** The same against another initialisation trained on the same data, and its interval. */
    nullR: number;
    nullCi: Interval;
    /** Trained curves of the same initialisation on other data: the ceiling (null c), and its interval. */
    ceilingR: number;
    ceilingCi: Interval;
    /** Share of units whose most preferred stimulus is still the same. */
    preferred: number;
    /** Its chance level by cross-seed pairs. */
    preferredNull: number;
  };
  /** Share of units that optimal assignment by tuning (all cells) maps to themselves; chance is 1 / units. */
  identityRecovery: number;
  identityCi: Interval;
}

/** One trained model. */
export interface ModelSummary {
  seed: number;
  finalLoss: number | null;
  /** SHA-256 of the final weights. */
  weights: string;
  /** Number of updates after which a loss or weight first was not finite; null if never. */
  divergedAt: number | null;
}

/** One preset's part of the result. */
export interface PresetSummary {
  preset: string;
  seeds: number[];
  steps: number;
  loss: {
    /** Mean training loss over seeds, nats: of the first step, and of the last epoch (or last 16 steps). */
    first: number;
    last: number;
    /** Mean loss on unseen sequences after training. */
    heldOut: number;
    /** Exact Bayes floor of the task without seeing the target. */
    bayesFloor: number | null;
    /** Whether at some position the held-out loss is below what a model could reach without seeing the target. */
    leak: boolean;
    /** Those positions, counted from 0, with the loss and the best causal predictor's on the same sequences, nats. */
    leakAt: { pos: number; loss: number; floor: number }[];
  };
  groups: Group[];
  models: ModelSummary[];
}

/** A claim of the original study with what this run says of it. */
export interface ClaimVerdict {
  id: "C1" | "C2" | "C3" | "C4" | "C5" | "C6" | "C7";
  /** The claim in the original's words, shortened. */
  claim: string;
  verdict: "supported" | "refuted" | "undecided" | "not tested here";
  /** The decision rule, written before the run. */
  rule: string;
  /** The numbers that the rule was applied to. */
  evidence: string;
}

/** What `--json` prints. */
export interface PersistenceResult {
  study: "persistence";
  presets: PresetSummary[];
  claims: ClaimVerdict[];
  /** Run folder relative to the working directory. */
  run: string;
}

/** What one layer looked like from initialisation to the end; unit arrays are in unit order. */
export interface LayerDetail {
  layer: number;
  /** Variance shares [seed][checkpoint][unit] of the balanced probe. */
  eta2: Record<Kind, readonly (readonly ArrayLike<number>[])[]>;
  /** Mean over units of the correlation with the own initialisation, [seed][checkpoint], all cells. */
  tuningR: readonly ArrayLike<number>[];
  /** The same against the initialisation of another seed. */
  tuningNullR: readonly ArrayLike<number>[];
  /** Correlation of every unit with its own initialisation at the end, [seed][unit], all cells. */
  unitR: readonly ArrayLike<number>[];
  /** eta2 that the random-projection null predicts at initialisation, a sample. */
  projectionNull: Record<Kind, ArrayLike<number>>;
  /** One seed shown in full: cell means [unit][token][pos], row-major, before and after. */
  exemplar: { seed: number; units: number; before: Float32Array; after: Float32Array };
  /** Mean absolute variance components over seeds and units, before and after: how much, not only which share. */
  components: { before: Components; after: Components };
  /** Relative weight displacement |ΔW| / |W₀| of this layer's matrices, [seed], by weight name. */
  displacement: Readonly<Record<string, readonly number[]>>;
}

/** Amounts of variance (activation units squared). */
export interface Components {
  token: number;
  position: number;
  interaction: number;
  context: number;
}

/** What the figures of one preset are drawn from. */
export interface PresetDetail {
  summary: PresetSummary;
  config: ModelConfig;
  task: string;
  /** Steps of the checkpoints, first is 0. */
  checkpoints: readonly number[];
  loss: {
    /** Training loss of every step, [seed][step]. */
    train: readonly ArrayLike<number>[];
    /** Held-out loss at every checkpoint, [seed][checkpoint]. */
    heldOut: readonly ArrayLike<number>[];
    /** Held-out loss by position after training, [seed][pos]. */
    heldOutByPosition: readonly ArrayLike<number>[];
    floor: BayesFloor | null;
  };
  layers: readonly LayerDetail[];
  /** Sequences in the probe, its positions and vocabulary. */
  probe: { sequences: number; nPos: number; dVocab: number };
}
