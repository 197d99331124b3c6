/** Random contractions of up to six axes in every role and order: what the planner can get wrong in strides. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { add, input, makeNode, relu, scale } from "../../src/graph/build.ts";
import type { Node } from "../../src/graph/node.ts";
import { sizeOf } from "../../src/graph/node.ts";
import { bitsOf, layouts, outputsOf } from "./runGraph.ts";

const RUNS = 400;
const SEED = 11;
/** A float32 sum of n products of order 1 is off by about √n roundings of 6e-8; n is at most 9^4. */
const PER_TERM = 1e-6;
/** Elements of the largest tensor: with more the test is slow without being sharper. */
const LARGEST = 20_000;

type Role = "batch" | "row" | "col" | "inner";

/** An axis with its role; sizes from 1, because an axis of one element vanishes from the plan. */
const axis = fc.record({
  role: fc.constantFrom<Role>("batch", "row", "col", "inner"),
  size: fc.integer({ min: 1, max: 9 }),
});
const contraction = fc
  .record({
    axes: fc.array(axis, { minLength: 2, maxLength: 6 }),
    order: fc.nat(),
    epilogue: fc.nat({ max: 4 }),
  })
  .filter(({ axes }) => sizeOf(axes.map(({ size }) => size)) <= LARGEST);

interface Contraction {
  axes: { role: Role; size: number }[];
  order: number;
}

/** The einsum of a description, its axes shuffled in each of the three lists. */
function einsumOf({ axes, order }: Contraction): Node {
  const stream = randomStream("einsum", order);
  const named = axes.map((each, i) => ({ ...each, label: "abcdef"[i] }));
  const shuffled = (without: Role) => {
    const list = named.filter(({ role }) => role !== without);
    return [...stream.permutation(list.length)].map((i) => list[i]);
  };
  const [a, b, out] = [shuffled("col"), shuffled("row"), shuffled("inner")];
  const labels = (list: typeof named) => list.map(({ label }) => label);
  const operand = (name: string, list: typeof named) =>
    input(
      name,
      list.map(({ size }) => size),
    );
  const attrs = { a: labels(a), b: labels(b), out: labels(out) };
  return makeNode("einsum", [operand("a", a), operand("b", b)], attrs);
}

/** What may stand in the kernel's epilogue: nothing, a scale, an addend, a row of bias, or a bias broadcast over one axis. */
function finished(product: Node, epilogue: number): Node {
  const { shape } = product;
  if (epilogue === 1) return relu(scale(product, -0.5));
  if (epilogue === 2) return add(input("whole", shape), product);
  if (epilogue === 3) return relu(add(product, input("row", shape.slice(-1))));
  if (epilogue === 4)
    return add(
      product,
      input(
        "spread",
        shape.map((size, at) => (at % 2 === 0 ? 1 : size)),
      ),
    );
  return product;
}

test("contractions of two to six axes in any role and order agree with the reference, in either layout", async () => {
  await fc.assert(
    fc.asyncProperty(contraction, async ({ epilogue, ...of }) => {
      const out = finished(einsumOf(of), epilogue);
      const summed = of.axes.filter(({ role }) => role === "inner").map(({ size }) => size);
      const allowed = PER_TERM * (4 + Math.sqrt(sizeOf(summed)));
      const [lanes, single, want] = await inTurn(
        [...layouts, referenceBackend],
        async (backend) => (await outputsOf(backend, { out }, { models: 3 })).out,
      );
      lanes.forEach((value, i) => {
        const error = Math.abs(value - want[i]) / Math.max(1, Math.abs(want[i]));
        if (!(error <= allowed)) expect.fail(`element ${i} is ${value}, should be ${want[i]} ± ${allowed}`);
      });
      expect(bitsOf(single)).toEqual(bitsOf(lanes));
    }),
    { numRuns: RUNS, seed: SEED },
  );
});
