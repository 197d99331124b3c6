import { expect, test } from "vitest";
import { edit } from "../../src/interp/edits.ts";
import { logitDifference } from "../../src/interp/metrics.ts";
import { openNetwork } from "../../src/interp/network.ts";
import {
  decompositionSites,
  directLogitAttribution,
  residualDecomposition,
} from "../../src/interp/residualDecomposition.ts";
import { forward, runWithCache, runWithHooks } from "../../src/interp/run.ts";
import { pick, type Tensor } from "../../src/interp/tensor.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { configGrid } from "../model/configs.ts";
import { BATCH, backends, configNames, configs, networkOf, POS, tokens, weightsFor } from "./networks.ts";

/** The parts are summed in float64; what they are parts of is a float32 sum of numbers of order 1. */
const FLOAT32 = 1e-5;
const FLOAT64 = 1e-12;
const grains = [{}, { heads: true }, { neurons: true }, { heads: true, neurons: true }];

function sumOfComponents({ axes, shape, data }: Tensor): Float64Array {
  expect(axes.slice(0, 2)).toEqual(["model", "component"]);
  const [models, components] = shape;
  const each = data.length / models / components;
  return Float64Array.from({ length: models * each }, (_, i) => {
    let total = 0;
    for (let c = 0; c < components; c++)
      total += data[(Math.floor(i / each) * components + c) * each + (i % each)];
    return total;
  });
}

function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++) expect(Math.abs(found[i] - expected[i])).toBeLessThan(tolerance);
}

test.each(configNames)(
  "%s: the parts sum to the final stream, and their attributions to the logits",
  async (name) => {
    const network = networkOf(name);
    const { logits, cache } = await runWithCache(network, tokens, {
      sites: decompositionSites(network.config, { heads: true, neurons: true }),
    });
    const stream = cache.get("blocks.1.hook_resid_post").data;
    const own = (token: number) => pick(logits, { dVocab: token }).data;
    for (const grain of grains) {
      const { parts, components, error } = await residualDecomposition(network, tokens, grain);
      expect(parts.shape).toEqual([2, components.length, BATCH, POS, network.config.dModel]);
      expectNear(sumOfComponents(parts), stream, FLOAT32);
      expect(error).toBeLessThan(FLOAT32);
      const one = await directLogitAttribution(network, tokens, { token: 3, ...grain });
      expectNear(sumOfComponents(one.logits), own(3), FLOAT32);
      const two = await directLogitAttribution(network, tokens, { token: 3, other: 5, ...grain });
      expectNear(
        sumOfComponents(two.logits),
        own(3).map((value, i) => value - own(5)[i]),
        FLOAT32,
      );
    }
    expect((await residualDecomposition(network, cache, { heads: true, neurons: true })).error).toBeLessThan(
      FLOAT32,
    );
    network.close();
  },
);

test("so they do in every architecture, in float64 to the last digits", async () => {
  for (const config of configGrid()
    .slice(4)
    .filter(({ mlmHead }) => !mlmHead)) {
    const network = openNetwork(backends.reference, config, weightsFor(config, 1));
    const input = [[0, 3, 1]];
    const logits = await forward(network, input);
    for (const grain of [{}, { heads: true, neurons: true }]) {
      expect((await residualDecomposition(network, input, grain)).error).toBeLessThan(FLOAT64);
      const { logits: parts } = await directLogitAttribution(network, input, { token: 2, ...grain });
      expectNear(sumOfComponents(parts), pick(logits, { dVocab: 2 }).data, FLOAT64);
    }
    network.close();
  }
});

test("components bear TransformerLens' names", async () => {
  const names = async (config: ModelConfig, grain: object) => {
    const network = openNetwork(backends.wasm, config, weightsFor(config, 1));
    const { components } = await residualDecomposition(network, tokens, grain);
    network.close();
    return components;
  };
  const two = { ...configs.gpt, dMlp: 2, nLayers: 1 };
  expect(await names(two, {})).toEqual(["embed", "pos_embed", "0_attn_out", "0_mlp_out"]);
  expect(await names(two, { heads: true, neurons: true })).toEqual([
    "embed",
    "pos_embed",
    "L0H0",
    "L0H1",
    "0_attn_bias",
    "L0N0",
    "L0N1",
    "0_mlp_bias",
  ]);
  expect(await names({ ...two, normalization: "post" }, {})).toEqual([
    "embed",
    "pos_embed",
    "0_attn_out",
    "0_ln1_bias",
    "0_mlp_out",
    "0_ln2_bias",
  ]);
});

test("without norms a head's attribution in the last layer is exactly what silencing it takes away", async () => {
  const config = { ...configs.plain, attnOnly: true };
  const network = openNetwork(backends.reference, config, weightsFor(config, 2));
  const { components, logits } = await directLogitAttribution(network, tokens, {
    token: [1, 2, 3],
    other: 0,
    heads: true,
  });
  const metric = logitDifference([1, 2, 3], 0);
  const clean = metric.measure(await forward(network, tokens)).data;
  for (const head of [0, 1]) {
    const edits = [edit("blocks.1.attn.hook_z", { heads: head }, { kind: "zero" })];
    const silent = metric.measure((await runWithHooks(network, tokens, { edits })).logits).data;
    const part = pick(logits, { component: components.indexOf(`L1H${head}`), pos: POS - 1 }).data;
    expectNear(
      clean.map((value, i) => value - silent[i]),
      part,
      FLOAT64,
    );
  }
  network.close();
});

test("an edit of the stream itself shows as an error of the sum; a cache without the parts is refused", async () => {
  const network = networkOf("gpt");
  const sites = decompositionSites(network.config);
  const edits = [edit("blocks.1.hook_resid_pre", {}, { kind: "scale", by: 2 })];
  const { cache } = await runWithHooks(network, tokens, { edits, sites });
  expect((await residualDecomposition(network, cache)).error).toBeGreaterThan(0.1);
  await expect(async () => residualDecomposition(network, cache, { heads: true })).rejects.toThrow(
    "this site was not cached",
  );
  await expect(async () => directLogitAttribution(network, cache, { token: 7 })).rejects.toThrow(
    "attribution, token: must be a whole number, 0 to 6; got 7",
  );
  network.writeWeights(weightsFor(configs.gpt, 2, 1));
  await expect(async () => residualDecomposition(network, cache)).rejects.toThrow("stale cache");
  network.close();
});
