import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { sliceSequences } from "../../src/data/batches.ts";
import { patterns } from "../../src/data/patterns.ts";
import { openGradientNoise } from "../../src/features/gradientNoise.ts";
import { presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import type { Weights } from "../../src/model/weights.ts";
import { openTrainer } from "../../src/train/trainer.ts";

/** A gradient read off float64 weights of order 1 before and after a step. */
const FLOAT64 = 1e-12;
/** Float32 sums of a few hundred terms, in the other backend. */
const FLOAT32 = 1e-4;

const config = { ...presets.causal, nLayers: 1, dModel: 8, dHead: 4, dMlp: 8 };
const [MODELS, COUNT, POS] = [2, 4, 7];
const weights = initialPopulation(
  config,
  { scheme: "pytorch" },
  Array.from({ length: MODELS }, (_, model) => randomStream("gradient noise", model)),
);
const sets = Array.from({ length: MODELS }, (_, model) =>
  patterns(config).sample(randomStream("gradient noise", model, "data"), COUNT),
);
const coefficients = Float64Array.from({ length: MODELS * COUNT }, (_, at) => ((at * 7) % 5) - 1.5);

/** Gradients of each sequence alone, [sequence], as one step of plain descent shows them. */
async function gradientsAlone(): Promise<Weights[]> {
  const trainer = openTrainer(referenceBackend, {
    config,
    optimizer: { name: "sgd", momentum: 0 },
    models: MODELS,
    batch: 1,
    nPos: POS,
  });
  return inTurn(
    Array.from({ length: COUNT }, (_, i) => i),
    async (_, start) => {
      trainer.writeWeights(weights);
      await trainer.step(
        sets.map((set) => sliceSequences(set, { start, count: 1 })),
        1,
        [1],
      );
      const after = await trainer.readWeights();
      return Object.fromEntries(
        Object.entries(after).map(([name, values]) => [
          name,
          values.map((value, at) => weights[name][at] - value),
        ]),
      );
    },
  );
}

test("a draw is the combination of the gradients of single sequences that its coefficients say, so it lies in their span", async () => {
  const alone = await gradientsAlone();
  const drawnBy = async (backend: typeof referenceBackend) => {
    const noise = openGradientNoise(backend, config, MODELS, sets[0]);
    const drawn = await noise.draw(weights, sets, coefficients);
    noise.close();
    return drawn;
  };
  const [exact, fast] = [await drawnBy(referenceBackend), await drawnBy(wasmBackend())];
  let largest = 0;
  for (const [name, values] of Object.entries(exact))
    values.forEach((value, at) => {
      const model = Math.floor((at * MODELS) / values.length);
      const expected = alone.reduce((sum, of, n) => sum + coefficients[model * COUNT + n] * of[name][at], 0);
      expect(Math.abs(value - expected)).toBeLessThan(FLOAT64);
      expect(Math.abs(fast[name][at] - expected)).toBeLessThan(FLOAT32);
      largest = Math.max(largest, Math.abs(value));
    });
  expect(largest).toBeGreaterThan(0.1);
});

test("sequences of another number are refused", async () => {
  const noise = openGradientNoise(referenceBackend, config, MODELS, sets[0]);
  await expect(async () => noise.draw(weights, sets.slice(1), coefficients)).rejects.toThrow(ArgumentError);
  const short = sets.map((set) => sliceSequences(set, { start: 0, count: 3 }));
  await expect(async () => noise.draw(weights, short, coefficients)).rejects.toThrow(
    "one set of 4 sequences with 7 positions",
  );
});
