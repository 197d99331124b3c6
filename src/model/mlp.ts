/** The two-layer perceptron of a block, applied to every position alone. */
import { add, einsum, gelu, relu } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { ModelConfig } from "./config.ts";
import type { SiteVisitor } from "./visitor.ts";

/**
 * MLP of one block.
 *
 *   mlp(x) = act(x · W_in + b_in) · W_out + b_out
 *
 * @param x  [batch, pos, dModel]
 * @returns  [batch, pos, dModel]
 * @source Vaswani et al. 2017, eq. 2
 */
export function mlp(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  layer: number,
  x: Node,
  at: SiteVisitor,
): Node {
  const w = (name: string) => weights[`blocks.${layer}.mlp.${name}`];
  const biased = (value: Node, name: string) => (config.biases ? add(value, w(name)) : value);
  const act = config.actFn === "relu" ? relu : gelu;

  const into = einsum("batch pos dModel, dModel dMlp -> batch pos dMlp", x, w("W_in")); // [batch, pos, dMlp]
  const pre = at(`blocks.${layer}.mlp.hook_pre`, biased(into, "b_in")); // [batch, pos, dMlp]
  const post = at(`blocks.${layer}.mlp.hook_post`, act(pre)); // [batch, pos, dMlp]
  const out = einsum("batch pos dMlp, dMlp dModel -> batch pos dModel", post, w("W_out")); // [batch, pos, dModel]
  return at(`blocks.${layer}.hook_mlp_out`, biased(out, "b_out")); // [batch, pos, dModel]
}
