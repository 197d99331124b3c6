/** `palimpsest models pull`: its options. */
import type { Command } from "commander";
import { addDisplay, type DisplayFlags, valueOption } from "../commonOptions.ts";
import type { PullOptions } from "../models/pull.ts";
import { path, text } from "../optionValues.ts";

/**
 * Adds the command to its group.
 *
 * @param run  called with the options as they were given; names are checked by the run
 */
export function addModelsPull(
  models: Command,
  run: (options: PullOptions, display: DisplayFlags) => Promise<void>,
): void {
  const command = models
    .command("pull")
    .description(
      "Fetch a model from a hub into the cache that Hugging Face's libraries share: its configuration, tokenizer and safetensors weights, each verified by its hash. An interrupted fetch goes on where it was. HF_TOKEN is sent to the hub alone.",
    )
    .argument("<repository>", "NAME or ORGANISATION/NAME")
    .addOption(valueOption("revision", "name", "branch, tag or commit", text).default("main", "main"))
    .option(
      "--files <glob...>",
      "files to fetch in place of what a model is made of; * ? and ** stand for names",
    )
    .addOption(
      valueOption("endpoint", "url", "the hub; by default HF_ENDPOINT or https://huggingface.co", text),
    )
    .addOption(
      valueOption(
        "cache",
        "folder",
        "the cache; by default HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub",
        path,
      ),
    );
  addDisplay(command, { progress: true });
  command.action((repo: string, flags: Partial<Omit<PullOptions, "repo">> & DisplayFlags) => {
    const { revision = "main", files = [], endpoint = null, cache = null } = flags;
    return run({ repo, revision, files, endpoint, cache }, flags);
  });
}
