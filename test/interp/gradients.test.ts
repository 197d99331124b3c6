import { expect, test } from "vitest";
import { edit } from "../../src/interp/edits.ts";
import {
  entropy,
  klFrom,
  logitDifference,
  lossMetric,
  type Metric,
  metric,
  probability,
  rank,
} from "../../src/interp/metrics.ts";
import { forward, gradients, runWithCache, runWithHooks } from "../../src/interp/run.ts";
import type { Tensor } from "../../src/interp/tensor.ts";
import { type SiteName, sitesOf } from "../../src/model/hookPoints.ts";
import { configNames, networkOf, targets, tokens } from "./networks.ts";

/** Central differences in float64 with step h: error h² times a third derivative of order 10, rounding 1e-16 / h. */
const STEP = 1e-5;
const DIFFERENCES = 1e-6;
/** Float32 gradients of order 1 through two blocks. */
const FLOAT32 = 2e-4;
const everySite = () => true;

function sumOfRows(values: Tensor, model: number): number {
  const [, batch] = values.shape;
  return Array.from(values.data.subarray(model * batch, (model + 1) * batch)).reduce((a, b) => a + b);
}

test.each(configNames)(
  "%s: the gradient at every site is that of central differences by edits",
  async (name) => {
    const network = networkOf(name, { backend: "reference", models: 1 });
    const of = lossMetric(targets);
    const { gradients: found, cache } = await gradients(network, tokens, { of, sites: everySite });
    for (const site of cache.names) {
      const own = cache.get(site).data;
      const slopes = found.get(site).data;
      expect(slopes.length).toBe(own.length);
      // four elements of each site; a masked score has no slope
      for (let k = 0; k < 4; k++) {
        const at = Math.floor(((k + 0.5) * own.length) / 4);
        if (own[at] === Number.NEGATIVE_INFINITY) {
          expect(slopes[at]).toBe(0);
          continue;
        }
        const lossAt = async (by: number) => {
          const values = Float64Array.from(own, (_, i) => (i === at ? by : 0));
          const { logits } = await runWithHooks(network, tokens, {
            edits: [edit(site, {}, { kind: "add", values })],
          });
          return sumOfRows(of.measure(logits), 0);
        };
        const slope = ((await lossAt(STEP)) - (await lossAt(-STEP))) / (2 * STEP);
        expect(Math.abs(slopes[at] - slope), `${site} ${at}`).toBeLessThan(DIFFERENCES);
      }
    }
    network.close();
  },
);

test("every differentiable metric has the value it measures and the slope of its differences", async () => {
  const network = networkOf("gpt", { backend: "reference" });
  const base = await forward(
    network,
    tokens.map((row) => row.toReversed()),
  );
  const metrics: Metric[] = [
    lossMetric(targets, { pos: [1, 4] }),
    logitDifference([1, 2, 3], 0),
    logitDifference(5, 2, { pos: "all" }),
    probability(3, { pos: 2 }),
    entropy({ pos: "all" }),
    klFrom(base, { pos: [0, 3] }),
  ];
  const site: SiteName = "blocks.0.hook_resid_mid";
  const { cache } = await runWithCache(network, tokens, { sites: [site] });
  for (const of of metrics) {
    const run = await gradients(network, tokens, { of, sites: [site] });
    const measured = of.measure(run.logits);
    expect(run.metric.axes).toEqual(["model", "batch"]);
    run.metric.data.forEach((value, i) => {
      expect(value, of.name).toBeCloseTo(measured.data[i], 12);
    });
    const own = cache.get(site);
    const direction = Float64Array.from(own.data, (_, i) => Math.sin(i + 1));
    const along = async (by: number) => {
      const edits = [edit(site, {}, { kind: "add", values: direction.map((value) => by * value) })];
      return of.measure((await runWithHooks(network, tokens, { edits })).logits);
    };
    const [up, down] = [await along(STEP), await along(-STEP)];
    // rows do not see each other, so each has its own slope
    const perRow = own.data.length / measured.data.length;
    const slopes = run.gradients.get(site).data;
    measured.data.forEach((_, row) => {
      let slope = 0;
      for (let i = row * perRow; i < (row + 1) * perRow; i++) slope += slopes[i] * direction[i];
      expect(Math.abs(slope - (up.data[row] - down.data[row]) / (2 * STEP)), of.name).toBeLessThan(
        DIFFERENCES,
      );
    });
  }
  network.close();
});

test("wasm gradients are those of the reference, and asking for them changes no bit of the logits", async () => {
  for (const name of configNames) {
    const [fast, slow] = [networkOf(name), networkOf(name, { backend: "reference" })];
    const of = logitDifference(1, 4);
    const ours = await gradients(fast, tokens, { of, sites: ({ gated }) => !gated });
    const theirs = await gradients(slow, tokens, { of, sites: ({ gated }) => !gated });
    expect(ours.logits).toEqual(await forward(fast, tokens));
    for (const site of sitesOf(fast.config).values()) {
      if (site.gated) continue;
      const oracle = theirs.gradients.get(site.name).data;
      ours.gradients.get(site.name).data.forEach((value, i) => {
        expect(Math.abs(value - oracle[i]), site.name).toBeLessThan(FLOAT32);
      });
    }
    fast.close();
    slow.close();
  }
});

test("a gradient is taken after the edits of the run: nothing flows back through a replaced activation", async () => {
  const network = networkOf("plain", { backend: "reference" });
  const run = await gradients(network, tokens, {
    of: logitDifference(1, 4),
    sites: ["blocks.0.mlp.hook_pre", "blocks.0.mlp.hook_post"],
    edits: [edit("blocks.0.mlp.hook_post", { batch: 0 }, { kind: "replace", values: 1 })],
  });
  const at = (site: SiteName, batch: number) => run.gradients.get(site, { batch }).data;
  expect(at("blocks.0.mlp.hook_pre", 0).every((value) => value === 0)).toBe(true);
  expect(at("blocks.0.mlp.hook_pre", 1).every((value) => value === 0)).toBe(false);
  expect(at("blocks.0.mlp.hook_post", 0).some((value) => value !== 0)).toBe(true);
  network.close();
});

test("a metric without a graph has no gradients, and says so", async () => {
  const network = networkOf("causal");
  const sites = ["blocks.0.hook_resid_post"] as const;
  await expect(async () => gradients(network, tokens, { of: rank(3), sites })).rejects.toThrow(
    'gradients of "rank": this metric is not differentiable',
  );
  const own = metric("largest", ({ data }) => [Math.max(...data)]);
  await expect(async () => gradients(network, tokens, { of: own, sites })).rejects.toThrow(
    'gradients of "largest"',
  );
  await expect(async () => own.measure(await forward(network, tokens))).rejects.toThrow(
    "must return 6 numbers, [model 2, batch 3]; got 1",
  );
  network.close();
});
