import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { sliceSequences } from "../../src/data/batches.ts";
import { patterns } from "../../src/data/patterns.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import type { Weights } from "../../src/model/weights.ts";
import { type Optimizer, optimizers } from "../../src/train/optimizers.ts";
import { openTrainer } from "../../src/train/trainer.ts";

/** Central differences in float64 with a step of 1e-4: an error of its square times a third derivative of order 10. */
const DIFFERENCES = 1e-6;
/** Sums of the same numbers in another order, float64. */
const FLOAT64 = 1e-12;
/** Two float32 forward passes that differ in rounding, times a scale of 3. */
const FLOAT32 = 1e-5;

const config = { ...presets.causal, nLayers: 1, dModel: 8, dHead: 4, dMlp: 8 };
const [MODELS, BATCH, POS] = [2, 5, 7];
const batch = patterns(config).sample(randomStream("model output"), BATCH);
const plainSgd: Optimizer = { name: "sgd", momentum: 0 };

const drawn = (purpose: string): Weights =>
  initialPopulation(
    config,
    { scheme: "pytorch" },
    Array.from({ length: MODELS }, (_, model) => randomStream("model output", model, purpose)),
  );
const origin = drawn("origin");
/** Some other place, so that neither output is 0. */
const place = drawn("place");

function opened(
  backend: Backend,
  outputScale: number | undefined,
  optimizer: Optimizer = plainSgd,
  size = BATCH,
) {
  const trainer = openTrainer(backend, {
    config,
    optimizer,
    outputScale,
    models: MODELS,
    batch: size,
    nPos: POS,
  });
  trainer.writeWeights(place);
  if (outputScale !== undefined) trainer.writeOrigin(origin);
  return trainer;
}

test("a step of descent goes along the central differences of the loss, and leaves the origin alone", async () => {
  const trainer = opened(referenceBackend, 3);
  const loss = async (weights: Weights) => {
    trainer.writeWeights(weights);
    const byPosition = await trainer.evaluate([batch]);
    return Array.from({ length: MODELS }, (_, model) => {
      const row = byPosition.subarray(model * POS, (model + 1) * POS);
      return row.reduce((sum, each) => sum + each, 0) / POS;
    });
  };
  const told = await trainer.step([batch], 1, [1]);
  const after = await trainer.readWeights();
  expect(await trainer.session.read("origin/embed.W_E")).toEqual(Float64Array.from(origin["embed.W_E"]));
  (await loss(place)).forEach((each, model) => {
    expect(Math.abs(each - told[model])).toBeLessThan(FLOAT64);
  });
  const step = 1e-4;
  const checked = ["embed.W_E", "blocks.0.attn.W_Q", "blocks.0.mlp.W_in", "blocks.0.ln1.b", "unembed.W_U"];
  for (const name of checked)
    for (const entry of [0, 7]) {
      const at = (model: number) => (model * place[name].length) / MODELS + entry;
      const shifted = await inTurn([step, -step], async (by) => {
        const values = Float64Array.from(place[name]);
        for (let model = 0; model < MODELS; model++) values[at(model)] += by;
        return loss({ ...place, [name]: values });
      });
      for (let model = 0; model < MODELS; model++) {
        const slope = (shifted[0][model] - shifted[1][model]) / (2 * step);
        expect(Math.abs(place[name][at(model)] - after[name][at(model)] - slope)).toBeLessThan(DIFFERENCES);
      }
    }
});

test("where nothing has moved every token is equally likely: the loss is ln 10 whatever the scale", async () => {
  for (const outputScale of [0.1, 1, 100]) {
    const trainer = opened(wasmBackend(), outputScale);
    trainer.writeWeights(origin);
    for (const loss of await trainer.evaluate([batch]))
      expect(Math.abs(loss - Math.log(10))).toBeLessThan(FLOAT32);
    expect([...(await trainer.accuracy([batch]))].every((share) => Math.abs(share - 0.1) < FLOAT32)).toBe(
      true,
    );
  }
});

test("the output is the scale times the difference of two plain outputs: both losses follow from plain logits", async () => {
  // a scale of 1 with an origin whose unembedding is 0 subtracts nothing
  const silent = {
    ...origin,
    "unembed.W_U": origin["unembed.W_U"].map(() => 0),
    "unembed.b_U": origin["unembed.b_U"].map(() => 0),
  };
  const centred = opened(referenceBackend, 1);
  centred.writeOrigin(silent);
  const plain = opened(referenceBackend, undefined);
  const [a, b] = [await centred.evaluate([batch]), await plain.evaluate([batch])];
  a.forEach((loss, at) => {
    expect(Math.abs(loss - b[at])).toBeLessThan(FLOAT64);
  });
  // and a scale of 2 is an unembedding twice as large
  const doubled = opened(referenceBackend, 2);
  doubled.writeOrigin(silent);
  const twice = (name: string) => place[name].map((value) => 2 * value);
  plain.writeWeights({ ...place, "unembed.W_U": twice("unembed.W_U"), "unembed.b_U": twice("unembed.b_U") });
  const [c, d] = [await doubled.evaluate([batch]), await plain.evaluate([batch])];
  c.forEach((loss, at) => {
    expect(Math.abs(loss - d[at])).toBeLessThan(FLOAT64);
  });
});

test("a lazy network moves as 1 / scale: descent with rate / scale², and Adam with rate / scale", async () => {
  const moved = async (optimizer: Optimizer, outputScale: number, rate: number) => {
    const trainer = opened(referenceBackend, outputScale, optimizer);
    trainer.writeWeights(origin);
    for (let step = 1; step <= 3; step++)
      await trainer.step([sliceSequences(batch, { start: 0, count: BATCH })], step, [rate]);
    const end = (await trainer.readWeights())["unembed.W_U"];
    const from = origin["unembed.W_U"];
    return Math.sqrt(Array.from(end).reduce((sum, value, at) => sum + (value - from[at]) ** 2, 0));
  };
  // to first order in 1 / scale; at 100 the second order is a hundredth of the first
  for (const [optimizer, rate] of [
    [plainSgd, (scale: number) => 0.1 / scale ** 2],
    [optimizers.adam, (scale: number) => 1e-3 / scale],
  ] as const) {
    const ratio = (await moved(optimizer, 100, rate(100))) / (await moved(optimizer, 1000, rate(1000)));
    expect(Math.abs(ratio - 10)).toBeLessThan(0.1);
  }
});

test("a scale that is not above 0 is refused", async () => {
  for (const outputScale of [0, -1, Number.NaN])
    await expect(async () => opened(referenceBackend, outputScale).step([batch], 1, [1])).rejects.toThrow(
      ArgumentError,
    );
});
