/** `palimpsest models run`: its options. */
import type { Command } from "commander";
import {
  addBackend,
  addDisplay,
  type BackendChoice,
  type DisplayFlags,
  valueOption,
} from "../commonOptions.ts";
import { shortSites } from "../inspect/siteText.ts";
import type { ModelRunOptions } from "../models/run.ts";
import { position, textList, texts, tokenRows, wholeNumber } from "../optionValues.ts";
import { addModelOptions, type ModelFlags, pretrainedChoice } from "./modelOptions.ts";

interface Flags extends ModelFlags, DisplayFlags {
  readonly tokens?: readonly (readonly number[])[];
  readonly text?: readonly string[];
  readonly segments?: readonly (readonly number[])[];
  readonly sites?: readonly string[];
  readonly position?: number | "last";
  readonly top: number;
  readonly backend: BackendChoice;
}

const more = `
The logits at every position and, with --sites, activations: axes [batch, pos, …] as in docs/interp.md, weights as
loaded. A model is a folder in the layout of Hugging Face, or a repository that "models pull" has fetched. With --json

  {"logits": {"shape", "data"}, "sites": {NAME: {"shape", "data"}}, "tokens", "model"}

Examples:
  palimpsest models run models/gpt2 --text "When Mary and John went to the store, John gave a drink to"
  palimpsest models run EleutherAI/pythia-70m --revision step512 --tokens "1,2,3;4,5,6" --json
  palimpsest models run models/gpt2 --tokens 1,2,3 --sites resid-post,blocks.0.attn.hook_pattern --json
`;

/**
 * Adds the command to its group.
 *
 * @param run  called with checked options
 */
export function addModelsRun(
  models: Command,
  run: (options: ModelRunOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = models
    .command("run")
    .description("Run a pretrained model once: its predictions, and its activations at any site.")
    .argument("<folder-or-repository>", "a folder, or a repository in the cache")
    .addOption(valueOption("tokens", "rows", 'token numbers, such as "1,2,3;4,5,6": a row each', tokenRows))
    .addOption(
      valueOption(
        "text",
        "text",
        "a text in place of a row; may be repeated",
        (flag) =>
          (value: string, before: readonly string[] = []) =>
            texts(flag)(value, before),
      ),
    )
    .addOption(
      valueOption("segments", "rows", "segment of every token, for models that have segments", tokenRows),
    )
    .addOption(
      valueOption(
        "sites",
        "names",
        `also activations at: ${Object.keys(shortSites).join(", ")}, or full names`,
        textList,
      ),
    )
    .addOption(
      valueOption(
        "position",
        "p",
        "whose prediction is shown: from 0, or last (default: the mask token's, else last)",
        position(["last"]),
      ),
    )
    .addOption(valueOption("top", "k", "likeliest tokens that are shown", wholeNumber(1, 1000)).default(10));
  addBackend(command, "auto");
  addModelOptions(command);
  addDisplay(command, { progress: true });
  command.addHelpText("after", more).action((model: string, flags: Flags) => {
    const {
      tokens = [],
      text: texts = [],
      segments = null,
      sites = [],
      position = null,
      top,
      backend,
    } = flags;
    return run(
      {
        model,
        ...pretrainedChoice(flags),
        ...{ tokens, texts, segments, sites, position, top, backend, json: flags.json ?? false },
      },
      flags,
    );
  });
}
