/**
 * Residual decomposition and direct logit attribution: the final stream, and the logits, as sums of what each component
 * wrote.
 *
 * With pre-LN or without norms the stream is a plain sum: embeddings plus what every sublayer added.
 *
 * With post-LN every half of a block renormalises the whole stream, so a part that was written early is centred, divided
 * and weighted again at every norm after it. Here each norm is frozen, as the final norm of direct logit attribution
 * always is: a part p goes on as w · (p − mean p) / s, with s the scale that the whole stream had in this run, and the
 * norm's bias is a component of its own. The parts then add up exactly, but what they say is conditional on the scales:
 * a component also acts by changing s, and that share is in no part. A norm of the embeddings is treated likewise. An RMS
 * norm does not centre and has no bias: p goes on as w · p / s.
 */
import { integerIn } from "../base/check.ts";
import type { TensorData } from "../graph/backend.ts";
import { hasBias, type ModelConfig } from "../model/config.ts";
import { type SiteName, sitesOf } from "../model/hookPoints.ts";
import { type ActivationCache, cached, requireFresh } from "./activationCache.ts";
import type { LensSource } from "./logitLens.ts";
import type { TokenChoice } from "./metrics.ts";
import type { Network } from "./network.ts";
import { runPass } from "./pass.ts";
import { requireLinearUnembedding } from "./streamNorms.ts";
import type { Tensor } from "./tensor.ts";

/** How fine a decomposition is. */
export interface DecompositionOptions {
  /** Attention by head (`L0H1`) and its bias (`0_attn_bias`) instead of `0_attn_out`. */
  heads?: boolean;
  /** The MLP by neuron (`L0N17`) and its bias (`0_mlp_bias`) instead of `0_mlp_out`. Large: dMlp components a layer. */
  neurons?: boolean;
}

/** The final residual stream in parts. */
export interface Decomposition {
  /** Names of the parts: the component axis. `embed`, `pos_embed`, `0_attn_out`, `0_mlp_out`, …; `0_ln1_bias` in post-LN, `embed_ln_bias` of a norm of embeddings. */
  readonly components: readonly string[];
  /** [model, component, batch, pos, dModel], before the final norm; summed over components it is the stream. */
  readonly parts: Tensor;
  /** Largest difference between the sum and the stream of the run: rounding, unless an edit changed the stream itself. */
  readonly error: number;
}

/** The logits in parts. */
export interface Attribution {
  /** As in {@link Decomposition}, and `bias`: what the final norm's and the unembedding's biases give. */
  readonly components: readonly string[];
  /** [model, component, batch, pos], in logits; summed over components it is the logit, or the logit difference. */
  readonly logits: Tensor;
}

/** Parts of a stream, each [model, batch, pos, dModel]. */
type Parts = Map<string, Float64Array>;

/**
 * What every component wrote to the final residual stream.
 *
 * @param source  tokens, or a cache that holds {@link decompositionSites}
 * @throws NameError      if a cache lacks a site
 * @throws ArgumentError  for a stale cache
 */
export async function residualDecomposition(
  network: Network,
  source: LensSource,
  options: DecompositionOptions = {},
): Promise<Decomposition> {
  const cache = await cacheFor(network, source, options);
  const parts = await partsOf(network, cache, options);
  const { config, models } = network;
  const size = models * cache.batch * cache.pos * config.dModel;
  const total = new Float64Array(size);
  for (const part of parts.values()) for (let i = 0; i < size; i++) total[i] += part[i];
  // without blocks the stream is the sum of the embeddings and no site shows it
  const stream = config.nLayers === 0 ? total : cached(cache, finalStream(config)).data;
  let error = 0;
  for (let i = 0; i < size; i++) error = Math.max(error, Math.abs(total[i] - stream[i]));
  const shape = [models, parts.size, cache.batch, cache.pos, config.dModel];
  const data = joined(parts, models, size / models);
  return {
    components: [...parts.keys()],
    parts: { axes: ["model", "component", "batch", "pos", "dModel"], shape, data },
    error,
  };
}

/**
 * Direct logit attribution: what every component adds to a token's logit, or to the difference of two, with the final
 * norm frozen.
 *
 *   logit[token] = Σ_component w · (part − mean part) / scale · W_U[·, token] + b · W_U[·, token] + b_U[token]
 *
 * @param token  for all batch rows, or one for each
 * @param other  its logit is subtracted
 * @throws NameError      if a cache lacks a site
 * @throws ArgumentError  for a token outside the vocabulary, a stale cache, or a model with mlmHead, whose logits are no
 *                        sum of what components wrote
 */
export async function directLogitAttribution(
  network: Network,
  source: LensSource,
  { token, other, ...options }: DecompositionOptions & { token: TokenChoice; other?: TokenChoice },
): Promise<Attribution> {
  const { config, models } = network;
  const { dModel, dVocab } = config;
  requireLinearUnembedding("direct logit attribution", config);
  const cache = await cacheFor(network, source, options);
  const { batch, pos } = cache;
  const parts = await partsOf(network, cache, options);
  const bias = new Float64Array(models * batch * pos * dModel);
  if (config.finalNorm) {
    await renormalise(network, cache, parts, "ln_final");
    if (hasBias(config, "norm")) repeat(bias, await network.session.read("ln_final.b"), models, dModel);
  }
  parts.set("bias", bias);
  const unembedding = await network.session.read(config.tiedUnembed ? "embed.W_E" : "unembed.W_U");
  const bU = hasBias(config, "unembed") ? await network.session.read("unembed.b_U") : undefined;
  const weightAt = (model: number, unit: number, to: number) =>
    unembedding[model * dModel * dVocab + (config.tiedUnembed ? to * dModel + unit : unit * dVocab + to)];
  const chosen = (choice: TokenChoice, row: number) =>
    integerIn("attribution, token", typeof choice === "number" ? choice : (choice[row] ?? -1), 0, dVocab - 1);

  const places = models * batch * pos;
  const logits: Parts = new Map();
  for (const [name, part] of parts) {
    const values = new Float64Array(places);
    for (let place = 0; place < places; place++) {
      const row = Math.floor(place / pos) % batch;
      const model = Math.floor(place / (batch * pos));
      const to = chosen(token, row);
      const from = other === undefined ? undefined : chosen(other, row);
      for (let unit = 0; unit < dModel; unit++) {
        const direction = weightAt(model, unit, to) - (from === undefined ? 0 : weightAt(model, unit, from));
        values[place] += part[place * dModel + unit] * direction;
      }
      if (name === "bias" && bU !== undefined)
        values[place] += bU[model * dVocab + to] - (from === undefined ? 0 : bU[model * dVocab + from]);
    }
    logits.set(name, values);
  }
  return {
    components: [...parts.keys()],
    logits: {
      axes: ["model", "component", "batch", "pos"],
      shape: [models, parts.size, batch, pos],
      data: joined(logits, models, places / models),
    },
  };
}

/** The sites that a cache must hold for {@link residualDecomposition} and {@link directLogitAttribution}. */
export function decompositionSites(config: ModelConfig, options: DecompositionOptions = {}): SiteName[] {
  const { heads = false, neurons = false } = options;
  const wanted = [
    /^hook_(pos_|token_type_)?embed$/,
    /^embed\.ln\.hook_scale$/,
    heads ? /hook_z$/ : /hook_attn_out$/,
    neurons ? /mlp\.hook_post$/ : /hook_mlp_out$/,
    /^ln_final\.hook_scale$/,
    ...(config.normalization === "post" ? [/ln[12]\.hook_scale$/] : []),
  ];
  const last = finalStream(config);
  return [...sitesOf(config).keys()].filter(
    (name) => name === last || wanted.some((form) => form.test(name)),
  );
}

const finalStream = (config: ModelConfig): SiteName => `blocks.${config.nLayers - 1}.hook_resid_post`;

async function cacheFor(
  network: Network,
  source: LensSource,
  options: DecompositionOptions,
): Promise<ActivationCache> {
  const sites = decompositionSites(network.config, options);
  if (!("names" in source)) return (await runPass(network, source, { sites })).cache;
  requireFresh(network, source);
  return source;
}

/** What each component wrote, as it stands in the final stream. */
async function partsOf(
  network: Network,
  cache: ActivationCache,
  { heads = false, neurons = false }: DecompositionOptions,
): Promise<Parts> {
  const { config } = network;
  const parts: Parts = new Map();
  const take = (label: string, site: SiteName) =>
    parts.set(label, Float64Array.from(cached(cache, site).data));
  const norm = async (layer: number, which: "ln1" | "ln2") => {
    if (config.normalization !== "post") return;
    await renormalise(network, cache, parts, `blocks.${layer}.${which}`);
    if (hasBias(config, "norm"))
      await putBias(network, cache, parts, `${layer}_${which}_bias`, `blocks.${layer}.${which}.b`);
  };
  take("embed", "hook_embed");
  if (config.positions === "learned" || config.positions === "sinusoidal")
    take("pos_embed", "hook_pos_embed");
  if ((config.dSegments ?? 0) > 0) take("token_type_embed", "hook_token_type_embed");
  if (config.embedNorm) {
    await renormalise(network, cache, parts, "embed.ln");
    if (hasBias(config, "norm")) await putBias(network, cache, parts, "embed_ln_bias", "embed.ln.b");
  }
  for (let layer = 0; layer < config.nLayers; layer++) {
    if (!config.mlpOnly) {
      if (heads) await putHeads(network, cache, parts, layer);
      else take(`${layer}_attn_out`, `blocks.${layer}.hook_attn_out`);
      await norm(layer, "ln1");
    }
    if (!config.attnOnly) {
      if (neurons) await putNeurons(network, cache, parts, layer);
      else take(`${layer}_mlp_out`, `blocks.${layer}.hook_mlp_out`);
      await norm(layer, "ln2");
    }
  }
  return parts;
}

/** Every part through a norm whose scale is that of the whole stream: w · (p − mean p) / s, an RMS norm's w · p / s. */
async function renormalise(
  network: Network,
  cache: ActivationCache,
  parts: Parts,
  norm: string,
): Promise<void> {
  const { config, models } = network;
  const { dModel } = config;
  const scales = cached(cache, `${norm}.hook_scale`).data;
  const weight = await network.session.read(`${norm}.w`);
  const rows = scales.length / models;
  for (const part of parts.values())
    for (const [row, scale] of scales.entries()) {
      const values = part.subarray(row * dModel, (row + 1) * dModel);
      let mean = 0;
      if (config.normKind !== "rmsNorm") for (const value of values) mean += value / dModel;
      const first = Math.floor(row / rows) * dModel;
      for (let unit = 0; unit < dModel; unit++)
        values[unit] = (weight[first + unit] * (values[unit] - mean)) / scale;
    }
}

/** A head's z through its rows of W_O; without W_O its z stands in its own dimensions of the stream. */
async function putHeads(
  network: Network,
  cache: ActivationCache,
  parts: Parts,
  layer: number,
): Promise<void> {
  const { config, models } = network;
  const { nHeads, dHead, dModel } = config;
  const z = cached(cache, `blocks.${layer}.attn.hook_z`).data; // [model, batch, pos, head, dHead]
  const projected = config.attention === "projected";
  const wO = projected ? await network.session.read(`blocks.${layer}.attn.W_O`) : undefined; // [model, head, dHead, dModel]
  const rows = models * cache.batch * cache.pos;
  for (let head = 0; head < nHeads; head++) {
    const part = new Float64Array(rows * dModel);
    for (let row = 0; row < rows; row++) {
      const model = Math.floor((row * models) / rows);
      for (let i = 0; i < dHead; i++) {
        const value = z[(row * nHeads + head) * dHead + i];
        if (wO === undefined) part[row * dModel + head * dHead + i] = value;
        else addRow(part, row, value, wO, (model * nHeads + head) * dHead + i, dModel);
      }
    }
    parts.set(`L${layer}H${head}`, part);
  }
  if (projected && hasBias(config, "attnOut"))
    await putBias(network, cache, parts, `${layer}_attn_bias`, `blocks.${layer}.attn.b_O`);
}

async function putNeurons(
  network: Network,
  cache: ActivationCache,
  parts: Parts,
  layer: number,
): Promise<void> {
  const { config, models } = network;
  const { dMlp, dModel } = config;
  const post = cached(cache, `blocks.${layer}.mlp.hook_post`).data; // [model, batch, pos, dMlp]
  const wOut = await network.session.read(`blocks.${layer}.mlp.W_out`); // [model, dMlp, dModel]
  const rows = models * cache.batch * cache.pos;
  for (let neuron = 0; neuron < dMlp; neuron++) {
    const part = new Float64Array(rows * dModel);
    for (let row = 0; row < rows; row++)
      addRow(
        part,
        row,
        post[row * dMlp + neuron],
        wOut,
        Math.floor((row * models) / rows) * dMlp + neuron,
        dModel,
      );
    parts.set(`L${layer}N${neuron}`, part);
  }
  if (hasBias(config, "mlp"))
    await putBias(network, cache, parts, `${layer}_mlp_bias`, `blocks.${layer}.mlp.b_out`);
}

/** part[row] += by · matrix[from], rows of dModel numbers. */
function addRow(
  part: Float64Array,
  row: number,
  by: number,
  matrix: TensorData,
  from: number,
  dModel: number,
): void {
  for (let unit = 0; unit < dModel; unit++) part[row * dModel + unit] += by * matrix[from * dModel + unit];
}

async function putBias(
  network: Network,
  cache: ActivationCache,
  parts: Parts,
  label: string,
  weight: string,
): Promise<void> {
  const { dModel } = network.config;
  const part = new Float64Array(network.models * cache.batch * cache.pos * dModel);
  repeat(part, await network.session.read(weight), network.models, dModel);
  parts.set(label, part);
}

/** A bias [model, dModel] at every row and position of its model. */
function repeat(into: Float64Array, bias: TensorData, models: number, dModel: number): void {
  const each = into.length / models;
  for (let i = 0; i < into.length; i++) into[i] = bias[Math.floor(i / each) * dModel + (i % dModel)];
}

/** Parts [model, …] side by side: [model, component, …]. */
function joined(parts: Parts, models: number, each: number): Float64Array {
  const data = new Float64Array(models * parts.size * each);
  let component = 0;
  for (const part of parts.values()) {
    for (let model = 0; model < models; model++)
      data.set(part.subarray(model * each, (model + 1) * each), (model * parts.size + component) * each);
    component++;
  }
  return data;
}
