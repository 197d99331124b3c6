/** Does every site of the table exist, once and with its declared axes, for who looks and intervenes from outside? */
import { expect, test } from "vitest";
import { edit } from "../../src/interp/edits.ts";
import { type Network, openNetwork } from "../../src/interp/network.ts";
import { runWithCache, runWithHooks } from "../../src/interp/run.ts";
import type { TensorAxis } from "../../src/interp/tensor.ts";
import { type ModelConfig, type PresetName, presets } from "../../src/model/config.ts";
import { hookPoints, type SiteName, sitesOf } from "../../src/model/hookPoints.ts";
import { configGrid } from "../model/configs.ts";
import { backends, configNames, networkOf, tokens as shortTokens, weightsFor } from "./networks.ts";

/** One addition in float64, of numbers up to 10. */
const FLOAT64 = 1e-14;

/** Sizes of a run; with those of the configs below, no two axes but queryPos and keyPos are equally long. */
const [MODELS, BATCH, POS] = [4, 3, 5];
const tokens = [
  [0, 1, 2, 3, 0],
  [3, 2, 2, 0, 1],
  [1, 1, 3, 2, 0],
];

/** The whole grid of architectures at sizes that differ from one another. */
const architectures: ModelConfig[] = configGrid().map((config) => ({
  ...config,
  nHeads: 2,
  dHead: 7,
  dModel: 14,
  dMlp: 9,
  dVocab: 11,
  nCtx: 6,
}));

/** What a run of a config must have at a site of the table: said here once more, apart from `Site.shape`. */
function expected(config: ModelConfig, name: SiteName): { axes: TensorAxis[]; shape: number[] } {
  const row = hookPoints.find((point) => point.name === name.replace(/^blocks\.\d+/, "blocks.{l}"));
  const { nHeads, dHead, dModel, dMlp, dVocab, nKeyValueHeads = nHeads } = config;
  const grouped = nKeyValueHeads < nHeads && /hook_(k|v|rot_k)$/.test(name);
  const declared: readonly TensorAxis[] = row?.axes ?? [];
  const axes: TensorAxis[] = [
    "model",
    ...declared.map((axis) => (grouped && axis === "head" ? "kvHead" : axis)),
  ];
  const heads = { head: nHeads, kvHead: nKeyValueHeads };
  const sizes = { model: MODELS, batch: BATCH, pos: POS, queryPos: POS, keyPos: POS, one: 1, ...heads };
  const all: Partial<Record<TensorAxis, number>> = { ...sizes, dHead, dModel, dMlp, dVocab };
  return { axes, shape: axes.map((axis) => all[axis] ?? Number.NaN) };
}

async function expectConformance(network: Network): Promise<void> {
  const { config } = network;
  const every = [...sitesOf(config).keys()];
  const { cache } = await runWithCache(network, tokens, { sites: () => true });
  expect(cache.names).toEqual(every);
  for (const name of every) {
    const { axes, shape, data } = cache.get(name);
    expect({ axes, shape }, name).toEqual(expected(config, name));
    expect(data.length).toBe(shape.reduce((a, b) => a * b));
    expect(data.some(Number.isNaN), name).toBe(false);
  }
  // an edit of everything reaches every site once, and all of it
  const edits = every.map((site) => edit(site, {}, { kind: "scale", by: 1 }));
  const { report } = await runWithHooks(network, tokens, { edits });
  expect(report.map(({ edit: at, site, touched }) => [at, site, touched])).toEqual(
    every.map((site, at) => [at, site, expected(config, site).shape.reduce((a, b) => a * b)]),
  );
}

test.each(Object.keys(presets) as PresetName[])(
  "%s: a run in full size has every site of the table once, with its declared axes, on both backends",
  async (name) => {
    for (const backend of [backends.reference, backends.wasm]) {
      const network = openNetwork(backend, presets[name], weightsFor(presets[name], MODELS));
      await expectConformance(network);
      network.close();
    }
  },
);

test("so has every other architecture: norms, positions, attention, halves of blocks, ties, biases, no layers", async () => {
  expect(architectures.length).toBeGreaterThan(150);
  const rows = new Set<string>();
  for (const config of architectures) {
    const network = openNetwork(backends.reference, config, weightsFor(config, MODELS));
    await expectConformance(network);
    for (const name of sitesOf(config).keys()) rows.add(name.replace(/^blocks\.\d+/, "blocks.{l}"));
    network.close();
  }
  expect([...rows].sort()).toEqual(hookPoints.map(({ name }) => name).sort());
});

test("the two axes of equal length are what they are called: a pattern sums to 1 over keyPos, and a mask hides keys", async () => {
  const config = presets.causal;
  const network = openNetwork(backends.reference, config, weightsFor(config, 1));
  const { cache } = await runWithCache(network, tokens, { sites: ["blocks.*.attn."] });
  for (const layer of [0, 1])
    for (let query = 0; query < POS; query++) {
      const at = { model: 0, batch: 1, head: 1, queryPos: query };
      const row = [...cache.get(`blocks.${layer}.attn.hook_pattern`, at).data]; // [keyPos]
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      expect(row.map((share) => share > 0)).toEqual(row.map((_, key) => key <= query));
      const scores = [...cache.get(`blocks.${layer}.attn.hook_attn_scores`, at).data];
      expect(scores.map(Number.isFinite)).toEqual(row.map((_, key) => key <= query));
    }
  network.close();
});

test.each(configNames)(
  "%s: an addition at any site arrives there once, and is reported once",
  async (name) => {
    const network = networkOf(name, { backend: "reference" });
    const every = [...sitesOf(network.config).keys()];
    for (const site of every) {
      const before = (await runWithCache(network, shortTokens, { sites: [site] })).cache.get(site).data;
      const { cache, report } = await runWithHooks(network, shortTokens, {
        edits: [
          edit(site, {}, { kind: "add", values: 1 }),
          edit("unembed.hook_out", {}, { kind: "scale", by: 1 }),
        ],
        sites: [site],
      });
      expect(report.filter(({ edit: at }) => at === 0).map((entry) => entry.site)).toEqual([site]);
      const after = cache.get(site).data;
      const off = Array.from(before, (x, i) =>
        x === Number.NEGATIVE_INFINITY ? 0 : Math.abs(after[i] - x - 1),
      );
      expect(Math.max(...off), site).toBeLessThan(FLOAT64);
    }
    network.close();
  },
);
