/** Options that name a pretrained model and say how it is loaded. */
import type { Command } from "commander";
import { valueOption } from "../commonOptions.ts";
import type { ModelChoice } from "../models/openModel.ts";
import { type ProcessingName, processingNames } from "../models/processingNames.ts";
import { namesAmong, path, text } from "../optionValues.ts";

/** `--revision`, `--cache`, `--processing` as commander gives them. */
export interface ModelFlags {
  readonly revision?: string;
  readonly cache?: string;
  readonly processing?: readonly ProcessingName[];
}

/** Adds what belongs to a pretrained model. */
export function addModelOptions(command: Command): Command {
  return command
    .addOption(valueOption("revision", "name", "branch, tag or commit of a repository (default: main)", text))
    .addOption(
      valueOption("cache", "folder", "where models pull has put it (default: as the environment says)", path),
    )
    .addOption(
      valueOption(
        "processing",
        "names",
        `weights rewritten, predictions kept: ${processingNames.join(", ")}`,
        namesAmong(processingNames),
      ),
    );
}

/** What the options say of a model besides its name. */
export function pretrainedChoice({
  revision,
  cache,
  processing = [],
}: ModelFlags): Omit<ModelChoice, "model"> {
  return { revision: revision ?? null, cache: cache ?? null, processing };
}
