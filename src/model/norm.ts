/** Layer norm or RMS norm, with its two activations as sites. */
import { add, div, mean, mul, normalize, normScale, offset, reshape, sqrt } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { hasBias, type ModelConfig } from "./config.ts";
import type { SiteVisitor } from "./visitor.ts";

/** A norm of the model: of the embeddings, of a block, before the unembedding, or inside the head before it. */
export type NormName =
  | "embed.ln"
  | `blocks.${number}.ln1`
  | `blocks.${number}.ln2`
  | "ln_final"
  | "mlm_head.ln";

/**
 * The config's norm over the stream.
 *
 *   layerNorm  scale = sqrt(mean((x − mean x)²) + eps),  y = w · (x − mean x) / scale + b
 *   rmsNorm    scale = sqrt(mean(x²) + eps),             y = w · x / scale
 *
 * The variance is the biased one (divided by dModel). Without biases there is no b.
 *
 * @param x  [batch, pos, dModel]
 * @returns  [batch, pos, dModel]
 * @source Ba, Kiros & Hinton 2016, eq. 3 and 4 (eps as in PyTorch); Zhang & Sennrich 2019, eq. 4 (eps as in Llama)
 */
export function applyNorm(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  name: NormName,
  x: Node,
  at: SiteVisitor,
): Node {
  const centres = config.normKind !== "rmsNorm";
  const scale = at(`${name}.hook_scale`, centres ? normScale(x, config.eps) : rootMeanSquare(x, config.eps)); // [batch, pos, 1]
  const normalized = at(`${name}.hook_normalized`, centres ? normalize(x, scale) : div(x, scale)); // [batch, pos, dModel]
  const weighted = mul(normalized, weights[`${name}.w`]); // [batch, pos, dModel]
  return hasBias(config, "norm") ? add(weighted, weights[`${name}.b`]) : weighted; // [batch, pos, dModel]
}

/** sqrt(mean(x²) + eps) over the last axis: [batch, pos, 1]. */
function rootMeanSquare(x: Node, eps: number): Node {
  const last = x.shape.length - 1;
  const squares = mean(mul(x, x), [last]); // [batch, pos]
  return reshape(sqrt(offset(squares, eps)), [...x.shape.slice(0, -1), 1]); // [batch, pos, 1]
}
