import { expect, test } from "vitest";
import { inTurn } from "../../src/base/inTurn.ts";
import {
  type LensNorm,
  type LensResult,
  logitLens,
  originalLens,
  topTokens,
} from "../../src/interp/logitLens.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { forward, runWithCache } from "../../src/interp/run.ts";
import { pick } from "../../src/interp/tensor.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import type { SiteName } from "../../src/model/hookPoints.ts";
import { type Weights, weightsOfModel } from "../../src/model/weights.ts";
import { BATCH, backends, configNames, configs, networkOf, POS, tokens, weightsFor } from "./networks.ts";

/** Float32 products over six dimensions against float64. */
const FLOAT32 = 1e-5;
const norms: readonly LensNorm[] = ["recomputed", "frozen"];

/** The lens at one place, written out in float64 from a cached stream. */
function lensOf(
  config: ModelConfig,
  weights: Weights,
  stream: ArrayLike<number>,
  { last, norm }: { last: ArrayLike<number>; norm: LensNorm | "none" },
): number[] {
  const mean = (x: ArrayLike<number>) => Array.from(x).reduce((sum, value) => sum + value, 0) / x.length;
  const centred = (x: ArrayLike<number>) => Array.from(x, (value) => value - mean(x));
  const scale = (x: ArrayLike<number>) => Math.sqrt(mean(centred(x).map((value) => value ** 2)) + config.eps);
  const by = scale(norm === "frozen" ? last : stream);
  const read =
    norm === "none"
      ? Array.from(stream)
      : centred(stream).map((value, i) => (value / by) * weights["ln_final.w"][i] + weights["ln_final.b"][i]);
  return Array.from({ length: config.dVocab }, (_, token) =>
    read.reduce(
      (sum, value, i) => sum + value * weights["unembed.W_U"][i * config.dVocab + token],
      weights["unembed.b_U"][token],
    ),
  );
}

function expectLens(
  lens: LensResult,
  setting: { config: ModelConfig; weights: Weights; norm: LensNorm | "none" },
  streamAt: (site: SiteName, at: { model: number; batch: number; pos: number }) => ArrayLike<number>,
): void {
  const { config, weights, norm } = setting;
  for (const model of [0, 1]) {
    const own = weightsOfModel(config, weights, model);
    for (const [site, name] of lens.sites.entries())
      for (let batch = 0; batch < BATCH; batch++)
        for (let pos = 0; pos < POS; pos++) {
          const at = { model, batch, pos };
          const last = streamAt("blocks.1.hook_resid_post", at);
          const expected = lensOf(config, own, streamAt(name, at), { last, norm });
          const logits = pick(lens.logits, { ...at, site }).data;
          const logProbs = pick(lens.logProbs, { ...at, site }).data;
          const total = Math.log(expected.reduce((sum, value) => sum + Math.exp(value), 0));
          expected.forEach((value, token) => {
            expect(Math.abs(logits[token] - value), `${name} ${token}`).toBeLessThan(FLOAT32);
            expect(Math.abs(logProbs[token] - (value - total)), name).toBeLessThan(FLOAT32);
          });
        }
  }
}

test.each(configNames)(
  "%s: both lenses are their definitions, recomputed in float64 from the cached streams",
  async (name) => {
    const [config, weights] = [configs[name], weightsFor(configs[name], 2)];
    const network = openNetwork(backends.wasm, config, weights);
    const { cache } = await runWithCache(network, tokens, {
      sites: ({ name }) => /resid|ln_final/.test(name),
    });
    for (const norm of norms) {
      const lens = await logitLens(network, cache, { norm });
      expect(lens.sites).toEqual([
        "blocks.0.hook_resid_pre",
        "blocks.0.hook_resid_mid",
        "blocks.0.hook_resid_post",
        "blocks.1.hook_resid_mid",
        "blocks.1.hook_resid_post",
      ]);
      expect(lens.logits.shape).toEqual([2, 5, BATCH, POS, config.dVocab]);
      expectLens(
        lens,
        { config, weights, norm: config.finalNorm ? norm : "none" },
        (site, at) => cache.get(site, at).data,
      );
      expect(await logitLens(network, tokens, { norm })).toEqual(lens);
    }
    network.close();
  },
);

test.each(configNames)(
  "%s: at the last site both lenses have the bits of the model's logits",
  async (name) => {
    for (const backend of ["reference", "wasm"] as const) {
      const network = networkOf(name, { backend });
      const logits = await forward(network, tokens);
      for (const norm of norms) {
        const lens = await logitLens(network, tokens, { norm });
        expect(pick(lens.logits, { site: lens.sites.length - 1 })).toEqual(logits);
      }
      network.close();
    }
  },
);

test("the two lenses differ before the last layer where there is a final norm, and nowhere else", async () => {
  for (const name of configNames) {
    const network = networkOf(name);
    const [a, b] = await inTurn(norms, async (norm) => (await logitLens(network, tokens, { norm })).logits);
    if (network.config.finalNorm) expect(a.data).not.toEqual(b.data);
    else expect(a.data).toEqual(b.data);
    network.close();
  }
});

test("the original's lens projects the outputs of sublayers, without any norm, and is labelled", async () => {
  const [config, weights] = [configs.gpt, weightsFor(configs.gpt, 2)];
  const network = openNetwork(backends.wasm, config, weights);
  const { cache } = await runWithCache(network, tokens, {
    sites: ({ name }) => /_out$|resid_post/.test(name),
  });
  const lens = await originalLens(network, cache);
  expect(lens.lens).toBe("original");
  expect(lens.sites).toEqual([
    "blocks.0.hook_attn_out",
    "blocks.0.hook_mlp_out",
    "blocks.1.hook_attn_out",
    "blocks.1.hook_mlp_out",
  ]);
  expectLens(lens, { config, weights, norm: "none" }, (site, at) => cache.get(site, at).data);
  expect((await logitLens(network, tokens, { norm: "frozen" })).lens).toBe("frozen");
  network.close();
});

test("the top tokens are the most probable, likeliest first", async () => {
  const network = networkOf("causal");
  const lens = await logitLens(network, tokens, { norm: "recomputed" });
  const { tokens: top, probabilities } = topTokens(lens, 7);
  for (let row = 0; row < top.length / 7; row++) {
    const logits = lens.logits.data.subarray(row * 7, (row + 1) * 7);
    const chosen = top.subarray(row * 7, (row + 1) * 7);
    expect([...chosen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (let i = 1; i < 7; i++) expect(logits[chosen[i - 1]]).toBeGreaterThanOrEqual(logits[chosen[i]]);
    const total = probabilities.subarray(row * 7, (row + 1) * 7).reduce((sum, p) => sum + p, 0);
    expect(total).toBeCloseTo(1, 12);
  }
  const two = topTokens(lens, 2);
  expect(two.tokens.length).toBe((top.length / 7) * 2);
  expect([...two.tokens.subarray(2, 4)]).toEqual([...top.subarray(7, 9)]);
  expect(() => topTokens(lens, 8)).toThrow("top tokens, k: must be a whole number, 1 to 7; got 8");
  network.close();
});

test("a lens on what is no stream, on a cache that lacks it, or by another norm is refused", async () => {
  const network = networkOf("gpt");
  const { cache } = await runWithCache(network, tokens, {
    sites: ["blocks.0.hook_resid_post", "blocks.0.hook_mlp_out"],
  });
  const norm = "recomputed";
  await expect(async () =>
    logitLens(network, tokens, { norm, sites: ["blocks.0.hook_mlp_out"] }),
  ).rejects.toThrow("reads residual streams");
  await expect(async () =>
    originalLens(network, tokens, { sites: ["blocks.0.hook_resid_post"] }),
  ).rejects.toThrow("reads the outputs of sublayers");
  await expect(async () => logitLens(network, cache, { norm: "frozen" })).rejects.toThrow(
    'cache, "ln_final.hook_scale": this site was not cached',
  );
  await expect(async () =>
    logitLens(network, cache, { norm, sites: ["blocks.1.hook_resid_post"] }),
  ).rejects.toThrow("was not cached");
  await expect(async () => logitLens(network, cache, { norm: "froze" as "frozen" })).rejects.toThrow(
    'Nearest: "frozen"',
  );
  expect((await logitLens(network, cache, { norm })).sites).toEqual(["blocks.0.hook_resid_post"]);
  network.writeWeights(weightsFor(configs.gpt, 2, 1));
  await expect(async () => logitLens(network, cache, { norm })).rejects.toThrow("stale cache");
  network.close();
  const bigram = { ...configs.gpt, nLayers: 0 };
  const flat = openNetwork(backends.wasm, bigram, weightsFor(bigram, 1));
  await expect(async () => logitLens(flat, tokens, { norm })).rejects.toThrow(
    "needs at least one site to read; got a model of 0 layers",
  );
  flat.close();
});
