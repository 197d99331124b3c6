/**
 * What a study is: a plan that is data, networks that are measured somewhere, and a conclusion from what they told.
 *
 * A network is measured without knowledge of the others beside it, so how an arm is cut into jobs changes no bit.
 */
import type { FigureSpec } from "../../figures/figure.ts";
import type { Backend } from "../../graph/backend.ts";
import type { Outcome } from "./outcome.ts";
import type { DecisionRule } from "./rule.ts";

/** Everything that is fixed before a study is run; printed with its result. */
export interface StudyPlan {
  /** `S1`, `S2` and so on. */
  readonly id: string;
  /** Kebab-case, as in `palimpsest study NAME`. */
  readonly name: string;
  readonly title: string;
  readonly question: string;
  readonly hypothesis: string;
  /** What differs between the networks that are compared, a sentence each. */
  readonly arms: readonly string[];
  /** What is computed of each seed, and how it is averaged. */
  readonly statistic: string;
  /** What nothing would look like. */
  readonly nullModel: string;
  readonly rules: readonly DecisionRule[];
  /** Networks in every arm, as it is run and in the quick version. */
  readonly seeds: { readonly full: number; readonly quick: number };
}

/** How large a study is. */
export interface StudySize {
  /** Seeds of every arm. */
  readonly seeds: readonly number[];
  /** Fewer steps, probes and draws: to see that it works, not to decide anything. */
  readonly quick: boolean;
}

/** Networks that differ in nothing but their seed; plain data that decides every number. */
export interface Arm {
  /** Unique within the study. */
  readonly name: string;
  /** Seeds, each of one network or of one matched set of networks. */
  readonly seeds: readonly number[];
  /** About how much longer a seed of this arm takes than one of another, for the display; 1 where equal. */
  readonly cost?: number;
  /** Most seeds of a job, where a few already keep a worker busy for minutes; changes no bit. */
  readonly seedsPerJob?: number;
}

/** What measuring is given besides the arm. */
export interface MeasureContext {
  readonly backend: Backend;
  /** Told from time to time: the share of the job that is done, in [0, 1], and the mean training loss (NaN for none). */
  readonly progress: (done: number, loss: number) => void;
}

/** A table of a report. */
export interface StudyTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** What the numbers are. */
  readonly caption: string;
}

/** What a study found. The verdicts are not among it: its rules give them. */
export interface Findings {
  readonly outcomes: readonly Outcome[];
  /** One or two sentences for each thing that a reader must know to read the outcomes right. */
  readonly notes: readonly string[];
  readonly tables: readonly StudyTable[];
  readonly figures: readonly FigureSpec[];
}

/** A study. `A` is its kind of arm, `T` what one seed of an arm tells: plain data with typed arrays. */
export interface Study<A extends Arm = Arm, T = unknown> {
  readonly plan: StudyPlan;
  /** The arms at a size. */
  arms(size: StudySize): readonly A[];
  /** Grows and measures some seeds of an arm; runs in a worker. Returns one entry a seed, in order. */
  measure(arm: A, seeds: readonly number[], context: MeasureContext): Promise<T[]>;
  /** From what every arm told, by its name and in the order of its seeds, to what was found. */
  conclude(told: ReadonlyMap<string, readonly T[]>, size: StudySize): Findings;
}
