/**
 * Weights: their names, shapes and fixed order, and the arrays that hold them.
 *
 * Names and layouts are TransformerLens': a matrix multiplies from the right, [in, out], and attention's matrices carry
 * the head axis first. Axes:
 *
 *   embed.W_E               [dVocab, dModel]
 *   pos_embed.W_pos         [nCtx, dModel]            learned positions
 *   token_type_embed.W_token_type
 *                           [segment, dModel]         with dSegments
 *   embed.ln.w, b           [dModel]                  with embedNorm
 *   blocks.{l}.ln1.w, b     [dModel]                  unless normalization is none
 *   blocks.{l}.attn.W_Q, b_Q
 *                           [head, dModel, dHead], [head, dHead]
 *   blocks.{l}.attn.W_K, b_K, W_V, b_V
 *                           [kvHead, dModel, dHead], [kvHead, dHead]; kvHead is head unless nKeyValueHeads says otherwise
 *   blocks.{l}.attn.W_O, b_O
 *                           [head, dHead, dModel], [dModel]
 *   blocks.{l}.ln2.w, b     [dModel]
 *   blocks.{l}.mlp.W_gate, b_gate
 *                           [dModel, dMlp], [dMlp]    with gatedMlp
 *   blocks.{l}.mlp.W_in, b_in, W_out, b_out
 *                           [dModel, dMlp], [dMlp], [dMlp, dModel], [dModel]
 *   ln_final.w, b           [dModel]                  with finalNorm
 *   mlm_head.W, b           [dModel, dModel], [dModel]
 *   mlm_head.ln.w, b        [dModel]                  with mlmHead
 *   unembed.W_U, b_U        [dModel, dVocab], [dVocab]; no W_U where tied
 *
 * Biases exist where the config's `biases` has them. TransformerLens' encoder has `embed.` before the names of all four
 * embedding weights, since one module holds them there.
 */
import { ArgumentError, NameError, nearest, ShapeError } from "../base/errors.ts";
import { state } from "../graph/build.ts";
import { type Node, type Shape, sameShape, showShape, sizeOf } from "../graph/node.ts";
import { hasBias, keyValueHeads, type ModelConfig } from "./config.ts";

/** The weights of a population by name, each [model, ...shape] row-major. */
export type Weights = Readonly<Record<string, Float32Array | Float64Array>>;

/** Name and shape of every weight of one model, in the order of a forward pass. The order never depends on the sizes. */
export function weightShapes(config: ModelConfig): Map<string, Shape> {
  const { nLayers, nHeads, dModel, dHead, dMlp, dVocab, nCtx, dSegments = 0 } = config;
  const shapes = new Map<string, Shape>();
  const put = (name: string, shape: Shape, exists = true) => {
    if (exists) shapes.set(name, shape);
  };
  const norm = (name: string, exists: boolean) => {
    put(`${name}.w`, [dModel], exists);
    put(`${name}.b`, [dModel], exists && hasBias(config, "norm"));
  };
  put("embed.W_E", [dVocab, dModel]);
  put("pos_embed.W_pos", [nCtx, dModel], config.positions === "learned");
  put("token_type_embed.W_token_type", [dSegments, dModel], dSegments > 0);
  norm("embed.ln", config.embedNorm === true);
  for (let layer = 0; layer < nLayers; layer++) {
    const block = `blocks.${layer}`;
    const normed = config.normalization !== "none";
    const projected = config.attention === "projected" && !config.mlpOnly;
    norm(`${block}.ln1`, normed && !config.mlpOnly);
    for (const letter of ["Q", "K", "V"]) {
      const heads = letter === "Q" ? nHeads : keyValueHeads(config);
      put(`${block}.attn.W_${letter}`, [heads, dModel, dHead], projected);
      put(`${block}.attn.b_${letter}`, [heads, dHead], projected && hasBias(config, "qkv"));
    }
    put(`${block}.attn.W_O`, [nHeads, dHead, dModel], projected);
    put(`${block}.attn.b_O`, [dModel], projected && hasBias(config, "attnOut"));
    norm(`${block}.ln2`, normed && !config.attnOnly);
    for (const into of config.gatedMlp === true ? ["gate", "in"] : ["in"]) {
      put(`${block}.mlp.W_${into}`, [dModel, dMlp], !config.attnOnly);
      put(`${block}.mlp.b_${into}`, [dMlp], !config.attnOnly && hasBias(config, "mlp"));
    }
    put(`${block}.mlp.W_out`, [dMlp, dModel], !config.attnOnly);
    put(`${block}.mlp.b_out`, [dModel], !config.attnOnly && hasBias(config, "mlp"));
  }
  norm("ln_final", config.finalNorm);
  const head = config.mlmHead === true;
  put("mlm_head.W", [dModel, dModel], head);
  put("mlm_head.b", [dModel], head && hasBias(config, "unembed"));
  norm("mlm_head.ln", head);
  put("unembed.W_U", [dModel, dVocab], !config.tiedUnembed);
  put("unembed.b_U", [dVocab], hasBias(config, "unembed"));
  return shapes;
}

/** Number of weights of one model. */
export function parameterCount(config: ModelConfig): number {
  let count = 0;
  for (const shape of weightShapes(config).values()) count += sizeOf(shape);
  return count;
}

/** Every weight as a state of the session, for a graph that trains or reads it. */
export function weightNodes(config: ModelConfig): Record<string, Node<"state">> {
  const nodes: Record<string, Node<"state">> = {};
  for (const [name, shape] of weightShapes(config)) nodes[name] = state(name, shape) as Node<"state">;
  return nodes;
}

/**
 * Throws unless every weight of the config is there with its shape.
 *
 * @throws NameError   for one that is missing
 * @throws ShapeError  for one of another shape
 */
export function checkWeightNodes(config: ModelConfig, weights: Readonly<Record<string, Node>>): void {
  for (const [name, shape] of weightShapes(config)) {
    const node = weights[name];
    if (node === undefined)
      throw new NameError({
        where: `weight "${name}"`,
        rule: "the config asks for it, but it is not among the weights",
        got: `${Object.keys(weights).length} weights`,
        wayOut: `Nearest: ${JSON.stringify(nearest(name, Object.keys(weights)))}.`,
      });
    if (!sameShape(node.shape, shape))
      throw new ShapeError({
        where: `weight "${name}"`,
        rule: `must have shape ${showShape(shape)}`,
        got: showShape(node.shape),
        wayOut: "Make it for the same config.",
      });
  }
}

/**
 * Number of models that weights hold.
 *
 * @throws ArgumentError if names are missing or unknown, or the arrays disagree
 */
export function modelCount(config: ModelConfig, weights: Weights): number {
  const shapes = weightShapes(config);
  const extra = Object.keys(weights).find((name) => !shapes.has(name));
  if (extra !== undefined)
    throw new ArgumentError({
      where: `weight "${extra}"`,
      rule: "this config has no such weight",
      wayOut: `Nearest: ${JSON.stringify(nearest(extra, shapes.keys()))}.`,
    });
  let models: number | undefined;
  for (const [name, shape] of shapes) {
    const count = (weights[name]?.length ?? 0) / sizeOf(shape);
    models ??= count;
    if (count !== models || !Number.isInteger(count) || count === 0)
      throw new ArgumentError({
        where: `weight "${name}"`,
        rule: `must hold ${showShape(shape)} for the same number of models as the others`,
        got: `${weights[name]?.length ?? "no"} values`,
      });
  }
  return models ?? 0;
}

/**
 * Weights of several populations one after the other along the model axis, in the order given; float64 if one of them is.
 *
 * @throws ArgumentError if there is none, or one does not fit the config
 */
export function stackWeights(config: ModelConfig, parts: readonly Weights[]): Weights {
  if (parts.length === 0)
    throw new ArgumentError({ where: "population", rule: "needs at least one model", got: "none" });
  for (const part of parts) modelCount(config, part);
  const stacked: Record<string, Float32Array | Float64Array> = {};
  for (const name of weightShapes(config).keys()) {
    const total = parts.reduce((sum, part) => sum + part[name].length, 0);
    const wide = parts.some((part) => part[name] instanceof Float64Array);
    const values = wide ? new Float64Array(total) : new Float32Array(total);
    let start = 0;
    for (const part of parts) {
      values.set(part[name], start);
      start += part[name].length;
    }
    stacked[name] = values;
  }
  return stacked;
}

/** A population of one: the weights of one model of a population, copied, in their element type. */
export function weightsOfModel(config: ModelConfig, weights: Weights, model: number): Weights {
  const models = modelCount(config, weights);
  if (!(Number.isInteger(model) && model >= 0 && model < models))
    throw new ArgumentError({
      where: "model",
      rule: `must be a whole number, 0 to ${models - 1}`,
      got: String(model),
    });
  const one: Record<string, Float32Array | Float64Array> = {};
  for (const [name, shape] of weightShapes(config)) {
    const size = sizeOf(shape);
    one[name] = weights[name].slice(model * size, (model + 1) * size);
  }
  return one;
}
