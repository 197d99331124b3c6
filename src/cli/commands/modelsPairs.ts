/** `palimpsest models pairs`: its options. */
import type { Command } from "commander";
import {
  addBackend,
  addDisplay,
  type BackendChoice,
  type DisplayFlags,
  valueOption,
} from "../commonOptions.ts";
import { text, wholeNumber } from "../optionValues.ts";
import type { PairsOptions } from "../pairs/runPairs.ts";
import { addModelOptions, type ModelFlags, pretrainedChoice } from "./modelOptions.ts";

interface Flags extends ModelFlags, DisplayFlags {
  readonly nulls: number;
  readonly limit?: number;
  readonly begin?: string;
  readonly leaveOutUnfit?: boolean;
  readonly backend: BackendChoice;
}

const more = `
A pair is two sentences of which one is acceptable; a model is right where it holds that one more probable. Files are
BLiMP's, a JSON object a line; of a folder, those whose names end in .jsonl:

  {"sentence_good": "The cats sleep.", "sentence_bad": "The cats sleeps.", "UID": "agreement", "field": "morphology"}

A model is a folder in the layout of Hugging Face, a repository that "models pull" has fetched, or the run folder of
"palimpsest train", all of whose seeds are asked. It must predict from left to right: BERT is refused. Fresh networks
of the same architecture are asked the same, since an untrained network too prefers one sentence to the other, most of
all the shorter one.

Examples:
  palimpsest models pairs models/gpt2 blimp/data
  palimpsest models pairs EleutherAI/pythia-70m --revision step512 blimp/data --limit 100 --json
  palimpsest models pairs runs/train-20250131-120000 agreement.jsonl --nulls 19 --leave-out-unfit
`;

/**
 * Adds the command to its group.
 *
 * @param run  called with checked options
 */
export function addModelsPairs(
  models: Command,
  run: (options: PairsOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = models
    .command("pairs")
    .description("Minimal pairs in BLiMP's format: does a model prefer the acceptable sentence?")
    .argument("<folder-or-repository>", "a model, or the run folder of palimpsest train")
    .argument("<file-or-folder...>", "pairs")
    .addOption(
      valueOption(
        "nulls",
        "n",
        "freshly initialised networks that are asked the same",
        wholeNumber(0, 1000),
      ).default(5),
    )
    .addOption(
      valueOption("limit", "n", "most pairs of a UID, the first (default: all)", wholeNumber(1, 1_000_000)),
    )
    .addOption(
      valueOption(
        "begin",
        "text",
        "what stands before every sentence and is not scored (default: the tokenizer's own token, where it has one)",
        text,
      ),
    )
    .option(
      "--leave-out-unfit",
      "leave out, and count, pairs that the model cannot read: longer than its context, or of characters that it has not",
    );
  addBackend(command, "auto");
  addModelOptions(command);
  addDisplay(command, { progress: true });
  command.addHelpText("after", more).action((model: string, paths: string[], flags: Flags) => {
    const { nulls, limit = null, begin = null, leaveOutUnfit = false, backend } = flags;
    return run(
      { model, ...pretrainedChoice(flags), ...{ paths, nulls, limit, begin, leaveOutUnfit, backend } },
      flags,
    );
  });
}
