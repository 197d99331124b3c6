/** Oracle: a step of plain descent, which goes exactly where the gradient says. */
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { patterns } from "../../src/data/patterns.ts";
import { gradientAlignment, lossGradient } from "../../src/features/gradientAlignment.ts";
import { displacementOf } from "../../src/features/matchedNoise.ts";
import { presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { openTrainer } from "../../src/train/trainer.ts";

/** Gradients read off float64 weights of order 1 after a step. */
const FLOAT64 = 1e-11;

const config = { ...presets.causal, nLayers: 1, dModel: 8, dHead: 4, dMlp: 8 };
const MODELS = 2;
const start = initialPopulation(
  config,
  { scheme: "pytorch" },
  Array.from({ length: MODELS }, (_, model) => randomStream("gradient alignment", model)),
);
const batch = patterns(config).sample(randomStream("gradient alignment", "data"), 8);

async function afterSteps(steps: number, rate: number) {
  const trainer = openTrainer(referenceBackend, {
    config,
    optimizer: { name: "sgd", momentum: 0 },
    models: MODELS,
    batch: batch.count,
    nPos: batch.nPos,
  });
  try {
    trainer.writeWeights(start);
    for (let step = 1; step <= steps; step++) await trainer.step([batch], step, [rate]);
    return await trainer.readWeights();
  } finally {
    trainer.session.close();
  }
}

test("one step of descent is minus the gradient, and wholly aligned with it; uphill is the opposite", async () => {
  const gradient = await lossGradient(referenceBackend, config, start, batch);
  const step = displacementOf(start, await afterSteps(1, 1));
  for (const [name, values] of Object.entries(step))
    values.forEach((value, i) => {
      expect(Math.abs(value + gradient[name][i])).toBeLessThan(FLOAT64);
    });
  const downhill = gradientAlignment(step, gradient, MODELS);
  const uphill = gradientAlignment(gradient, gradient, MODELS);
  for (let model = 0; model < MODELS; model++) {
    expect(downhill.all[model]).toBeCloseTo(1, 10);
    expect(uphill.all[model]).toBeCloseTo(-1, 10);
    expect(downhill.byWeight.get("unembed.W_U")?.[model]).toBeCloseTo(1, 10);
  }
});

test("many steps turn away from the first gradient, and a right angle counts as none", async () => {
  const gradient = await lossGradient(referenceBackend, config, start, batch);
  const path = gradientAlignment(displacementOf(start, await afterSteps(20, 0.5)), gradient, MODELS);
  for (const value of path.all) {
    expect(value).toBeGreaterThan(0.1);
    expect(value).toBeLessThan(0.99);
  }
  const { all, byWeight } = gradientAlignment(
    { a: [0, 2, -3, 0], b: [0, 0] },
    { a: [1, 0, 1, 0], b: [1, 1] },
    2,
  );
  expect(all[0]).toBeCloseTo(0, 15);
  expect(all[1]).toBeCloseTo(3 / (3 * Math.SQRT2), 15);
  expect(byWeight.get("b")).toEqual(Float64Array.of(Number.NaN, Number.NaN));
});

test("sequences with positions that do not count, and gradients of other networks, are refused", async () => {
  await expect(
    lossGradient(referenceBackend, config, start, { ...batch, scored: Uint8Array.of(0, 0, 0, 0, 0, 0, 1) }),
  ).rejects.toThrow(ArgumentError);
  expect(() => gradientAlignment({ a: [1, 2] }, { a: [1] }, 1)).toThrow("2 and 1 numbers");
  expect(() => gradientAlignment({ a: [1, 2] }, {}, 1)).toThrow("2 and no numbers");
});
