/** What a model is: its sizes and the choices of architecture. A config is a plain value and can be written to JSON. */
import { integerIn, numberIn } from "../base/check.ts";
import { ArgumentError, unknownName } from "../base/errors.ts";

/** Nonlinearity of the MLP. `gelu` is the exact x · Φ(x), `gelu_new` its tanh approximation, `silu` x · σ(x). */
export type ActFn = "relu" | "gelu" | "gelu_new" | "silu";
/** Where layer norm stands: after each residual sum, before each sublayer, or nowhere. */
export type Normalization = "post" | "pre" | "none";
/** What a norm does: centre and divide by the standard deviation, or divide by the root mean square alone. */
export type NormKind = "layerNorm" | "rmsNorm";
/** How a position enters: a learned table, the fixed waves of Vaswani et al., by turning queries and keys, or not at all. */
export type Positions = "learned" | "sinusoidal" | "rotary" | "none";
/** Whether attention has the matrices W_Q, W_K, W_V, W_O or reads and writes the stream itself. */
export type Attention = "projected" | "parameterFree";
/**
 * Where an additive bias may stand: `qkv` queries, keys and values; `attnOut` attention's output; `mlp` every matrix of
 * the MLP; `norm` every layer norm (an RMS norm has none); `unembed` the unembedding and the dense layer of its head.
 */
export type BiasPlace = "qkv" | "attnOut" | "mlp" | "norm" | "unembed";

/**
 * How rotary frequencies are slowed for inputs longer than those that a model was first trained on.
 *
 * - `linear`: every frequency is divided by `factor`
 * - `llama3`: a wave that is longer than originalCtx / lowFreqFactor positions is slowed by `factor`, one shorter than
 *   originalCtx / highFreqFactor is not, and between the two the share of each changes linearly in the frequency
 */
export type RopeScaling =
  | { readonly kind: "linear"; readonly factor: number }
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      /** Positions of the first training. */
      readonly originalCtx: number;
    };

/**
 * Sizes and choices of one transformer. Check one that came from outside with {@link validateConfig}.
 *
 * A field with a question mark may be left out and then has the value that it names; GPT-2, GPT-NeoX, Llama and BERT are
 * values of this type.
 */
export interface ModelConfig {
  /** Number of blocks; 0 leaves embedding and unembedding, a bigram model. */
  readonly nLayers: number;
  /** Attention heads a block. */
  readonly nHeads: number;
  /** Width of the residual stream. */
  readonly dModel: number;
  /** Width of a head's query, key and value. */
  readonly dHead: number;
  /** Hidden units of a block's MLP. */
  readonly dMlp: number;
  /** Number of different tokens. */
  readonly dVocab: number;
  /** Longest input, in tokens. */
  readonly nCtx: number;
  readonly actFn: ActFn;
  readonly normalization: Normalization;
  /** A layer norm between the last block and the unembedding. */
  readonly finalNorm: boolean;
  /** Whether a position sees only itself and what came before. */
  readonly causal: boolean;
  readonly positions: Positions;
  readonly attention: Attention;
  /** Blocks without MLP. */
  readonly attnOnly: boolean;
  /** Blocks without attention: every position is computed alone. */
  readonly mlpOnly: boolean;
  /** The unembedding is the transposed token embedding; there is no W_U. */
  readonly tiedUnembed: boolean;
  /** Additive biases everywhere (true), nowhere (false), or at the places listed. */
  readonly biases: boolean | readonly BiasPlace[];
  /** Added to the variance inside a layer norm, to the mean square inside an RMS norm. */
  readonly eps: number;
  /** What every norm of the model does; `layerNorm`. */
  readonly normKind?: NormKind;
  /** A norm over the sum of the embeddings, before the first block; false. */
  readonly embedNorm?: boolean;
  /** Attention and MLP both read the stream that the block reads, each through its own norm; false. */
  readonly parallelBlocks?: boolean;
  /** Heads that keys and values have; each serves nHeads / nKeyValueHeads neighbouring query heads; nHeads. */
  readonly nKeyValueHeads?: number;
  /** The MLP multiplies act(x · W_gate) with x · W_in; false. */
  readonly gatedMlp?: boolean;
  /** Rotary: how many dimensions of a head turn, the first ones; dHead. */
  readonly rotaryDim?: number;
  /** Rotary: the wave of pair i of rotaryDim / 2 turns by rotaryBase^(−2 i / rotaryDim) radians a position; 10000. */
  readonly rotaryBase?: number;
  /** Rotary: how frequencies are slowed; not at all. */
  readonly ropeScaling?: RopeScaling;
  /** Number of different segments, whose embeddings are added to the tokens'; 0, none. */
  readonly dSegments?: number;
  /** Before the unembedding a dense layer, the nonlinearity and a norm, as in BERT's masked language model; false. */
  readonly mlmHead?: boolean;
}

/** Smallest and largest size of each kind: far above what a laboratory trains, low enough to catch a slip of the hand. */
export const sizeLimits = {
  nLayers: [0, 128],
  nHeads: [1, 256],
  dModel: [1, 16384],
  dHead: [1, 1024],
  dMlp: [1, 65536],
  dVocab: [2, 262144],
  nCtx: [1, 1048576],
} as const satisfies Partial<Record<keyof ModelConfig, readonly [number, number]>>;

const choices = {
  actFn: ["relu", "gelu", "gelu_new", "silu"],
  normalization: ["post", "pre", "none"],
  positions: ["learned", "sinusoidal", "rotary", "none"],
  attention: ["projected", "parameterFree"],
} as const satisfies Partial<Record<keyof ModelConfig, readonly string[]>>;

const switches = ["finalNorm", "causal", "attnOnly", "mlpOnly", "tiedUnembed"] as const;

/** The same of fields that may be left out. */
const optionalSizes = { nKeyValueHeads: [1, 256], rotaryDim: [2, 1024], dSegments: [0, 256] } as const;
const optionalSwitches = ["embedNorm", "parallelBlocks", "gatedMlp", "mlmHead"] as const;
const normKinds = ["layerNorm", "rmsNorm"] as const satisfies readonly NormKind[];
const ropeKinds = ["linear", "llama3"] as const satisfies readonly RopeScaling["kind"][];
const biasPlaces = ["qkv", "attnOut", "mlp", "norm", "unembed"] as const satisfies readonly BiasPlace[];

/** Names of all fields of a model config. */
export const modelFields: readonly string[] = [
  ...[...Object.keys(sizeLimits), ...Object.keys(choices), ...switches, "biases", "eps"],
  ...[...Object.keys(optionalSizes), ...optionalSwitches, "normKind", "rotaryBase", "ropeScaling"],
];

function entriesOf<K extends string, V>(table: Record<K, V>): [K, V][] {
  return Object.entries(table) as [K, V][];
}

/**
 * The config itself, if such a model can exist.
 *
 * @throws NameError      for an unknown field or an unknown choice, with the nearest match
 * @throws ArgumentError  for a missing field, a size outside {@link sizeLimits}, an eps outside (0, 1], or choices
 *                        that contradict each other
 */
export function validateConfig(config: ModelConfig): ModelConfig {
  for (const field of Object.keys(config)) {
    if (!modelFields.includes(field)) throw unknownName("model config", field, modelFields);
  }
  for (const [field, [low, high]] of entriesOf(sizeLimits))
    integerIn(`config.${field}`, config[field], low, high);
  for (const [field, [low, high]] of entriesOf(optionalSizes)) {
    const size = config[field];
    if (size !== undefined) integerIn(`config.${field}`, size, low, high);
  }
  for (const [field, allowed] of entriesOf(choices)) requireChoice(`config.${field}`, config[field], allowed);
  requireChoice("config.normKind", config.normKind ?? "layerNorm", normKinds);
  for (const field of switches) requireSwitch(`config.${field}`, config[field]);
  for (const field of optionalSwitches) requireSwitch(`config.${field}`, config[field] ?? false);
  requireBiases(config);
  if (!(config.eps > 0 && config.eps <= 1))
    throw new ArgumentError({
      where: "config.eps",
      rule: "must be a number above 0, at most 1",
      got: String(config.eps),
      wayOut: "PyTorch's default is 1e-5.",
    });
  requireBlocks(config);
  requireHeads(config);
  requireRotary(config);
  return config;
}

function requireChoice(where: string, choice: unknown, allowed: readonly string[]): void {
  if (!allowed.some((one) => one === choice)) throw unknownName(where, String(choice), allowed);
}

function requireSwitch(where: string, value: unknown): void {
  if (typeof value === "boolean") return;
  throw new ArgumentError({ where, rule: "must be true or false", got: String(value) });
}

function contradiction(rule: string, got: string | undefined, wayOut: string): never {
  throw new ArgumentError({ where: "model config", rule, got, wayOut });
}

function requireBiases({ biases, normKind }: ModelConfig): void {
  if (!Array.isArray(biases)) {
    requireSwitch("config.biases", biases);
    return;
  }
  for (const place of biases) requireChoice("config.biases", place, biasPlaces);
  if (normKind === "rmsNorm" && biases.includes("norm"))
    contradiction("an RMS norm has no bias", undefined, 'Leave "norm" out of biases.');
}

function requireBlocks({ attnOnly, mlpOnly, parallelBlocks, normalization, gatedMlp }: ModelConfig): void {
  if (attnOnly && mlpOnly)
    contradiction(
      "attnOnly and mlpOnly together leave blocks with nothing in them",
      undefined,
      "Set one of them to false; nLayers 0 is the model without blocks.",
    );
  if (attnOnly && gatedMlp)
    contradiction("attnOnly leaves no MLP to gate", undefined, "Set gatedMlp to false.");
  if (!parallelBlocks) return;
  if (attnOnly || mlpOnly)
    contradiction(
      "parallelBlocks puts attention and MLP side by side, so a block needs both",
      attnOnly ? "attnOnly" : "mlpOnly",
      "Set parallelBlocks to false.",
    );
  if (normalization === "post")
    contradiction(
      "parallelBlocks adds both halves to the stream at once, which leaves no sum of one half to normalise after",
      'normalization "post"',
      'Set normalization to "pre" or "none".',
    );
}

function requireHeads({ attention, mlpOnly, dModel, nHeads, dHead, nKeyValueHeads }: ModelConfig): void {
  if (attention === "parameterFree" && !mlpOnly && dModel !== nHeads * dHead)
    contradiction(
      "parameter-free attention splits the stream among the heads, so dModel must be nHeads × dHead",
      `${dModel} and ${nHeads} × ${dHead}`,
      `Set dModel to ${nHeads * dHead}, or attention to "projected".`,
    );
  if (nKeyValueHeads === undefined || nKeyValueHeads === nHeads) return;
  if (attention === "parameterFree")
    contradiction(
      "parameter-free attention has as many keys and values as queries",
      `${nKeyValueHeads} for ${nHeads}`,
      'Leave nKeyValueHeads out, or set attention to "projected".',
    );
  if (nHeads % nKeyValueHeads !== 0)
    contradiction(
      "nKeyValueHeads must divide nHeads",
      `${nKeyValueHeads} and ${nHeads}`,
      "Each head of keys and values serves the same number of queries.",
    );
}

function requireRotary(config: ModelConfig): void {
  const { positions, mlpOnly, dHead, rotaryDim = dHead, rotaryBase = 10000, ropeScaling } = config;
  if (positions !== "rotary") {
    const given = (["rotaryDim", "rotaryBase", "ropeScaling"] as const).find(
      (name) => config[name] !== undefined,
    );
    if (given !== undefined)
      contradiction(
        `${given} says how rotary positions turn`,
        `positions ${JSON.stringify(positions)}`,
        `Set positions to "rotary", or leave ${given} out.`,
      );
    return;
  }
  if (mlpOnly)
    contradiction(
      "rotary positions turn queries and keys, which a model without attention has not",
      "mlpOnly",
      'Set positions to "none".',
    );
  if (rotaryDim > dHead || rotaryDim % 2 !== 0)
    contradiction(
      "rotary positions turn pairs of a head's dimensions, so rotaryDim must be even and at most dHead",
      `${rotaryDim} of ${dHead}`,
      "Choose an even rotaryDim.",
    );
  if (!(rotaryBase > 1 && Number.isFinite(rotaryBase)))
    throw new ArgumentError({
      where: "config.rotaryBase",
      rule: "must be a finite number above 1",
      got: String(rotaryBase),
    });
  if (ropeScaling !== undefined) requireRopeScaling(ropeScaling);
}

function requireRopeScaling(scaling: RopeScaling): void {
  const where = "config.ropeScaling";
  requireChoice(`${where}.kind`, scaling.kind, ropeKinds);
  const known =
    scaling.kind === "linear"
      ? ["kind", "factor"]
      : ["kind", "factor", "lowFreqFactor", "highFreqFactor", "originalCtx"];
  for (const field of Object.keys(scaling)) {
    if (!known.includes(field)) throw unknownName(where, field, known);
  }
  numberIn(`${where}.factor`, scaling.factor, 1);
  if (scaling.kind === "linear") return;
  integerIn(`${where}.originalCtx`, scaling.originalCtx, ...sizeLimits.nCtx);
  const { lowFreqFactor, highFreqFactor } = scaling;
  if (lowFreqFactor > 0 && highFreqFactor > lowFreqFactor && Number.isFinite(highFreqFactor)) return;
  throw new ArgumentError({
    where,
    rule: "highFreqFactor must be above lowFreqFactor, and both above 0",
    got: `${highFreqFactor} and ${lowFreqFactor}`,
  });
}

/** Whether a model has an additive bias at a place. */
export function hasBias({ biases, normKind }: ModelConfig, place: BiasPlace): boolean {
  if (place === "norm" && normKind === "rmsNorm") return false;
  return typeof biases === "boolean" ? biases : biases.includes(place);
}

/** Heads that keys and values have; query head h reads number floor(h · nKeyValueHeads / nHeads). */
export function keyValueHeads({ nHeads, nKeyValueHeads }: ModelConfig): number {
  return nKeyValueHeads ?? nHeads;
}

const original: ModelConfig = {
  nLayers: 2,
  nHeads: 2,
  dModel: 16,
  dHead: 8,
  dMlp: 64,
  dVocab: 10,
  nCtx: 8,
  actFn: "relu",
  normalization: "post",
  finalNorm: false,
  causal: false,
  positions: "learned",
  attention: "projected",
  attnOnly: false,
  mlpOnly: false,
  tiedUnembed: false,
  biases: true,
  eps: 1e-5,
};

/**
 * Ready-made configs.
 *
 * - `original`: the notebook of the original study; no causal mask although it trains next-token prediction
 * - `original-minigpt`: the scripts of the original study; attention without parameters, with a causal mask
 * - `causal`: `original` with the causal mask that next-token prediction needs
 * - `gpt`: `causal` as GPT-2 is built: layer norm before each sublayer and before the unembedding, GELU
 */
export const presets = {
  original,
  "original-minigpt": { ...original, attention: "parameterFree", causal: true },
  causal: { ...original, causal: true },
  gpt: { ...original, causal: true, normalization: "pre", finalNorm: true, actFn: "gelu" },
} as const satisfies Record<string, ModelConfig>;

/** Name of a ready-made config. */
export type PresetName = keyof typeof presets;

/**
 * The preset of a name.
 *
 * @throws NameError with the nearest match
 */
export function presetNamed(name: string): ModelConfig {
  if (Object.hasOwn(presets, name)) return presets[name as PresetName];
  throw unknownName("preset", name, Object.keys(presets));
}
