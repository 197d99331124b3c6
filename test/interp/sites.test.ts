/**
 * Every activation and every gradient against PyTorch: the four presets in full size and a deeper pre-LN GELU model.
 *
 * The generator, test/fixtures/pytorch/sites.py, holds its own forward pass against PyTorch's nn.TransformerEncoderLayer.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { lossMetric } from "../../src/interp/metrics.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { gradients, runWithCache } from "../../src/interp/run.ts";
import { type ModelConfig, type PresetName, presets } from "../../src/model/config.ts";
import { type SiteName, sitesOf } from "../../src/model/hookPoints.ts";
import { weightShapes } from "../../src/model/weights.ts";
import { readSafetensors } from "../../src/record/safetensors.ts";
import { backends, weightsFor } from "./networks.ts";

/** Both sides in float64, in another order of sums: some hundred roundings of 1e-16, measured 5e-15. */
const FLOAT64 = 1e-12;
/** The promise for float32; measured 2e-6. */
const FLOAT32 = 1e-5;

const file = "sites.safetensors";
const { tensors, metadata } = readSafetensors(
  readFileSync(new URL(`../fixtures/pytorch/${file}`, import.meta.url)),
  { file },
);
const fixture: {
  tokens: number[][];
  targets: number[][];
  models: Record<string, { config: ModelConfig; weights: string; loss: number }>;
} = JSON.parse(metadata.get("sites") as string);
const { tokens, targets } = fixture;
const [BATCH, POS] = [tokens.length, tokens[0].length];

/** The tensors under a heading, by name. */
function under(heading: string): Map<string, { shape: readonly number[]; data: ArrayLike<number> }> {
  return new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(heading))
      .map(([name, t]) => [name.slice(heading.length), t]),
  );
}

/** Largest |a − b| / max(1, |b|); −∞ must be met exactly, and NaN is ∞ away from anything. */
function furthest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  return Array.from(expected).reduce((most, value, i) => {
    if (actual[i] === value) return most;
    const away = Math.abs(actual[i] - value) / Math.max(1, Math.abs(value));
    return Math.max(most, Number.isNaN(away) ? Number.POSITIVE_INFINITY : away);
  }, 0);
}

const largest = (values: ArrayLike<number>) => Math.max(...Array.from(values, Math.abs));

test("the fixture holds the presets as they are, and each of their rows of the table", () => {
  for (const [name, config] of Object.entries(presets))
    expect(fixture.models[name as PresetName].config).toEqual(config);
  expect(Object.keys(fixture.models).length).toBe(Object.keys(presets).length + 1);
});

describe.each(Object.entries(fixture.models))("%s", (name, { config, weights: heading, loss }) => {
  const sites = sitesOf(config);
  const theirs = { site: under(`${name}/site/`), gradient: under(`${name}/gradient/`) };
  const stored = under(`${heading}/weight/`);
  // the model in question is the second of two, so that a mixed-up model axis shows
  const other = weightsFor(config, 1);
  const weights = Object.fromEntries(
    [...weightShapes(config).keys()].map((weight) => [
      weight,
      Float32Array.from([...other[weight], ...Array.from(stored.get(weight)?.data ?? [])]),
    ]),
  );

  test("PyTorch's model has the sites of the table, none missing and none more, in their shapes", () => {
    for (const found of [theirs.site, theirs.gradient]) {
      expect([...found.keys()].sort()).toEqual([...sites.keys()].sort());
      for (const [site, { shape }] of found)
        expect(shape).toEqual(sites.get(site as SiteName)?.shape(BATCH, POS));
    }
  });

  test.each(["reference", "wasm"] as const)(
    "%s: activations and gradients of all sites are PyTorch's",
    async (backend) => {
      const tolerance = backend === "reference" ? FLOAT64 : FLOAT32;
      const network = openNetwork(backends[backend], config, weights);
      const everything = { sites: () => true };
      const { cache } = await runWithCache(network, tokens, everything);
      const run = await gradients(network, tokens, { of: lossMetric(targets), ...everything });
      for (const site of sites.keys()) {
        const activation = theirs.site.get(site)?.data as ArrayLike<number>;
        const gradient = theirs.gradient.get(site)?.data as ArrayLike<number>;
        expect(furthest(cache.get(site, { model: 1 }).data, activation), site).toBeLessThan(tolerance);
        // the heads' results are on the network's way here, and sum in another order
        expect(furthest(run.cache.get(site, { model: 1 }).data, activation), site).toBeLessThan(tolerance);
        // PyTorch's is the gradient of the mean over rows, ours of each row's own loss; measured in the site's own unit
        const unit = largest(gradient);
        expect(unit, site).toBeGreaterThan(0);
        const own = Array.from(run.gradients.get(site, { model: 1 }).data, (slope) => slope / BATCH / unit);
        expect(
          furthest(
            own,
            Array.from(gradient, (slope) => slope / unit),
          ),
          `gradient in ${site}`,
        ).toBeLessThan(tolerance);
      }
      const meanLoss = Array.from(run.metric.data.slice(BATCH)).reduce((a, b) => a + b) / BATCH;
      expect(Math.abs(meanLoss - loss)).toBeLessThan(tolerance);
      network.close();
    },
  );
});

test("the tolerance tells GELU by the error function, ours and PyTorch's default, from its tanh approximation", () => {
  const pre = tensors.get("gpt/site/blocks.0.mlp.hook_pre")?.data as Float64Array;
  const post = tensors.get("gpt/site/blocks.0.mlp.hook_post")?.data as Float64Array;
  // Hendrycks & Gimpel 2016, section 2: 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))
  const approximate = pre.map(
    (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  );
  expect(furthest(approximate, post)).toBeGreaterThan(10 * FLOAT32);
  expect(furthest(approximate, post)).toBeLessThan(1e-3); // it is GELU, and the approximation a good one
});
