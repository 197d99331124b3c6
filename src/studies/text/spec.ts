/** Language models of a text as data: presets, and everything that decides the numbers of a population. */
import { ArgumentError, unknownName } from "../../base/errors.ts";
import { type ModelConfig, presets, validateConfig } from "../../model/config.ts";
import type { InitOptions } from "../../model/init.ts";
import { logSpaced } from "../../train/checkpoints.ts";
import { type Optimizer, optimizers } from "../../train/optimizers.ts";
import type { Schedule } from "../../train/schedules.ts";

/** What the tracking of a language model asks. */
export const question =
  "Do the neurons of a language model still respond to what they responded to at initialisation?";

/** Sizes and training of a preset; the vocabulary comes from the text. */
export interface TextPreset {
  /** A token for every character, or byte pairs learned from the text. */
  readonly tokens: "characters" | "bpe";
  /** Size of a learned vocabulary. */
  readonly vocab: number;
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  /** Positions of the model. */
  readonly nCtx: number;
  readonly batch: number;
  readonly steps: number;
  readonly lr: number;
}

/**
 * Presets: blocks as in GPT-2 (layer norm before each sublayer, GELU, causal, tied unembedding), small enough that a few
 * seeds take minutes on two cores. Rates were chosen by the held-out loss of one seed; a wider model wants a lower one.
 */
export const textPresets = {
  char: {
    ...{ tokens: "characters", vocab: 0, nLayers: 2, dModel: 64, nHeads: 4, nCtx: 64 },
    ...{ batch: 16, steps: 1500, lr: 6e-3 },
  },
  "bpe-small": {
    ...{ tokens: "bpe", vocab: 512, nLayers: 2, dModel: 64, nHeads: 4, nCtx: 64 },
    ...{ batch: 16, steps: 1500, lr: 3e-3 },
  },
} as const satisfies Record<string, TextPreset>;

/** Name of a preset. */
export type TextPresetName = keyof typeof textPresets;

/** The preset of a name. @throws NameError with the nearest match */
export function textPresetNamed(name: string): TextPreset {
  if (Object.hasOwn(textPresets, name)) return textPresets[name as TextPresetName];
  throw unknownName("preset", name, Object.keys(textPresets));
}

/** How samples are drawn from trained models. */
export interface Sampling {
  /** Samples of each model. */
  readonly count: number;
  /** Tokens of each. */
  readonly tokens: number;
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** Likeliest tokens that can be drawn; null for all. */
  readonly topK: number | null;
}

/** What units are probed with: held-out text, or random tokens with every token equally often at every position. */
export type ProbeDesign = "text" | "balanced";

/** Everything that decides the numbers of a population, besides the text and the seeds. */
export interface TextSpec {
  /** First part of every stream key. */
  readonly study: string;
  readonly config: ModelConfig;
  readonly init: InitOptions;
  readonly batch: number;
  readonly steps: number;
  readonly rate: number;
  readonly schedule: Schedule;
  readonly optimizer: Optimizer;
  /** Largest norm of a model's gradients. */
  readonly clip: number;
  /** Steps that are measured, ascending, from 0 to `steps`. */
  readonly checkpoints: readonly number[];
  readonly probe: ProbeDesign;
  readonly sampling: Sampling;
}

/** Sizes of a model that reads a text. */
export interface TextModelSize {
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  readonly nCtx: number;
  readonly dVocab: number;
}

/**
 * The config of a language model: GPT-2's, with every linear map but the unembedding biased, so that it can be written
 * as a model of that family.
 *
 * @throws ArgumentError if nHeads does not divide dModel, or a size is out of range
 */
export function textConfig({ nLayers, dModel, nHeads, nCtx, dVocab }: TextModelSize): ModelConfig {
  if (dModel % nHeads !== 0)
    throw new ArgumentError({
      where: "model size",
      rule: "the number of heads must divide the width of the model",
      got: `${nHeads} heads, width ${dModel}`,
    });
  return validateConfig({
    ...presets.gpt,
    ...{ nLayers, dModel, nHeads, nCtx, dVocab, dHead: dModel / nHeads, dMlp: 4 * dModel },
    ...{ tiedUnembed: true, biases: ["qkv", "attnOut", "mlp", "norm"] },
  });
}

/** Training that only its size and speed distinguish: AdamW, gradients clipped at 1, log-spaced checkpoints. */
export function textTraining(steps: number): Pick<TextSpec, "steps" | "optimizer" | "clip" | "checkpoints"> {
  return {
    steps,
    optimizer: { ...optimizers.adamw, weightDecay: 0.1 },
    clip: 1,
    checkpoints: logSpaced(steps),
  };
}

/**
 * The schedule of a name; all warm up over a tenth of the steps, 100 at most.
 *
 * @param decay  `none` stays at the rate, `linear` and `cosine` fall to a tenth of it
 */
export function textSchedule(decay: Schedule["decay"], steps: number): Schedule {
  return { warmup: Math.min(100, Math.floor(steps / 10)), decay, final: decay === "none" ? 1 : 0.1 };
}
