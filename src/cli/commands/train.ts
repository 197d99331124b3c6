/** `palimpsest train`: its options, and what they mean together. */
import type { Command } from "commander";
import { ArgumentError } from "../../base/errors.ts";
import { type Tagging, taggings } from "../../data/text/tagged.ts";
import type { InitOptions } from "../../model/init.ts";
import { initWord, optionWords, seedsWord } from "../../record/commandWords.ts";
import {
  type ProbeDesign,
  type Sampling,
  type TextPreset,
  type TextPresetName,
  textPresetNamed,
  textPresets,
} from "../../studies/text/spec.ts";
import type { Schedule } from "../../train/schedules.ts";
import {
  addBackend,
  addDisplay,
  addRelaxed,
  addWorkers,
  type BackendChoice,
  checkRelaxed,
  type DisplayFlags,
  valueOption,
} from "../commonOptions.ts";
import {
  initOption,
  nameAmong,
  path,
  positiveNumber,
  seedCount,
  text,
  type ValueParser,
  wholeNumber,
} from "../optionValues.ts";

/** What is written as models in Hugging Face layout. */
export const exportChoices = ["last", "all"] as const;

/** One of {@link exportChoices}: models after training, or at every checkpoint. */
export type ExportChoice = (typeof exportChoices)[number];

/** What training on a text is to do. All but workers, export and out decide numbers. */
export interface TrainOptions {
  /** File or folder. */
  readonly text: string;
  /** What the tags of a text of words and tags are as classes; null for a text without tags. */
  readonly tagged: Tagging | null;
  readonly preset: TextPresetName;
  /** A tokenizer.json; null for tokens made from the text. */
  readonly tokenizer: string | null;
  /** Size of the vocabulary that is learned; null for a token a character, and with a tokenizer of one's own. */
  readonly vocab: number | null;
  readonly size: Pick<TextPreset, "nLayers" | "dModel" | "nHeads" | "nCtx">;
  readonly batch: number;
  readonly steps: number;
  readonly lr: number;
  readonly schedule: Schedule["decay"];
  readonly init: Required<InitOptions>;
  /** Each once. */
  readonly seeds: readonly number[];
  /** Fraction of the text. */
  readonly heldOut: number;
  readonly probe: ProbeDesign;
  /** Null for a line feed. */
  readonly prompt: string | null;
  readonly sampling: Sampling;
  readonly export: ExportChoice;
  readonly backend: BackendChoice;
  readonly relaxed: boolean;
  readonly workers: number;
  /** Run folder; null for a new one under `runs`. */
  readonly out: string | null;
}

/** Options as commander gives them. */
interface Flags extends DisplayFlags {
  readonly text?: string;
  readonly tagged?: Tagging;
  readonly preset: TextPresetName;
  readonly tokenizer?: string;
  readonly vocab?: number;
  readonly layers?: number;
  readonly dModel?: number;
  readonly heads?: number;
  readonly ctx?: number;
  readonly steps?: number;
  readonly batch?: number;
  readonly lr?: number;
  readonly schedule: Schedule["decay"];
  readonly init: Required<InitOptions>;
  readonly seeds: readonly number[];
  readonly heldOut: number;
  readonly probe: ProbeDesign;
  readonly prompt?: string;
  readonly sample: number;
  readonly sampleTokens: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly export: ExportChoice;
  readonly backend: BackendChoice;
  readonly relaxed?: boolean;
  readonly workers: number;
  readonly out?: string;
}

const presetNames = Object.keys(textPresets) as TextPresetName[];

/** One seed or more: a count or a list. */
const seedsOf: ValueParser<readonly number[]> = (flag) => (value) => {
  const seeds = seedCount(flag)(value);
  if (seeds !== "all") return seeds;
  throw new ArgumentError({
    where: flag,
    rule: "must be a whole number at least 1 or a list such as 1,2,5",
    got: JSON.stringify(value),
  });
};

/** A fraction above 0 and below 1. */
const fraction: ValueParser<number> = (flag) => (value) => {
  const share = positiveNumber(flag)(value);
  if (share < 1) return share;
  throw new ArgumentError({ where: flag, rule: "must be a fraction below 1, such as 0.1", got: value });
};

/** A number of at least 0. */
const temperatureOf: ValueParser<number> = (flag) => (value) =>
  /^0+(\.0*)?$/.test(value) ? 0 : positiveNumber(flag)(value);

function vocabOf({ preset, tokenizer, vocab }: Flags): number | null {
  const { tokens, vocab: standard } = textPresetNamed(preset);
  if (vocab === undefined) return tokenizer === undefined && tokens === "bpe" ? standard : null;
  if (tokenizer !== undefined)
    throw new ArgumentError({
      where: "--vocab",
      rule: "is the size of a vocabulary that is learned",
      got: `--tokenizer ${tokenizer}, which has its own`,
      wayOut: "Leave one of the two out.",
    });
  if (tokens === "characters")
    throw new ArgumentError({
      where: "--vocab",
      rule: `preset ${preset} has a token for every character of the text`,
      got: String(vocab),
      wayOut: "Take --preset bpe-small.",
    });
  return vocab;
}

function optionsOf(flags: Flags): TrainOptions {
  const { preset, backend, relaxed = false, tokenizer = null, prompt = null, out = null } = flags;
  if (flags.text === undefined)
    throw new ArgumentError({
      where: "palimpsest train",
      rule: "needs --text, a file of UTF-8 text or a folder of .txt files",
      got: "none",
    });
  checkRelaxed(relaxed, backend);
  const standard = textPresetNamed(preset);
  const { sample: count, sampleTokens: tokens, temperature, topK = null } = flags;
  const { schedule, init, seeds, heldOut, probe, workers, tagged = null } = flags;
  if (tagged !== null && probe === "balanced")
    throw new ArgumentError({
      where: "--tagged",
      rule: "needs a probe that has words",
      got: "--probe balanced, of random tokens",
      wayOut: "Leave one of the two out.",
    });
  return {
    ...{ text: flags.text, tagged, preset, tokenizer, vocab: vocabOf(flags) },
    size: {
      nLayers: flags.layers ?? standard.nLayers,
      dModel: flags.dModel ?? standard.dModel,
      nHeads: flags.heads ?? standard.nHeads,
      nCtx: flags.ctx ?? standard.nCtx,
    },
    batch: flags.batch ?? standard.batch,
    steps: flags.steps ?? standard.steps,
    lr: flags.lr ?? standard.lr,
    ...{ schedule, init, seeds, heldOut, probe, prompt },
    sampling: { count, tokens, temperature, topK },
    ...{ export: flags.export, backend, relaxed, workers, out },
  };
}

/** The words of the command that makes this run again. */
export function trainWords(options: TrainOptions): string[] {
  const { size, sampling } = options;
  return [
    "train",
    ...optionWords([
      ["text", options.text],
      ["tagged", options.tagged],
      ["preset", options.preset],
      ["tokenizer", options.tokenizer],
      ["vocab", options.vocab],
      ["layers", size.nLayers],
      ["d-model", size.dModel],
      ["heads", size.nHeads],
      ["ctx", size.nCtx],
      ["steps", options.steps],
      ["batch", options.batch],
      ["lr", options.lr],
      ["schedule", options.schedule],
      ["init", initWord(options.init)],
      ["seeds", seedsWord(options.seeds)],
      ["held-out", options.heldOut],
      ["probe", options.probe],
      ["prompt", options.prompt],
      ["sample", sampling.count],
      ["sample-tokens", sampling.tokens],
      ["temperature", sampling.temperature],
      ["top-k", sampling.topK],
      ["export", options.export],
      ["backend", options.backend],
      ["relaxed", options.relaxed],
    ]),
  ];
}

const examples = [
  "",
  "Examples:",
  "  palimpsest train --text kjv.txt",
  "  palimpsest train --text kjv.txt --preset bpe-small --vocab 1024 --seeds 8",
  '  palimpsest train --text books/ --layers 4 --d-model 128 --ctx 128 --lr 0.002 --steps 3000 --prompt "In the" --sample 5',
  "  palimpsest train --text brown.txt --tagged pos --preset bpe-small",
  "",
  "Presets:",
  ...presetNames.map((name) => {
    const { tokens, vocab, nLayers, dModel, nHeads, nCtx, batch, steps, lr } = textPresetNamed(name);
    const reads =
      tokens === "bpe" ? `byte pairs learned from the text, --vocab ${vocab}` : "a token a character";
    return `  ${name}: ${reads}; --layers ${nLayers} --d-model ${dModel} --heads ${nHeads} --ctx ${nCtx} --batch ${batch} --steps ${steps} --lr ${lr}`;
  }),
].join("\n");

/**
 * Adds the command.
 *
 * @param run  called with checked options
 */
export function addTrain(
  program: Command,
  cores: number,
  run: (options: TrainOptions, display: DisplayFlags) => Promise<void>,
): void {
  const preset = "(default: the preset's)";
  const decays = ["none", "linear", "cosine"] as const;
  const command = program
    .command("train")
    .description(
      "Train language models on a text: loss on held-out text beside what counting reaches, samples, and what their neurons keep of their initialisation.",
    )
    .addOption(valueOption("text", "file|folder", "UTF-8 text, or a folder of .txt files", path))
    .addOption(
      valueOption(
        "tagged",
        "classes",
        "the text is word/TAG word/TAG …, a sentence a line: models read the words, and neurons are also measured on what these are: pos, a dozen parts of speech for the tags; tags, as they are",
        nameAmong(taggings),
      ),
    )
    .addOption(
      valueOption("preset", "name", `sizes: ${presetNames.join(", ")}`, nameAmong(presetNames)).default(
        "char",
        "char",
      ),
    )
    .addOption(
      valueOption("tokenizer", "file", "a tokenizer.json, in place of tokens made from the text", path),
    )
    .addOption(
      valueOption("vocab", "n", `tokens of a vocabulary that is learned ${preset}`, wholeNumber(257, 65_536)),
    )
    .addOption(valueOption("layers", "n", `blocks ${preset}`, wholeNumber(1, 48)))
    .addOption(valueOption("d-model", "n", `width of the residual stream ${preset}`, wholeNumber(1, 4096)))
    .addOption(
      valueOption("heads", "n", `attention heads; must divide the width ${preset}`, wholeNumber(1, 64)),
    )
    .addOption(valueOption("ctx", "n", `tokens a model sees ${preset}`, wholeNumber(2, 4096)))
    .addOption(valueOption("steps", "n", `optimiser updates ${preset}`, wholeNumber(1, 100_000_000)))
    .addOption(valueOption("batch", "n", `windows of text in an update ${preset}`, wholeNumber(1, 65_536)))
    .addOption(valueOption("lr", "x", `learning rate of AdamW ${preset}`, positiveNumber))
    .addOption(
      valueOption(
        "schedule",
        "name",
        `what follows the warm-up: ${decays.join(", ")}; the last two fall to a tenth`,
        nameAmong(decays),
      ).default("cosine", "cosine"),
    )
    .addOption(
      valueOption(
        "init",
        "scheme[:scale]",
        "initialisation; scale multiplies the embeddings",
        initOption,
      ).default({ scheme: "gpt2", embeddingScale: 1 } satisfies InitOptions, "gpt2"),
    )
    .addOption(
      valueOption("seeds", "n|list", "seeds 0 … n−1, or a list such as 1,2,5", seedsOf).default(
        [0, 1, 2, 3],
        "4",
      ),
    )
    .addOption(valueOption("held-out", "x", "fraction of the text that is held out", fraction).default(0.1))
    .addOption(
      valueOption(
        "probe",
        "design",
        "what neurons are shown: text, the held-out text; balanced, every token equally often at every position",
        nameAmong(["text", "balanced"] as const),
      ).default("text", "text"),
    )
    .addOption(valueOption("prompt", "text", "what samples begin with (default: a line feed)", text))
    .addOption(valueOption("sample", "n", "samples of each model", wholeNumber(0, 100)).default(2))
    .addOption(valueOption("sample-tokens", "n", "tokens of a sample", wholeNumber(1, 100_000)).default(200))
    .addOption(
      valueOption("temperature", "x", "of samples; 0 takes the likeliest token", temperatureOf).default(0.8),
    )
    .addOption(
      valueOption("top-k", "n", "sample among the n likeliest tokens (default: all)", wholeNumber(1, 65_536)),
    )
    .addOption(
      valueOption(
        "export",
        "which",
        "models in Hugging Face layout: last, after training; all, at every checkpoint",
        nameAmong(exportChoices),
      ).default("last", "last"),
    )
    .addOption(valueOption("out", "folder", "run folder, new or empty (default: runs/train-<time>)", path));
  addWorkers(command, cores);
  addBackend(command);
  addRelaxed(command);
  addDisplay(command, { progress: true });
  command.addHelpText("after", examples).action((flags: Flags) => run(optionsOf(flags), flags));
}
