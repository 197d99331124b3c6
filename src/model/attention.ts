/** Multi-head self-attention: each position gathers values from positions whose keys match its query. */
import { add, constant, einsum, reshape, scale, softmax, sum } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { ModelConfig } from "./config.ts";
import type { ForwardOptions, SiteVisitor } from "./visitor.ts";

/**
 * Attention of one block.
 *
 *   pattern[q, k] = softmax_k( query[q] · key[k] / sqrt(dHead) ),  k ≤ q where causal
 *   z[q] = Σ_k pattern[q, k] value[k],  out = Σ_head z · W_O + b_O
 *
 * Parameter-free attention takes query, key and value to be the input itself, split among the heads, and its output is
 * z with the heads side by side.
 *
 * @param x  [batch, pos, dModel]
 * @returns  [batch, pos, dModel]
 * @source Vaswani et al. 2017, section 3.2 (their d_k is our dHead)
 */
export function attention(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  layer: number,
  x: Node,
  at: SiteVisitor,
  options: ForwardOptions = {},
): Node {
  const { nHeads, dHead } = config;
  const [batch, pos, dModel] = x.shape;
  const w = (name: string) => weights[`blocks.${layer}.attn.${name}`];
  const projected = config.attention === "projected";
  const biased = (value: Node, name: string) => (config.biases ? add(value, w(name)) : value);
  const read = (letter: "Q" | "K" | "V") =>
    projected
      ? biased(
          einsum("batch pos dModel, head dModel dHead -> batch pos head dHead", x, w(`W_${letter}`)),
          `b_${letter}`,
        )
      : reshape(x, [batch, pos, nHeads, dHead]);

  const q = at(`blocks.${layer}.attn.hook_q`, read("Q")); // [batch, pos, head, dHead]
  const k = at(`blocks.${layer}.attn.hook_k`, read("K")); // [batch, pos, head, dHead]
  const v = at(`blocks.${layer}.attn.hook_v`, read("V")); // [batch, pos, head, dHead]

  const products = einsum(
    "batch queryPos head dHead, batch keyPos head dHead -> batch head queryPos keyPos",
    q,
    k,
  ); // [batch, head, queryPos, keyPos]
  const scaled = scale(products, 1 / Math.sqrt(dHead)); // [batch, head, queryPos, keyPos]
  const masked = config.causal ? add(scaled, causalMask(pos)) : scaled; // [batch, head, queryPos, keyPos]
  const scores = at(`blocks.${layer}.attn.hook_attn_scores`, masked); // [batch, head, queryPos, keyPos]
  const pattern = at(`blocks.${layer}.attn.hook_pattern`, softmax(scores)); // [batch, head, queryPos, keyPos]
  const mixed = einsum(
    "batch head queryPos keyPos, batch keyPos head dHead -> batch queryPos head dHead",
    pattern,
    v,
  ); // [batch, pos, head, dHead]
  const z = at(`blocks.${layer}.attn.hook_z`, mixed); // [batch, pos, head, dHead]

  if (!projected) return at(`blocks.${layer}.hook_attn_out`, reshape(z, [batch, pos, dModel])); // [batch, pos, dModel]
  const out = biased(writeHeads(z, w("W_O"), layer, at, options), "b_O"); // [batch, pos, dModel]
  return at(`blocks.${layer}.hook_attn_out`, out); // [batch, pos, dModel]
}

/** Σ_head z · W_O; each head's share is a tensor of its own only where somebody asked for it. */
function writeHeads(z: Node, wO: Node, layer: number, at: SiteVisitor, options: ForwardOptions): Node {
  const name = `blocks.${layer}.attn.hook_result` as const;
  if (!options.asked?.has(name))
    return einsum("batch pos head dHead, head dHead dModel -> batch pos dModel", z, wO); // [batch, pos, dModel]
  const each = einsum("batch pos head dHead, head dHead dModel -> batch pos head dModel", z, wO);
  return sum(at(name, each), [2]); // [batch, pos, dModel]
}

/** 0 where the key is not after the query, else −Infinity: [queryPos, keyPos]. */
function causalMask(pos: number): Node {
  const mask = new Float32Array(pos * pos);
  for (let query = 0; query < pos; query++)
    mask.fill(Number.NEGATIVE_INFINITY, query * pos + query + 1, (query + 1) * pos);
  return constant(mask, [pos, pos]);
}
