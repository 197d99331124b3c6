/** What each network's weights, activations, attention and predictions look like before anything is asked of them. */
import { randomStream } from "../../base/random.ts";
import { latinBlocks } from "../../data/probes.ts";
import { type ActivationScale, activationScale } from "../../features/activationScale.ts";
import { type AttentionSpread, attentionTally } from "../../features/attentionSpread.ts";
import { visitActivations } from "../../features/siteActivations.ts";
import { type WeightMoments, weightMoments } from "../../features/weightMoments.ts";
import { sizeOf } from "../../graph/node.ts";
import type { Network } from "../../interp/network.ts";
import type { ModelConfig } from "../../model/config.ts";
import { hook, type SiteName, sitesOf } from "../../model/hookPoints.ts";
import { weightShapes } from "../../model/weights.ts";
import type { ExperimentSetup } from "./section.ts";

/** One head's attention. */
export interface HeadSpread extends AttentionSpread {
  readonly layer: number;
  readonly head: number;
}

/** Predictions of one network, means over all positions of the probe. */
export interface PredictionSpread {
  /** Entropy of the prediction, nats. */
  readonly entropy: number;
  /** ln V − entropy: divergence from a uniform prediction, nats. */
  readonly deficit: number;
  /** Half the variance of the logits over the vocabulary: the deficit to second order. */
  readonly secondOrder: number;
  /** Largest probability. */
  readonly confidence: number;
}

/** One network. */
export interface InitialisationModel {
  readonly seed: number;
  /** In the order of `weightShapes`. */
  readonly weights: readonly WeightMoments[];
  /** In firing order. */
  readonly activations: readonly ActivationScale[];
  readonly heads: readonly HeadSpread[];
  readonly prediction: PredictionSpread;
}

/** Sites whose activations are measured: embeddings, streams, norms, what sublayers read, compute and write, logits. */
export function scaleSites(config: ModelConfig): SiteName[] {
  const parts = ["attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_z", "hook_attn_out"];
  const mlp = ["mlp.hook_pre", "mlp.hook_pre_linear", "mlp.hook_post", "hook_mlp_out"];
  const others = ["hook_resid_mid", ...mlp, "hook_resid_post"];
  return [...sitesOf(config).values()]
    .filter(({ name, layer }) => {
      if (name.endsWith(".hook_normalized")) return true;
      if (layer === undefined) return !name.endsWith(".hook_scale");
      const part = name.slice(`blocks.${layer}.`.length);
      return [...parts, ...others].includes(part) || (layer === 0 && part === "hook_resid_pre");
    })
    .map(({ name }) => name);
}

/**
 * Moments of weights and activations, attention and predictions of every model, on one balanced probe.
 *
 * @throws ArgumentError if the setup does not fit the network
 */
export async function measureInitialisation(
  network: Network,
  setup: ExperimentSetup,
): Promise<InitialisationModel[]> {
  const { config, nPos, blocks, seeds } = setup;
  const { dVocab, nHeads, causal } = config;
  const stream = randomStream("experiments", "initialisation", "probe");
  const probe = latinBlocks({ dVocab, nPos, blocks, stream });
  const weights = seeds.map((): WeightMoments[] => []);
  for (const [name, shape] of weightShapes(config)) {
    const values = await network.session.read(name);
    const size = sizeOf(shape);
    for (const [model, own] of weights.entries())
      own.push(weightMoments(name, values.subarray(model * size, (model + 1) * size)));
  }
  const activations = await activationScale(network, probe, scaleSites(config));
  const patterns = nPos > 1 ? patternSites(config) : [];
  const tallies = seeds.map(() => patterns.map(() => tallyHeads(nHeads, nPos, causal)));
  const totals = seeds.map(() => ({ entropy: 0, secondOrder: 0, confidence: 0 }));
  await visitActivations(network, probe, [...patterns, hook.logits], ({ model, site, rows, values }) => {
    const layer = patterns.indexOf(site);
    if (layer < 0) {
      addPredictions(totals[model], values, dVocab);
      return;
    }
    const size = nPos * nPos;
    for (let row = 0; row < rows; row++)
      for (let head = 0; head < nHeads; head++) {
        const from = (row * nHeads + head) * size;
        tallies[model][layer][head].add(values.subarray(from, from + size));
      }
  });
  const layers = patterns.map((site) => sitesOf(config).get(site)?.layer as number);
  const count = probe.count * nPos;
  return seeds.map((seed, model) => {
    const { entropy, secondOrder, confidence } = totals[model];
    return {
      seed,
      weights: weights[model],
      activations: activations[model],
      heads: tallies[model].flatMap((heads, i) =>
        heads.map((tally, head) => ({ layer: layers[i], head, ...tally.spread() })),
      ),
      prediction: {
        entropy: entropy / count,
        deficit: Math.log(dVocab) - entropy / count,
        secondOrder: secondOrder / count,
        confidence: confidence / count,
      },
    };
  });
}

function patternSites(config: ModelConfig): SiteName[] {
  return [...sitesOf(config).keys()].filter((name) => name.endsWith(".attn.hook_pattern"));
}

function tallyHeads(nHeads: number, nPos: number, causal: boolean) {
  return Array.from({ length: nHeads }, () => attentionTally(nPos, { causal }));
}

/** Adds entropy, half the variance of the logits, and the largest probability of every prediction. */
function addPredictions(
  totals: { entropy: number; secondOrder: number; confidence: number },
  logits: Float32Array | Float64Array,
  dVocab: number,
): void {
  for (let from = 0; from < logits.length; from += dVocab) {
    const row = logits.subarray(from, from + dVocab);
    let [most, mean] = [Number.NEGATIVE_INFINITY, 0];
    for (const value of row) {
      if (value > most) most = value;
      mean += value / dVocab;
    }
    let [sum, weighted, variance] = [0, 0, 0];
    for (const value of row) {
      const weight = Math.exp(value - most); // the largest is 1: no overflow
      sum += weight;
      weighted += weight * (value - most);
      variance += (value - mean) ** 2 / dVocab;
    }
    totals.entropy += Math.log(sum) - weighted / sum;
    totals.secondOrder += variance / 2;
    totals.confidence += 1 / sum;
  }
}
