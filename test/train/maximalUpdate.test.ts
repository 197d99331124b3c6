import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { patterns } from "../../src/data/patterns.ts";
import { siteActivations } from "../../src/features/siteActivations.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialPopulation, initLaw } from "../../src/model/init.ts";
import { type Weights, weightShapes } from "../../src/model/weights.ts";
import { maximalUpdate } from "../../src/train/maximalUpdate.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { openTrainer } from "../../src/train/trainer.ts";

const base = presets.causal;
const wide = (factor: number): ModelConfig => ({
  ...base,
  dModel: base.dModel * factor,
  dHead: base.dHead * factor,
  dMlp: base.dMlp * factor,
});

test("at the base every factor is 1", () => {
  const { init, rate } = maximalUpdate(base, base);
  expect(Object.keys(init)).toEqual([...weightShapes(base).keys()]);
  expect(new Set([...Object.values(init), ...Object.values(rate)])).toEqual(new Set([1]));
});

test("matrices scale with the width as the initialisation scheme of the same name does, whose scores are divided by the root", () => {
  const config = wide(4);
  const spread = (of: ModelConfig, name: string, scheme: "mup" | "pytorch") => {
    const law = initLaw(of, name, scheme);
    if (law.kind === "normal") return law.std;
    return law.kind === "uniform" ? law.bound / Math.sqrt(3) : Number.NaN;
  };
  const { init } = maximalUpdate(config, base);
  for (const name of weightShapes(config).keys()) {
    if (!/\.W_/.test(name)) continue;
    const ours = (init[name] * spread(config, name, "pytorch")) / spread(base, name, "pytorch");
    const theirs = spread(config, name, "mup") / spread(base, name, "mup");
    const scores = name.endsWith("W_Q") ? 0.5 : 1; // √(8 / 32)
    expect(ours).toBeCloseTo(theirs * scores, 12);
  }
});

test("four times the width: hidden and output rates a quarter, queries an eighth, vectors as they were", () => {
  const { rate } = maximalUpdate(wide(4), base);
  expect(rate).toMatchObject({
    "embed.W_E": 1,
    "pos_embed.W_pos": 1,
    "blocks.0.ln1.w": 1,
    "blocks.0.mlp.b_in": 1,
    "blocks.1.attn.W_K": 0.25,
    "blocks.1.attn.W_Q": 0.125,
    "blocks.1.attn.b_Q": 0.5,
    "blocks.1.mlp.W_out": 0.25,
    "unembed.W_U": 0.25,
  });
});

/** Root mean square change of what the last MLP reads off the stream, and of the logits, after a few Adam steps. */
async function coordinates(
  config: ModelConfig,
  isMaximal: boolean,
): Promise<{ hidden: number; logits: number }> {
  const factors = maximalUpdate(config, base);
  const task = patterns(config);
  const batch = task.sample(randomStream("coordinates", "data"), 16);
  const drawn = initialPopulation(
    config,
    { scheme: "pytorch" },
    [0, 1, 2, 3].map((seed) => randomStream("coordinates", seed)),
  );
  const start: Weights = Object.fromEntries(
    Object.entries(drawn).map(([name, values]) => [
      name,
      isMaximal ? values.map((value) => value * factors.init[name]) : values,
    ]),
  );
  const trainer = openTrainer(wasmBackend(), {
    config,
    optimizer: optimizers.adam,
    rateFactors: isMaximal ? factors.rate : undefined,
    models: 4,
    batch: 16,
    nPos: 7,
  });
  trainer.writeWeights(start);
  for (let step = 1; step <= 4; step++) await trainer.step([batch], step, [3e-3]);
  const sites = ["blocks.1.mlp.hook_pre", "unembed.hook_out"] as const;
  const sequences = { tokens: batch.inputs, count: batch.count, nPos: batch.nPos };
  const [before, after] = await inTurn([start, await trainer.readWeights()], async (weights) => {
    const network = openNetwork(wasmBackend(), config, weights);
    const seen = await siteActivations(network, sequences, sites);
    network.close();
    return seen;
  });
  const changeOf = (site: (typeof sites)[number]) => {
    const squares = before.map((of, model) => {
      const [x, y] = [of, after[model]].map((each) => each.get(site) as Float32Array);
      return x.reduce((sum, value, at) => sum + (y[at] - value) ** 2, 0) / x.length;
    });
    return Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / squares.length);
  };
  return { hidden: changeOf(sites[0]), logits: changeOf(sites[1]) };
}

test("four times the width moves activations and logits about as far under maximal update, and much farther at the same rate", async () => {
  const narrow = await coordinates(base, false);
  const maximal = await coordinates(wide(4), true);
  const same = await coordinates(wide(4), false);
  for (const site of ["hidden", "logits"] as const) {
    // the aligned part of a step is the same at every width, the random part falls: a little below 1
    expect(maximal[site] / narrow[site]).toBeGreaterThan(0.7);
    expect(maximal[site] / narrow[site]).toBeLessThan(1.1);
  }
  // at the same rate the aligned part grows with the width, in logits (read by an unembedding that also moves) the more
  expect(same.hidden / narrow.hidden).toBeGreaterThan(1.35);
  expect(same.logits / narrow.logits).toBeGreaterThan(2);
});
