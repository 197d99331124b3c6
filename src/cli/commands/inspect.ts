/** `palimpsest inspect`: what is looked into, and the options that its verbs share. */
import type { Command } from "commander";
import { type PresetName, presets } from "../../model/config.ts";
import type { InitOptions } from "../../model/init.ts";
import {
  addBackend,
  addDisplay,
  type BackendChoice,
  type DisplayFlags,
  valueOption,
} from "../commonOptions.ts";
import { type NullKind, nullKinds, type SubjectChoice } from "../inspect/inspected.ts";
import { initOption, nameAmong, path, schemeNames, seedChoice, wholeNumber } from "../optionValues.ts";
import { type Question, verbs } from "./inspectVerbs.ts";
import { addModelOptions, type ModelFlags, pretrainedChoice } from "./modelOptions.ts";

/** What is to be looked at, where, and how it is shown. */
export interface InspectOptions {
  readonly subject: SubjectChoice;
  /** Random networks of the null; null for the verb's default, 0 for none. */
  readonly draws: number | null;
  readonly backend: BackendChoice;
  /** Where the figure goes; null for nowhere. */
  readonly svg: string | null;
  readonly question: Question;
}

/** Options that every verb has, as commander gives them. */
interface CommonFlags extends ModelFlags, DisplayFlags {
  readonly preset?: PresetName;
  readonly step?: number;
  readonly seed?: readonly number[] | "all";
  readonly init?: Required<InitOptions>;
  readonly draws?: number;
  readonly null?: NullKind;
  readonly backend: BackendChoice;
  readonly svg?: string;
}

const presetNames = Object.keys(presets) as PresetName[];

/** Most random networks of a null. */
const drawLimit = 100_000;

/** Adds what a verb takes to say which networks are looked into. */
function addSubject(command: Command): void {
  command
    .argument(
      "<subject>",
      "folder of a run or of a pretrained model, a repository, or a preset with random weights",
    )
    .addOption(
      valueOption(
        "preset",
        "name",
        `which of a run's presets: ${presetNames.join(", ")}`,
        nameAmong(presetNames),
      ),
    )
    .addOption(
      valueOption("step", "s", "checkpoint of a run (default: its last)", wholeNumber(0, 1_000_000_000)),
    )
    .addOption(
      valueOption(
        "seed",
        "k|list",
        "networks: 3, 0,1,2, 0-9, or all of a run (default: the first)",
        seedChoice,
      ),
    )
    .addOption(
      valueOption(
        "init",
        "scheme[:scale]",
        `initialisation of a preset: ${schemeNames.join(", ")} (default: pytorch)`,
        initOption,
      ),
    )
    .addOption(
      valueOption(
        "draws",
        "n",
        "random networks that the null is drawn from, 0 for none",
        wholeNumber(0, drawLimit),
      ),
    )
    .addOption(
      valueOption(
        "null",
        "kind",
        `of a pretrained model: ${nullKinds.join(", ")}, its own numbers in another order (default: random)`,
        nameAmong(nullKinds),
      ),
    )
    .addOption(valueOption("svg", "file", "write the figure to a file", path));
  addModelOptions(command);
  addBackend(command, "auto");
  addDisplay(command, { progress: true });
}

/**
 * Adds the group and its verbs.
 *
 * @param run  called with checked options
 */
export function addInspect(
  program: Command,
  run: (options: InspectOptions, display: DisplayFlags) => Promise<void>,
): Command {
  const group = program
    .command("inspect")
    .usage("<subject> [options] <verb> [options]")
    .description(
      "Look into the networks of a run or a preset, or into a pretrained model: one question, its null, its intervals.",
    )
    .addHelpText(
      "after",
      [
        "",
        "Examples:",
        "  palimpsest inspect original --seed 3 lens",
        "  palimpsest inspect runs/small --step 160 --seed all heads",
        "  palimpsest inspect runs/small patch --by layer,head --svg heads.svg",
        '  palimpsest inspect models/gpt2 lens --text "The capital of France is"',
        "",
        "Each verb has its own --help: palimpsest inspect original lens --help",
      ].join("\n"),
    );
  for (const { name, description, examples, addOptions, question } of verbs) {
    const command = group.command(name).description(description);
    addOptions(command);
    addSubject(command);
    command
      .configureHelp({ commandUsage: () => `palimpsest inspect <subject> ${name} [options]` })
      .addHelpText(
        "after",
        ["", "Examples:", ...examples.map((line) => `  palimpsest inspect ${line}`)].join("\n"),
      )
      .action((subject: string, flags: CommonFlags) => {
        const {
          preset = null,
          step = null,
          seed = null,
          init = null,
          draws = null,
          backend,
          svg = null,
        } = flags;
        return run(
          {
            subject: {
              ...{ subject, preset, step, seeds: seed, init },
              pretrained: pretrainedChoice(flags),
              nullKind: flags.null ?? null,
            },
            // commander's options are those that the verb has added
            ...{ draws, backend, svg, question: question(flags as never) },
          },
          flags,
        );
      });
  }
  return group;
}
