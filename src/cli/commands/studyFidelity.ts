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
}

/** Options as commander gives them. */
interface Flags extends DisplayFlags {
  readonly fixture?: readonly string[];
  readonly backend: BackendChoice;
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
      ),
    );
  addBackend(command);
  addDisplay(command, { progress: true });
  command.action((flags: Flags) => run({ fixtures: flags.fixture ?? [], backend: flags.backend }, flags));
}
