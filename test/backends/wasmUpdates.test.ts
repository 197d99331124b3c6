/** Updates that are written in place must act as if all of them were taken from the old states, whatever the order. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import {
  adamUpdate,
  add,
  constant,
  einsum,
  ema,
  emaSquare,
  input,
  mul,
  offset,
  relu,
  reshape,
  scale,
  state,
  sub,
  sum,
  transpose,
} from "../../src/graph/build.ts";
import { type Graph, makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { drawnInputs, layouts, openFor } from "./runGraph.ts";
import { squareProgram, squareSteps } from "./squarePrograms.ts";

const MODELS = 5; // a full group of lanes and one more
const RUNS = 3; // an update that went wrong shows at the latest in the next run
/** float32 against float64 over a few runs of a few operations on numbers of order 1 to 100. */
const FLOAT32 = 2e-5;

const asState = (node: Node) => node as Node<"state">;
const square = (name: string) => state(name, [3, 3]);

/** Runs in both layouts and on the reference from the same states; fails where an output or a state differs. */
async function expectSame(graph: Graph): Promise<void> {
  const inputs = drawnInputs(graph, MODELS, "updates");
  const [lanes, single, reference] = await inTurn([...layouts, referenceBackend], async (backend) => {
    const session = openFor(backend, [graph], MODELS, "updates");
    const program = session.compile(graph);
    const seen: [string, ArrayLike<number>][] = [];
    for (let run = 0; run < RUNS; run++) {
      for (const [name, values] of Object.entries(await program.run(inputs)))
        seen.push([`output ${name}`, values]);
      for (const name of graph.states.keys()) seen.push([`state ${name}`, await session.read(name)]);
    }
    session.close();
    return seen;
  });
  expect(single).toEqual(lanes);
  lanes.forEach(([name, values], at) => {
    const want = reference[at][1];
    const worst = Array.from(values, (v, i) => Math.abs(v - want[i]) / Math.max(1, Math.abs(want[i])));
    expect(Math.max(...worst), name).toBeLessThan(FLOAT32);
  });
}

const [a, b, c] = ["a", "b", "c"].map(square);
const x = input("x", [3, 3]);
const product = (p: Node, q: Node) => einsum("i k, k j -> i j", p, q);

/** Each a case in which writing a new value too early would be seen by somebody. */
const cases: Record<string, () => Parameters<typeof makeGraph>[0]> = {
  "the old value of an updated state is an output": () => ({
    outputs: { old: a },
    updates: new Map([[asState(a), offset(a, 1)]]),
  }),
  "the old value of an updated state is an output under another shape": () => ({
    outputs: { old: reshape(a, [9]) },
    updates: new Map([[asState(a), scale(a, 0.5)]]),
  }),
  "the old value is an output under two names, and so is the new one": () => {
    const next = add(a, x);
    return { outputs: { old: a, again: reshape(a, [9]), next }, updates: new Map([[asState(a), next]]) };
  },
  "two states swap": () => ({
    updates: new Map([
      [asState(a), b],
      [asState(b), a],
    ]),
  }),
  "two states swap, each with something done to it": () => ({
    updates: new Map([
      [asState(a), offset(b, 1)],
      [asState(b), scale(a, 0.5)],
    ]),
  }),
  "three states rotate": () => ({
    outputs: { was: a },
    updates: new Map([
      [asState(a), b],
      [asState(b), c],
      [asState(c), a],
    ]),
  }),
  "an update reads a state that another update has replaced": () => ({
    updates: new Map([
      [asState(a), add(a, x)],
      [asState(b), mul(b, a)],
    ]),
  }),
  "an update reads the new value of one state and the old of another": () => {
    const next = add(a, x);
    return {
      updates: new Map([
        [asState(a), next],
        [asState(b), sub(next, a)],
      ]),
    };
  },
  "a state is read late, after its new value has long been known": () => {
    const next = offset(a, 1);
    let late: Node = product(next, x);
    for (let i = 0; i < 4; i++) late = scale(product(late, x), 0.25);
    return { outputs: { late: add(late, a) }, updates: new Map([[asState(a), next]]) };
  },
  "a state is multiplied by itself, so that no element may be written before all are read": () => ({
    updates: new Map([[asState(a), scale(product(a, a), 0.25)]]),
  }),
  "a state stands on both sides of a product and is added to it": () => ({
    updates: new Map([[asState(a), add(scale(product(a, x), 0.25), a)]]),
  }),
  "a product is added to the state that it replaces": () => ({
    updates: new Map([[asState(a), add(product(x, b), a)]]),
  }),
  "a state is replaced by its own transpose": () => ({
    updates: new Map([[asState(a), transpose(a, [1, 0])]]),
  }),
  "a state is added to its own transpose under its shape": () => ({
    updates: new Map([[asState(a), scale(add(a, transpose(a, [1, 0])), 0.5)]]),
  }),
  "a state is replaced by itself, and by a constant": () => ({
    outputs: { sum: add(a, b) },
    updates: new Map([
      [asState(a), a],
      [asState(b), constant(2, [3, 3])],
    ]),
  }),
  "two states get one new value, which is an output as well": () => {
    const next = relu(add(product(a, x), b));
    return {
      outputs: { next: reshape(next, [9]) },
      updates: new Map([
        [asState(a), next],
        [asState(b), next],
      ]),
    };
  },
  "an input becomes a state, and the state an output": () => ({
    outputs: { old: a },
    updates: new Map([[asState(a), x]]),
  }),
  "one state is named by two nodes": () => {
    const same = square("a");
    return { outputs: { old: same }, updates: new Map([[asState(a), mul(add(a, x), same)]]) };
  },
  "a row of sums of a state is subtracted from it": () => ({
    updates: new Map([[asState(a), sub(a, sum(a, [0]))]]),
  }),
  "a state is its own bias": () => {
    const row = state("row", [3]);
    const next = sum(add(product(x, b), row), [0]);
    return { updates: new Map([[asState(row), scale(next, 0.1)]]) };
  },
  "moments and weight change in one step, and their old values are outputs": () => {
    const [nextM, nextV] = [ema(b, x, 0.9), emaSquare(mul(c, c), x, 0.99)];
    const numbers = { rate: constant(0.1), correction1: constant(0.5), correction2: constant(0.5), eps: 0.1 };
    return {
      outputs: { weight: a, m: b, v: c },
      updates: new Map([
        [asState(a), adamUpdate(a, nextM, nextV, numbers)],
        [asState(b), nextM],
        [asState(c), nextV],
      ]),
    };
  },
};

test.each(Object.keys(cases))("updates see only old states where %s", async (name) => {
  await expectSame(makeGraph(cases[name]()));
});

test("updates see only old states in random programs of four states", async () => {
  const names = ["p", "q", "r", "s"];
  const pick = fc.nat({ max: 1000 });
  const program = fc.record({
    steps: squareSteps,
    // which node each state becomes, and which nodes are outputs; 0 to 3 are the old states themselves
    updates: fc.array(pick, { minLength: 4, maxLength: 4 }),
    updated: fc.subarray([0, 1, 2, 3], { minLength: 1 }),
    outputs: fc.array(pick, { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(program, async ({ steps, updates, updated, outputs }) => {
      const nodes = squareProgram(names.map(square), steps);
      const at = (index: number) => nodes[index % nodes.length];
      await expectSame(
        makeGraph({
          outputs: Object.fromEntries(outputs.map((index, i) => [`out${i}`, at(index)])),
          updates: new Map(updated.map((target) => [asState(nodes[target]), at(updates[target])])),
        }),
      );
    }),
    { numRuns: 300, seed: 7 },
  );
});
