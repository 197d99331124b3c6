/**
 * Fusion never changes bits: each graph is computed once as it is and once with every node inside as an output, which
 * keeps all of them in memory and so forbids fusion.
 */

import fc from "fast-check";
import { expect, test } from "vitest";
import { scheduleOf } from "../../src/backends/plan/schedule.ts";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { fuse } from "../../src/backends/wasm/fusion.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import {
  adamUpdate,
  add,
  einsum,
  ema,
  emaSquare,
  gate,
  input,
  mul,
  normalize,
  normalizeGrad,
  normScale,
  relu,
  reshape,
  scale,
  state,
  sub,
  sum,
  transpose,
} from "../../src/graph/build.ts";
import { gradient } from "../../src/graph/gradient.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { presets } from "../../src/model/config.ts";
import { meanLoss } from "../../src/model/loss.ts";
import { forward } from "../../src/model/transformer.ts";
import { weightNodes } from "../../src/model/weights.ts";
import { bitsOf, layouts, outputsOf } from "./runGraph.ts";
import { squareProgram, squareSteps } from "./squarePrograms.ts";

/** float32 against float64: sums of at most a few dozen products of order 1, and one division by a standard deviation. */
const FLOAT32 = 1e-4;

const [x, y, z] = ["x", "y", "z"].map((name) => input(name, [4, 5, 6])); // [batch, pos, unit]
const weight = state("weight", [6, 7]);
const wide = input("wide", [4, 5, 7]);
const [row, bias] = ["row", "bias"].map((name) => state(name, [7]));
const [gain, shift] = ["gain", "shift"].map((name) => state(name, [6]));
const linear = (of: Node = x) => einsum("batch pos unit, unit out -> batch pos out", of, weight);
const heads = input("heads", [4, 5, 2, 3]); // [batch, pos, head, dHead]
const output = state("output", [2, 3, 7]); // [head, dHead, out]

function normed(of: Node, w: Node = gain, b: Node = shift): Node {
  return add(mul(normalize(of, normScale(of, 1e-5)), w), b);
}
const scored = () =>
  scale(
    einsum(
      "batch pos head dHead, batch key head dHead -> batch head pos key",
      heads,
      input("keys", heads.shape),
    ),
    0.577,
  );
const result = (of: Node) => einsum("batch pos head dHead, head dHead out -> batch pos out", of, output);

/** Graphs of which at least `absorbed` nodes are expected to be computed inside others. */
const cases: Record<string, { of: () => Node; absorbed: number }> = {
  "a product, its bias and relu": { of: () => relu(add(linear(), row)), absorbed: 2 },
  "a product scaled, with bias, addend and relu": {
    of: () => relu(add(add(scale(linear(), 0.3), row), wide)),
    absorbed: 4,
  },
  "a product with two rows of bias": { of: () => add(add(linear(), row), bias), absorbed: 2 },
  "a product added to a residual stream, from the right": { of: () => add(wide, linear()), absorbed: 1 },
  "a gated product": { of: () => gate(linear(), wide), absorbed: 1 },
  "a product with bias, gated by a row": { of: () => gate(add(linear(), row), bias), absorbed: 1 },
  "the sum of two products": { of: () => add(linear(x), linear(y)), absorbed: 1 },
  "scores of heads": { of: scored, absorbed: 1 },
  "heads put together and added to the stream": { of: () => add(add(result(heads), row), wide), absorbed: 2 },
  "a product under another shape": { of: () => relu(reshape(add(linear(), row), [20, 7])), absorbed: 1 },
  "a product transposed": { of: () => transpose(add(linear(), row), [2, 0, 1]), absorbed: 1 },
  "a product scaled twice": { of: () => scale(scale(linear(), 0.3), 1.7), absorbed: 1 },
  "relu before the bias": { of: () => add(relu(linear()), row), absorbed: 1 },
  "a bias that differs by position": {
    of: () => add(linear(), input("byPosition", [5, 1])),
    absorbed: 0,
  },
  "a bias that differs by sequence": {
    of: () => add(linear(), input("bySequence", [4, 1, 7])),
    absorbed: 0,
  },
  "a layer norm": { of: () => normed(x), absorbed: 3 },
  "a layer norm of a sum, before a product": {
    of: () => relu(add(linear(normed(add(x, y))), row)),
    absorbed: 5,
  },
  "a layer norm of one row, added to a product": {
    of: () => {
      const [one, matrix] = [input("one", [6]), state("matrix", [6, 6])];
      return normed(one, gain, einsum("unit, unit out -> out", one, matrix));
    },
    absorbed: 1,
  },
  "a product added to a layer norm": {
    of: () => {
      const one = input("one", [6]);
      return add(einsum("unit, unit out -> out", one, state("matrix", [6, 6])), normed(one));
    },
    absorbed: 1,
  },
  "a layer norm whose parts are read later": {
    of: () => {
      const s = normScale(x, 1e-5);
      const n = normalize(x, s);
      const out = add(mul(n, gain), shift);
      return add(mul(out, n), mul(s, out));
    },
    absorbed: 0,
  },
  "a layer norm whose parts are read before it": {
    of: () => {
      const s = normScale(x, 1e-5);
      const n = normalize(x, s);
      return add(mul(n, sum(mul(n, s), [0, 1])), shift);
    },
    absorbed: 0,
  },
  "the sum of a product over sequences and positions": { of: () => sum(mul(x, y), [0, 1]), absorbed: 1 },
  "the sum of a product over sequences": { of: () => sum(mul(x, y), [0]), absorbed: 1 },
  "the sum of squares": { of: () => sum(mul(x, x), [0, 1]), absorbed: 1 },
  "the sum of a product over the last axis": { of: () => sum(mul(x, y), [2]), absorbed: 0 },
  "the sum of a product over everything": { of: () => sum(mul(x, y)), absorbed: 0 },
  "the gradient of a weighted norm": {
    of: () => normalizeGrad(mul(x, gain), y, normScale(z, 0.1)),
    absorbed: 1,
  },
  "the gradient of a norm weighted by a row that is spread": {
    of: () => normalizeGrad(mul(input("narrow", [4, 5, 1]), gain), y, normScale(z, 0.1)),
    absorbed: 0,
  },
  "the gradient of a norm weighted from the left": {
    of: () => normalizeGrad(mul(gain, x), y, normScale(z, 0.1)),
    absorbed: 0,
  },
  "the gradient of a norm whose normalized value is the product": {
    of: () => {
      const weighted = mul(x, gain);
      return normalizeGrad(weighted, weighted, normScale(z, 0.1));
    },
    absorbed: 0,
  },
};

/** Every node that computes something on the way to `root`, as an output of its own. */
function everyNode(root: Node): Record<string, Node> {
  const { order } = makeGraph({ outputs: { root } });
  return Object.fromEntries([...order.map((node, i) => [`node${i} ${node.op}`, node]), ["root", root]]);
}

const absorbedIn = (outputs: Record<string, Node>) => fuse(scheduleOf(makeGraph({ outputs }))).absorbed.size;

test.each(Object.entries(cases))("fusion changes no bit of %s", async (_, { of, absorbed }) => {
  const root = of();
  const apart = everyNode(root);
  expect(absorbedIn({ root })).toBeGreaterThanOrEqual(absorbed);
  expect(absorbedIn(apart)).toBe(0);
  const want = (await outputsOf(referenceBackend, { root })).root;
  for (const backend of layouts) {
    const fused = (await outputsOf(backend, { root })).root;
    expect(bitsOf(fused)).toEqual(bitsOf((await outputsOf(backend, apart)).root));
    fused.forEach((value, i) => {
      expect(Math.abs(value - want[i])).toBeLessThan(FLOAT32 * Math.max(1, Math.abs(want[i])));
    });
  }
});

test.each(["original", "original-minigpt", "gpt"] as const)(
  "fusion changes no bit of loss and gradients of %s",
  async (preset) => {
    const config = { ...presets[preset], dMlp: 20 };
    const weights = weightNodes(config);
    const [tokens, targets] = ["tokens", "targets"].map((name) => input(name, [3, 7], "int32"));
    const loss = meanLoss(forward(config, weights, tokens), targets);
    const names = Object.keys(weights);
    const found = gradient(loss, Object.values(weights));
    const outputs = { loss, ...Object.fromEntries(names.map((name, i) => [name, found[i]])) };
    const { order } = makeGraph({ outputs });
    const apart = { ...outputs, ...Object.fromEntries(order.map((node, i) => [`node${i}`, node])) };
    expect(absorbedIn(outputs)).toBeGreaterThan(order.length / 8);
    expect(absorbedIn(apart)).toBe(0);
    const rows = config.dVocab;
    const [first, ...others] = (
      await inTurn(layouts, async (backend) =>
        inTurn([outputs, apart], async (of) => outputsOf(backend, of, { rows })),
      )
    ).flat();
    for (const other of others)
      for (const name of Object.keys(outputs)) expect(bitsOf(other[name]), name).toEqual(bitsOf(first[name]));
  },
);

test("moments and weight in one visit have the bits of three", async () => {
  const [m, v] = [ema(x, z, 0.9), emaSquare(mul(y, y), z, 0.99)];
  const numbers = { rate: input("rate", []), correction1: input("c1", []), correction2: sum(mul(z, z)) };
  const outputs = { m, v, weight: adamUpdate(y, m, v, { ...numbers, eps: 0.1 }) };
  const readElsewhere = { ...outputs, other: add(m, v) };
  expect(absorbedIn(outputs)).toBe(2);
  expect(absorbedIn(readElsewhere)).toBe(0);
  const [first, ...others] = (
    await inTurn(layouts, async (backend) =>
      inTurn([outputs, readElsewhere], async (of) => outputsOf(backend, of)),
    )
  ).flat();
  for (const other of others)
    for (const name of Object.keys(outputs)) expect(bitsOf(other[name]), name).toEqual(bitsOf(first[name]));
});

test("moments of different gradients stay three visits", () => {
  const [m, v] = [ema(x, y, 0.9), emaSquare(mul(y, y), z, 0.99)];
  const numbers = { rate: input("rate", []), correction1: input("c1", []), correction2: input("c2", []) };
  expect(absorbedIn({ weight: adamUpdate(x, m, v, { ...numbers, eps: 0.1 }) })).toBe(0);
});

test("subtraction is no epilogue: a product minus something is stored first", () => {
  const root = sub(linear(), wide);
  expect(absorbedIn({ root })).toBe(0);
});

test("fusion changes no bit of random programs", async () => {
  let absorbed = 0;
  await fc.assert(
    fc.asyncProperty(squareSteps, async (steps) => {
      const leaves = ["a", "b", "c"].map((name) => input(name, [3, 3]));
      const root = squareProgram(leaves, steps)[leaves.length + steps.length - 1];
      absorbed += absorbedIn({ root });
      const [first, ...others] = (
        await inTurn(layouts, async (backend) =>
          inTurn([{ root }, everyNode(root)], async (of) => bitsOf((await outputsOf(backend, of)).root)),
        )
      ).flat();
      for (const other of others) expect(other).toEqual(first);
    }),
    { numRuns: 200, seed: 5 },
  );
  expect(absorbed).toBeGreaterThan(200);
});
