/** `palimpsest runs list`: its options. */
import type { Command } from "commander";
import { addDisplay, type DisplayFlags, valueOption } from "../commonOptions.ts";
import { nameAmong, path, text } from "../optionValues.ts";
import { type RowStatus, rowStatuses } from "../runList/rowStatuses.ts";

/** Which runs are listed. */
export interface RunsListOptions {
  /** Null for `runs`, which need not be there. */
  readonly folder: string | null;
  /** Name of a study; null for any. */
  readonly study: string | null;
  /** Null for any. */
  readonly status: RowStatus | null;
}

interface Flags extends DisplayFlags {
  readonly study?: string;
  readonly status?: RowStatus;
}

const more = `
The latest run is first. Folders in the folder are looked into too, four deep; links are not followed.

  running      a process works on it, which is named
  complete     its files are all there, with the lengths that the manifest lists ("palimpsest verify" reads them)
  interrupted  stopped by a signal, or killed; "palimpsest resume" goes on with it
  failed       it ended with an error
  damaged      a file is missing or has another length, or the manifest cannot be read
  foreign      a folder that is no run

A folder that is damaged or foreign costs its own line and nothing else.

Examples:
  palimpsest runs list
  palimpsest runs list sweeps --study persistence --status complete
  palimpsest runs list --json
`;

/**
 * Adds the command to its group.
 *
 * @param run  called with checked options
 */
export function addRunsList(
  runs: Command,
  run: (options: RunsListOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = runs
    .command("list")
    .description("List the runs in a folder: study, status, seeds, when, size, and what they answer.")
    .argument("[folder]", "folder of runs, or one run (default: runs)")
    .addOption(valueOption("study", "name", "runs of this study only", text))
    .addOption(
      valueOption(
        "status",
        "name",
        `runs of this status only: ${rowStatuses.join(", ")}`,
        nameAmong(rowStatuses),
      ),
    )
    .addHelpText("after", more);
  addDisplay(command, { progress: false });
  command.action((folder: string | undefined, { study, status, ...display }: Flags) =>
    run(
      {
        folder: folder === undefined ? null : path("FOLDER")(folder),
        study: study ?? null,
        status: status ?? null,
      },
      display,
    ),
  );
}
