/** One block: attention's half, then the MLP's half, each adding to the residual stream. */
import { add } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { attention } from "./attention.ts";
import type { ModelConfig } from "./config.ts";
import { mlp } from "./mlp.ts";
import { layerNorm } from "./norm.ts";
import type { ForwardOptions, SiteVisitor } from "./visitor.ts";

/**
 * One block of the transformer. Where layer norm stands and what the stream's sites hold is said in hookPoints.ts.
 *
 * @param x  residual stream, [batch, pos, dModel]
 * @returns  residual stream, [batch, pos, dModel]
 */
export function block(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  layer: number,
  x: Node,
  at: SiteVisitor,
  options: ForwardOptions = {},
): Node {
  const half = (norm: "ln1" | "ln2", stream: Node, sublayer: (y: Node) => Node) => {
    const normed = (y: Node) => layerNorm(config, weights, `blocks.${layer}.${norm}`, y, at);
    if (config.normalization === "pre") return add(stream, sublayer(normed(stream)));
    if (config.normalization === "post") return normed(add(stream, sublayer(stream)));
    return add(stream, sublayer(stream));
  };
  const attend = (y: Node) => attention(config, weights, layer, y, at, options);
  const think = (y: Node) => mlp(config, weights, layer, y, at);

  let resid = at(`blocks.${layer}.hook_resid_pre`, x); // [batch, pos, dModel]
  if (!config.mlpOnly) resid = half("ln1", resid, attend); // [batch, pos, dModel]
  if (!config.mlpOnly && !config.attnOnly) resid = at(`blocks.${layer}.hook_resid_mid`, resid); // [batch, pos, dModel]
  if (!config.attnOnly) resid = half("ln2", resid, think); // [batch, pos, dModel]
  return at(`blocks.${layer}.hook_resid_post`, resid); // [batch, pos, dModel]
}
