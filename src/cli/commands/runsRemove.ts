/** `palimpsest runs remove`: its options. */
import type { Command } from "commander";
import { addDisplay, type DisplayFlags } from "../commonOptions.ts";
import { path } from "../optionValues.ts";

/** Which runs are removed, and how much is asked before. */
export interface RunsRemoveOptions {
  readonly runs: readonly string[];
  /** Whether nothing is asked. */
  readonly yes: boolean;
  /** Whether files that are not the run's go too without a question. */
  readonly others: boolean;
  /** Whether it is only said what would be removed. */
  readonly dryRun: boolean;
}

interface Flags extends DisplayFlags {
  readonly yes?: boolean;
  readonly others?: boolean;
  readonly dryRun?: boolean;
}

const more = `
A run is removed with everything in its folder, for good. On a terminal it is asked first; anywhere else --yes is needed.
Files in the folder that the manifest does not list, such as notes of yours, are named in the question, and --yes alone
leaves a run that has some.

Removed are runs below the working directory that no link leads to and no process works on (exit code 4); if one of
those named is no run, none is removed. The folder gets a hidden name (.removed-…) before it is emptied, so a kill leaves
no half run; what a kill leaves, the next removal in that folder takes away.

Examples:
  palimpsest runs remove runs/persistence-20250131-235959
  palimpsest runs remove runs/small runs/other --dry-run
  palimpsest runs list --status failed --json | jq -r '.runs[].run' | xargs palimpsest runs remove --yes
`;

/**
 * Adds the command to its group.
 *
 * @param run  called with checked options
 */
export function addRunsRemove(
  runs: Command,
  run: (options: RunsRemoveOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = runs
    .command("remove")
    .description("Remove runs for good.")
    .argument("<run...>", "run folders")
    .option("--yes", "ask nothing")
    .option("--others", "with --yes: remove files in the folders that are not the runs', too")
    .option("--dry-run", "only say what would be removed")
    .addHelpText("after", more);
  addDisplay(command, { progress: false });
  command.action((given: string[], { yes = false, others = false, dryRun = false, ...display }: Flags) =>
    run({ runs: given.map(path("RUN")), yes, others, dryRun }, display),
  );
}
