/** One block: attention's half, then the MLP's half, or both side by side, each adding to the residual stream. */
import { add } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { type AttentionOptions, attention } from "./attention.ts";
import type { ModelConfig } from "./config.ts";
import { mlp } from "./mlp.ts";
import { applyNorm } from "./norm.ts";
import type { SiteVisitor } from "./visitor.ts";

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
  options: AttentionOptions = {},
): Node {
  const normed = (which: "ln1" | "ln2", y: Node) =>
    applyNorm(config, weights, `blocks.${layer}.${which}`, y, at);
  const half = (which: "ln1" | "ln2", stream: Node, sublayer: (y: Node) => Node) => {
    if (config.normalization === "pre") return add(stream, sublayer(normed(which, stream)));
    if (config.normalization === "post") return normed(which, add(stream, sublayer(stream)));
    return add(stream, sublayer(stream));
  };
  const attend = (y: Node) => attention(config, weights, layer, y, at, options);
  const think = (y: Node) => mlp(config, weights, layer, y, at);

  let resid = at(`blocks.${layer}.hook_resid_pre`, x); // [batch, pos, dModel]
  if (config.parallelBlocks) {
    const pre = resid;
    resid = half("ln1", resid, attend); // [batch, pos, dModel]
    const thought = think(config.normalization === "pre" ? normed("ln2", pre) : pre); // [batch, pos, dModel]
    return at(`blocks.${layer}.hook_resid_post`, add(resid, thought)); // [batch, pos, dModel]
  }
  if (!config.mlpOnly) resid = half("ln1", resid, attend); // [batch, pos, dModel]
  if (!config.mlpOnly && !config.attnOnly) resid = at(`blocks.${layer}.hook_resid_mid`, resid); // [batch, pos, dModel]
  if (!config.attnOnly) resid = half("ln2", resid, think); // [batch, pos, dModel]
  return at(`blocks.${layer}.hook_resid_post`, resid); // [batch, pos, dModel]
}
