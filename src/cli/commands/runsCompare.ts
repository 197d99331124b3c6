/** `palimpsest runs compare`: its options. */
import type { Command } from "commander";
import { ArgumentError } from "../../base/errors.ts";
import { addDisplay, type DisplayFlags, valueOption } from "../commonOptions.ts";
import { path, textList } from "../optionValues.ts";

/** Which runs are compared. */
export interface RunsCompareOptions {
  /** At least two; the first is what the others are compared with. */
  readonly runs: readonly string[];
  /** Names of statistics, or what stands before their dot; null for all. */
  readonly statistics: readonly string[] | null;
}

interface Flags extends DisplayFlags {
  readonly statistics?: readonly string[];
}

const more = `
Shown are the settings that differ, with engine and versions; which files have equal bytes, by the hashes in the
manifests; the outcomes of studies; and what was measured at the last step: by arm, site and statistic the mean over units
and seeds, and its difference from the first run over the seeds that both have, with a 95 % t interval.

The numbers describe the runs. They are no test: nothing corrects for how many there are, and which of them to look at was
not decided beforehand. Every file of numbers is checked against the manifest; one that differs is left out and named, and
the exit code is then 3.

Examples:
  palimpsest runs compare runs/adam runs/sgd
  palimpsest runs compare runs/a runs/b runs/c --statistics eta2.token,trainingLoss
  palimpsest runs compare runs/a runs/b --json
`;

/**
 * Adds the command to its group.
 *
 * @param run  called with checked options
 */
export function addRunsCompare(
  runs: Command,
  run: (options: RunsCompareOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = runs
    .command("compare")
    .description("Compare runs with the first of them: settings, files, outcomes, numbers.")
    .argument("<run...>", "two or more run folders")
    .addOption(
      valueOption("statistics", "names", "these statistics only, such as eta2 or eta2.token", textList),
    )
    .addHelpText("after", more);
  addDisplay(command, { progress: true });
  command.action((given: string[], { statistics, ...display }: Flags) => {
    if (given.length < 2)
      throw new ArgumentError({
        where: "runs compare",
        rule: "needs two runs or more",
        got: given.join(", "),
      });
    return run({ runs: given.map(path("RUN")), statistics: statistics ?? null }, display);
  });
}
