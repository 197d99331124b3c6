/** Training in one kernel: the reference's numbers, whatever is handed over at once, and nobody's business but the model's. */
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import type { Gpu } from "../../src/backends/webgpu/device.ts";
import { reasonAgainst, type WebgpuOptions, webgpuBackend } from "../../src/backends/webgpu/index.ts";
import { lower } from "../../src/backends/webgpu/lower.ts";
import { intervalsOf } from "../../src/backends/webgpu/population/intervals.ts";
import { layOut } from "../../src/backends/webgpu/population/layout.ts";
import { planPopulation } from "../../src/backends/webgpu/population/plan.ts";
import { randomStream } from "../../src/base/random.ts";
import type { Backend, Call, RunInputs, Session, TensorData } from "../../src/graph/backend.ts";
import { add, crossEntropy, einsum, gather, input, relu, scale, state, sum } from "../../src/graph/build.ts";
import { gradient } from "../../src/graph/gradient.ts";
import { type Graph, makeGraph } from "../../src/graph/graph.ts";
import { type Node, sizeOf } from "../../src/graph/node.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { optimizers, optimizerUpdates, stepNumbers } from "../../src/train/optimizers.ts";
import { wholeStep } from "../../src/train/stepGraph.ts";
import { configs } from "../interp/networks.ts";
import { softwareGpu } from "./softwareGpu.ts";

const { gpu } = await softwareGpu();
const onCard = test.skipIf(gpu === null);
const card = gpu as Gpu;
const MODELS = 5;
const ROWS = 6;
const VOCAB = 5;
const STEPS = 20;
/** Losses and weights of order 1 in float32 after twenty steps of Adam, whose division amplifies rounding errors. */
const TRAINED = 5e-4;

/** A network of one hidden layer in training: tables, products, sums and an optimiser with a common norm. */
function mlpStep(): Graph {
  const shapes = { embed: [VOCAB, 8], hidden: [8, 12], bias: [12], unembed: [12, VOCAB] };
  const weights = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, state(name, shape) as Node<"state">]),
  );
  const [tokens, targets] = ["tokens", "targets"].map((name) => input(name, [ROWS], "int32"));
  const x = gather(weights.embed, tokens); // [row, dModel]
  const post = relu(add(einsum("row dModel, dModel dMlp -> row dMlp", x, weights.hidden), weights.bias));
  const logits = einsum("row dMlp, dMlp dVocab -> row dVocab", post, weights.unembed); // [row, dVocab]
  const loss = scale(sum(crossEntropy(logits, targets)), 1 / ROWS);
  const names = Object.keys(weights);
  const found = gradient(
    loss,
    names.map((name) => weights[name]),
  );
  const gradients = Object.fromEntries(names.map((name, i) => [name, found[i]]));
  return makeGraph({
    outputs: { loss },
    updates: optimizerUpdates(optimizers.adam, weights, gradients, { clip: 1 }),
  });
}

const graph = mlpStep();

/** A session with drawn weights and no moments; `spoil` changes them before they are written. */
function open(
  backend: Backend,
  { of = graph, models = MODELS, first = 0, spoil = () => {} }: OpenOptions = {},
): Session {
  const states = Object.fromEntries([...of.states].map(([name, { shape }]) => [name, shape]));
  const session = backend.open({ models, states });
  for (const [name, shape] of Object.entries(states)) {
    if (/^(m|v|velocity)\//.test(name)) continue;
    const values = Array.from({ length: models }, (_, model) => {
      const stream = randomStream("population kernel", name, first + model);
      return Array.from({ length: sizeOf(shape) }, () => 0.5 * stream.normal());
    });
    spoil(name, values);
    session.write(name, values.flat());
  }
  return session;
}

interface OpenOptions {
  of?: Graph;
  models?: number;
  /** Number of the first model, whose draws it has. */
  first?: number;
  spoil?: (name: string, values: number[][]) => void;
}

/** What each step is given; tokens are shared in every other step, rates never. */
function inputsOf(of: Graph, models = MODELS, first = 0, steps = STEPS): RunInputs[] {
  return Array.from({ length: steps }, (_, step): RunInputs => {
    const rates = Array.from({ length: models }, (_, model) => 0.01 * (1 + first + model));
    const numbers = stepNumbers(optimizers.adam, step + 1, rates);
    for (const [name, node] of of.inputs) {
      if (node.dtype !== "int32") continue;
      const drawn = (model: number | "all") => {
        const stream = randomStream("population kernel", name, step, model);
        return Array.from({ length: sizeOf(node.shape) }, () => stream.integer(VOCAB));
      };
      const own = Array.from({ length: models }, (_, model) => drawn(first + model));
      Object.assign(numbers, { [name]: Int32Array.from(step % 2 === 0 ? drawn("all") : own.flat()) });
    }
    return Object.fromEntries([...of.inputs.keys()].map((name) => [name, numbers[name]]));
  });
}

interface Trained {
  /** [step][model] */
  losses: TensorData[];
  /** [model, ...shape] by name. */
  states: Record<string, TensorData>;
}

/** Trains, with so many steps in each handing over. */
async function trained(
  backend: Backend,
  { atOnce = STEPS, steps = STEPS, ...options }: OpenOptions & { atOnce?: number; steps?: number } = {},
): Promise<Trained> {
  const { of = graph, models = MODELS, first = 0 } = options;
  const session = open(backend, options);
  const program = session.compile(of);
  const calls = inputsOf(of, models, first, steps).map((inputs): Call => ({ program, inputs }));
  const losses: TensorData[] = [];
  for (let start = 0; start < calls.length; start += atOnce) {
    const told =
      atOnce === 1
        ? [await program.run(calls[start].inputs)]
        : await session.runInTurn(calls.slice(start, start + atOnce));
    losses.push(...told.map(({ loss }) => loss));
  }
  const states: Trained["states"] = {};
  for (const name of of.states.keys()) states[name] = await session.read(name);
  session.close();
  return { losses, states };
}

/** In small workgroups, which a software adapter gets through fastest. */
const SMALL = { invocations: 64 };
const inOneKernel = (options: WebgpuOptions = {}) =>
  webgpuBackend(card, { ...options, population: { ...SMALL, ...(options.population || {}) } });

function expectNear(own: Trained, want: Trained): void {
  const near = (got: TensorData, of: TensorData, what: string) => {
    expect(got.length, what).toBe(of.length);
    got.forEach((value, i) => {
      if (!(Math.abs(value - of[i]) <= TRAINED * Math.max(1, Math.abs(of[i]))))
        expect.fail(`${what}, element ${i}: ${value}, should be ${of[i]}`);
    });
  };
  own.losses.forEach((losses, step) => {
    near(losses, want.losses[step], `losses of step ${step}`);
  });
  for (const [name, values] of Object.entries(own.states)) near(values, want.states[name], name);
}

onCard("twenty steps of Adam with clipping are the reference's, and the general driver's", async () => {
  const own = await trained(inOneKernel());
  expectNear(own, await trained(referenceBackend));
  expectNear(own, await trained(webgpuBackend(card, { population: false })));
  expect(own.losses[STEPS - 1][0], "it learns").not.toBe(own.losses[0][0]);
});

onCard("however steps and models are divided among dispatches, the bits are the same", async () => {
  const steps = 7;
  const whole = await trained(inOneKernel(), { steps });
  expect(await trained(inOneKernel(), { steps }), "twice").toEqual(whole);
  expect(await trained(inOneKernel(), { steps, atOnce: 1 }), "one by one").toEqual(whole);
  expect(await trained(inOneKernel(), { steps, atOnce: 5 }), "five at once").toEqual(whole);
  for (const population of [{ runs: 3, workgroups: 2 }, { accesses: 1 }])
    expect(await trained(inOneKernel({ population }), { steps }), JSON.stringify(population)).toEqual(whole);
  // a buffer for the states of two models, and so for the inputs of few
  expect(await trained(inOneKernel({ maxBindingBytes: 4096 }), { steps }), "small buffers").toEqual(whole);
});

onCard("a model has the bits that it has alone, whatever its neighbours hold", async () => {
  const steps = 4;
  const whole = await trained(inOneKernel(), { steps });
  const alone = await trained(inOneKernel(), { steps, models: 1, first: 2 });
  const spoil = (name: string, values: number[][]) => {
    if (name === "hidden") values[1][3] = Number.NaN;
    if (name === "embed") values[3].fill(Number.POSITIVE_INFINITY);
  };
  const sick = await trained(inOneKernel(), { steps, spoil });
  const own = (of: Trained, model: number, models = MODELS) => {
    const part = (data: TensorData) => {
      const size = data.length / models;
      return [...data.subarray(model * size, (model + 1) * size)];
    };
    return { losses: of.losses.map(part), states: Object.values(of.states).map(part) };
  };
  expect(own(alone, 0, 1)).toEqual(own(whole, 2));
  for (const model of [0, 2, 4]) expect(own(sick, model)).toEqual(own(whole, model));
  for (const model of [1, 3]) for (const [loss] of own(sick, model).losses) expect(loss).toBeNaN();
});

onCard("what is written and run between belongs to the same states", async () => {
  const look = makeGraph({ outputs: { total: sum(state("bias", [12])) } });
  const results: number[][] = [];
  for (const backend of [inOneKernel(), referenceBackend]) {
    const session = open(backend);
    const [train, total] = [session.compile(graph), session.compile(look)];
    const [first, second] = inputsOf(graph);
    const calls = [first, second].map((inputs) => ({ program: train, inputs }));
    const told = await session.runInTurn([calls[0], { program: total, inputs: {} }, calls[1]]);
    session.write("bias", new Float32Array(12 * MODELS).fill(0.25));
    const [after] = await session.runInTurn([{ program: total, inputs: {} }, calls[0]]);
    results.push([...told[1].total, ...after.total, ...(await session.read("bias"))]);
    session.close();
  }
  results[0].forEach((value, i) => {
    expect(Math.abs(value - results[1][i])).toBeLessThan(TRAINED);
  });
  expect(results[0][MODELS]).toBe(3);
});

/** One block with all that it can have, so small that a software adapter compiles it in some seconds. */
const block: ModelConfig = {
  ...{ ...presets.original, dVocab: VOCAB, dModel: 8, nHeads: 2, dHead: 4, dMlp: 8, nCtx: 4, nLayers: 1 },
  ...{ normalization: "pre", causal: true },
};
/** On a card, every kind of network that the tests know. */
const networks = gpu?.isSoftware === false ? { block, ...configs } : { block };

onCard.each(Object.entries(networks))("a transformer, %s, trains as on the reference", async (_, config) => {
  // not Adam: it makes steps of the rounding errors that are the gradient of a key's bias
  const of = wholeStep({ config: { ...config, dVocab: VOCAB }, optimizer: optimizers.sgd }, 2, 4);
  const options = { of, models: 2 };
  expect(reasonAgainst(of, card.limits)).toBeNull();
  // all in storage: fewer kinds of steps, so that it is compiled faster; in the tests before, states are in the group
  const own = await trained(inOneKernel({ population: { groupBytes: 0 } }), options);
  expectNear(own, await trained(referenceBackend, options));
});

test("steps of one interval touch nothing that another of them writes, and none comes before what it needs", () => {
  const { steps } = lower(wholeStep({ config: presets.original, optimizer: optimizers.adam }, 4, 7), {
    parallel: 256,
  });
  const intervals = intervalsOf(steps);
  expect(intervals.flat().toSorted((a, b) => steps.indexOf(a) - steps.indexOf(b))).toEqual(steps);
  expect(intervals.length).toBeLessThan(steps.length / 2);
  const at = new Map(intervals.flatMap((all, i) => all.map((step) => [step, i])));
  steps.forEach((later, i) => {
    for (const earlier of steps.slice(0, i)) {
      const touches = [...later.reads, ...later.writes];
      const depends =
        earlier.writes.some((tensor) => touches.includes(tensor)) ||
        earlier.reads.some((tensor) => later.writes.includes(tensor));
      if (depends) expect(at.get(later)).toBeGreaterThan(at.get(earlier) as number);
    }
  });
});

test("tensors that are needed at the same time have places of their own, within the memory that there is", () => {
  const lowered = lower(wholeStep({ config: presets.original, optimizer: optimizers.adam }, 4, 7));
  const intervals = intervalsOf(lowered.steps);
  for (const bytes of [0, 4096, 16384]) {
    const { places, group, scratch } = layOut(lowered, intervals, bytes);
    expect(16 * group.fours + 4 * group.singles).toBeLessThanOrEqual(bytes);
    const life = (tensor: object): [number, number] => {
      const touched = intervals.flatMap((steps, i) =>
        steps.some(({ reads, writes }) => [...reads, ...writes].includes(tensor as never)) ? [i] : [],
      );
      const isLasting = lowered.states.get((tensor as { name: string }).name) === tensor;
      const isOutput = [...lowered.outputs.values()].some((output) => output.tensor === tensor);
      return [
        isLasting ? 0 : touched[0],
        isLasting || isOutput ? intervals.length : (touched.at(-1) as number),
      ];
    };
    const all = [...places].map(([tensor, place]) => {
      const count = place.inFours ? tensor.size / 4 : tensor.size;
      const lengths = place.inGroup ? group : scratch;
      expect(place.offset + count).toBeLessThanOrEqual(place.inFours ? lengths.fours : lengths.singles);
      return { ...place, count, life: life(tensor) };
    });
    all.forEach((a, i) => {
      for (const b of all.slice(0, i)) {
        if (a.inGroup !== b.inGroup || a.inFours !== b.inFours) continue;
        const sameTime = a.life[0] <= b.life[1] && b.life[0] <= a.life[1];
        const samePlace = a.offset < b.offset + b.count && b.offset < a.offset + a.count;
        expect(sameTime && samePlace).toBe(false);
      }
    });
  }
});

/** What every device has. */
const LIMITS = {
  ...{ maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupSizeX: 256 },
  ...{ maxComputeWorkgroupStorageSize: 16384, maxStorageBuffersPerShaderStage: 8 },
  ...{ maxUniformBufferBindingSize: 65536, maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28 },
} as GPUSupportedLimits;

const transformerStep = (config: ModelConfig, batch: number) =>
  wholeStep({ config, optimizer: optimizers.adam }, batch, config.nCtx);

test("the original network fits every card, and its kernel has each kind of step once", () => {
  const { plan, reason } = planPopulation(transformerStep(presets.original, 32), LIMITS, 2 ** 27);
  expect(reason).toBeNull();
  const functions = plan?.kernel.code.match(/^fn step\d+/gm) ?? [];
  expect(functions.length).toBeLessThan((plan?.lowered.steps.length ?? 0) / 2);
  expect(plan?.kernel.code.length).toBeLessThan(120_000);
});

test("what does not fit is told why", () => {
  const { original } = presets;
  const large = { ...original, dModel: 256, dHead: 128, dMlp: 1024, nCtx: 128, dVocab: 96 };
  const deep = { ...original, nLayers: 24 };
  expect(reasonAgainst(transformerStep(large, 16), LIMITS)).toMatch(/one workgroup/);
  expect(reasonAgainst(transformerStep(deep, 2), LIMITS)).toMatch(/steps, more than/);
  expect(
    reasonAgainst(transformerStep(original, 32), { ...LIMITS, maxStorageBufferBindingSize: 2 ** 16 }),
  ).toMatch(/in one buffer, of which the card binds 65536/);
  const few = { ...LIMITS, maxStorageBuffersPerShaderStage: 4 };
  expect(reasonAgainst(transformerStep(original, 32), few)).toMatch(/binds 7 buffers, the card 4/);
  const looking = makeGraph({ outputs: { out: sum(state("x", [4])) } });
  expect(reasonAgainst(looking, LIMITS)).toBe("it trains nothing");
});

onCard("a program says why it takes the slower way, and gives the same numbers", async () => {
  const session = open(inOneKernel(), { models: 1 });
  expect(session.compile(graph).slowerBecause?.()).toBeUndefined();
  session.close();
  const small = open(inOneKernel({ maxBindingBytes: 1024 }), { models: 1 });
  expect(small.compile(graph).slowerBecause?.()).toMatch(/in one buffer/);
  small.close();
  const narrow = await trained(inOneKernel({ maxBindingBytes: 1024 }), { steps: 3 });
  expectNear(narrow, await trained(referenceBackend, { steps: 3 }));
});

onCard(
  "a kernel that the driver does not compile is done step by step, and the program says so",
  async () => {
    const device = new Proxy(card.device, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (key === "createComputePipelineAsync")
          return (asked: GPUComputePipelineDescriptor) =>
            modules.get(asked.compute.module)?.includes("fn step0")
              ? Promise.reject(new Error("too long\nfor this driver"))
              : target.createComputePipelineAsync(asked);
        if (key === "createShaderModule")
          return (asked: GPUShaderModuleDescriptor) => {
            const made = target.createShaderModule(asked);
            modules.set(made, asked.code);
            return made;
          };
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const modules = new Map<GPUShaderModule, string>();
    const session = open(webgpuBackend({ ...card, device }, { population: SMALL }), { models: 2 });
    const program = session.compile(graph);
    const calls = inputsOf(graph, 2, 0, 3).map((inputs) => ({ program, inputs }));
    expect(program.slowerBecause?.()).toBeUndefined();
    const told = await session.runInTurn(calls);
    expect(program.slowerBecause?.()).toBe("the card's driver did not compile it: too long");
    const general = await trained(webgpuBackend(card, { population: false }), { models: 2, steps: 3 });
    expect(told.map(({ loss }) => loss)).toEqual(general.losses);
    session.close();
  },
);
