/** `palimpsest study NAME`: a command for every planned study, made from its plan. */
import type { Command } from "commander";
import { optionWords, seedsWord } from "../../record/commandWords.ts";
import { seedsText } from "../../studies/protocol/seedsText.ts";
import type { StudyPlan } from "../../studies/protocol/study.ts";
import {
  addBackend,
  addDisplay,
  addWorkers,
  type BackendChoice,
  type DisplayFlags,
  valueOption,
} from "../commonOptions.ts";
import { path, seedList } from "../optionValues.ts";

/** What any study is to do. All but workers and out decide numbers. */
export interface StudyRunOptions {
  /** null for those of the plan. */
  readonly seeds: readonly number[] | null;
  readonly quick: boolean;
  readonly backend: BackendChoice;
  readonly workers: number;
  /** Run folder; null for a new one under `runs`. */
  readonly out: string | null;
}

/** What one study is to do. */
export interface StudyOptions extends StudyRunOptions {
  /** Name of the study. */
  readonly study: string;
}

/** Options as commander gives them. */
interface Flags extends DisplayFlags {
  readonly seeds?: readonly number[];
  readonly quick?: boolean;
  readonly backend: BackendChoice;
  readonly workers: number;
  readonly out?: string;
}

const range = (count: number) => Array.from({ length: count }, (_, seed) => seed);

/** Adds the options that one study and all studies share. */
function addStudyOptions(
  command: Command,
  { folder, seeds, cores }: { folder: string; seeds: string; cores: number },
) {
  command
    .option("--quick", "few seeds and steps, in seconds: shows that it works, decides nothing")
    .addOption(
      valueOption("seeds", "n|list", `seeds 0 … n−1, or a list such as 1,2,5 (default: ${seeds})`, seedList),
    )
    .addOption(
      valueOption("out", "folder", `run folder, new or empty (default: runs/${folder}-<time>)`, path),
    );
  addWorkers(command, cores);
  addBackend(command);
  addDisplay(command, { progress: true });
}

function optionsOf({ seeds, quick = false, backend, workers, out }: Flags): StudyRunOptions {
  return { seeds: seeds ?? null, quick, backend, workers, out: out ?? null };
}

/** The words of the command that makes the run of a study, or of all, again. */
export function studyWords(
  name: string,
  { seeds, quick, backend }: Pick<StudyRunOptions, "seeds" | "quick" | "backend">,
): string[] {
  return [
    ...["study", name],
    ...optionWords([
      ["quick", quick],
      ["seeds", seeds === null ? null : seedsWord(seeds)],
      ["backend", backend === "wasm" ? null : backend],
    ]),
  ];
}

/** The plan as the help shows it. */
function planText({ id, question, arms, seeds, nullModel }: StudyPlan): string {
  const full = seedsText(range(seeds.full));
  return [
    "",
    `Study ${id}: ${question}`,
    "",
    "Arms:",
    ...arms.map((arm) => `  - ${arm}`),
    "",
    `Seeds: ${full} in every arm, ${seeds.quick} with --quick.`,
    `Null: ${nullModel}`,
  ].join("\n");
}

/** Breaks lines that are longer than `width` at spaces, with the indent of the line. */
export function wrapText(text: string, width: number): string {
  return text
    .split("\n")
    .flatMap((line) => {
      const indent = /^ *(- )?/.exec(line)![0].length;
      const lines: string[] = [];
      let current = "";
      for (const word of line.split(/(?<=\S) /)) {
        if (current !== "" && current.length + 1 + word.length > width) {
          lines.push(current);
          current = " ".repeat(indent) + word;
        } else current = current === "" ? word : `${current} ${word}`;
      }
      return [...lines, current];
    })
    .join("\n");
}

/**
 * Adds the command of a study to its group, under its name and its id.
 *
 * @param run  called with checked options
 */
export function addStudy(
  study: Command,
  plan: StudyPlan,
  { cores, width }: { cores: number; width: number },
  run: (options: StudyOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = study
    .command(plan.name)
    .aliases([plan.id, plan.id.toLowerCase()])
    .summary(plan.title)
    .description(wrapText(plan.question, width));
  const { full, quick } = plan.seeds;
  addStudyOptions(command, { folder: plan.name, seeds: `${full}, ${quick} with --quick`, cores });
  command
    .addHelpText("after", wrapText(planText(plan), width))
    .action((flags: Flags) => run({ study: plan.name, ...optionsOf(flags) }, flags));
}

/** Adds `study all` to its group. */
export function addStudyAll(
  study: Command,
  cores: number,
  run: (options: StudyRunOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = study
    .command("all")
    .summary("Run every planned study into one folder.")
    .description(
      "Every planned study, one after the other, into one run folder with a report that joins them.",
    );
  addStudyOptions(command, { folder: "all", seeds: "those of each plan", cores });
  command.action((flags: Flags) => run(optionsOf(flags), flags));
}
