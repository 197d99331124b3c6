/** `palimpsest study findings`: its options. */
import type { Command } from "commander";
import { addDisplay, type DisplayFlags, valueOption } from "../commonOptions.ts";
import { path } from "../optionValues.ts";

/** What is made of which results. */
export interface FindingsOptions {
  /** A run folder whose results are taken over first; null for none. */
  readonly from: string | null;
  /** Folder of result files. */
  readonly results: string;
  /** The document. */
  readonly out: string;
}

/** Options as commander gives them. */
interface Flags extends DisplayFlags {
  readonly from?: string;
  readonly results: string;
  readonly out: string;
}

/**
 * Adds the command to its group.
 *
 * @param run  called with checked options
 */
export function addStudyFindings(
  study: Command,
  run: (options: FindingsOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = study
    .command("findings")
    .summary("Make the table of findings from result files.")
    .description("Writes the findings: one row a claim and one a study, from result files alone.")
    .addOption(valueOption("from", "folder", "a complete run, whose results are taken over first", path))
    .addOption(
      valueOption("results", "folder", "result files, and reading.md, which is put at the end", path).default(
        "docs/results",
      ),
    )
    .addOption(valueOption("out", "file", "the document", path).default("docs/findings.md"));
  addDisplay(command, { progress: false });
  command.action(({ from, results, out, ...display }: Flags) =>
    run({ from: from ?? null, results, out }, display),
  );
}
