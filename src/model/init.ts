/**
 * Initialisation: the weights before the first step.
 *
 * Each weight has a stream of its own, the child of the model's stream under the weight's name, so that a model with
 * one matrix more draws the same numbers for the others. Draws are made in float64 and rounded once to float32.
 */
import { numberIn } from "../base/check.ts";
import { ArgumentError, unknownName } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { type Shape, sizeOf } from "../graph/node.ts";
import { type ModelConfig, validateConfig } from "./config.ts";
import { type Fan, fanOf } from "./fans.ts";
import type { InitSchemeName } from "./initSchemeNames.ts";
import { orthogonalMatrix } from "./orthogonal.ts";
import { stackWeights, type Weights, weightShapes } from "./weights.ts";

/** The law that a weight's entries are drawn from. */
export type Law =
  | { readonly kind: "constant"; readonly value: number }
  /** Normal with mean 0. */
  | { readonly kind: "normal"; readonly std: number }
  /** Uniform on (−bound, bound). */
  | { readonly kind: "uniform"; readonly bound: number }
  /** Orthonormal rows or columns, whichever are fewer, uniform among all such matrices. */
  | { readonly kind: "orthogonal" };

/** An initialisation scheme: a law for every weight that is no layer norm (those start at w = 1, b = 0). */
export interface InitScheme {
  readonly doc: string;
  law(fan: Fan, config: ModelConfig): Law;
}

const zero: Law = { kind: "constant", value: 0 };
const normal = (variance: number): Law => ({ kind: "normal", std: Math.sqrt(variance) });
/** Uniform of that variance: bound² / 3. */
const uniform = (variance: number): Law => ({ kind: "uniform", bound: Math.sqrt(3 * variance) });
/** A scheme whose biases are zero. */
const weightsOnly =
  (law: (fan: Fan, config: ModelConfig) => Law): InitScheme["law"] =>
  (fan, config) =>
    fan.role === "bias" ? zero : law(fan, config);

/** Glorot & Bengio 2010, eq. 16, for linear units: between what keeps activations and what keeps gradients. */
const xavier = ({ fanIn, fanOut }: Fan) => 2 / (fanIn + fanOut);
/** He et al. 2015, eq. 10; an embedding feeds no rectifier and keeps its variance of 1. */
const he = ({ role, fanIn }: Fan) => (role === "embedding" ? 1 : 2 / fanIn);

/**
 * GPT-2's scale: std 0.02, divided by the square root of the number of sublayers that add to the stream where a matrix
 * is one of them.
 *
 * @source Radford et al. 2019, section 2.3
 */
function gpt2Law({ writes }: Fan, { nLayers, attnOnly, mlpOnly }: ModelConfig): Law {
  const sublayers = nLayers * (attnOnly || mlpOnly ? 1 : 2);
  return { kind: "normal", std: writes ? 0.02 / Math.sqrt(sublayers) : 0.02 };
}

/**
 * Maximal-update parametrisation, the part of it that is initialisation: variances of 1 for embeddings, 1 / fanIn for
 * hidden matrices and 1 / fanIn² for the unembedding, so that logits start at 0 as the width grows. The other parts,
 * learning rates of 1 / fanIn for hidden matrices under Adam and scores divided by dHead, belong to the training and
 * to the architecture and are not applied here.
 *
 * @source Yang, Hu et al. 2022 ("Tensor Programs V"), table 3
 */
function mupLaw({ role, fanIn }: Fan): Law {
  return normal(role === "output" ? 1 / (fanIn * fanIn) : 1 / fanIn);
}

/** Every scheme by name. Fans are those of {@link fanOf}: an embedding has fanIn 1. */
export const initSchemes = {
  pytorch: {
    doc: "PyTorch's defaults: linear weights and biases uniform within 1/sqrt(fanIn), embeddings standard normal",
    law: ({ role, fanIn }) =>
      role === "embedding" ? normal(1) : { kind: "uniform", bound: 1 / Math.sqrt(fanIn) },
  },
  gpt2: {
    doc: "GPT-2: normal, std 0.02, divided by sqrt(residual writes) for W_O and W_out; biases 0",
    law: weightsOnly(gpt2Law),
  },
  "xavier-uniform": {
    doc: "Glorot: uniform of variance 2/(fanIn + fanOut); biases 0",
    law: weightsOnly((fan) => uniform(xavier(fan))),
  },
  "xavier-normal": {
    doc: "Glorot: normal of variance 2/(fanIn + fanOut); biases 0",
    law: weightsOnly((fan) => normal(xavier(fan))),
  },
  "he-uniform": {
    doc: "He: uniform of variance 2/fanIn in every matrix, 1 in embeddings; biases 0",
    law: weightsOnly((fan) => uniform(he(fan))),
  },
  "he-normal": {
    doc: "He: normal of variance 2/fanIn in every matrix, 1 in embeddings; biases 0",
    law: weightsOnly((fan) => normal(he(fan))),
  },
  orthogonal: {
    doc: "Saxe: every matrix, all heads together, has orthonormal rows or columns; biases 0",
    law: weightsOnly(() => ({ kind: "orthogonal" })),
  },
  mup: {
    doc: "muP: normal, variance 1/fanIn, and 1/fanIn² in the unembedding; biases 0",
    law: weightsOnly(mupLaw),
  },
} as const satisfies Record<InitSchemeName, InitScheme>;

export type { InitSchemeName };

/** How weights are drawn. */
export interface InitOptions {
  readonly scheme: InitSchemeName;
  /** Multiplies W_E, W_pos and W_token_type after they were drawn; 1 by default. With a tied unembedding it scales that too. */
  readonly embeddingScale?: number;
}

/**
 * The law of one weight under a scheme, before `embeddingScale`.
 *
 * @throws NameError      if the scheme or the weight is unknown
 * @throws ArgumentError  for `mup` with a tied unembedding, which cannot have the scale of an embedding and of an output
 */
export function initLaw(config: ModelConfig, name: string, scheme: InitSchemeName): Law {
  if (!Object.hasOwn(initSchemes, scheme))
    throw unknownName("initialisation scheme", scheme, Object.keys(initSchemes));
  if (scheme === "mup" && config.tiedUnembed)
    throw new ArgumentError({
      where: "initialisation scheme",
      rule: "mup gives embedding and unembedding different scales, a tied model has one matrix for both",
      wayOut: "Set tiedUnembed to false, or take another scheme.",
    });
  const fan = fanOf(config, name);
  if (fan.role === "normWeight") return { kind: "constant", value: 1 };
  if (fan.role === "normBias") return zero;
  return initSchemes[scheme].law(fan, config);
}

/**
 * The weights of one model before training.
 *
 * @param stream  the model's stream; each weight draws from `stream.child(name)`, row-major in its own layout
 * @returns       float32 by name, [1, ...shape]
 * @throws ArgumentError, NameError  as {@link validateConfig} and {@link initLaw}; or for an embeddingScale that is no
 *                                   finite number ≥ 0
 * @example initialWeights(presets.causal, { scheme: "pytorch" }, randomStream("persistence", 7, "init"))
 */
export function initialWeights(
  config: ModelConfig,
  options: InitOptions,
  stream: RandomStream,
): Record<string, Float32Array> {
  validateConfig(config);
  const embeddingScale = numberIn("embeddingScale", options.embeddingScale ?? 1, 0);
  const weights: Record<string, Float32Array> = {};
  for (const [name, shape] of weightShapes(config)) {
    const fan = fanOf(config, name);
    const values = draw(initLaw(config, name, options.scheme), shape, fan, stream.child(name));
    const factor = fan.role === "embedding" ? embeddingScale : 1;
    weights[name] = Float32Array.from(values, (value) => value * factor);
  }
  return weights;
}

/**
 * The weights of a population before training.
 *
 * @param streams  one a model
 * @returns        float32 by name, [model, ...shape]; each model as {@link initialWeights} draws it alone
 */
export function initialPopulation(
  config: ModelConfig,
  options: InitOptions,
  streams: readonly RandomStream[],
): Weights {
  return stackWeights(
    config,
    streams.map((stream) => initialWeights(config, options, stream)),
  );
}

function draw(law: Law, shape: Shape, fan: Fan, stream: RandomStream): Float64Array {
  const values = new Float64Array(sizeOf(shape));
  switch (law.kind) {
    case "constant":
      return values.fill(law.value);
    case "normal":
      return values.map(() => law.std * stream.normal());
    case "uniform":
      return values.map(() => law.bound * (2 * stream.uniform() - 1));
    case "orthogonal":
      return drawOrthogonal(shape, fan, stream);
  }
}

/** All heads of W_Q, W_K or W_V are one matrix [dModel, head · dHead], stored [head, dModel, dHead]; others lie as they are. */
function drawOrthogonal(shape: Shape, { writes }: Fan, stream: RandomStream): Float64Array {
  const columns = shape[shape.length - 1];
  if (shape.length === 2 || writes) return orthogonalMatrix(sizeOf(shape) / columns, columns, stream);
  const [nHeads, dModel, dHead] = shape;
  const joint = orthogonalMatrix(dModel, nHeads * dHead, stream);
  return joint.map((_, at) => {
    const head = Math.floor(at / (dModel * dHead));
    const row = Math.floor(at / dHead) % dModel;
    return joint[row * nHeads * dHead + head * dHead + (at % dHead)];
  });
}
