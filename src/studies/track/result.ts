/** What tracking a series gives; plain data. */
import type { ModelConfig } from "../../model/config.ts";
import type { Interval } from "../../stats/intervals.ts";
import type { Motion } from "./motion.ts";
import type { HeadTable } from "./session.ts";

/**
 * What units are looked at for: `all` cells of class × position, the `class` of the token, its `position`, what is left of
 * both (`interaction`), and the class of the token before (`context`), beside that of the token itself.
 */
export const tunedTo = ["all", "class", "position", "interaction", "context"] as const;
/** One of {@link tunedTo}. */
export type Tuned = (typeof tunedTo)[number];
type ByTuned<T> = Readonly<Record<Tuned, T>>;

/** Numbers of every unit of a layer. */
export interface UnitNumbers {
  /** Unbiased selectivity as textCurves.ts defines it, [unit]. */
  readonly selectivity: ByTuned<Float64Array>;
  /** Correlation with the curve at the first checkpoint, [unit]. */
  readonly r: ByTuned<Float64Array>;
  /** Index of the class whose effect is largest, −1 for a unit without a curve over classes, [unit]. */
  readonly prefers: Int32Array;
}

/** One layer at one checkpoint; means are over units that have a number. */
export interface LayerNumbers {
  readonly layer: number;
  readonly site: string;
  readonly units: UnitNumbers;
  /** Units without a curve at either time. */
  readonly flat: number;
  /** Unbiased selectivity, cells counted once; above 1 is possible where cells are missing. */
  readonly selectivity: ByTuned<number>;
  /** Omega² by one factor alone, positions counted as the text has them. */
  readonly plain: Readonly<Record<"class" | "position" | "context", number>>;
  readonly reliability: ByTuned<number>;
  /** Persistence since the first checkpoint, as measured and corrected for noise. */
  readonly r: ByTuned<number>;
  readonly corrected: ByTuned<number>;
  /** The identity-shuffle null: expectation, middle 90 % of pairings, p of the measured mean. */
  readonly shuffled: ByTuned<{
    readonly mean: number;
    readonly low: number;
    readonly high: number;
    readonly p: number;
  }>;
  /** The random-initialisation null: mean r between this checkpoint and each random network. */
  readonly randomR: ByTuned<readonly number[]>;
}

/** One checkpoint. */
export interface TrackedCheckpoint {
  readonly step: number;
  readonly label: string;
  /** Mean next-token loss, nats, with the 95 % t interval over sequences of the probe; NaN where none is defined. */
  readonly loss: Interval;
  /** [sequence] */
  readonly lossBySequence: Float64Array | null;
  readonly layers: readonly LayerNumbers[];
  readonly heads: HeadTable | null;
  /** Motion of every weight since the first checkpoint. */
  readonly motions: readonly Motion[];
}

/** A random network of the same kind. */
export interface RandomNumbers {
  readonly loss: number;
  readonly heads: HeadTable | null;
  /** Mean unbiased selectivity, [layer]. */
  readonly selectivity: readonly ByTuned<number>[];
}

/** One series. */
export interface TrackedSeries {
  readonly name: string;
  readonly config: ModelConfig;
  readonly startsUntrained: boolean;
  readonly checkpoints: readonly TrackedCheckpoint[];
  readonly random: readonly RandomNumbers[];
}

/** What the gate said of one checkpoint. */
export interface GateRow {
  readonly step: number;
  readonly label: string;
  readonly sha256: string | null;
  /** SHA-256 of each file that belongs to it, by name; null for one that cannot be read. */
  readonly files: Readonly<Record<string, string | null>>;
  readonly fromFirst: number;
  readonly toLast: number;
  readonly cosine: number;
  readonly faults: readonly { readonly rule: string; readonly facts: string }[];
}

/** A series with what the gate said of it. */
export interface JudgedSeries extends TrackedSeries {
  readonly gate: readonly GateRow[];
  /** Steps with faults that were measured all the same. */
  readonly forced: readonly number[];
  /** Whether the first sound checkpoint is an initialisation; null where no norm can tell. */
  readonly initialised: boolean | null;
}

/** A rule of the gate, as it is printed. */
export interface PrintedRule {
  readonly id: string;
  readonly rule: string;
  readonly reason: string;
}

/** Everything that a report is made from. */
export interface TrackResult {
  readonly series: readonly JudgedSeries[];
  readonly rules: readonly PrintedRule[];
  readonly probe: {
    readonly name: string;
    readonly sequences: number;
    readonly positions: number;
    /** What the classes are: `class of the token`, `part of speech`, `tag`. */
    readonly classesAre: string;
    readonly classes: readonly string[];
    readonly contexts: readonly string[];
    readonly leastCount: number;
  };
  /** What random networks are, as a sentence. */
  readonly randomNetworks: string;
  readonly command: string;
}
