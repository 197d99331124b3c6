/** `palimpsest study list`: which studies there are. */
import type { Command } from "commander";
import { addDisplay, type DisplayFlags } from "../commonOptions.ts";
import type { Outcome } from "../io.ts";

/** A study as it is listed. */
export interface StudyEntry {
  /** `S1` to `S15`, which its command takes in place of the name; null for one that has none. */
  readonly id: string | null;
  /** As in `palimpsest study <name>`. */
  readonly name: string;
  readonly question: string;
  /** Seeds that it takes by default. */
  readonly seeds: number;
  /** About how long it then takes on two processors, in seconds. */
  readonly seconds: number;
}

/** The list as a table for readers, and as `{ studies }`. */
export function studyList(studies: readonly StudyEntry[]): Outcome {
  const rows = [
    ["id", "study", "seeds", "time", "question"],
    ...studies.map(({ id, name, seeds, seconds, question }) => [
      ...[id ?? "", name, String(seeds), `${seconds} s`, question],
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map(([id, name, seeds, time, question]) =>
    [
      id.padEnd(widths[0]),
      name.padEnd(widths[1]),
      seeds.padStart(widths[2]),
      time.padStart(widths[3]),
      question,
    ].join("  "),
  );
  return { result: { studies }, summary: lines.join("\n") };
}

/** Adds the command to its group. */
export function addStudyList(study: Command, run: (display: DisplayFlags) => Promise<void>): void {
  const command = study.command("list").description("List the studies.");
  addDisplay(command, { progress: false });
  command.action((flags: DisplayFlags) => run(flags));
}
