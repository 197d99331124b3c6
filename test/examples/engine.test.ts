/** The hand-derived transformer of examples/fromScratch against the engine: two gradients that share no line of code. */
import { expect, test } from "vitest";
import { adamState, adamStep } from "../../examples/fromScratch/adam.ts";
import { lossAndGradients } from "../../examples/fromScratch/backward.ts";
import { uniformNumbers } from "../../examples/fromScratch/random.ts";
import { forward } from "../../examples/fromScratch/transformer.ts";
import { initialWeights, type Weights, zeroWeights } from "../../examples/fromScratch/weights.ts";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { weightShapes } from "../../src/model/weights.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { openTrainer } from "../../src/train/trainer.ts";
import { runModel } from "../model/runModel.ts";

/** Both compute in float64, sums in another order. */
const FLOAT64 = 1e-10;
const [BATCH, POS] = [3, 5];

const variants = (["projected", "parameterFree"] as const).flatMap((attention) =>
  [true, false].map((causal) => ({
    attention,
    causal,
    title: `${attention}, ${causal ? "causal" : "not causal"}`,
  })),
);

/** One model under both descriptions, with weights drawn and then disturbed, so that no norm is trivial. */
function modelOf({ attention, causal }: { attention: "projected" | "parameterFree"; causal: boolean }) {
  const sizes = { nLayers: 2, nHeads: 3, dModel: 12, dMlp: 10, dVocab: 7, nCtx: 6, attention, causal };
  const uniform = uniformNumbers(17);
  const weights = initialWeights(sizes, uniform);
  for (const { data } of Object.values(weights))
    for (let i = 0; i < data.length; i++) data[i] += 0.2 * (uniform() - 0.5);
  const tokens = () =>
    Array.from({ length: BATCH }, () =>
      Array.from({ length: POS }, () => Math.floor(sizes.dVocab * uniform())),
    );
  const config: ModelConfig = { ...presets.original, ...sizes, dHead: 4 };
  return { sizes, config, weights, inputs: tokens(), targets: tokens() };
}

const flat = (weights: Weights) =>
  Object.fromEntries(Object.entries(weights).map(([name, { data }]) => [name, Float64Array.from(data)]));

function expectNear(ours: ArrayLike<number>, theirs: ArrayLike<number>, what: string): void {
  expect(ours.length, what).toBe(theirs.length);
  for (let i = 0; i < ours.length; i++)
    expect(Math.abs(ours[i] - theirs[i]), `${what} ${i}`).toBeLessThan(FLOAT64);
}

test.each(variants)("both name the same weights with as many numbers ($title)", (variant) => {
  const { sizes, config } = modelOf(variant);
  const theirs = Object.entries(zeroWeights(sizes)).map(([name, { data }]) => [name, data.length]);
  const ours = [...weightShapes(config)].map(([name, shape]) => [name, shape.reduce((a, b) => a * b, 1)]);
  expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
});

test.each(variants)("logits, loss and the gradient of every weight are equal ($title)", async (variant) => {
  const { sizes, config, weights, inputs, targets } = modelOf(variant);
  const theirs = lossAndGradients(sizes, weights, inputs, targets);
  const ours = await runModel(config, flat(weights), { tokens: inputs, targets, gradients: true });
  const logits = forward(sizes, weights, inputs).logits.flatMap(({ data }) => [...data]);
  expectNear(ours.logits, logits, "logits");
  expectNear([ours.loss], [theirs.loss], "loss");
  for (const [name, { data }] of Object.entries(theirs.gradients)) {
    expectNear(ours.weightGradients[name], data, name);
    // a key's bias shifts all scores of a query alike, which no softmax sees
    if (!name.endsWith("b_K")) expect(Math.max(...data.map(Math.abs)), name).toBeGreaterThan(1e-5);
  }
});

test.each(variants)("five steps of Adam end in equal weights ($title)", async (variant) => {
  const { sizes, config, weights, inputs, targets } = modelOf(variant);
  // a large eps: of a gradient that is only rounding Adam would make a step
  const constants = { beta1: 0.9, beta2: 0.999, eps: 1e-4 };
  const trainer = openTrainer(referenceBackend, {
    config,
    optimizer: { ...optimizers.adam, ...constants },
    models: 1,
    batch: BATCH,
    nPos: POS,
  });
  trainer.writeWeights(flat(weights));
  const state = adamState(sizes);
  const batch = {
    count: BATCH,
    nPos: POS,
    inputs: Int32Array.from(inputs.flat()),
    targets: Int32Array.from(targets.flat()),
  };
  for (let step = 1; step <= 5; step++) {
    const { loss, gradients } = lossAndGradients(sizes, weights, inputs, targets);
    adamStep(state, weights, gradients, { learningRate: 0.01, ...constants });
    expectNear(await trainer.step([batch], step, [0.01]), [loss], `loss ${step}`);
  }
  const trained = await trainer.readWeights();
  for (const [name, { data }] of Object.entries(weights)) expectNear(trained[name], data, name);
});
