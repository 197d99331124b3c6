/** `palimpsest models`: the group of commands on pretrained models. */
import type { Command } from "commander";

/** Adds the group. Its commands are added to what this returns. */
export function addModels(program: Command): Command {
  return program
    .command("models")
    .description(
      "Pretrained models in the layout of Hugging Face: safetensors, config.json, tokenizer.json.",
    );
}
