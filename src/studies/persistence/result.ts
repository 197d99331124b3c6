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

/** What a seed is described by: one number of a layer and kind. */
export type SeedMeasure = "maintained" | "excess" | "kappa" | "r";

/** How one number differs between seeds. */
export interface SeedSpread {
  measure: SeedMeasure;
  /** Seeds that have the number. */
  seeds: number;
  mean: number;
  /** 95 % t interval over seeds. */
  ci: Interval;
  /** Standard deviation between seeds. */
  sd: number;
  /** Sample quantiles with intervals between order statistics, 95 % at least; −∞ or ∞ where no seed is far enough out. */
  quantiles: { p: number; value: number; ci: Interval }[];
  /** Adjusted sample skewness with its BCa interval over seeds. */
  skewness: number;
  skewnessCi: Interval;
  /**
   * Spearman's correlation over seeds with the way that held-out loss went towards the Bayes floor, and its interval: whether
   * seeds that learned more persist less. NaN without a floor.
   */
  withProgress: number;
  withProgressCi: Interval;
  /** Seeds with which the t interval of the mean is expected to be ± halfWidth. */
  seedsFor: { halfWidth: number; seeds: number }[];
  /** The seeds 0 to 29 of the ordinary study beside all; null if they are not among them. */
  ordinary: {
    mean: number;
    ci: Interval;
    /** Share of drawn studies of as many seeds whose mean is lower, ties by half. */
    percentile: number;
    /** Share of drawn studies whose 95 % t interval holds the mean of all seeds. */
    coverage: number;
  } | null;
}

/** Persistence of one layer and kind as a distribution over seeds. */
export interface CellDistribution {
  layer: number;
  kind: Kind;
  spreads: SeedSpread[];
  /** Share of seeds that maintain less than their own null, with its Clopper–Pearson interval. */
  belowChance: number;
  belowChanceCi: Interval;
  /** Seeds by the number of units that they maintain, from 0 up. */
  counts: {
    seeds: number[];
    /** Expected where every unit survives independently with the common probability, and the 95 % range of each. */
    independent: number[];
    independentLow: number[];
    independentHigh: number[];
    /** Expected of the fitted beta-binomial. */
    betaBinomial: number[];
  };
  /**
   * Intraclass correlation of two units of a seed, its BCa interval over seeds, and the test of 0 against more; the
   * standard deviation of the seeds' own probabilities, and which share of the variance of maintained it is.
   */
  overdispersion: { rho: number; ci: Interval; p: number; holm: number; seedSd: number; seedShare: number };
  /** Likeliest beta-binomial, the shape of its beta distribution, and p of its goodness of fit by simulation. */
  betaBinomial: { mean: number; rho: number; shape: BetaShape; p: number; holm: number };
  /** Hartigan's dip of tuning r over seeds, and the test of one bump. */
  dip: { value: number; p: number; holm: number };
}

/** Where the density of a beta distribution is highest: inside, at one end, at both ends; at one point if ρ is 0. */
export type BetaShape = "one bump" | "slope" | "two ends" | "one point";

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
  /** The distribution over seeds by layer and kind; null below 100 seeds. */
  distribution: CellDistribution[] | null;
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

/** One layer and kind, one number a seed; NaN where a model diverged. */
export interface SeedNumbers {
  layer: number;
  kind: Kind;
  /** Units that the criterion follows. */
  tracked: ArrayLike<number>;
  maintained: ArrayLike<number>;
  /** Share that any unit of the same trained layer would reach. */
  nullShuffle: ArrayLike<number>;
  excess: ArrayLike<number>;
  r: ArrayLike<number>;
  nullR: ArrayLike<number>;
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
  bySeed: readonly SeedNumbers[];
  /** Sequences in the probe, its positions and vocabulary. */
  probe: { sequences: number; nPos: number; dVocab: number };
}
