/** `palimpsest study fidelity`: its options. */
import type { Command } from "commander";
import {
  addBackend,
  addDisplay,
  type BackendChoice,
  type DisplayFlags,
  valueOption,
} from "../commonOptions.ts";
import { path } from "../optionValues.ts";

/** What the fidelity study is to compare. */
export interface FidelityOptions {
  /** Files of recorded runs of the original study; empty for those that come with Palimpsest. */
  readonly fixtures: readonly string[];
  readonly backend: BackendChoice;
  /** Run folder for the report of study S1; null for none. */
  readonly out: string | null;
}

/** Options as commander gives them. */
interface Flags extends DisplayFlags {
  readonly fixture?: readonly string[];
  readonly backend: BackendChoice;
  readonly out?: string;
}

/** A path, added to those before. */
const paths =
  (flag: string) =>
  (text: string, before: readonly string[] = []): readonly string[] => [...before, path(flag)(text)];

/**
 * Adds the command to its group.
 *
 * @param run  called with checked options
 */
export function addStudyFidelity(
  study: Command,
  run: (options: FidelityOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = study
    .command("fidelity")
    .aliases(["S1", "s1"])
    .description("Do we get the original study's numbers from its own weights and data?")
    .addOption(
      valueOption(
        "fixture",
        "file",
        "a recorded run; may be repeated (default: those that come along)",
        paths,
      ).conflicts("out"),
    )
    .addOption(
      valueOption("out", "folder", "a run folder as well, with the report of study S1; new or empty", path),
    );
  addBackend(command);
  addDisplay(command, { progress: true });
  command.action((flags: Flags) =>
    run({ fixtures: flags.fixture ?? [], backend: flags.backend, out: flags.out ?? null }, flags),
  );
}
