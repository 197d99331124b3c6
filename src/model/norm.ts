/** Layer norm, with its two activations as sites. */
import { add, mul, normalize, normScale } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { ModelConfig } from "./config.ts";
import type { SiteVisitor } from "./visitor.ts";

/** A layer norm of the model: one of a block, or the final one. */
export type NormName = `blocks.${number}.ln1` | `blocks.${number}.ln2` | "ln_final";

/**
 * Layer norm over the stream.
 *
 *   scale = sqrt(mean((x − mean x)²) + eps),  ln(x) = w · (x − mean x) / scale + b
 *
 * The variance is the biased one (divided by dModel). Without biases there is no b.
 *
 * @param x  [batch, pos, dModel]
 * @returns  [batch, pos, dModel]
 * @source Ba, Kiros & Hinton 2016, eq. 3 and 4 (eps as in PyTorch)
 */
export function layerNorm(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  name: NormName,
  x: Node,
  at: SiteVisitor,
): Node {
  const scale = at(`${name}.hook_scale`, normScale(x, config.eps)); // [batch, pos, 1]
  const normalized = at(`${name}.hook_normalized`, normalize(x, scale)); // [batch, pos, dModel]
  const scaled = mul(normalized, weights[`${name}.w`]); // [batch, pos, dModel]
  return config.biases ? add(scaled, weights[`${name}.b`]) : scaled; // [batch, pos, dModel]
}
