/**
 * Hook points: the one table of every named activation, under TransformerLens' names.
 *
 * A *site* is one hook point of one layer. Types, documentation, menus and the conformance test read this table.
 *
 * The residual stream has three readings a block: `hook_resid_pre` is what attention's half reads, `hook_resid_mid`
 * what the MLP's half reads, `hook_resid_post` what the next block (or the final norm, or the unembedding) reads. That
 * holds for every normalisation, so `hook_resid_post` of a block is always `hook_resid_pre` of the next:
 *
 *   pre   resid_mid  = resid_pre + attn_out              attn reads ln1(resid_pre)
 *         resid_post = resid_mid + mlp_out               mlp  reads ln2(resid_mid)
 *   post  resid_mid  = ln1(resid_pre + attn_out)         attn reads resid_pre
 *         resid_post = ln2(resid_mid + mlp_out)          mlp  reads resid_mid
 *   none  as pre, with ln1 and ln2 the identity
 *
 * Of parallel blocks the MLP's half reads resid_pre too, there is no resid_mid, and
 * resid_post = resid_pre + attn_out + mlp_out.
 *
 * Names of the embedding sites are those of TransformerLens' decoders for encoders too, where it puts `embed.` before.
 *
 * With post-LN the un-normalised sums have no name of their own; they are resid_pre + attn_out and resid_mid + mlp_out.
 * (TransformerLens' BERT block names those sums resid_mid and resid_post; then the unembedding reads neither of them.)
 */
import { integerIn } from "../base/check.ts";
import { NameError, nearest } from "../base/errors.ts";
import { keyValueHeads, type ModelConfig } from "./config.ts";

/**
 * What an axis of an activation counts. `one` is the axis that a mean left behind; `kvHead` are heads of keys and values
 * where queries have more.
 */
export type AxisName =
  | "batch"
  | "pos"
  | "queryPos"
  | "keyPos"
  | "head"
  | "kvHead"
  | "dHead"
  | "dModel"
  | "dMlp"
  | "dVocab"
  | "one";

/** A row of {@link hookPoints}: `{l}` in the name stands for the layer. */
export interface HookPoint {
  readonly name: string;
  /** Axes of the activation of one model; in arrays the model axis stands before them. */
  readonly axes: readonly AxisName[];
  /** What it holds. */
  readonly doc: string;
  /** Computed only for who asks: it is larger than what the forward pass needs. */
  readonly gated?: true;
  /** Its axis `head` is `kvHead` in a model with nKeyValueHeads of its own. */
  readonly ofKeys?: true;
}

const stream = ["batch", "pos", "dModel"] as const;
const heads = ["batch", "pos", "head", "dHead"] as const;
const square = ["batch", "head", "queryPos", "keyPos"] as const;
const hidden = ["batch", "pos", "dMlp"] as const;
const scale = ["batch", "pos", "one"] as const;
const deviation = "standard deviation, sqrt(variance + eps), or root mean square, sqrt(mean square + eps)";
const divided = "centred (by a layer norm) and divided by the scale, before weight and bias";

/** Every hook point, in the order in which a pre-LN model fires them. */
export const hookPoints = [
  { name: "hook_embed", axes: stream, doc: "token embedding" },
  { name: "hook_pos_embed", axes: stream, doc: "position embedding, the same in every batch row" },
  {
    name: "hook_token_type_embed",
    axes: stream,
    doc: "segment embedding; of segment 0 where no segments are given",
  },
  { name: "embed.ln.hook_scale", axes: scale, doc: "what the norm of the embeddings divides by" },
  { name: "embed.ln.hook_normalized", axes: stream, doc: divided },
  { name: "blocks.{l}.hook_resid_pre", axes: stream, doc: "residual stream that the block reads" },
  {
    name: "blocks.{l}.ln1.hook_scale",
    axes: scale,
    doc: `${deviation}, that the norm of attention's half divides by`,
  },
  {
    name: "blocks.{l}.ln1.hook_normalized",
    axes: stream,
    doc: divided,
  },
  { name: "blocks.{l}.attn.hook_q", axes: heads, doc: "queries" },
  { name: "blocks.{l}.attn.hook_k", axes: heads, doc: "keys", ofKeys: true },
  { name: "blocks.{l}.attn.hook_v", axes: heads, doc: "values", ofKeys: true },
  { name: "blocks.{l}.attn.hook_rot_q", axes: heads, doc: "queries, turned by rotary positions" },
  { name: "blocks.{l}.attn.hook_rot_k", axes: heads, doc: "keys, turned by rotary positions", ofKeys: true },
  {
    name: "blocks.{l}.attn.hook_attn_scores",
    axes: square,
    doc: "query · key / sqrt(dHead); -Infinity where the causal mask hides the key",
  },
  {
    name: "blocks.{l}.attn.hook_pattern",
    axes: square,
    doc: "softmax of the scores over keys; a row sums to 1",
  },
  { name: "blocks.{l}.attn.hook_z", axes: heads, doc: "values averaged by the pattern" },
  {
    name: "blocks.{l}.attn.hook_result",
    axes: ["batch", "pos", "head", "dModel"],
    doc: "each head's z · W_O; over heads, plus b_O, it sums to the attention output",
    gated: true,
  },
  { name: "blocks.{l}.hook_attn_out", axes: stream, doc: "what attention adds to the stream" },
  { name: "blocks.{l}.hook_resid_mid", axes: stream, doc: "residual stream that the MLP's half reads" },
  {
    name: "blocks.{l}.ln2.hook_scale",
    axes: scale,
    doc: `${deviation}, that the norm of the MLP's half divides by`,
  },
  {
    name: "blocks.{l}.ln2.hook_normalized",
    axes: stream,
    doc: divided,
  },
  { name: "blocks.{l}.mlp.hook_pre", axes: hidden, doc: "MLP units before the nonlinearity" },
  {
    name: "blocks.{l}.mlp.hook_pre_linear",
    axes: hidden,
    doc: "what a gated MLP multiplies the units after the nonlinearity with",
  },
  {
    name: "blocks.{l}.mlp.hook_post",
    axes: hidden,
    doc: "MLP units after the nonlinearity, and after the gate: the neurons",
  },
  { name: "blocks.{l}.hook_mlp_out", axes: stream, doc: "what the MLP adds to the stream" },
  { name: "blocks.{l}.hook_resid_post", axes: stream, doc: "residual stream that the block leaves behind" },
  {
    name: "ln_final.hook_scale",
    axes: scale,
    doc: `${deviation}, that the final norm divides by`,
  },
  {
    name: "ln_final.hook_normalized",
    axes: stream,
    doc: divided,
  },
  { name: "mlm_head.ln.hook_scale", axes: scale, doc: "what the norm of the head divides by" },
  { name: "mlm_head.ln.hook_normalized", axes: stream, doc: divided },
  { name: "unembed.hook_out", axes: ["batch", "pos", "dVocab"], doc: "logits" },
] as const satisfies readonly HookPoint[];

type Pattern = (typeof hookPoints)[number]["name"];
type Filled<P extends string, L extends number | "*"> = P extends `${infer Before}{l}${infer After}`
  ? `${Before}${L}${After}`
  : P;
type InBlock<P extends string> = P extends `blocks.{l}.${infer Part}` ? Part : never;
/** A hook point of a block, without the block: `attn.hook_q`. */
type BlockPart = InBlock<Pattern>;

/** Name of a site: `blocks.0.attn.hook_pattern`. A misspelt one does not compile. */
export type SiteName = Filled<Pattern, number>;
type PrefixOf<P extends string> = P extends `${infer First}.${infer Rest}`
  ? `${First}.` | `${First}.${PrefixOf<Rest>}`
  : never;
/** Beginning of sites' names, up to a dot: `blocks.0.` is all of block 0, `blocks.*.attn.` attention of every layer. */
export type SitePrefix = Filled<PrefixOf<Pattern>, number | "*">;
/** A site, the same site of all layers (`blocks.*.hook_resid_post`), or a prefix. {@link resolveSites} spells it out. */
export type SiteSelector = SiteName | Filled<Pattern, "*"> | SitePrefix;

/** One hook point of one layer of a particular model. */
export interface Site {
  readonly name: SiteName;
  readonly axes: readonly AxisName[];
  readonly doc: string;
  /** The block it belongs to; undefined outside of blocks. */
  readonly layer: number | undefined;
  /** Computed only for who asks, see {@link HookPoint}. */
  readonly gated: boolean;
  /** Sizes of the axes for a batch of inputs of one length, without the model axis. */
  shape(batch: number, pos: number): number[];
}

/** The sites of a block in firing order: here is decided what exists for which config. */
function blockParts(config: ModelConfig): BlockPart[] {
  const { normalization } = config;
  const ln1: BlockPart[] = ["ln1.hook_scale", "ln1.hook_normalized"];
  const ln2: BlockPart[] = ["ln2.hook_scale", "ln2.hook_normalized"];
  const around = (norm: BlockPart[], sublayer: BlockPart[]): BlockPart[] => {
    if (normalization === "none") return sublayer;
    return normalization === "pre" ? [...norm, ...sublayer] : [...sublayer, ...norm];
  };
  const attention = around(ln1, [
    "attn.hook_q",
    "attn.hook_k",
    "attn.hook_v",
    ...(config.positions === "rotary" ? (["attn.hook_rot_q", "attn.hook_rot_k"] as const) : []),
    "attn.hook_attn_scores",
    "attn.hook_pattern",
    "attn.hook_z",
    ...(config.attention === "projected" ? (["attn.hook_result"] as const) : []),
    "hook_attn_out",
  ]);
  const mlp = around(ln2, [
    "mlp.hook_pre",
    ...(config.gatedMlp ? (["mlp.hook_pre_linear"] as const) : []),
    "mlp.hook_post",
    "hook_mlp_out",
  ]);
  const oneStream = config.mlpOnly || config.attnOnly || config.parallelBlocks;
  return [
    "hook_resid_pre",
    ...(config.mlpOnly ? [] : attention),
    ...(oneStream ? [] : (["hook_resid_mid"] as const)),
    ...(config.attnOnly ? [] : mlp),
    "hook_resid_post",
  ];
}

const byPattern = new Map<string, HookPoint>(hookPoints.map((point) => [point.name, point]));

/** Size of every axis, for a batch of inputs of one length. */
function axisSizes(config: ModelConfig, batch: number, pos: number): Record<AxisName, number> {
  const { nHeads, dHead, dModel, dMlp, dVocab } = config;
  const heads = { head: nHeads, kvHead: keyValueHeads(config), dHead };
  return { batch, pos, queryPos: pos, keyPos: pos, ...heads, dModel, dMlp, dVocab, one: 1 };
}

/**
 * The sites of a model in firing order, gated ones included.
 *
 * Left out is what the architecture has not: layer-norm sites without normalisation, `hook_resid_mid` where a block has
 * one half only or both read one stream, `hook_result` where attention has no W_O, `hook_rot_q` and `hook_rot_k` without
 * rotary positions, and so on.
 */
export function sitesOf(config: ModelConfig): Map<SiteName, Site> {
  const sites = new Map<SiteName, Site>();
  const grouped = keyValueHeads(config) !== config.nHeads;
  const put = (pattern: Pattern, layer?: number) => {
    const { axes: own, doc, gated, ofKeys } = byPattern.get(pattern) as HookPoint;
    const axes = grouped && ofKeys ? own.map((axis) => (axis === "head" ? "kvHead" : axis)) : own;
    const name = pattern.replace("{l}", String(layer)) as SiteName;
    const shape = (batch: number, pos: number) => {
      const sizes = axisSizes(config, batch, pos);
      return axes.map((axis) => sizes[axis]);
    };
    sites.set(name, { name, axes, doc, layer, gated: gated === true, shape });
  };
  put("hook_embed");
  if (config.positions === "learned" || config.positions === "sinusoidal") put("hook_pos_embed");
  if ((config.dSegments ?? 0) > 0) put("hook_token_type_embed");
  if (config.embedNorm) {
    put("embed.ln.hook_scale");
    put("embed.ln.hook_normalized");
  }
  for (let layer = 0; layer < config.nLayers; layer++)
    for (const part of blockParts(config)) put(`blocks.{l}.${part}`, layer);
  if (config.finalNorm) {
    put("ln_final.hook_scale");
    put("ln_final.hook_normalized");
  }
  if (config.mlmHead) {
    put("mlm_head.ln.hook_scale");
    put("mlm_head.ln.hook_normalized");
  }
  put("unembed.hook_out");
  return sites;
}

/**
 * The site of a name.
 *
 * @throws NameError if this model has no such site, with the nearest one it has
 */
export function siteNamed(config: ModelConfig, name: string): Site {
  const sites = sitesOf(config);
  return sites.get(name as SiteName) ?? refuse(config, name, sites.keys());
}

function refuse(config: ModelConfig, name: string, known: Iterable<string>): never {
  const { nLayers } = config;
  const layers =
    nLayers === 0 ? "no layers" : `${nLayers} layer${nLayers === 1 ? "" : "s"} (0 to ${nLayers - 1})`;
  throw new NameError({
    where: `hook ${JSON.stringify(name)}`,
    rule: "no such site",
    got: `a model of ${layers}, ${config.attention} attention, normalization ${config.normalization}`,
    // from the back, so that a layer beyond the last is answered with the last
    wayOut: `Nearest: ${JSON.stringify(nearest(name, [...known].reverse()))}.`,
  });
}

/** Every beginning of a name that ends with a dot: `blocks.`, `blocks.0.`, `blocks.0.attn.`. */
function prefixesOf(names: Iterable<string>): Set<string> {
  const prefixes = new Set<string>();
  for (const name of names)
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1))
      prefixes.add(name.slice(0, dot + 1));
  return prefixes;
}

/**
 * The sites that selectors name, each once, in firing order.
 *
 * @param selectors  `blocks.*.attn.hook_z` stands for that site of every layer. What ends with a dot is a prefix and stands
 *                   for all sites whose names begin so, gated ones included: `blocks.1.` is block 1, and not block 10.
 * @throws NameError if a selector matches nothing in this model, with the nearest site or prefix
 */
export function resolveSites(config: ModelConfig, selectors: readonly SiteSelector[]): Site[] {
  const sites = sitesOf(config);
  const names = [...sites.keys()];
  const chosen = new Set<string>();
  for (const selector of selectors) {
    const layers = selector.includes("*") ? [...new Array(config.nLayers).keys()] : [0];
    const meant = layers.map((layer) => selector.replace("*", String(layer)));
    const isPrefix = selector.endsWith("."); // no site's name does
    const found = isPrefix
      ? names.filter((name) => meant.some((prefix) => name.startsWith(prefix)))
      : meant.filter((name) => sites.has(name as SiteName));
    if (found.length === 0) refuse(config, selector, isPrefix ? prefixesOf(names) : names);
    for (const name of found) chosen.add(name);
  }
  return [...sites.values()].filter((site) => chosen.has(site.name));
}

function ofBlock<P extends BlockPart>(part: P) {
  return <L extends number | "all">(layer: L): `blocks.${L extends "all" ? "*" : number}.${P}` => {
    const which = layer === "all" ? "*" : integerIn(`hook ${part}`, layer as number, 0);
    return `blocks.${which}.${part}` as `blocks.${L extends "all" ? "*" : number}.${P}`;
  };
}

/**
 * Names of sites, for who prefers completion to strings.
 *
 * @example hook.pattern(0)         // "blocks.0.attn.hook_pattern"
 * @example hook.residPost("all")   // "blocks.*.hook_resid_post"
 */
export const hook = {
  embed: "hook_embed",
  posEmbed: "hook_pos_embed",
  tokenTypeEmbed: "hook_token_type_embed",
  embedNormScale: "embed.ln.hook_scale",
  embedNormNormalized: "embed.ln.hook_normalized",
  residPre: ofBlock("hook_resid_pre"),
  ln1Scale: ofBlock("ln1.hook_scale"),
  ln1Normalized: ofBlock("ln1.hook_normalized"),
  q: ofBlock("attn.hook_q"),
  k: ofBlock("attn.hook_k"),
  v: ofBlock("attn.hook_v"),
  rotQ: ofBlock("attn.hook_rot_q"),
  rotK: ofBlock("attn.hook_rot_k"),
  attnScores: ofBlock("attn.hook_attn_scores"),
  pattern: ofBlock("attn.hook_pattern"),
  z: ofBlock("attn.hook_z"),
  result: ofBlock("attn.hook_result"),
  attnOut: ofBlock("hook_attn_out"),
  residMid: ofBlock("hook_resid_mid"),
  ln2Scale: ofBlock("ln2.hook_scale"),
  ln2Normalized: ofBlock("ln2.hook_normalized"),
  mlpPre: ofBlock("mlp.hook_pre"),
  mlpPreLinear: ofBlock("mlp.hook_pre_linear"),
  mlpPost: ofBlock("mlp.hook_post"),
  mlpOut: ofBlock("hook_mlp_out"),
  residPost: ofBlock("hook_resid_post"),
  lnFinalScale: "ln_final.hook_scale",
  lnFinalNormalized: "ln_final.hook_normalized",
  mlmHeadScale: "mlm_head.ln.hook_scale",
  mlmHeadNormalized: "mlm_head.ln.hook_normalized",
  logits: "unembed.hook_out",
} as const;
