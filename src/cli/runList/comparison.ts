/** What a comparison of runs holds. */
import type { ComparedCell } from "./compareNumbers.ts";
import type { ComparedFiles, Difference } from "./configDifferences.ts";
import type { RunRow } from "./runRow.ts";

/** A run that is compared. */
export type ComparedRun = Pick<RunRow, "run" | "status" | "seeds" | "answer"> & {
  readonly study: string;
  /** By arm, networks without a defined number at the last step; only arms that have such. */
  readonly diverged: Readonly<Record<string, number>>;
};

/** An outcome of a study in every run; each with its own interval. */
export interface ComparedOutcome {
  readonly study: string;
  readonly name: string;
  readonly label: string;
  /** In the order of the runs; null where a run has no such outcome. */
  readonly values: readonly (OutcomeValue | null)[];
}

/** What a run found. */
export interface OutcomeValue {
  readonly estimate: number;
  readonly interval: readonly [low: number, high: number];
}

/** Everything that was compared. */
export interface Comparison {
  readonly runs: readonly ComparedRun[];
  readonly differences: readonly Difference[];
  readonly files: ComparedFiles;
  readonly outcomes: readonly ComparedOutcome[];
  /** Statistics that were asked for; null for all. */
  readonly asked: readonly string[] | null;
  readonly numbers: readonly ComparedCell[];
  /** One sentence for each file that is not what its manifest says. */
  readonly leftOut: readonly string[];
}
