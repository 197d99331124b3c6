/** What verify says of a run and of each of its files. */
import type { RunStatus } from "../../record/manifest.ts";

/**
 * What a file is: `sound`, to the byte as the run left it; `damaged`; `missing`; `torn`, a log whose last line a kill cut
 * off in a run that has not ended; `unsealed`, a file of such a run that its manifest does not list yet; `unlisted`, none of
 * the run's; `unchecked`, where nothing says what it should be.
 * The second and third are faults.
 */
export type FileVerdict = "sound" | "damaged" | "missing" | "torn" | "unsealed" | "unlisted" | "unchecked";

/** How a file came out when the run was made again; `missing` and `extra` are as seen from the first run. */
export type RerunVerdict = "same" | "differs" | "missing" | "extra";

/** A file of a run. */
export interface CheckedFile {
  /** Relative to the run, with slashes. */
  readonly path: string;
  readonly verdict: FileVerdict;
  /** What is wrong with it, or what it is; without its name and without a full stop. */
  readonly says?: string;
  /** Only where the run was made again. */
  readonly rerun?: RerunVerdict;
}

/** A run that was looked through. */
export interface CheckedRun {
  /** The folder as it was named. */
  readonly run: string;
  /** Null where the manifest does not say. */
  readonly status: RunStatus | null;
  /** `differs`: sound, and not made again the same. */
  readonly verdict: "sound" | "damaged" | "differs";
  /** Sorted by path; of the run's own files, the unsealed and unlisted ones and, with a rerun, the extra ones. */
  readonly files: readonly CheckedFile[];
}

/** A run that could not be looked through, among others that could. */
export interface UnreadableRun {
  readonly run: string;
  readonly verdict: "unreadable";
  /** A sentence. */
  readonly says: string;
}

/** Whether a verdict is a fault. */
export function isFault({ verdict }: CheckedFile): boolean {
  return verdict === "damaged" || verdict === "missing";
}

/** The word for a run: damage is worse than a difference. */
export function verdictOf(files: readonly CheckedFile[]): CheckedRun["verdict"] {
  if (files.some(isFault)) return "damaged";
  return files.every(({ rerun = "same" }) => rerun === "same") ? "sound" : "differs";
}
