/** The two-layer perceptron of a block, applied to every position alone. */
import { add, einsum, mul } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { activate } from "./activate.ts";
import { hasBias, type ModelConfig } from "./config.ts";
import type { SiteVisitor } from "./visitor.ts";

/**
 * MLP of one block.
 *
 *   mlp(x)   = act(x · W_in + b_in) · W_out + b_out
 *   gated    = (act(x · W_gate + b_gate) · (x · W_in + b_in)) · W_out + b_out, the inner product elementwise
 *
 * @param x  [batch, pos, dModel]
 * @returns  [batch, pos, dModel]
 * @source Vaswani et al. 2017, eq. 2; gated: Shazeer 2020, eq. 5 to 6 (their W is our W_gate, their V our W_in)
 */
export function mlp(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  layer: number,
  x: Node,
  at: SiteVisitor,
): Node {
  const site = <P extends string>(part: P) => `blocks.${layer}.mlp.${part}` as const;
  const biased = (value: Node, name: string) =>
    hasBias(config, "mlp") ? add(value, weights[site(name)]) : value;
  const read = (which: "gate" | "in") => {
    const product = einsum("batch pos dModel, dModel dMlp -> batch pos dMlp", x, weights[site(`W_${which}`)]); // [batch, pos, dMlp]
    return biased(product, `b_${which}`); // [batch, pos, dMlp]
  };

  const gated = config.gatedMlp === true;
  const pre = at(site("hook_pre"), read(gated ? "gate" : "in")); // [batch, pos, dMlp]
  const linear = gated ? at(site("hook_pre_linear"), read("in")) : undefined; // [batch, pos, dMlp]
  const acted = activate(config.actFn, pre); // [batch, pos, dMlp]
  const post = at(site("hook_post"), linear === undefined ? acted : mul(acted, linear)); // [batch, pos, dMlp]
  const out = einsum("batch pos dMlp, dMlp dModel -> batch pos dModel", post, weights[site("W_out")]); // [batch, pos, dModel]
  return at(`blocks.${layer}.hook_mlp_out`, biased(out, "b_out")); // [batch, pos, dModel]
}
