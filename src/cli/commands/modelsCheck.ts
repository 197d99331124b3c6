/** `palimpsest models check`: its options. */
import type { Command } from "commander";
import type { DisplayFlags } from "../commonOptions.ts";
import type { CheckOptions } from "../models/check.ts";

const more = `
Of a folder (not of the folders in it) these are checked: *.safetensors; model.safetensors.index.json, with every tensor
in the file that it names; config.json; tokenizer.json. PyTorch's .bin, .pt and .ckpt files are named and refused:
reading one can execute code. Only headers are read, and nothing is executed.

A line for every file, {"file", "ok": true, "tensors": {NAME: {"dtype", "shape"}}} or {"file", "ok": false, "reason"}
with --json. A bad file never stops the others. Exit code 0 if all are good, 2 if any is bad or missing.

Examples:
  palimpsest models check model.safetensors
  palimpsest models check models/gpt2 models/pythia-70m --json
`;

/**
 * Adds the command to its group.
 *
 * @param run  called with what is to be checked
 */
export function addModelsCheck(
  models: Command,
  run: (options: CheckOptions, display: DisplayFlags) => Promise<void>,
): void {
  models
    .command("check")
    .description("Check files of models strictly, before anything uses them.")
    .argument("<file-or-folder...>", "files, or folders as Hugging Face lays them out")
    .option("--json", "print one line of JSON for every file and nothing else")
    .addHelpText("after", more)
    .action((paths: string[], flags: DisplayFlags) => run({ paths }, flags));
}
