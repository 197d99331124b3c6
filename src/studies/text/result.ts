/** What training on a text returns: the numbers that are printed, and the details that figures are drawn from. */
import type { PartSize } from "../../data/text/corpus.ts";
import type { TextPersistenceData } from "../../figures/index.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { TextFactor } from "./probeCurves.ts";
import type { ProbeDesign } from "./spec.ts";

/** A mean over seeds with its 95 % t interval, whose bounds are NaN with one seed. */
export interface OverSeeds {
  readonly mean: number;
  readonly ci: readonly [low: number, high: number];
}

/** Persistence and selectivity of one layer's MLP neurons for one factor, after training. */
export interface TextGroup {
  readonly layer: number;
  readonly kind: TextFactor;
  /** Correlation of a unit's responses with its own at the start. */
  readonly r: OverSeeds;
  /** The same with units in another order: the identity-shuffle null. */
  readonly shuffled: OverSeeds;
  /** The same with another seed's start. */
  readonly otherInit: OverSeeds;
  /** r − shuffled, paired by seed. */
  readonly excess: OverSeeds;
  /** Mean share of a unit's variance that the factor explains, before and after training. */
  readonly eta2: { readonly before: OverSeeds; readonly after: OverSeeds };
  /** Share of units that the best matching by these responses maps to themselves; chance is 1 / units. */
  readonly identityRecovery: OverSeeds;
}

/** A neuron of which the class of a word explains much. */
export interface TextTopUnit {
  readonly seed: number;
  readonly layer: number;
  readonly unit: number;
  /** Share of its variance that the class explains, after training and before. */
  readonly eta2: number;
  readonly before: number;
  /** The class with the largest mean response, after training and before. */
  readonly prefers: string;
  readonly preferred: string;
}

/** One model. */
export interface TextModel {
  readonly seed: number;
  /** Held-out loss after training, nats per token; null where it is not finite. */
  readonly heldOut: number | null;
  readonly bitsPerCharacter: number | null;
  /** SHA-256 of the final weights. */
  readonly weights: string;
  readonly divergedAt: number | null;
}

/** Loss in both units. */
export interface LossNumbers {
  /** Nats per token. */
  readonly nats: number;
  readonly bitsPerCharacter: number;
}

/** What was trained on. */
export interface TextFacts {
  /** Files in the order in which they were joined; paths as they were given. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  /** Line ends that became line feeds. */
  readonly lineEndsChanged: number;
  readonly characters: number;
  readonly train: PartSize;
  readonly heldOut: PartSize;
  /** Held-out characters without a token, with how often each occurs; windows do not cross them. */
  readonly unknown: readonly { readonly character: string; readonly count: number }[];
}

/** What the models read. */
export interface TokenizerFacts {
  readonly kind: "characters" | "bpe" | "given";
  readonly tokens: number;
  /** In the held-out text. */
  readonly charactersPerToken: number;
}

/** What `--json` prints. */
export interface TextResult {
  readonly study: "train";
  readonly preset: string;
  readonly text: TextFacts;
  readonly tokenizer: TokenizerFacts;
  readonly config: ModelConfig;
  /** Weights of one model. */
  readonly parameters: number;
  readonly seeds: readonly number[];
  readonly steps: number;
  readonly probe: {
    readonly design: ProbeDesign;
    readonly sequences: number;
    readonly followed: readonly string[];
    /** What the classes of words are, and the positions of the probe that each has; null where words have none. */
    readonly classes: {
      readonly name: string;
      readonly levels: readonly { readonly level: string; readonly positions: number }[];
    } | null;
  };
  /** Held-out windows, and what counting reaches on them. */
  readonly baseline: {
    readonly windows: number;
    /** ln V: every token alike. */
    readonly uniform: LossNumbers;
    readonly unigram: LossNumbers;
    readonly bigram: LossNumbers;
    /** Entropies of the training text, nats per token: what counting reaches where it has counted. */
    readonly trainingEntropy: { readonly unigram: number; readonly bigram: number };
  };
  /** Over seeds, nats per token and bits per character. */
  readonly heldOut: {
    readonly first: OverSeeds;
    readonly last: OverSeeds;
    readonly bitsPerCharacter: OverSeeds;
  };
  readonly groups: readonly TextGroup[];
  /** The most selective neurons of each model for the class of a word, the first first; none where words have none. */
  readonly topUnits: readonly TextTopUnit[];
  readonly models: readonly TextModel[];
  readonly sampling: {
    readonly prompt: string;
    readonly tokens: number;
    readonly temperature: number;
    readonly topK: number | null;
  };
  /** Prompt and continuation. */
  readonly samples: readonly { readonly seed: number; readonly texts: readonly string[] }[];
  /** Run folder relative to the working directory. */
  readonly run: string;
}

/** Courses through training. */
export interface TextDetail {
  readonly checkpoints: readonly number[];
  /** [seed][step] */
  readonly train: readonly Float64Array[];
  /** [seed][checkpoint] */
  readonly heldOut: readonly Float64Array[];
  /** [seed][pos] */
  readonly heldOutByPosition: readonly Float64Array[];
  readonly groups: TextPersistenceData["groups"];
}
