/** Multi-head self-attention: each position gathers values from positions whose keys match its query. */
import { add, constant, einsum, reshape, scale, softmax, sum } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import { hasBias, type ModelConfig } from "./config.ts";
import { type Turn, turned, turnOf } from "./rotary.ts";
import type { ForwardOptions, SiteVisitor } from "./visitor.ts";

/** Constants that attention of every block reads. */
export interface AttentionTables {
  /** [queryPos, keyPos], where causal. */
  readonly mask: Node | undefined;
  /** With rotary positions. */
  readonly turn: Turn | undefined;
}

/** Options of one block's attention. */
export interface AttentionOptions extends Pick<ForwardOptions, "asked"> {
  /** Those of {@link attentionTables} for the length of the input; by default a block makes its own. */
  tables?: AttentionTables;
}

/** The constants of attention over `pos` positions, to be shared by all blocks: they are as large as activations. */
export function attentionTables(config: ModelConfig, pos: number): AttentionTables {
  return {
    mask: config.causal ? causalMask(pos) : undefined,
    turn: config.positions === "rotary" ? turnOf(config, pos) : undefined,
  };
}

/**
 * Attention of one block.
 *
 *   pattern[q, k] = softmax_k( query[q] · key[k] / sqrt(dHead) ),  k ≤ q where causal
 *   z[q] = Σ_k pattern[q, k] value[k],  out = Σ_head z · W_O + b_O
 *
 * With rotary positions query and key of the score are turned first (rotary.ts). Where there are fewer heads of keys and
 * values (kvHead) than of queries, each serves as many neighbouring heads (group). Parameter-free attention takes query,
 * key and value to be the input itself, split among the heads, and its output is z with the heads side by side.
 *
 * @param x  [batch, pos, dModel]
 * @returns  [batch, pos, dModel]
 * @source Vaswani et al. 2017, section 3.2 (their d_k is our dHead); groups: Ainslie et al. 2023
 */
export function attention(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  layer: number,
  x: Node,
  at: SiteVisitor,
  options: AttentionOptions = {},
): Node {
  const { nHeads, dHead } = config;
  const [batch, pos, dModel] = x.shape;
  const w = (name: string) => weights[`blocks.${layer}.attn.${name}`];
  const projected = config.attention === "projected";
  const read = (letter: "Q" | "K" | "V") => {
    if (!projected) return reshape(x, [batch, pos, nHeads, dHead]);
    const value = einsum("batch pos dModel, head dModel dHead -> batch pos head dHead", x, w(`W_${letter}`));
    return hasBias(config, "qkv") ? add(value, w(`b_${letter}`)) : value;
  };
  const { mask, turn } = options.tables ?? attentionTables(config, pos);

  const q = at(`blocks.${layer}.attn.hook_q`, read("Q")); // [batch, pos, head, dHead]
  const k = at(`blocks.${layer}.attn.hook_k`, read("K")); // [batch, pos, kvHead, dHead]
  const v = at(`blocks.${layer}.attn.hook_v`, read("V")); // [batch, pos, kvHead, dHead]
  const query = turn === undefined ? q : at(`blocks.${layer}.attn.hook_rot_q`, turned(q, turn)); // [batch, pos, head, dHead]
  const key = turn === undefined ? k : at(`blocks.${layer}.attn.hook_rot_k`, turned(k, turn)); // [batch, pos, kvHead, dHead]

  const scaled = scale(productsOf(query, key), 1 / Math.sqrt(dHead)); // [batch, head, queryPos, keyPos]
  const masked = mask === undefined ? scaled : add(scaled, mask); // [batch, head, queryPos, keyPos]
  const scores = at(`blocks.${layer}.attn.hook_attn_scores`, masked); // [batch, head, queryPos, keyPos]
  const pattern = at(`blocks.${layer}.attn.hook_pattern`, softmax(scores)); // [batch, head, queryPos, keyPos]
  const z = at(`blocks.${layer}.attn.hook_z`, mixedBy(pattern, v)); // [batch, pos, head, dHead]

  if (!projected) return at(`blocks.${layer}.hook_attn_out`, reshape(z, [batch, pos, dModel])); // [batch, pos, dModel]
  const written = writeHeads(z, w("W_O"), layer, at, options); // [batch, pos, dModel]
  const out = hasBias(config, "attnOut") ? add(written, w("b_O")) : written; // [batch, pos, dModel]
  return at(`blocks.${layer}.hook_attn_out`, out); // [batch, pos, dModel]
}

/** Query · key of every pair of positions, [batch, head, queryPos, keyPos]. */
function productsOf(query: Node, key: Node): Node {
  const [batch, pos, heads, dHead] = query.shape;
  const kvHeads = key.shape[2];
  if (heads === kvHeads)
    return einsum(
      "batch queryPos head dHead, batch keyPos head dHead -> batch head queryPos keyPos",
      query,
      key,
    );
  const grouped = reshape(query, [batch, pos, kvHeads, heads / kvHeads, dHead]); // [batch, queryPos, kvHead, group, dHead]
  const products = einsum(
    "batch queryPos kvHead group dHead, batch keyPos kvHead dHead -> batch kvHead group queryPos keyPos",
    grouped,
    key,
  ); // [batch, kvHead, group, queryPos, keyPos]
  return reshape(products, [batch, heads, pos, pos]);
}

/** Values averaged by the pattern, [batch, pos, head, dHead]. */
function mixedBy(pattern: Node, value: Node): Node {
  const [batch, heads, pos] = pattern.shape;
  const [, , kvHeads, dHead] = value.shape;
  if (heads === kvHeads)
    return einsum(
      "batch head queryPos keyPos, batch keyPos head dHead -> batch queryPos head dHead",
      pattern,
      value,
    );
  const grouped = reshape(pattern, [batch, kvHeads, heads / kvHeads, pos, pos]); // [batch, kvHead, group, queryPos, keyPos]
  const mixed = einsum(
    "batch kvHead group queryPos keyPos, batch keyPos kvHead dHead -> batch queryPos kvHead group dHead",
    grouped,
    value,
  ); // [batch, queryPos, kvHead, group, dHead]
  return reshape(mixed, [batch, pos, heads, dHead]);
}

/** Σ_head z · W_O; each head's share is a tensor of its own only where somebody asked for it. */
function writeHeads(z: Node, wO: Node, layer: number, at: SiteVisitor, options: AttentionOptions): Node {
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
