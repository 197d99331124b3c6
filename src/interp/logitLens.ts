/**
 * The logit lens: what the network would answer if the residual stream were read off at each site.
 *
 * Where the model has a final layer norm, a stream from earlier on must pass it, and there are two ways:
 *
 *   recomputed   the norm of that stream itself:         (x − mean x) / sqrt(var x + eps)
 *   frozen       divided by the final stream's scale:    (x − mean x) / sqrt(var x_last + eps)
 *
 * then times the norm's weight, plus its bias, then the unembedding with its bias. Recomputed is what the model would
 * answer with that stream; frozen is linear in the stream, so parts of it add up to the whole, and it is what direct
 * logit attribution uses. At the last site they agree with each other and with the model.
 *
 * Without a final norm both are the plain unembedding. In a post-LN model every stream after a block's half is already
 * the output of a layer norm, and the last block's is what the unembedding reads, so nothing is missing; only
 * `blocks.0.hook_resid_pre` is a sum of embeddings that no norm has seen, unless the model has a norm of embeddings.
 *
 * An RMS norm does the same without taking the mean away. With mlmHead every stream is read through that head, since the
 * unembedding reads nothing else; then neither lens is linear.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError, unknownName } from "../base/errors.ts";
import type { RunInputs } from "../graph/backend.ts";
import { input } from "../graph/build.ts";
import { makeGraph } from "../graph/graph.ts";
import type { Node } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { resolveSites, type Site, type SiteName, type SiteSelector, sitesOf } from "../model/hookPoints.ts";
import { applyNorm } from "../model/norm.ts";
import { unembed } from "../model/transformer.ts";
import { weightNodes } from "../model/weights.ts";
import { type ActivationCache, cached, requireFresh } from "./activationCache.ts";
import { logProbabilities } from "./metrics.ts";
import type { Network } from "./network.ts";
import { runPass } from "./pass.ts";
import { emptyLike, type Tensor } from "./tensor.ts";
import type { Tokens } from "./tokens.ts";

/** How the final layer norm is applied to a stream that is not the final one. */
export type LensNorm = "recomputed" | "frozen";

/** What a lens read. */
export interface LensResult {
  /** Which lens it was. `original` is the original study's, see {@link originalLens}. */
  readonly lens: LensNorm | "original";
  /** In firing order: the site axis of the tensors. */
  readonly sites: readonly SiteName[];
  /** [model, site, batch, pos, dVocab] */
  readonly logits: Tensor;
  /** ln softmax of the logits, in nats, [model, site, batch, pos, dVocab]. */
  readonly logProbs: Tensor;
}

/** The `k` most probable tokens at each place, the likeliest first; of equals the smaller token. */
export interface TopTokens {
  readonly k: number;
  /** [model, site, batch, pos, k] */
  readonly tokens: Int32Array;
  /** Their probabilities, [model, site, batch, pos, k]. */
  readonly probabilities: Float64Array;
}

/** A run to read, or the tokens to make one. */
export type LensSource = ActivationCache | Tokens;

/** Every stream that a block reads or leaves, each once: `resid_pre` of a later block is `resid_post` of the one before. */
function residualSites(config: ModelConfig): Site[] {
  return [...sitesOf(config).values()].filter(
    ({ name, layer }) =>
      /hook_resid_(mid|post)$/.test(name) || (layer === 0 && name.endsWith("hook_resid_pre")),
  );
}

/**
 * Logit lens, by default at every residual site: `blocks.0.hook_resid_pre`, then `resid_mid` and `resid_post` of every
 * block. The last `resid_post` gives the model's own logits.
 *
 * @param source  tokens, or a cache that holds the sites (and, frozen, `ln_final.hook_scale`)
 * @param norm    see the head of this file; without a final norm it makes no difference
 * @param sites   residual streams; of a cache, by default those of the above that it holds
 * @throws ArgumentError  for a site that is no stream, a model without blocks, a stale cache
 * @throws NameError      for a site that does not exist or was not cached
 */
export async function logitLens(
  network: Network,
  source: LensSource,
  { norm, sites }: { norm: LensNorm; sites?: readonly SiteSelector[] },
): Promise<LensResult> {
  if (norm !== "recomputed" && norm !== "frozen")
    throw unknownName("logit lens, norm", String(norm), ["recomputed", "frozen"]);
  const { config } = network;
  const streams = lensSites(network, source, sites, residualSites(config));
  for (const { name } of streams)
    if (!/hook_resid_(pre|mid|post)$/.test(name))
      throw new ArgumentError({
        where: `logit lens at "${name}"`,
        rule: "reads residual streams",
        wayOut:
          "Take hook_resid_pre, hook_resid_mid or hook_resid_post; originalLens reads sublayers' outputs.",
      });
  const frozen = norm === "frozen" && config.finalNorm;
  const cache = await cacheOf(
    network,
    source,
    frozen ? [...streams.map(nameOf), "ln_final.hook_scale"] : streams.map(nameOf),
  );
  return readThrough(network, cache, {
    lens: norm,
    names: streams.map(nameOf),
    frozen,
    normed: config.finalNorm,
  });
}

/**
 * The original study's variant, for comparison: the outputs of attention and MLP, not the stream, through the plain
 * unembedding.
 *
 * A sublayer's output is a change of the stream and not a stream; the unembedding's bias and the missing norm make its
 * logits no distribution that the model would answer with. Use {@link logitLens} to ask what a network knows where.
 *
 * @param sites  outputs of sublayers, by default `hook_attn_out` and `hook_mlp_out` of every block
 */
export async function originalLens(
  network: Network,
  source: LensSource,
  { sites }: { sites?: readonly SiteSelector[] } = {},
): Promise<LensResult> {
  const isOutput = ({ name }: Site) => /hook_(attn|mlp)_out$/.test(name);
  const outputs = lensSites(network, source, sites, [...sitesOf(network.config).values()].filter(isOutput));
  const other = outputs.find((site) => !isOutput(site));
  if (other !== undefined)
    throw new ArgumentError({
      where: `original lens at "${other.name}"`,
      rule: "reads the outputs of sublayers",
      wayOut: "Take hook_attn_out or hook_mlp_out; logitLens reads residual streams.",
    });
  const names = outputs.map(nameOf);
  return readThrough(network, await cacheOf(network, source, names), {
    lens: "original",
    names,
    frozen: false,
    normed: false,
  });
}

/**
 * The most probable tokens of a lens.
 *
 * @param k  1 to dVocab
 */
export function topTokens({ logProbs }: LensResult, k: number): TopTokens {
  const dVocab = logProbs.shape[4];
  integerIn("top tokens, k", k, 1, dVocab);
  const rows = logProbs.data.length / dVocab;
  const tokens = new Int32Array(rows * k);
  const probabilities = new Float64Array(rows * k);
  for (let row = 0; row < rows; row++) {
    const values = logProbs.data.subarray(row * dVocab, (row + 1) * dVocab);
    const order = Array.from(values, (_, token) => token).sort((a, b) => values[b] - values[a] || a - b);
    for (let place = 0; place < k; place++) {
      tokens[row * k + place] = order[place];
      probabilities[row * k + place] = Math.exp(values[order[place]]);
    }
  }
  return { k, tokens, probabilities };
}

const nameOf = ({ name }: Site): SiteName => name;
const isCache = (source: LensSource): source is ActivationCache => "names" in source;

function lensSites(
  { config }: Network,
  source: LensSource,
  selectors: readonly SiteSelector[] | undefined,
  defaults: readonly Site[],
): readonly Site[] {
  const kept = isCache(source) ? defaults.filter(({ name }) => source.has(name)) : defaults;
  const sites = selectors === undefined ? kept : resolveSites(config, selectors);
  if (sites.length > 0) return sites;
  throw new ArgumentError({
    where: "lens",
    rule: "needs at least one site to read",
    got: isCache(source) ? `a cache of ${source.names.join(", ")}` : `a model of ${config.nLayers} layers`,
    wayOut: defaults.length > 0 ? `Cache ${JSON.stringify(defaults[0].name)}.` : undefined,
  });
}

async function cacheOf(
  network: Network,
  source: LensSource,
  sites: readonly SiteName[],
): Promise<ActivationCache> {
  if (!isCache(source)) return (await runPass(network, source, { sites })).cache;
  requireFresh(network, source);
  return source;
}

interface Reading {
  lens: LensResult["lens"];
  names: readonly SiteName[];
  frozen: boolean;
  normed: boolean;
}

async function readThrough(
  network: Network,
  cache: ActivationCache,
  { lens, names, frozen, normed }: Reading,
): Promise<LensResult> {
  const { config, models } = network;
  const { batch, pos } = cache;
  const program = network.program(JSON.stringify(["lens", batch, pos, frozen, normed]), () => {
    const stream = input("stream", [batch, pos, config.dModel]);
    const weights = weightNodes(config);
    const scale = frozen ? input("scale", [batch, pos, 1]) : undefined;
    const read = normed ? finalNorm(config, weights, stream, scale) : stream; // [batch, pos, dModel]
    return makeGraph({ outputs: { logits: unembed(config, weights, read) } });
  });
  const scale: RunInputs = frozen ? { scale: cached(cache, "ln_final.hook_scale").data } : {};
  const rows = batch * pos * config.dVocab;
  const first = cached(cache, names[0]).data;
  const logits = emptyLike(first, models * names.length * rows);
  for (const [site, name] of names.entries()) {
    const out = (await program.run({ stream: cached(cache, name).data, ...scale })).logits; // [model, batch, pos, dVocab]
    for (let model = 0; model < models; model++)
      logits.set(out.subarray(model * rows, (model + 1) * rows), (model * names.length + site) * rows);
  }
  const logProbs = new Float64Array(logits.length);
  for (let at = 0; at < logits.length; at += config.dVocab)
    logProbs.set(logProbabilities(logits.subarray(at, at + config.dVocab)), at);
  const frame = {
    axes: ["model", "site", "batch", "pos", "dVocab"],
    shape: [models, names.length, batch, pos, config.dVocab],
  } as const;
  return { lens, sites: names, logits: { ...frame, data: logits }, logProbs: { ...frame, data: logProbs } };
}

/** The model's final norm of a stream, by its own scale or by a given one. */
function finalNorm(
  config: ModelConfig,
  weights: Readonly<Record<string, Node>>,
  stream: Node,
  scale: Node | undefined,
): Node {
  const at = (name: SiteName, node: Node) =>
    scale !== undefined && name === "ln_final.hook_scale" ? scale : node;
  return applyNorm(config, weights, "ln_final", stream, at);
}
