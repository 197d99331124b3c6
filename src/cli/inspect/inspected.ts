/** What `inspect` is pointed at, and the networks that this comes to. */
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import type { Backend } from "../../graph/backend.ts";
import type { Network } from "../../interp/network.ts";
import type { ModelConfig, PresetName } from "../../model/config.ts";
import type { InitOptions } from "../../model/init.ts";
import type { ModelChoice } from "../models/openModel.ts";
import type { ProcessingName } from "../models/processingNames.ts";

/** Ways to draw the networks that a pretrained model is held against. */
export const nullKinds = ["random", "shuffled"] as const;
/** `random`: the family's own initialisation; `shuffled`: the model's own numbers, in another order in each weight. */
export type NullKind = (typeof nullKinds)[number];

/** How a subject is asked for. */
export interface SubjectChoice {
  /** Name of a preset, path of a run folder, or folder or repository of a pretrained model. */
  readonly subject: string;
  /** Which of a run's presets; null for its only one. */
  readonly preset: PresetName | null;
  /** null for the last checkpoint of a run, or 0 of a preset. */
  readonly step: number | null;
  /** null for the first of a run, or 0 of a preset. */
  readonly seeds: readonly number[] | "all" | null;
  /** Of a preset's networks; null for PyTorch's, or what the run has. */
  readonly init: Required<InitOptions> | null;
  /** Of a pretrained model. */
  readonly pretrained: Omit<ModelChoice, "model">;
  /** Of a pretrained model's null; null for random. */
  readonly nullKind: NullKind | null;
}

/** What is known of a pretrained model besides its config. */
export interface PretrainedSubject {
  readonly family: string;
  readonly processing: readonly ProcessingName[];
  readonly tokenizer: Tokenizer | null;
  /** As config.json describes it, before any processing. */
  readonly original: ModelConfig;
  /** Standard deviation of the family's own initialisation. */
  readonly initStd: number;
  readonly nullKind: NullKind;
}

/** A population under inspection. */
export interface Subject {
  /** The preset, or the pretrained model as the user named it. */
  readonly name: string;
  readonly config: ModelConfig;
  /** How the networks began, and how those of the null are drawn; null for a pretrained model, which has its own way. */
  readonly init: Required<InitOptions> | null;
  /** Optimiser updates made; null where nobody says. */
  readonly step: number | null;
  /** [model] */
  readonly seeds: readonly number[];
  /** Path of the run folder as it was given; null for a preset and a pretrained model. */
  readonly run: string | null;
  /** null for a preset or a run. */
  readonly pretrained: PretrainedSubject | null;
}

/** A subject in a network, whose session alone holds the weights. */
export interface OpenedSubject {
  readonly subject: Subject;
  readonly network: Network;
  readonly backend: Backend;
}

/** The tokenizer of a subject; null where it has none, so that its tokens are numbers. */
export const tokenizerOfSubject = ({ pretrained }: Subject): Tokenizer | null =>
  pretrained?.tokenizer ?? null;
