/** Options that several verbs of `inspect` share: inputs, metrics, sweeps. */
import type { Command } from "commander";
import { type TaskName, tasks } from "../../data/registry.ts";
import type { SweepAxis } from "../../interp/index.ts";
import { valueOption } from "../commonOptions.ts";
import { type MetricName, metricNames } from "../inspect/choiceNames.ts";
import type { InputChoice } from "../inspect/inputs.ts";
import type { MetricChoice } from "../inspect/metricChoice.ts";
import type { Given, TokenGiven } from "../inspect/prompts.ts";
import { shortSites } from "../inspect/siteText.ts";
import { type SweepChoice, sweepAxes } from "../inspect/sweepCells.ts";
import {
  nameAmong,
  namesAmong,
  position,
  textList,
  texts,
  tokenGiven,
  tokenLists,
  wholeNumber,
} from "../optionValues.ts";

const taskNames = Object.keys(tasks) as TaskName[];

/** `--tokens`, `--text`, `--task`, `--sequences` as commander gives them. */
export interface InputFlags {
  readonly tokens?: readonly (readonly number[])[];
  readonly text?: readonly string[];
  readonly task?: TaskName;
  readonly sequences?: number;
}

/** Adds `--tokens`, `--text`, `--task` and `--sequences`. */
export function addInputs(command: Command, sequences: string): Command {
  command
    .addOption(valueOption("tokens", "list", "an input, such as 0,1,2,3; may be repeated", tokenLists))
    .addOption(
      valueOption(
        "text",
        "text",
        "an input of a pretrained model; may be repeated",
        (flag) =>
          (value: string, before: readonly string[] = []) =>
            texts(flag)(value, before),
      ),
    );
  return addTask(command, sequences);
}

/** Adds `--task` and `--sequences`. */
export function addTask(command: Command, sequences: string): Command {
  return command
    .addOption(
      valueOption(
        "task",
        "name",
        `inputs drawn from a task: ${taskNames.join(", ")} (default: patterns)`,
        nameAmong(taskNames),
      ),
    )
    .addOption(
      valueOption("sequences", "n", `how many are drawn (default: ${sequences})`, wholeNumber(1, 65_536)),
    );
}

/** The inputs that the options ask for. */
export function inputChoice({ tokens = [], text = [], task, sequences }: InputFlags): Given<InputChoice> {
  return { tokens: [...tokens, ...text], task: task ?? null, sequences: sequences ?? null };
}

/** A token as an option: its number, or of a pretrained model its text. */
export const tokenOption = (flag: string, doc: string) => valueOption(flag, "token", doc, tokenGiven);

/** `--metric`, `--answer`, `--wrong`, `--position` as commander gives them. */
export interface MetricFlags {
  readonly metric?: MetricName;
  readonly answer?: TokenGiven;
  readonly wrong?: TokenGiven;
  readonly position?: number | "last" | "all";
}

/** Adds what a metric is made of. */
export function addMetric(command: Command, standard: string): Command {
  return command
    .addOption(
      valueOption(
        "metric",
        "name",
        `what is asked of the answer: ${metricNames.join(", ")} (default: ${standard})`,
        nameAmong(metricNames),
      ),
    )
    .addOption(tokenOption("answer", "the right token (default: the next one)"))
    .addOption(tokenOption("wrong", "the token that it is held against"))
    .addOption(
      valueOption(
        "position",
        "p",
        "a position from 0, last, or all (default: all for loss, else last)",
        position(["last", "all"]),
      ),
    );
}

/** The metric that the options ask for. */
export function metricChoice(flags: MetricFlags): Given<MetricChoice> {
  const { metric, answer, wrong, position } = flags;
  return {
    metric: metric ?? null,
    answer: answer ?? null,
    wrong: wrong ?? null,
    position: position ?? null,
  };
}

/** `--by`, `--sites`, `--top` as commander gives them. */
export interface SweepFlags {
  readonly by: readonly SweepAxis[];
  readonly sites?: readonly string[];
  readonly top: number;
}

/** Adds what a sweep tells apart and where. */
export function addSweep(command: Command, standard: readonly SweepAxis[]): Command {
  command
    .addOption(
      valueOption(
        "by",
        "axes",
        `what is told apart: ${sweepAxes.join(", ")} (default: ${standard.join(",")})`,
        namesAmong(sweepAxes),
      ),
    )
    .addOption(
      valueOption(
        "sites",
        "names",
        `where: ${Object.keys(shortSites).join(", ")}, or full names (default: what --by asks for)`,
        textList,
      ),
    );
  return addTop(command);
}

/** Adds `--top`. */
export function addTop(command: Command, rows = 20): Command {
  return command.addOption(
    valueOption("top", "n", "rows of a list, the largest first", wholeNumber(1, 1_000_000)).default(rows),
  );
}

/** The sweep that the options ask for. */
export function sweepChoice(
  { by, sites = [], top }: Partial<SweepFlags> & { top: number },
  standard: readonly SweepAxis[],
): SweepChoice {
  return { by: by ?? standard, sites, top };
}
