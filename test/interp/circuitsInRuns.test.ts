/** Weight circuits against forward passes: what they claim of scores, outputs and logits is what a run does. */

import { describe, expect, test } from "vitest";
import { inTurn } from "../../src/base/inTurn.ts";
import { collapse } from "../../src/interp/factoredMatrix.ts";
import { ovCircuits, qkCircuits } from "../../src/interp/headCircuits.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { directLogitAttribution } from "../../src/interp/residualDecomposition.ts";
import { runWithCache } from "../../src/interp/run.ts";
import { attentionAt, normsOnTheWay, unembeddingAt } from "../../src/interp/streamNorms.ts";
import { pick } from "../../src/interp/tensor.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { type SiteSelector, sitesOf } from "../../src/model/hookPoints.ts";
import { BATCH, backends, POS, tiny, tokens, weightsFor } from "./networks.ts";

/** The reference backend and the circuits are float64, in another order of sums. */
const FLOAT64 = 1e-10;
const MODELS = 2;

const base: ModelConfig = { ...presets.causal, ...tiny, biases: false };
const configs: Record<string, ModelConfig> = {
  "no norms": { ...base, normalization: "none" },
  "no norms, sinusoidal, tied, bidirectional": {
    ...base,
    ...{ normalization: "none", positions: "sinusoidal", tiedUnembed: true, causal: false },
  },
  "pre-LN with a final norm": { ...base, normalization: "pre", finalNorm: true },
  "post-LN": base,
  "post-LN with a final norm, attention only": { ...base, finalNorm: true, attnOnly: true },
  "post-LN, parameter-free, no positions": { ...base, attention: "parameterFree", positions: "none" },
};

describe.each(Object.entries(configs))("%s", async (_, config) => {
  const { nHeads, nLayers, dHead, dModel, dVocab } = config;
  const network = openNetwork(backends.reference, config, weightsFor(config, MODELS));
  const wanted = /hook_scale$|hook_pattern$|hook_attn_scores$|hook_resid_pre$|hook_attn_out$/;
  const sites = [...sitesOf(config).keys()].filter((name) => wanted.test(name)) as SiteSelector[];
  const { cache } = await runWithCache(network, tokens, { sites });
  const places = Array.from({ length: MODELS * BATCH }, (_, i) => [Math.floor(i / BATCH), i % BATCH]);
  /** Product of the scales of norms at every position of one row. */
  const scales = (norms: readonly string[], model: number, batch: number) =>
    norms
      .map(
        (norm) =>
          cache.get(`${norm}.hook_scale` as SiteSelector & "ln_final.hook_scale", { model, batch }).data,
      )
      .reduce<number[]>((all, one) => all.map((s, pos) => s * one[pos]), new Array(POS).fill(1));
  const folded = (from: number, to: number) =>
    normsOnTheWay(config, { from, to, norms: "folded" }).map(({ name }) => name);

  test("pattern times full OV circuit is the first heads' part of every logit", async () => {
    const fromTokens = await ovCircuits(network, { from: "tokens", to: "logits", layers: 0 });
    const fromPositions =
      config.positions === "none"
        ? undefined
        : await ovCircuits(network, { from: "positions", to: "logits", layers: 0 });
    for (let token = 0; token < dVocab; token++) {
      const { components, logits } = await directLogitAttribution(network, tokens, { token, heads: true });
      for (const [i, { model, head, matrix }] of fromTokens.entries()) {
        const byToken = collapse(matrix).data;
        const byPosition = fromPositions === undefined ? undefined : collapse(fromPositions[i].matrix).data;
        for (let batch = 0; batch < BATCH; batch++) {
          const part = pick(logits, { model, batch, component: components.indexOf(`L0H${head}`) }).data;
          const pattern = cache.get("blocks.0.attn.hook_pattern", { model, batch, head }).data;
          const before = scales(folded(attentionAt(0), attentionAt(0)), model, batch);
          const after = scales(folded(attentionAt(0), unembeddingAt(config)), model, batch);
          for (let query = 0; query < POS; query++) {
            let sum = 0;
            for (let key = 0; key < POS; key++) {
              const source =
                byToken[tokens[batch][key] * dVocab + token] + (byPosition?.[key * dVocab + token] ?? 0);
              sum += (pattern[query * POS + key] * source) / (before[key] * after[query]);
            }
            expect(Math.abs(sum - part[query])).toBeLessThan(FLOAT64);
          }
        }
      }
    }
  });

  test("the stream through QK circuits gives every attention score, through OV circuits every output", async () => {
    const qk = await qkCircuits(network);
    const ov = await ovCircuits(network);
    for (let layer = 0; layer < nLayers; layer++)
      for (const [model, batch] of places) {
        const stream = cache.get(`blocks.${layer}.hook_resid_pre`, { model, batch }).data;
        const scale = scales(folded(attentionAt(layer), attentionAt(layer)), model, batch);
        const output = new Float64Array(POS * dModel);
        for (let head = 0; head < nHeads; head++) {
          const which = (model * nLayers + layer) * nHeads + head;
          expect(qk[which]).toMatchObject({ model, layer, head });
          const bilinear = collapse(qk[which].matrix).data;
          const moved = collapse(ov[which].matrix).data;
          const found = cache.get(`blocks.${layer}.attn.hook_attn_scores`, { model, batch, head }).data;
          const pattern = cache.get(`blocks.${layer}.attn.hook_pattern`, { model, batch, head }).data;
          for (let query = 0; query < POS; query++)
            for (let key = 0; key < POS; key++) {
              let score = 0;
              for (let i = 0; i < dModel; i++)
                for (let j = 0; j < dModel; j++) {
                  score += stream[query * dModel + i] * bilinear[i * dModel + j] * stream[key * dModel + j];
                  output[query * dModel + j] +=
                    (pattern[query * POS + key] * stream[key * dModel + i] * moved[i * dModel + j]) /
                    scale[key];
                }
              if (config.causal && key > query) continue;
              score /= scale[query] * scale[key] * Math.sqrt(dHead);
              expect(Math.abs(score - found[query * POS + key])).toBeLessThan(FLOAT64);
            }
        }
        const out = cache.get(`blocks.${layer}.hook_attn_out`, { model, batch }).data;
        for (const [i, value] of out.entries()) expect(Math.abs(output[i] - value)).toBeLessThan(FLOAT64);
      }
  });

  test("the first layer's scores are the full QK circuits of tokens and positions", async () => {
    const ends = config.positions === "none" ? (["tokens"] as const) : (["tokens", "positions"] as const);
    const rowOf = {
      tokens: (batch: number, pos: number) => tokens[batch][pos],
      positions: (_: number, pos: number) => pos,
    };
    const size = { tokens: dVocab, positions: config.nCtx };
    const parts = (
      await inTurn(ends, async (query) =>
        inTurn(ends, async (key) => ({
          query,
          key,
          matrices: (
            await qkCircuits(network, { query, key, layers: [0] })
          ).map(({ matrix }) => collapse(matrix).data),
        })),
      )
    ).flat();
    for (const [model, batch] of places) {
      const scale = scales(folded(attentionAt(0), attentionAt(0)), model, batch);
      for (let head = 0; head < nHeads; head++) {
        const found = cache.get("blocks.0.attn.hook_attn_scores", { model, batch, head }).data;
        for (let query = 0; query < POS; query++)
          for (let key = 0; key <= query; key++) {
            const sum = parts.reduce(
              (total, part) =>
                total +
                part.matrices[model * nHeads + head][
                  rowOf[part.query](batch, query) * size[part.key] + rowOf[part.key](batch, key)
                ],
              0,
            );
            const score = sum / (scale[query] * scale[key] * Math.sqrt(dHead));
            expect(Math.abs(score - found[query * POS + key])).toBeLessThan(FLOAT64);
          }
      }
    }
  });
});
