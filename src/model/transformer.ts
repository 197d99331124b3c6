/** The transformer as a graph: tokens in, logits out, every hook point shown to a visitor on the way. */
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { add, broadcast, constant, einsum, gather, slice } from "../graph/build.ts";
import { type Node, sameShape, showShape } from "../graph/node.ts";
import { activate } from "./activate.ts";
import { attentionTables } from "./attention.ts";
import { block } from "./block.ts";
import { hasBias, type ModelConfig } from "./config.ts";
import { siteNamed } from "./hookPoints.ts";
import { applyNorm } from "./norm.ts";
import { sinusoidalPositions } from "./positions.ts";
import type { ForwardOptions, SiteVisitor } from "./visitor.ts";
import { checkWeightNodes } from "./weights.ts";

const unseen: SiteVisitor = (_, node) => node;

/**
 * Logits at every position: of the next token in a causal model, of the token itself in a masked language model.
 *
 *   stream = W_E[token] + P[pos] + W_token_type[segment], normed with embedNorm
 *   stream = block(stream) for every layer
 *   logits = norm(stream) · W_U + b_U, the norm with finalNorm
 *
 * A term stands where the config has it. Every position may be attended to (but for the causal mask): sequences of one
 * batch are equally long, and there is no mask of padding.
 *
 * @param weights  by name, see weights.ts
 * @param tokens   int32 [batch, pos], each in [0, dVocab); pos ≤ nCtx
 * @param at       the visitor of sites, by default none
 * @returns        [batch, pos, dVocab]
 * @throws ShapeError     if tokens, segments, a weight or a visitor's answer has another shape than it must
 * @throws ArgumentError  if the input is longer than nCtx, or segments are given to a model without
 * @throws NameError      if a weight is missing, or `asked` names a site that this model has not
 */
export function forward(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  tokens: Node,
  at: SiteVisitor = unseen,
  { asked, segments }: ForwardOptions = {},
): Node {
  checkWeightNodes(config, weights);
  checkTokens(config, tokens);
  if (segments !== undefined) checkSegments(config, segments, tokens);
  for (const name of asked ?? []) siteNamed(config, name);
  const visit = guarded(at);
  const options = { asked, tables: attentionTables(config, tokens.shape[1]) };

  const embedded = visit("hook_embed", gather(weights["embed.W_E"], tokens)); // [batch, pos, dModel]
  let stream = addPositions(config, weights, embedded, visit); // [batch, pos, dModel]
  stream = addSegments(config, weights, stream, visit, segments); // [batch, pos, dModel]
  if (config.embedNorm) stream = applyNorm(config, weights, "embed.ln", stream, visit); // [batch, pos, dModel]
  for (let layer = 0; layer < config.nLayers; layer++)
    stream = block(config, weights, layer, stream, visit, options); // [batch, pos, dModel]
  if (config.finalNorm) stream = applyNorm(config, weights, "ln_final", stream, visit); // [batch, pos, dModel]
  return visit("unembed.hook_out", unembed(config, weights, stream, visit)); // [batch, pos, dVocab]
}

/**
 * What reads logits off a stream: the unembedding, with mlmHead after the head that stands before it.
 *
 *   logits = head(stream) · W_U + b_U,  head(x) = norm(act(x · W + b))
 *
 * @param stream  [batch, pos, dModel], after the final norm where the model has one
 * @param at      the visitor of the head's sites, by default none
 * @returns       [batch, pos, dVocab]
 */
export function unembed(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  stream: Node,
  at: SiteVisitor = unseen,
): Node {
  const read = config.mlmHead ? mlmHead(config, weights, stream, at) : stream; // [batch, pos, dModel]
  const logits = config.tiedUnembed
    ? einsum("batch pos dModel, dVocab dModel -> batch pos dVocab", read, weights["embed.W_E"])
    : einsum("batch pos dModel, dModel dVocab -> batch pos dVocab", read, weights["unembed.W_U"]);
  return hasBias(config, "unembed") ? add(logits, weights["unembed.b_U"]) : logits; // [batch, pos, dVocab]
}

/** norm(act(x · W + b)): [batch, pos, dModel]. @source Devlin et al. 2019, their reference code */
function mlmHead(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  stream: Node,
  at: SiteVisitor,
): Node {
  const product = einsum("batch pos dModel, dModel out -> batch pos out", stream, weights["mlm_head.W"]); // [batch, pos, dModel]
  const dense = hasBias(config, "unembed") ? add(product, weights["mlm_head.b"]) : product; // [batch, pos, dModel]
  return applyNorm(config, weights, "mlm_head.ln", activate(config.actFn, dense), at); // [batch, pos, dModel]
}

function addPositions(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  embedded: Node,
  at: SiteVisitor,
): Node {
  if (config.positions === "none" || config.positions === "rotary") return embedded;
  const [, pos, dModel] = embedded.shape;
  const table =
    config.positions === "learned"
      ? slice(weights["pos_embed.W_pos"], 0, 0, pos)
      : constant(sinusoidalPositions(pos, dModel), [pos, dModel]); // [pos, dModel]
  return add(embedded, at("hook_pos_embed", broadcast(table, embedded.shape))); // [batch, pos, dModel]
}

function addSegments(
  { dSegments = 0 }: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  stream: Node,
  at: SiteVisitor,
  segments: Node | undefined,
): Node {
  if (dSegments === 0) return stream;
  const table = weights["token_type_embed.W_token_type"]; // [segment, dModel]
  const rows = segments === undefined ? slice(table, 0, 0, 1) : gather(table, segments); // [1, dModel] or [batch, pos, dModel]
  return add(stream, at("hook_token_type_embed", broadcast(rows, stream.shape))); // [batch, pos, dModel]
}

function checkSegments({ dSegments = 0 }: ModelConfig, segments: Node, tokens: Node): void {
  if (dSegments === 0)
    throw new ArgumentError({
      where: "segments",
      rule: "this model has no segment embedding",
      got: "dSegments 0",
      wayOut: "Leave them out.",
    });
  if (segments.dtype !== "int32" || !sameShape(segments.shape, tokens.shape))
    throw new ShapeError({
      where: "segments",
      rule: `must be int32 ${showShape(tokens.shape)}, as the tokens are`,
      got: `${segments.dtype} ${showShape(segments.shape)}`,
    });
}

function checkTokens(config: ModelConfig, tokens: Node): void {
  if (tokens.dtype !== "int32" || tokens.shape.length !== 2)
    throw new ShapeError({
      where: "tokens",
      rule: "must be int32 [batch pos]",
      got: `${tokens.dtype} ${showShape(tokens.shape)}`,
      wayOut: 'Make them with input("tokens", [batch, pos], "int32").',
    });
  if (tokens.shape[1] > config.nCtx)
    throw new ArgumentError({
      where: "tokens",
      rule: `must be at most nCtx = ${config.nCtx} long`,
      got: `${tokens.shape[1]} positions`,
      wayOut: "Cut the input, or make a model with a longer nCtx.",
    });
}

/** The visitor, with the shape of its answers checked. */
function guarded(at: SiteVisitor): SiteVisitor {
  return (name, node) => {
    const answer = at(name, node);
    if (sameShape(answer.shape, node.shape)) return answer;
    throw new ShapeError({
      where: `hook "${name}"`,
      rule: `a replacement must keep the shape ${showShape(node.shape)}`,
      got: `${answer.op} ${showShape(answer.shape)}`,
      wayOut: "Broadcast or slice it first.",
    });
  };
}
