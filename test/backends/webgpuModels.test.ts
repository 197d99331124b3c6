/** Whole models on the webgpu backend: sites, interventions, gradients, training and divergence. */
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { webgpuBackend } from "../../src/backends/webgpu/index.ts";
import type { Backend, TensorData } from "../../src/graph/backend.ts";
import { type Edit, edit } from "../../src/interp/edits.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { runWithHooks } from "../../src/interp/run.ts";
import { presets } from "../../src/model/config.ts";
import { hook, sitesOf } from "../../src/model/hookPoints.ts";
import { weightsOfModel } from "../../src/model/weights.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { configNames, configs, targets, tokens, weightsFor } from "../interp/networks.ts";
import { runModel } from "../model/runModel.ts";
import { lossesOf, type Member, train } from "../train/population.ts";
import { softwareGpu } from "./softwareGpu.ts";

const { gpu } = await softwareGpu();
const card = gpu === null ? undefined : webgpuBackend(gpu);
const onCard = test.skipIf(card === undefined);
const webgpu = card as Backend;
const MODELS = 2;
/** Float32 activations of order 1, and their gradients, through two blocks. */
const FLOAT32 = 2e-5;
/** Losses of order 1 after some steps of Adam, whose division amplifies rounding errors. */
const TRAINED = 2e-4;
/** Step of central differences: their error is a third derivative of order 10 times its square, and float64 rounding. */
const STEP = 1e-5;
const DIFFERENCES = 1e-4;

/** Throws unless numbers are equal, both NaN, or near. */
function expectNear(got: ArrayLike<number>, want: ArrayLike<number>, allowed: number, what: string): void {
  expect(got.length, what).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    const same = Object.is(got[i], want[i]) || got[i] === want[i];
    if (!same && !(Math.abs(got[i] - want[i]) <= allowed))
      expect.fail(`${what}, element ${i}: ${got[i]}, should be ${want[i]} ± ${allowed}`);
  }
}

const ofModel = (data: TensorData, model: number) =>
  data.subarray((data.length / MODELS) * model, (data.length / MODELS) * (model + 1));

onCard.each(configNames)("%s: every site and every gradient is the reference's", async (name) => {
  const config = configs[name];
  const weights = weightsFor(config, MODELS);
  const request = { tokens, targets, asked: new Set<string>(sitesOf(config).keys()), gradients: true };
  const own = await runModel(config, weights, { ...request, backend: webgpu });
  for (let model = 0; model < MODELS; model++) {
    const want = await runModel(config, weightsOfModel(config, weights, model), request);
    for (const kind of ["sites", "weightGradients", "siteGradients"] as const)
      for (const [site, values] of Object.entries(want[kind]))
        expectNear(ofModel(own[kind][site], model), values, FLOAT32, `${kind} ${site}`);
    expectNear(ofModel(own.logits, model), want.logits, FLOAT32, "logits");
  }
});

onCard("the gradient in a weight is that of central differences", async () => {
  const config = configs.gpt;
  const weights = weightsFor(config, 1);
  const { weightGradients } = await runModel(config, weights, {
    ...{ tokens, targets, gradients: true, backend: webgpu },
  });
  for (const name of ["embed.W_E", "blocks.0.attn.W_K", "blocks.1.mlp.W_in", "blocks.1.ln1.w"]) {
    const lossAt = async (by: number) => {
      const values = Float64Array.from(weights[name], (value, i) => value + (i === 3 ? by : 0));
      return (await runModel(config, { ...weights, [name]: values }, { tokens, targets })).loss;
    };
    const slope = ((await lossAt(STEP)) - (await lossAt(-STEP))) / (2 * STEP);
    expect(Math.abs(weightGradients[name][3] - slope), name).toBeLessThan(DIFFERENCES);
  }
});

const interventions: Record<string, Edit[]> = {
  "a head set to zero in one row": [edit(hook.z(0), { heads: [1], batch: [0] }, { kind: "zero" })],
  "a position of the stream replaced in one model": [
    edit(hook.residPre(1), { pos: [2], models: [1] }, { kind: "replace", values: 0.25 }),
  ],
  "a neuron scaled, and then added to": [
    edit(hook.mlpPost(0), { units: [2] }, { kind: "scale", by: -2 }),
    edit(hook.mlpPost(0), { units: [2] }, { kind: "add", values: 1 }),
  ],
};

onCard.each(Object.entries(interventions))("%s has the reference's consequences", async (_, edits) => {
  const config = configs.causal;
  const weights = weightsFor(config, MODELS);
  const results = [];
  for (const backend of [webgpu, referenceBackend]) {
    const network = openNetwork(backend, config, weights);
    results.push(await runWithHooks(network, tokens, { edits, sites: () => true }));
    network.close();
  }
  const [own, reference] = results;
  expectNear(own.logits.data, reference.logits.data, FLOAT32, "logits");
  for (const site of reference.cache.names)
    expectNear(own.cache.get(site).data, reference.cache.get(site).data, FLOAT32, site);
});

onCard.each(Object.keys(optimizers) as (keyof typeof optimizers)[])(
  "steps of %s give the reference's losses, twice with the same bits",
  async (optimizer) => {
    const members: Member[] = [0, 1, 2].map((seed) => ({ seed, rate: 1e-3 * (seed + 1) }));
    const config = { ...presets.original, nLayers: 1, dMlp: 8 };
    const options = { config, optimizer: optimizers[optimizer], clip: 1, steps: 5 };
    const own = await train(members, { ...options, backend: webgpu });
    const reference = await train(members, { ...options, backend: referenceBackend });
    own.losses.forEach((losses, step) => {
      expectNear(losses, reference.losses[step], TRAINED, `losses of step ${step}`);
    });
    expect(own.losses).toEqual((await train(members, { ...options, backend: webgpu })).losses);
  },
);

onCard(
  "a model that is NaN is marked at the reference's step, and no other model changes by a bit",
  async () => {
    const healthy: Member[] = [0, 1, 2].map((seed) => ({ seed }));
    const config = { ...presets.original, nLayers: 1, dMlp: 8 };
    const options = { config, backend: webgpu, steps: 3, optimizer: optimizers.adam };
    const sound = await train(healthy, options);
    const spoil = (weights: Record<string, Float32Array>) => {
      weights["blocks.0.mlp.W_in"][5] = Number.NaN;
    };
    const spoiled = healthy.map((member, i) => (i === 1 ? { ...member, spoil } : member));
    const sick = await train(spoiled, options);
    const reference = await train(spoiled, { ...options, backend: referenceBackend });
    expect(sick.divergedAt).toEqual([null, 0, null]);
    expect(sick.divergedAt).toEqual(reference.divergedAt);
    for (const other of [0, 2]) {
      expect(sick.hashes[other]).toBe(sound.hashes[other]);
      expect(lossesOf(sick, other)).toEqual(lossesOf(sound, other));
    }
  },
);
