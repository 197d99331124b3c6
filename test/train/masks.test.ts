/** Masks and learning-rate factors by weight: what stays, keeps its bits; what moves, moves by the plain rule. */

import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { NameError } from "../../src/base/errors.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { patterns } from "../../src/data/patterns.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { input, mul, state, sub, sum } from "../../src/graph/build.ts";
import { gradient } from "../../src/graph/gradient.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { type Weights, weightShapes } from "../../src/model/weights.ts";
import {
  maskName,
  type Optimizer,
  optimizerStates,
  optimizers,
  optimizerUpdates,
  stepNumbers,
  type UpdateOptions,
} from "../../src/train/optimizers.ts";
import { accumulatorStates, blockStep, type StepSpec, updateStep } from "../../src/train/stepGraph.ts";
import { openTrainer } from "../../src/train/trainer.ts";

/** float64 on both sides, sums in another order. */
const FLOAT64 = 1e-12;
/** float32, three steps, each with a rounding of every sum over the batch. */
const FLOAT32 = 2e-5;

const config = { ...presets.causal, nLayers: 1, dMlp: 8 };
const shapes = weightShapes(config);
const [MODELS, BATCH, POS] = [3, 6, 7];
const masked = ["embed.W_E", "blocks.0.attn.W_Q", "blocks.0.mlp.W_in", "blocks.0.mlp.b_in", "unembed.W_U"];
const plainSgd: Optimizer = { name: "sgd", momentum: 0 };
const both = [
  ["reference", referenceBackend, FLOAT64],
  ["wasm", wasmBackend(), FLOAT32],
] as const;

const initial = initialPopulation(
  config,
  { scheme: "pytorch" },
  Array.from({ length: MODELS }, (_, i) => randomStream("masks", i)),
);
const batchAt = (step: number) => patterns(config).sample(randomStream("masks", "batch", step), BATCH);

/** About a third of the entries of each masked weight are 1, other ones in every model. */
const thirds: Weights = Object.fromEntries(
  masked.map((name) => {
    const draws = randomStream("masks", name);
    return [name, Float32Array.from(initial[name], () => (draws.integer(3) === 0 ? 1 : 0))];
  }),
);
const ones: Weights = Object.fromEntries(
  masked.map((name) => [name, new Float32Array(initial[name].length).fill(1)]),
);

interface Steps extends UpdateOptions {
  optimizer?: Optimizer;
  masks?: Weights;
  steps?: number;
  rate?: number;
}

/** The population after some steps. */
async function after(
  backend: Backend,
  { optimizer = optimizers.adam, masks, steps = 3, rate = 0.01, ...special }: Steps,
) {
  const trainer = openTrainer(backend, {
    ...{ config, optimizer, models: MODELS, batch: BATCH, nPos: POS, ...special },
    masked: masks === undefined ? undefined : Object.keys(masks),
  });
  trainer.writeWeights(initial);
  if (masks !== undefined) trainer.writeMasks(masks);
  for (let step = 1; step <= steps; step++) await trainer.step([batchAt(step)], step, [rate]);
  const weights = await trainer.readWeights();
  const moments = Object.fromEntries(
    await inTurn(Object.keys(optimizerStates(optimizer, shapes)), async (name) => [
      name,
      await trainer.session.read(name),
    ]),
  );
  trainer.session.close();
  return { weights, moments };
}

/** What the steps added to a weight. */
const change = (weights: Weights, name: string) =>
  Float64Array.from(weights[name], (value, i) => value - initial[name][i]);

const squared = (values: ArrayLike<number>) => Array.from(values).reduce((total, x) => total + x * x, 0);

test.each(both)(
  "entries with mask 0 keep their bits under every optimiser, and the others move (%s)",
  async (_, backend) => {
    for (const optimizer of [optimizers.adam, optimizers.sgd, { ...optimizers.adamw, weightDecay: 0 }]) {
      const { weights } = await after(backend, { optimizer, masks: thirds });
      for (const name of masked)
        weights[name].forEach((value, i) => {
          if (thirds[name][i] === 0) expect(value).toBe(initial[name][i]);
        });
      // tokens that do not occur have no gradient, so only the dense weights must move everywhere
      const moved = change(weights, "blocks.0.attn.W_Q").filter((by) => by !== 0).length;
      expect(moved).toBe(thirds["blocks.0.attn.W_Q"].filter((one) => one === 1).length);
    }
  },
);

test.each(both)(
  "the first step of a trained entry is the step without masks, bit for bit (%s)",
  async (_, backend) => {
    for (const optimizer of [optimizers.adam, optimizers.sgd, optimizers.adamw]) {
      const [partly, whole] = await inTurn(
        [thirds, undefined],
        async (masks) => (await after(backend, { optimizer, masks, steps: 1 })).weights,
      );
      for (const name of shapes.keys())
        partly[name].forEach((value, i) => {
          if (!masked.includes(name) || thirds[name][i] === 1) expect(value).toBe(whole[name][i]);
        });
    }
  },
);

test.each(both)("masks of ones and factors of 1 change no bit (%s)", async (_, backend) => {
  const plain = await after(backend, { clip: 0.5 });
  expect((await after(backend, { clip: 0.5, masks: ones })).weights).toEqual(plain.weights);
  expect((await after(backend, { clip: 0.5, rateFactors: { "unembed.W_U": 1 } })).weights).toEqual(
    plain.weights,
  );
});

test("a model beside others is masked by its own mask only", async () => {
  const [mixed, whole, partly] = await inTurn(
    [
      Object.fromEntries(
        masked.map((name) => {
          const size = initial[name].length / MODELS;
          return [name, thirds[name].map((one, i) => (Math.floor(i / size) === 1 ? one : 1))];
        }),
      ),
      ones,
      thirds,
    ],
    async (masks) => (await after(wasmBackend(), { masks })).weights,
  );
  for (const name of shapes.keys()) {
    const size = initial[name].length / MODELS;
    mixed[name].forEach((value, i) => {
      expect(value).toBe((Math.floor(i / size) === 1 ? partly : whole)[name][i]);
    });
  }
});

test("nothing of a masked weight is trained before its mask is written", async () => {
  const trainer = openTrainer(wasmBackend(), {
    ...{ config, optimizer: optimizers.adam, models: MODELS, batch: BATCH, nPos: POS, masked },
  });
  trainer.writeWeights(initial);
  await trainer.step([batchAt(1)], 1, [0.01]);
  const weights = await trainer.readWeights();
  for (const name of shapes.keys()) {
    const isSame = weights[name].every((value, i) => value === initial[name][i]);
    expect(isSame, name).toBe(masked.includes(name));
  }
  trainer.session.close();
});

test("masked Adam on a coupled quadratic is the paper's recursion on the trained coordinates alone", async () => {
  // f(w) = ½ (Σ w)² : every coordinate has the gradient Σ w, and those that stay still take part in the sum
  const start = [1, -2, 0.5, 3];
  const mask = [1, 0, 1, 0];
  const w = state("w", [4]) as Node<"state">;
  const [g] = gradient(mul(sum(w), sum(w)), [w]);
  const half = mul(g, input("half", []));
  const graph = makeGraph({
    updates: optimizerUpdates(optimizers.adam, { w }, { w: half }, { masked: ["w"] }),
  });
  const session = referenceBackend.open({
    models: 1,
    states: { w: [4], [maskName("w")]: [4], ...optimizerStates(optimizers.adam, new Map([["w", [4]]])) },
  });
  session.write("w", start);
  session.write(maskName("w"), mask);
  const program = session.compile(graph);
  const mine = [...start];
  const { beta1, beta2, eps } = optimizers.adam;
  const [m, v] = [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ];
  for (let step = 1; step <= 12; step++) {
    await program.run({ half: Float64Array.of(0.5), ...stepNumbers(optimizers.adam, step, [0.1]) });
    const slope = mine.reduce((total, x) => total + x, 0);
    for (const i of [0, 2]) {
      m[i] = beta1 * m[i] + (1 - beta1) * slope;
      v[i] = beta2 * v[i] + (1 - beta2) * slope ** 2;
      mine[i] -= (0.1 * (m[i] / (1 - beta1 ** step))) / (Math.sqrt(v[i] / (1 - beta2 ** step)) + eps);
    }
    (await session.read("w")).forEach((value, i) => {
      expect(Math.abs(value - mine[i])).toBeLessThan(FLOAT64);
    });
  }
  session.close();
});

test.each(both)(
  "a frozen weight and its moments keep their bits, and the first step of the others is the same (%s)",
  async (_, backend) => {
    const frozen = ["embed.W_E", "blocks.0.mlp.W_out", "unembed.b_U"];
    const rateFactors = Object.fromEntries(frozen.map((name) => [name, 0]));
    // decay too must leave a frozen weight alone
    const optimizer = { ...optimizers.adamw, weightDecay: 0.1 };
    const { weights, moments } = await after(backend, { optimizer, rateFactors });
    for (const name of frozen) {
      weights[name].forEach((value, i) => {
        expect(value).toBe(initial[name][i]);
      });
      for (const moment of ["m", "v"]) expect(moments[`${moment}/${name}`].every((x) => x === 0)).toBe(true);
    }
    const [partly, whole] = await inTurn(
      [rateFactors, {}],
      async (factors) => (await after(backend, { optimizer, rateFactors: factors, steps: 1 })).weights,
    );
    for (const name of shapes.keys()) if (!frozen.includes(name)) expect(partly[name]).toEqual(whole[name]);
  },
);

test("a factor of the rate is the rate times the factor, for that weight alone", async () => {
  const name = "blocks.0.mlp.W_in";
  for (const [optimizer, factor] of [
    [plainSgd, 0.25],
    [optimizers.adam, 0.25],
    [optimizers.adam, 3],
    [{ ...optimizers.adamw, weightDecay: 0.1 }, 3],
  ] as const) {
    const own = (await after(referenceBackend, { optimizer, steps: 1, rateFactors: { [name]: factor } }))
      .weights;
    const plain = (await after(referenceBackend, { optimizer, steps: 1 })).weights;
    const faster = (await after(referenceBackend, { optimizer, steps: 1, rate: 0.01 * factor })).weights;
    for (const each of shapes.keys()) {
      const expected = each === name ? faster : plain;
      own[each].forEach((value, i) => {
        expect(Math.abs(value - expected[each][i])).toBeLessThan(FLOAT64);
      });
    }
    expect(own[name]).not.toEqual(plain[name]);
  }
});

/** The gradient of every weight in the first batch, by a plain step of rate 1. */
const gradients = await (async () => {
  const { weights } = await after(referenceBackend, { optimizer: plainSgd, steps: 1, rate: 1 });
  return Object.fromEntries([...shapes.keys()].map((name) => [name, change(weights, name).map((by) => -by)]));
})();

test("the norm that is clipped is that of what is trained: frozen weights and masked entries are not in it", async () => {
  const clip = 0.05; // below every norm of this batch
  const frozen = "unembed.W_U";
  const masks = { "blocks.0.mlp.W_in": thirds["blocks.0.mlp.W_in"] };
  const trained = Object.fromEntries(
    Object.entries(gradients)
      .filter(([name]) => name !== frozen)
      .map(([name, values]) => [
        name,
        name in masks ? values.map((g, i) => g * thirds["blocks.0.mlp.W_in"][i]) : values,
      ]),
  );
  const { weights } = await after(referenceBackend, {
    ...{ optimizer: plainSgd, steps: 1, rate: 1, clip, masks },
    rateFactors: { [frozen]: 0 },
  });
  for (let model = 0; model < MODELS; model++) {
    const ofModel = (values: Float64Array) =>
      values.subarray((model * values.length) / MODELS, ((model + 1) * values.length) / MODELS);
    const norm = Math.sqrt(Object.values(trained).reduce((total, g) => total + squared(ofModel(g)), 0));
    const all = Math.sqrt(Object.values(gradients).reduce((total, g) => total + squared(ofModel(g)), 0));
    expect(norm).toBeGreaterThan(clip);
    expect(all / norm).toBeGreaterThan(1.01); // a norm over everything would be told apart
    for (const [name, g] of Object.entries(trained)) {
      const moved = ofModel(change(weights, name));
      ofModel(g).forEach((slope, i) => {
        // 1e-6 is added to the norm, as PyTorch does
        expect(Math.abs(moved[i] + (slope * clip) / (norm + 1e-6))).toBeLessThan(FLOAT64);
      });
    }
  }
});

test("a factor of the rate does not change the norm that is clipped", async () => {
  const [slow, plain] = await inTurn(
    [0.5, 1],
    async (factor) =>
      (
        await after(referenceBackend, {
          ...{ optimizer: plainSgd, steps: 1, rate: 1, clip: 0.05 },
          rateFactors: { "unembed.W_U": factor },
        })
      ).weights,
  );
  for (const name of shapes.keys()) {
    const factor = name === "unembed.W_U" ? 0.5 : 1;
    const [mine, full] = [change(slow, name), change(plain, name)];
    mine.forEach((by, i) => {
      expect(Math.abs(by - factor * full[i])).toBeLessThan(FLOAT64);
    });
  }
});

/** Three steps with each batch in blocks of 4 sequences, the last one short. */
async function inBlocks(backend: Backend, spec: StepSpec, masks: Weights): Promise<Weights> {
  const session = backend.open({
    models: MODELS,
    states: {
      ...Object.fromEntries(shapes),
      ...optimizerStates(spec.optimizer, shapes),
      ...accumulatorStates(shapes),
      ...Object.fromEntries(masked.map((name) => [maskName(name), shapes.get(name) ?? []])),
    },
  });
  for (const name of shapes.keys()) session.write(name, initial[name]);
  for (const name of masked) session.write(maskName(name), masks[name]);
  for (let step = 1; step <= 3; step++) {
    const { inputs, targets } = batchAt(step);
    for (const [start, size] of [
      [0, 4],
      [4, 2],
    ]) {
      const cut = (of: Int32Array) => of.subarray(start * POS, (start + size) * POS);
      await session
        .compile(blockStep(spec, size, POS, BATCH))
        .run({ tokens: cut(inputs), targets: cut(targets) });
    }
    await session.compile(updateStep(spec)).run(stepNumbers(spec.optimizer, step, [0.01]));
  }
  const weights = Object.fromEntries(
    await inTurn([...shapes.keys()], async (name) => [name, await session.read(name)]),
  );
  const left = (
    await inTurn(Object.keys(accumulatorStates(shapes)), async (name) => [...(await session.read(name))])
  ).flat();
  expect(left.every((value) => value === 0)).toBe(true);
  session.close();
  return weights;
}

test.each(both)(
  "in blocks too: what is masked or frozen keeps its bits, the rest is the step of the whole batch (%s)",
  async (_, backend, tolerance) => {
    const frozen = "pos_embed.W_pos";
    const special = { clip: 0.2, rateFactors: { [frozen]: 0, "unembed.b_U": 0.5 } };
    // a large eps: where a gradient is only rounding, Adam would make a step of it
    for (const optimizer of [optimizers.sgd, { ...optimizers.adam, eps: 1e-3 }]) {
      const cut = await inBlocks(backend, { config, optimizer, masked, ...special }, thirds);
      const whole = (await after(backend, { optimizer, masks: thirds, ...special })).weights;
      for (const name of shapes.keys())
        cut[name].forEach((value, i) => {
          expect(Math.abs(value - whole[name][i])).toBeLessThan(tolerance);
          if (name === frozen || (masked.includes(name) && thirds[name][i] === 0))
            expect(value).toBe(initial[name][i]);
        });
      expect(squared(change(cut, "blocks.0.mlp.W_in"))).toBeGreaterThan(0);
    }
  },
);

test("weights that do not exist cannot be masked, frozen or slowed", () => {
  const open = (special: UpdateOptions) =>
    openTrainer(referenceBackend, {
      ...{ config, optimizer: optimizers.adam, models: 1, batch: 1, nPos: POS, ...special },
    });
  expect(() => open({ masked: ["embed.W_F"] })).toThrow(NameError);
  expect(() => open({ masked: ["embed.W_F"] })).toThrow('Nearest: "embed.W_E"');
  const w = state("w", [2]) as Node<"state">;
  for (const special of [{ masked: ["u"] }, { rateFactors: { u: 0 } }])
    expect(() => optimizerUpdates(optimizers.adam, { w }, { w: sub(w, w) }, special)).toThrow(NameError);
});
