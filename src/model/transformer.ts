/** The transformer as a graph: tokens in, logits out, every hook point shown to a visitor on the way. */
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { add, broadcast, constant, einsum, gather, slice } from "../graph/build.ts";
import { type Node, sameShape, showShape } from "../graph/node.ts";
import { block } from "./block.ts";
import type { ModelConfig } from "./config.ts";
import { siteNamed } from "./hookPoints.ts";
import { layerNorm } from "./norm.ts";
import { sinusoidalPositions } from "./positions.ts";
import type { ForwardOptions, SiteVisitor } from "./visitor.ts";
import { checkWeightNodes } from "./weights.ts";

/**
 * Logits of the next token at every position.
 *
 *   stream = W_E[token] + P[pos];  stream = block(stream) for every layer;  logits = norm(stream) · W_U + b_U
 *
 * @param weights  by name, see weights.ts
 * @param tokens   int32 [batch, pos], each in [0, dVocab); pos ≤ nCtx
 * @param at       the visitor of sites, by default none
 * @returns        [batch, pos, dVocab]
 * @throws ShapeError     if tokens, a weight or a visitor's answer has another shape than it must
 * @throws ArgumentError  if the input is longer than nCtx
 * @throws NameError      if a weight is missing, or `asked` names a site that this model has not
 */
export function forward(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  tokens: Node,
  at: SiteVisitor = (_, node) => node,
  options: ForwardOptions = {},
): Node {
  checkWeightNodes(config, weights);
  checkTokens(config, tokens);
  for (const name of options.asked ?? []) siteNamed(config, name);
  const visit = guarded(at);

  const embedded = visit("hook_embed", gather(weights["embed.W_E"], tokens)); // [batch, pos, dModel]
  let stream = addPositions(config, weights, embedded, visit); // [batch, pos, dModel]
  for (let layer = 0; layer < config.nLayers; layer++)
    stream = block(config, weights, layer, stream, visit, options); // [batch, pos, dModel]
  if (config.finalNorm) stream = layerNorm(config, weights, "ln_final", stream, visit); // [batch, pos, dModel]
  return visit("unembed.hook_out", unembed(config, weights, stream)); // [batch, pos, dVocab]
}

/**
 * The unembedding alone: what reads logits off a stream.
 *
 * @param stream  [batch, pos, dModel], after the final norm where the model has one
 * @returns       [batch, pos, dVocab]
 */
export function unembed(config: ModelConfig, weights: Readonly<Record<string, Node>>, stream: Node): Node {
  const logits = config.tiedUnembed
    ? einsum("batch pos dModel, dVocab dModel -> batch pos dVocab", stream, weights["embed.W_E"])
    : einsum("batch pos dModel, dModel dVocab -> batch pos dVocab", stream, weights["unembed.W_U"]);
  return config.biases ? add(logits, weights["unembed.b_U"]) : logits; // [batch, pos, dVocab]
}

function addPositions(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  embedded: Node,
  at: SiteVisitor,
): Node {
  if (config.positions === "none") return embedded;
  const [, pos, dModel] = embedded.shape;
  const table =
    config.positions === "learned"
      ? slice(weights["pos_embed.W_pos"], 0, 0, pos)
      : constant(sinusoidalPositions(pos, dModel), [pos, dModel]); // [pos, dModel]
  return add(embedded, at("hook_pos_embed", broadcast(table, embedded.shape))); // [batch, pos, dModel]
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
