/** `palimpsest verify`: its options. */
import type { Command } from "commander";
import { ArgumentError } from "../../base/errors.ts";
import { addDisplay, type DisplayFlags } from "../commonOptions.ts";
import { path } from "../optionValues.ts";

/** Which runs are looked through, and how. */
export interface VerifyOptions {
  /** Run folders, each once. */
  readonly runs: readonly string[];
  /** Whether the runs are made again from their manifests and compared. */
  readonly rerun: boolean;
}

interface Flags extends DisplayFlags {
  readonly rerun?: boolean;
}

const more = `
Every file that the run left is read and held against its length and SHA-256, the manifest against
its own, and every record of the log against its check sum and number; of a run that has not ended,
the states that it goes on from too. A changed byte anywhere is found, and a damaged file costs only
its own line. Files that are none of the run's are named, and are no fault.

--rerun then carries the manifest's command out again, in a folder beside the run that is removed
after, and compares every file. It needs the files that the command reads, and the version and
kernels that made the run.

Exit code 0: all is as it was left, and was made again the same. 3: something is not. 2: no run.

Examples:
  palimpsest verify runs/persistence-20250131-235959
  palimpsest verify runs/* --quiet
  palimpsest verify runs/book --rerun --json
`;

/**
 * Adds the command.
 *
 * @param run  called with checked options
 */
export function addVerify(
  program: Command,
  run: (options: VerifyOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = program
    .command("verify")
    .description("Is every byte of a run as the run left it, and are its numbers made again?")
    .argument("<run...>", "run folders")
    .option("--rerun", "make the run again and compare every file");
  addDisplay(command, { progress: true });
  command.addHelpText("after", more).action((given: string[], flags: Flags) => {
    const runs = given.map(path("RUN"));
    const twice = runs.find((name, i) => runs.indexOf(name) !== i);
    if (twice !== undefined)
      throw new ArgumentError({
        where: "palimpsest verify",
        rule: "each run may be named once",
        got: JSON.stringify(twice),
      });
    return run({ runs, rerun: flags.rerun ?? false }, flags);
  });
}
