/** Optimisers against PyTorch's, and Adam against its closed first steps. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError, NameError } from "../../src/base/errors.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import type { Backend } from "../../src/graph/backend.ts";
import { mul, state } from "../../src/graph/build.ts";
import { gradient } from "../../src/graph/gradient.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import {
  type Optimizer,
  optimizerNamed,
  optimizerStates,
  optimizers,
  optimizerUpdates,
  stepNumbers,
  validateOptimizer,
} from "../../src/train/optimizers.ts";
import { openTrainer } from "../../src/train/trainer.ts";

/** Both sides compute in float64, sums in another order: a few hundred roundings of 1e-16. */
const FLOAT64 = 1e-12;
/** float32 over eight steps; Adam divides by the root of small squared gradients and so magnifies a rounding. */
const FLOAT32 = 2e-5;

interface Fixture {
  config: ModelConfig;
  rates: number[];
  batch: number;
  nPos: number;
  /** [step][batch · pos] */
  tokens: number[][];
  targets: number[][];
  initial: Record<string, number[]>;
  cases: {
    name: string;
    optimizer: Optimizer;
    clip?: number;
    losses: number[];
    norms: number[];
    weights: Record<string, number[]>;
  }[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL("../fixtures/pytorch/optimizers.json", import.meta.url), "utf8"),
);

function farthest(a: ArrayLike<number>, b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return b.reduce(
    (worst, value, i) => Math.max(worst, Number.isNaN(a[i]) ? Infinity : Math.abs(a[i] - value)),
    0,
  );
}

/** Losses and final weights of a case of the fixture on a backend. */
async function rerun(backend: Backend, { optimizer, clip }: Fixture["cases"][number]) {
  const { config, batch, nPos, rates } = fixture;
  const trainer = openTrainer(backend, { config, optimizer, clip, models: 1, batch, nPos });
  const initial = Object.entries(fixture.initial).map(([name, values]) => [name, Float64Array.from(values)]);
  trainer.writeWeights(Object.fromEntries(initial));
  const losses = await inTurn(rates, async (rate, at) => {
    const [inputs, targets] = [fixture.tokens[at], fixture.targets[at]].map((of) => Int32Array.from(of));
    return (await trainer.step([{ count: batch, nPos, inputs, targets }], at + 1, [rate]))[0];
  });
  return { losses, weights: await trainer.readWeights() };
}

test("some steps of the clipped runs are above the bound and some below", () => {
  const clipped = fixture.cases.filter(({ clip }) => clip !== undefined);
  expect(clipped.length).toBeGreaterThan(2);
  for (const { norms, clip = 0 } of clipped) {
    expect(Math.min(...norms)).toBeLessThan(clip);
    expect(Math.max(...norms)).toBeGreaterThan(clip);
  }
});

test.each(fixture.cases.map((each) => [each.name, each] as const))(
  "eight steps of a transformer end where PyTorch's do (%s)",
  async (_, each) => {
    for (const [backend, tolerance] of [
      [referenceBackend, FLOAT64],
      [wasmBackend(), FLOAT32],
    ] as const) {
      const { losses, weights } = await rerun(backend, each);
      expect(farthest(losses, each.losses), "losses").toBeLessThan(tolerance);
      expect(Object.keys(weights).sort()).toEqual(Object.keys(each.weights).sort());
      for (const [name, values] of Object.entries(each.weights))
        expect(farthest(weights[name], values), name).toBeLessThan(tolerance);
    }
  },
);

/** Weights after each of some steps on f(w) = w², from w = 1, on the reference backend. */
async function descend(optimizer: Optimizer, rate: number, steps: number): Promise<number[]> {
  const w = state("w", []) as Node<"state">;
  const [g] = gradient(mul(w, w), [w]);
  const graph = makeGraph({ updates: optimizerUpdates(optimizer, { w }, { w: g }) });
  const states = { w: [], ...optimizerStates(optimizer, new Map([["w", []]])) };
  const session = referenceBackend.open({ models: 1, states });
  session.write("w", [1]);
  const program = session.compile(graph);
  return inTurn(
    Array.from({ length: steps }, (_, i) => i),
    async (_, at) => {
      await program.run(stepNumbers(optimizer, at + 1, [rate]));
      return (await session.read("w"))[0];
    },
  );
}

test("three steps of Adam on w² are those of the paper's recursion", async () => {
  // computed outside, to 15 decimals
  const known = [0.999000000005, 0.998000026213834, 0.997000096065141];
  (await descend(optimizers.adam, 1e-3, 3)).forEach((w, i) => {
    expect(Math.abs(w - known[i])).toBeLessThan(1e-15 * 2);
  });
});

test("a first step of Adam moves by the rate, whatever the size of the gradient", async () => {
  for (const rate of [1e-4, 0.5])
    expect((await descend(optimizers.adam, rate, 1))[0]).toBeCloseTo(1 - rate, 8);
});

test("plain descent on w² shrinks w by 1 − 2 rate a step, and momentum follows its recursion", async () => {
  const plain = await descend({ name: "sgd", momentum: 0 }, 0.1, 5);
  plain.forEach((w, i) => {
    expect(w).toBeCloseTo(0.8 ** (i + 1), 14);
  });
  let [w, v] = [1, 0];
  for (const ours of await descend({ name: "sgd", momentum: 0.9 }, 0.1, 6)) {
    v = 0.9 * v + 2 * w;
    w -= 0.1 * v;
    expect(ours).toBeCloseTo(w, 14);
  }
});

test("AdamW without decay is Adam, bit for bit", async () => {
  const adamw: Optimizer = { ...optimizers.adamw, weightDecay: 0 };
  expect(await descend(adamw, 0.01, 5)).toEqual(await descend(optimizers.adam, 0.01, 5));
});

test("bias corrections are 1 − β^step, and momentum needs none", () => {
  for (const step of [1, 2, 7, 1000, 123456]) {
    const { correction1, correction2 } = stepNumbers(optimizers.adam, step, [1]);
    expect(Math.abs(correction1[0] - (1 - 0.9 ** step))).toBeLessThan(FLOAT64);
    expect(Math.abs(correction2[0] - (1 - 0.999 ** step))).toBeLessThan(FLOAT64);
  }
  expect(stepNumbers(optimizers.sgd, 3, [1, 2])).toEqual({ rate: Float64Array.of(1, 2) });
});

test("optimisers are found by name, and impossible constants are refused", () => {
  expect(optimizerNamed("adamw")).toEqual(optimizers.adamw);
  expect(() => optimizerNamed("adma")).toThrow(NameError);
  expect(() => optimizerNamed("adma")).toThrow(/Nearest: "adam"/);
  expect(() => optimizerNamed("toString")).toThrow(NameError);
  for (const optimizer of Object.values(optimizers)) expect(validateOptimizer(optimizer)).toBe(optimizer);
  const broken: Optimizer[] = [
    { ...optimizers.adam, beta1: 1 },
    { ...optimizers.adam, beta2: -0.1 },
    { ...optimizers.adam, beta2: Number.NaN },
    { ...optimizers.adam, eps: 0 },
    { ...optimizers.adamw, weightDecay: -1 },
    { ...optimizers.adamw, weightDecay: Number.POSITIVE_INFINITY },
    { ...optimizers.sgd, momentum: 1 },
    { ...optimizers.sgd, momentum: Number.NaN },
  ];
  for (const optimizer of broken) expect(() => validateOptimizer(optimizer)).toThrow(ArgumentError);
});
