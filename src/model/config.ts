/** What a model is: its sizes and the choices of architecture. A config is a plain value and can be written to JSON. */
import { integerIn } from "../base/check.ts";
import { ArgumentError, unknownName } from "../base/errors.ts";

/** Nonlinearity of the MLP. `gelu` is the exact x · Φ(x), not its tanh approximation. */
export type ActFn = "relu" | "gelu";
/** Where layer norm stands: after each residual sum, before each sublayer, or nowhere. */
export type Normalization = "post" | "pre" | "none";
/** How a position enters: a learned table, the fixed waves of Vaswani et al., or not at all. */
export type Positions = "learned" | "sinusoidal" | "none";
/** Whether attention has the matrices W_Q, W_K, W_V, W_O or reads and writes the stream itself. */
export type Attention = "projected" | "parameterFree";

/** Sizes and choices of one transformer. Check one that came from outside with {@link validateConfig}. */
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
  /** Additive biases everywhere: projections, MLP, layer norms, unembedding. False leaves none. */
  readonly biases: boolean;
  /** Added to the variance inside a layer norm. */
  readonly eps: number;
}

/** Smallest and largest size of each kind: far above what a laboratory trains, low enough to catch a slip of the hand. */
export const sizeLimits = {
  nLayers: [0, 128],
  nHeads: [1, 256],
  dModel: [1, 16384],
  dHead: [1, 1024],
  dMlp: [1, 65536],
  dVocab: [2, 262144],
  nCtx: [1, 32768],
} as const satisfies Partial<Record<keyof ModelConfig, readonly [number, number]>>;

const choices = {
  actFn: ["relu", "gelu"],
  normalization: ["post", "pre", "none"],
  positions: ["learned", "sinusoidal", "none"],
  attention: ["projected", "parameterFree"],
} as const satisfies Partial<Record<keyof ModelConfig, readonly string[]>>;

const switches = ["finalNorm", "causal", "attnOnly", "mlpOnly", "tiedUnembed", "biases"] as const;

const fields: readonly string[] = [...Object.keys(sizeLimits), ...Object.keys(choices), ...switches, "eps"];

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
    if (!fields.includes(field)) throw unknownName("model config", field, fields);
  }
  for (const [field, [low, high]] of entriesOf(sizeLimits))
    integerIn(`config.${field}`, config[field], low, high);
  for (const [field, allowed] of entriesOf(choices)) {
    if (!allowed.some((choice) => choice === config[field]))
      throw unknownName(`config.${field}`, String(config[field]), allowed);
  }
  for (const field of switches) {
    if (typeof config[field] !== "boolean")
      throw new ArgumentError({
        where: `config.${field}`,
        rule: "must be true or false",
        got: String(config[field]),
      });
  }
  if (!(config.eps > 0 && config.eps <= 1))
    throw new ArgumentError({
      where: "config.eps",
      rule: "must be a number above 0, at most 1",
      got: String(config.eps),
      wayOut: "PyTorch's default is 1e-5.",
    });
  if (config.attnOnly && config.mlpOnly)
    throw new ArgumentError({
      where: "model config",
      rule: "attnOnly and mlpOnly together leave blocks with nothing in them",
      wayOut: "Set one of them to false; nLayers 0 is the model without blocks.",
    });
  const { attention, mlpOnly, dModel, nHeads, dHead } = config;
  if (attention === "parameterFree" && !mlpOnly && dModel !== nHeads * dHead)
    throw new ArgumentError({
      where: "model config",
      rule: "parameter-free attention splits the stream among the heads, so dModel must be nHeads × dHead",
      got: `${dModel} and ${nHeads} × ${dHead}`,
      wayOut: `Set dModel to ${nHeads * dHead}, or attention to "projected".`,
    });
  return config;
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
