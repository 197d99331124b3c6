/** Programs of several ops with states, on any backend: what a run reads, what it changes and what it refuses. */

import { describe, expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { NameError, ShapeError } from "../../src/base/errors.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import type { Backend, Session } from "../../src/graph/backend.ts";
import {
  adamUpdate,
  add,
  constant,
  crossEntropy,
  einsum,
  ema,
  emaSquare,
  gather,
  gelu,
  input,
  mean,
  mul,
  offset,
  reshape,
  scale,
  state,
  sub,
  transpose,
} from "../../src/graph/build.ts";
import { gradient } from "../../src/graph/gradient.ts";
import { type Graph, makeGraph } from "../../src/graph/graph.ts";
import type { Node, Shape } from "../../src/graph/node.ts";
import type { Tolerance } from "./suite.ts";

const MODELS = 3;
const asState = (node: Node) => node as Node<"state">;
/** Small whole numbers: exact in float32, so results are compared exactly. */
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

function opened(backend: Backend, states: Record<string, Shape>, models = MODELS): Session {
  return backend.open({ models, states });
}

/** A two-layer network on tokens with a step of Adam: every kind of op, weights and moments as states. */
function trainingStep(): { graph: Graph; states: Record<string, Shape> } {
  const shapes: Record<string, Shape> = { embed: [5, 4], hidden: [4, 6], bias: [6], unembed: [6, 5] };
  const weights = Object.entries(shapes).map(([name, shape]) => state(name, shape));
  const [embed, hidden, bias, unembed] = weights;
  const tokens = input("tokens", [7], "int32");
  const targets = input("targets", [7], "int32");
  const x = gather(embed, tokens); // [pos, dModel]
  const h = gelu(add(einsum("pos dModel, dModel dMlp -> pos dMlp", x, hidden), bias)); // [pos, dMlp]
  const loss = mean(crossEntropy(einsum("pos dMlp, dMlp dVocab -> pos dVocab", h, unembed), targets));
  const updates = new Map<Node<"state">, Node>();
  const states: Record<string, Shape> = { ...shapes };
  const rates = { rate: constant(0.01), correction1: constant(0.1), correction2: constant(0.001), eps: 1e-6 };
  gradient(loss, weights).forEach((g, i) => {
    const [name, shape] = Object.entries(shapes)[i];
    states[`${name}.m`] = shape;
    states[`${name}.v`] = shape;
    const [m, v] = [state(`${name}.m`, shape), state(`${name}.v`, shape)];
    const [nextM, nextV] = [ema(m, g, 0.9), emaSquare(v, g, 0.99)];
    updates.set(asState(m), nextM).set(asState(v), nextV);
    updates.set(asState(weights[i]), adamUpdate(weights[i], nextM, nextV, rates));
  });
  return { graph: makeGraph({ outputs: { loss }, updates }), states };
}

/** Losses of a few steps, model by model, and the first weight matrix at the end. */
async function train(backend: Backend, steps: number): Promise<{ losses: number[][]; embed: number[] }> {
  const { graph, states } = trainingStep();
  const session = opened(backend, states);
  for (const [name, shape] of Object.entries(states)) {
    if (name.includes(".")) continue;
    const stream = randomStream("programs", name);
    const size = shape.reduce((a, b) => a * b, 1);
    session.write(
      name,
      Array.from({ length: MODELS * size }, () => Math.fround(stream.normal() / 2)),
    );
  }
  const program = session.compile(graph);
  const losses = await inTurn(upTo(steps), async (step) => {
    const stream = randomStream("programs", "tokens", step);
    const tokens = Int32Array.from({ length: 7 }, () => stream.integer(5)); // shared by all models
    const targets = Int32Array.from({ length: MODELS * 7 }, () => stream.integer(5)); // each model its own
    return [...(await program.run({ tokens, targets })).loss];
  });
  const embed = [...(await session.read("embed"))];
  session.close();
  return { losses, embed };
}

/** Registers the tests of whole programs on a backend. */
export function describePrograms(backend: Backend, tolerance: Tolerance): void {
  describe(`programs on the ${backend.name} backend`, () => {
    test("states start at zero, are written and read whole, and reading gives a copy", async () => {
      const session = opened(backend, { a: [2], b: [] });
      expect([...(await session.read("a"))]).toEqual([0, 0, 0, 0, 0, 0]);
      session.write("a", upTo(6));
      const copy = await session.read("a");
      expect([...copy]).toEqual(upTo(6));
      copy.fill(9);
      expect([...(await session.read("a"))]).toEqual(upTo(6));
      expect([...(await session.read("b"))]).toEqual([0, 0, 0]);
      expect(session.models).toBe(MODELS);
      session.close();
    });

    test("two states swap, because every update reads the old values", async () => {
      const [a, b, count] = [state("a", [2]), state("b", [2]), state("count", [])];
      const session = opened(backend, { a: [2], b: [2], count: [] });
      session.write("a", upTo(6));
      session.write("b", upTo(6, 10));
      const updates = new Map([
        [asState(a), b],
        [asState(b), a],
        [asState(count), offset(count, 1)],
      ]);
      const program = session.compile(makeGraph({ outputs: { sum: add(a, scale(b, 2)) }, updates }));
      expect([...(await program.run({})).sum]).toEqual(upTo(6).map((i) => i + 2 * (i + 10)));
      expect([...(await session.read("a"))]).toEqual(upTo(6, 10));
      expect([...(await session.read("b"))]).toEqual(upTo(6));
      expect([...(await program.run({})).sum]).toEqual(upTo(6).map((i) => i + 10 + 2 * i));
      expect([...(await session.read("count"))]).toEqual([2, 2, 2]);
      session.close();
    });

    test("an update that uses the old value of an updated state does not see the new one", async () => {
      const [a, trail] = [state("a", [2]), state("trail", [2])];
      const session = opened(backend, { a: [2], trail: [2] });
      const next = offset(a, 1);
      const updates = new Map([
        [asState(a), next],
        [asState(trail), mul(sub(next, a), offset(a, 5))], // 1 · (old + 5)
      ]);
      const program = session.compile(makeGraph({ outputs: { old: a, next }, updates }));
      for (const step of [0, 1, 2]) {
        const { old, next } = await program.run({});
        expect([...old]).toEqual(new Array(6).fill(step));
        expect([...next]).toEqual(new Array(6).fill(step + 1));
        expect([...(await session.read("trail"))]).toEqual(new Array(6).fill(step + 5));
      }
      session.close();
    });

    test("a state is set to a reshaped or transposed state, and is shown reshaped as it was before", async () => {
      const [square, flat] = [state("square", [2, 3]), state("flat", [6])];
      const session = opened(backend, { square: [2, 3], flat: [6] });
      session.write("square", upTo(18));
      const shown = reshape(square, [3, 2]);
      const updates = new Map([
        [asState(square), reshape(transpose(shown, [1, 0]), [2, 3])],
        [asState(flat), reshape(square, [6])],
      ]);
      const program = session.compile(makeGraph({ outputs: { shown }, updates }));
      expect([...(await program.run({})).shown]).toEqual(upTo(18));
      expect([...(await session.read("flat"))]).toEqual(upTo(18));
      expect([...(await session.read("square"))]).toEqual(
        [0, 1, 2].flatMap((model) => [0, 2, 4, 1, 3, 5].map((i) => model * 6 + i)),
      );
      session.close();
    });

    test("inputs, states, constants and one node under two names can be outputs", async () => {
      const [x, a, c] = [input("x", [2]), state("a", [2]), constant([3, -4], [2])];
      const session = opened(backend, { a: [2] });
      session.write("a", upTo(6));
      const sum = add(x, a);
      const outputs = { x, a, c, filled: constant(7, [2]), sum, again: sum, reshaped: reshape(sum, [2, 1]) };
      const result = await session.compile(makeGraph({ outputs })).run({ x: Float64Array.of(10, 20) });
      expect(Object.keys(result).sort()).toEqual(Object.keys(outputs).sort());
      expect([...result.x]).toEqual([10, 20, 10, 20, 10, 20]); // one copy shared by all models
      expect([...result.a]).toEqual(upTo(6));
      expect([...result.c]).toEqual([3, -4, 3, -4, 3, -4]);
      expect([...result.filled]).toEqual([7, 7, 7, 7, 7, 7]);
      for (const name of ["sum", "again", "reshaped"])
        expect([...result[name]]).toEqual([10, 21, 12, 23, 14, 25]);
      session.close();
    });

    test("an input is shared by all models or each model has its own, run by run", async () => {
      const x = input("x", [2]);
      const session = opened(backend, {});
      const program = session.compile(makeGraph({ outputs: { twice: scale(x, 2) } }));
      expect([...(await program.run({ x: Float32Array.of(1, 2) })).twice]).toEqual([2, 4, 2, 4, 2, 4]);
      expect([...(await program.run({ x: Float32Array.from(upTo(6)) })).twice]).toEqual([0, 2, 4, 6, 8, 10]);
      expect([...(await program.run({ x: Float64Array.of(3, 4) })).twice]).toEqual([6, 8, 6, 8, 6, 8]);
      session.close();
    });

    test("outputs are fresh arrays: a later run leaves them alone", async () => {
      const x = input("x", []);
      const session = opened(backend, {}, 2);
      const program = session.compile(makeGraph({ outputs: { x, next: offset(x, 1) } }));
      const first = await program.run({ x: Float32Array.of(1, 2) });
      await program.run({ x: Float32Array.of(8, 9) });
      expect([...first.x, ...first.next]).toEqual([1, 2, 2, 3]);
      session.close();
    });

    test("programs of one session work on the same states", async () => {
      const a = state("a", []);
      const session = opened(backend, { a: [] });
      const count = session.compile(makeGraph({ updates: new Map([[asState(a), offset(a, 1)]]) }));
      const show = session.compile(
        makeGraph({ outputs: { a: scale(state("a", []), 1), b: offset(a, 0.5) } }),
      );
      await count.run({});
      await count.run({});
      expect([...(await show.run({})).b]).toEqual([2.5, 2.5, 2.5]);
      session.write("a", [5, 6, 7]);
      expect([...(await show.run({})).a]).toEqual([5, 6, 7]);
      session.close();
    });

    test("sessions do not share states", async () => {
      const [one, two] = [opened(backend, { a: [] }), opened(backend, { a: [] })];
      one.write("a", [1, 2, 3]);
      two.write("a", [4, 5, 6]);
      expect([...(await one.read("a"))]).toEqual([1, 2, 3]);
      one.close();
      expect([...(await two.read("a"))]).toEqual([4, 5, 6]);
      two.close();
    });

    test("steps of training agree with the reference backend's and lower the loss", async () => {
      const STEPS = 5;
      const [own, reference] = [await train(backend, STEPS), await train(referenceBackend, STEPS)];
      // rounding errors pass through five steps of Adam, whose division amplifies them
      const allowed = Math.max(1e-12, 500 * tolerance.relative);
      own.losses.flat().forEach((loss, i) => {
        expect(Math.abs(loss - reference.losses.flat()[i])).toBeLessThan(allowed);
      });
      own.embed.forEach((weight, i) => {
        expect(Math.abs(weight - reference.embed[i])).toBeLessThan(allowed);
      });
      expect(await train(backend, STEPS)).toEqual(own); // bit for bit
    });

    test("a session counts its bytes, and its time by the clock it was given", async () => {
      let now = 0;
      const a = state("a", [4]);
      const session = backend.open({ models: 2, states: { a: [4] }, clock: () => now++ });
      const bytesOfStates = 2 * 4 * (backend.precision === "float64" ? 8 : 4);
      expect(session.memoryBytes()).toBeGreaterThanOrEqual(bytesOfStates);
      expect(session.kernelMilliseconds()).toBe(0);
      await session.compile(makeGraph({ outputs: { b: offset(a, 1) } })).run({});
      expect(session.kernelMilliseconds()).toBeGreaterThan(0);
      session.close();
      const timeless = opened(backend, { a: [4] });
      await timeless.compile(makeGraph({ outputs: { b: offset(a, 1) } })).run({});
      expect(timeless.kernelMilliseconds()).toBe(0);
      timeless.close();
    });

    test("a missing or misshapen input is refused by name", async () => {
      const session = opened(backend, {});
      const program = session.compile(makeGraph({ outputs: { y: offset(input("tokens", [2, 4]), 1) } }));
      await expect(async () => program.run({})).rejects.toThrow(ShapeError);
      await expect(async () => program.run({ token: new Float32Array(8) })).rejects.toThrow(
        /input "tokens".*token/,
      );
      await expect(async () => program.run({ tokens: new Float32Array(9) })).rejects.toThrow(ShapeError);
      await expect(async () => program.run({ tokens: new Float32Array(9) })).rejects.toThrow(
        /"tokens".*8.*24.*got 9/,
      );
      session.close();
    });

    test("a state that the session lacks, or holds in another shape, is refused by name", async () => {
      const session = opened(backend, { W_E: [2] });
      const program = (name: string, shape: Shape) => () =>
        session.compile(makeGraph({ outputs: { y: offset(state(name, shape), 1) } }));
      expect(program("W_e", [2])).toThrow(NameError);
      expect(program("W_e", [2])).toThrow(/"W_e".*Nearest: "W_E"/);
      expect(program("W_E", [3])).toThrow(ShapeError);
      expect(program("W_E", [3])).toThrow(/"W_E".*\[2\].*got \[3\]/);
      await expect(async () => session.read("W_e")).rejects.toThrow(NameError);
      expect(() => session.write("W_e", [1])).toThrow(NameError);
      expect(() => session.write("W_E", [1, 2])).toThrow(/"W_E".*6.*got 2/);
      session.close();
    });

    test("a population without models is refused", () => {
      for (const models of [0, -1, 1.5, Number.NaN])
        expect(() => backend.open({ models, states: {} })).toThrow(/population/);
    });
  });
}
