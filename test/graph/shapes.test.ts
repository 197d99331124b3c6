import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { ArgumentError, NameError, ShapeError } from "../../src/base/errors.ts";
import {
  add,
  broadcast,
  concat,
  constant,
  crossEntropy,
  einsum,
  gather,
  input,
  mean,
  mul,
  normalize,
  oneHot,
  reshape,
  scale,
  scatterAdd,
  slice,
  softmax,
  state,
  sum,
  sumTo,
  transpose,
} from "../../src/graph/build.ts";
import { gradient } from "../../src/graph/gradient.ts";
import { makeGraph, topologicalOrder } from "../../src/graph/graph.ts";
import { type ComputedOp, type Node, sameShape, showShape, sizeOf, stridesOf } from "../../src/graph/node.ts";
import { broadcastShape } from "../../src/graph/shapes.ts";
import { computedOps, nodeOf } from "../backends/trials.ts";

const SEED = 40;
const SHAPES = 100;

const float = (...shape: number[]) => input("x", shape);
const token = (...shape: number[]) => input("tokens", shape, "int32");

/** For every op a use that does not fit. */
const misfits: { [P in ComputedOp]: { inputs: Node[]; attrs: object } } = {
  reshape: { inputs: [float(2, 3)], attrs: { shape: [7] } },
  transpose: { inputs: [float(2, 3)], attrs: { order: [0, 0] } },
  broadcast: { inputs: [float(2, 3)], attrs: { shape: [3, 2] } },
  slice: { inputs: [float(2, 3)], attrs: { axis: 1, start: 2, end: 4 } },
  concat: { inputs: [float(2, 3), float(3, 3)], attrs: { axis: 1 } },
  add: { inputs: [float(2, 3), float(2)], attrs: {} },
  sub: { inputs: [float(2, 3), float(4)], attrs: {} },
  mul: { inputs: [float(2, 3), token(3)], attrs: {} },
  div: { inputs: [float(2, 3), float(3, 2)], attrs: {} },
  maximum: { inputs: [float(2), float(3)], attrs: {} },
  minimum: { inputs: [float(2)], attrs: {} },
  greater: { inputs: [float(2), float(3)], attrs: {} },
  select: { inputs: [float(2), float(2), float(3)], attrs: {} },
  gate: { inputs: [float(2), float(3)], attrs: {} },
  scale: { inputs: [token(2)], attrs: { by: 2 } },
  offset: { inputs: [token(2)], attrs: { by: 2 } },
  exp: { inputs: [token(2)], attrs: {} },
  log: { inputs: [token(2)], attrs: {} },
  sqrt: { inputs: [token(2)], attrs: {} },
  tanh: { inputs: [token(2)], attrs: {} },
  erf: { inputs: [token(2)], attrs: {} },
  relu: { inputs: [token(2)], attrs: {} },
  gelu: { inputs: [float(2), float(2)], attrs: {} },
  geluGrad: { inputs: [float(2), float(1)], attrs: {} },
  sum: { inputs: [float(2, 3)], attrs: { axes: [2] } },
  einsum: { inputs: [float(2, 3), float(4, 2)], attrs: { a: ["i", "k"], b: ["k", "j"], out: ["i", "j"] } },
  gather: { inputs: [float(2, 3), float(4)], attrs: {} },
  scatterAdd: { inputs: [token(4), float(3, 2)], attrs: { rows: 5 } },
  oneHot: { inputs: [float(2)], attrs: { depth: 3 } },
  softmax: { inputs: [float()], attrs: {} },
  softmaxGrad: { inputs: [float(2, 3), float(3)], attrs: {} },
  normScale: { inputs: [float()], attrs: { eps: 1 } },
  normalize: { inputs: [float(2, 3), float(2)], attrs: {} },
  normalizeGrad: { inputs: [float(2, 3), float(2, 3), float(2, 3)], attrs: {} },
  crossEntropy: { inputs: [float(2, 3), token(3)], attrs: {} },
  crossEntropyGrad: { inputs: [float(2, 3), token(2), float(3)], attrs: {} },
  ema: { inputs: [float(2, 3), float(3)], attrs: { beta: 0.9 } },
  emaSquare: { inputs: [float(2, 3), float(3)], attrs: { beta: 0.9 } },
  adamUpdate: { inputs: [float(2), float(2), float(2), float(1), float(), float()], attrs: { eps: 1 } },
};

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return expect.fail("nothing was thrown");
}

describe("operands that do not fit", () => {
  for (const op of computedOps)
    test(`are refused by ${op} with its name, every operand's shape and a way out`, () => {
      const { inputs, attrs } = misfits[op];
      const build = () => nodeOf(op, inputs, attrs as never);
      expect(build).toThrow(ShapeError);
      const message = messageOf(build);
      expect(message.startsWith(`${op}: `)).toBe(true);
      const facts = inputs.map(
        (x) => `input "${x.op === "input" && x.attrs.name}" ${x.dtype} ${showShape(x.shape)}`,
      );
      const got = `got ${facts.join(", ")}. `;
      expect(message).toContain(got);
      const wayOut = message.slice(message.indexOf(got) + got.length);
      expect(wayOut).toMatch(/^[A-Z].*\.$/);
    });

  test("are refused when their count, their rank or the element type is wrong", () => {
    expect(() => slice(float(4), 0, 0.5, 2)).toThrow(/slice: .*outside axis 0/);
    expect(() => slice(float(4), 0, 2, 2)).toThrow(ShapeError);
    expect(() => concat([float(2), token(2)], 0)).toThrow(ShapeError);
    expect(() => crossEntropy(float(), token())).toThrow(/last axis/);
    expect(() => normalize(float(), float(1))).toThrow(ShapeError);
    expect(() => scatterAdd(token(2), token(2, 3), 4)).toThrow(ShapeError);
    expect(() => constant([1, 2], [3])).toThrow(/holds 2 values.*\[3\] wants 3/);
  });

  test("are shown with the name of their input or state", () => {
    const message = messageOf(() => add(state("W_E", [4, 2]), float(3)));
    expect(message).toContain('state "W_E" float32 [4 2], input "x" float32 [3]');
  });
});

test("einsum refuses what it cannot read, lone axes, repeated axes and unknown ones", () => {
  expect(() => einsum("i j -> j", float(2, 3), float(3))).toThrow(ArgumentError);
  expect(() => einsum("i j -> j", float(2, 3), float(3))).toThrow(/"i j -> j"/);
  for (const spec of ["i j, k -> i", "i i, i -> i", "i j, j -> i k", "i j, j -> i i", "i j k, j -> i"])
    expect(() => einsum(spec, float(3, 3), float(3))).toThrow(ShapeError);
  expect(einsum("pos dModel, dModel -> pos", float(2, 3), float(3)).shape).toEqual([2]);
});

test("builders give the shapes they document", () => {
  expect(transpose(float(2, 3, 4), [2, 0, 1]).shape).toEqual([4, 2, 3]);
  expect(concat([float(2, 3), float(2, 5)], 1).shape).toEqual([2, 8]);
  expect(sum(float(2, 3, 4), [2, 0]).shape).toEqual([3]);
  expect(mean(float(2, 3)).shape).toEqual([]);
  expect(gather(float(5, 3), token(2, 4)).shape).toEqual([2, 4, 3]);
  expect(scatterAdd(token(2, 4), float(2, 4, 3), 5).shape).toEqual([5, 3]);
  expect(oneHot(token(2), 5).shape).toEqual([2, 5]);
  expect(crossEntropy(float(2, 4, 5), token(2, 4)).shape).toEqual([2, 4]);
  expect(reshape(token(4), [2, 2]).dtype).toBe("int32");
});

test("builders that would change nothing return their operand", () => {
  const x = float(2, 3);
  expect([reshape(x, [2, 3]), broadcast(x, [2, 3]), sumTo(x, [2, 3]), scale(x, 1), sum(x, [])]).toEqual(
    new Array(5).fill(x),
  );
});

const size = fc.integer({ min: 1, max: 4 });
const shapes = fc.array(size, { maxLength: 4 });
/** A shape and another that broadcasts to it. */
const broadcastPair = fc
  .tuple(shapes, fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 15 }))
  .map(([to, lead, ones]) => ({
    to,
    from: to.slice(lead).map((n, axis) => ((ones >> axis) & 1 ? 1 : n)),
  }));

describe("broadcasting", () => {
  test("two shapes have a common one exactly if aligned sizes are equal or 1, whatever their order", () => {
    fc.assert(
      fc.property(shapes, shapes, (a, b) => {
        const rank = Math.max(a.length, b.length);
        const padded = (shape: number[]) => [...new Array(rank - shape.length).fill(1), ...shape];
        const [left, right] = [padded(a), padded(b)];
        const fits = left.every((n, axis) => n === right[axis] || n === 1 || right[axis] === 1);
        const wanted = fits ? left.map((n, axis) => Math.max(n, right[axis])) : undefined;
        expect(broadcastShape([a, b])).toEqual(wanted);
        expect(broadcastShape([b, a])).toEqual(wanted);
      }),
      { numRuns: SHAPES, seed: SEED },
    );
  });

  test("sumTo is the transpose of broadcast: ⟨broadcast x, y⟩ = ⟨x, sumTo y⟩", async () => {
    const session = referenceBackend.open({ models: 1, states: {} });
    await fc.assert(
      fc.asyncProperty(broadcastPair, async ({ from, to }) => {
        // whole numbers, so that both sides are exact
        const x = constant(
          Array.from({ length: sizeOf(from) }, (_, i) => ((i * 7) % 11) - 5),
          from,
        );
        const y = constant(
          Array.from({ length: sizeOf(to) }, (_, i) => ((i * 5) % 13) - 6),
          to,
        );
        const [spread, gathered] = [broadcast(x, to), sumTo(y, from)];
        expect([spread.shape, gathered.shape]).toEqual([to, from]);
        const outputs = { left: sum(mul(spread, y)), right: sum(mul(x, gathered)) };
        const { left, right } = await session.compile(makeGraph({ outputs })).run({});
        expect(Math.abs(left[0] - right[0])).toBe(0);
      }),
      { numRuns: SHAPES, seed: SEED },
    );
  });

  test("strides walk a shape in row-major order", () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const strides = stridesOf(shape);
        const last = shape.reduce((at, n, axis) => at + (n - 1) * strides[axis], 0);
        expect(last).toBe(sizeOf(shape) - 1);
        expect(strides.every((stride, axis) => stride === sizeOf(shape.slice(axis + 1)))).toBe(true);
        expect(sameShape(shape, [...shape])).toBe(true);
      }),
      { numRuns: SHAPES, seed: SEED },
    );
  });
});

test("a gradient is taken of a single number only", () => {
  const x = float(2, 3);
  expect(() => gradient(scale(x, 2), [x])).toThrow(ShapeError);
  expect(() => gradient(scale(x, 2), [x])).toThrow(/gradient: .*got scale \[2 3\]\. Sum or average/);
});

describe("makeGraph", () => {
  const asState = (node: Node) => node as Node<"state">;
  const w = asState(state("w", [2]));

  test("collects inputs, states and nodes, operands before users", () => {
    const x = input("x", [2]);
    const y = mul(x, w);
    const graph = makeGraph({ outputs: { y }, updates: new Map([[w, add(y, w)]]) });
    expect([...graph.inputs.keys(), ...graph.states.keys()]).toEqual(["x", "w"]);
    expect(graph.order.length).toBe(new Set(graph.order).size);
    graph.order.forEach((node, at) => {
      for (const operand of node.inputs) expect(graph.order.indexOf(operand)).toBeLessThan(at);
    });
  });

  test("refuses two tensors of one name and different shape or type", () => {
    const clash = (a: Node, b: Node) => () => makeGraph({ outputs: { a, b } });
    expect(clash(input("x", [2]), input("x", [3]))).toThrow(NameError);
    expect(clash(input("x", [2]), input("x", [3]))).toThrow(/input "x".*\[2\] and \[3\]/);
    expect(clash(input("x", [2]), input("x", [2], "int32"))).toThrow(NameError);
    expect(clash(state("w", [2]), state("w", [3]))).toThrow(/state "w"/);
    expect(() =>
      makeGraph({ outputs: { w }, updates: new Map([[asState(state("w", [])), sum(w)]]) }),
    ).toThrow(NameError);
    expect(clash(state("w", [2]), state("w", [2]))).not.toThrow();
  });

  test("refuses an update of another shape, and two updates of one state", () => {
    expect(() => makeGraph({ updates: new Map([[w, sum(w)]]) })).toThrow(ShapeError);
    expect(() => makeGraph({ updates: new Map([[w, sum(w)]]) })).toThrow(/state "w".*got \[\] for \[2\]/);
    const twice = new Map([
      [w, scale(w, 2)],
      [asState(state("w", [2])), scale(w, 3)],
    ]);
    expect(() => makeGraph({ updates: twice })).toThrow(/update of state "w": a state has one new value/);
  });

  test("takes a chain of 20,000 nodes without overflowing the stack, gradient and all", async () => {
    const LENGTH = 20_000;
    const x = input("x", []);
    let node = x;
    for (let i = 0; i < LENGTH; i++) node = scale(node, -1);
    const order = topologicalOrder([node]);
    expect(order.length).toBe(LENGTH + 1);
    expect(order[0]).toBe(x);
    expect(order[LENGTH]).toBe(node);
    const [g] = gradient(node, [x]);
    const session = referenceBackend.open({ models: 1, states: {} });
    const result = await session.compile(makeGraph({ outputs: { node, g } })).run({ x: Float64Array.of(3) });
    expect([result.node[0], result.g[0]]).toEqual([3, 1]);
  });
});

test("topologicalOrder lists a boundary node without entering it", () => {
  const x = input("x", [2]);
  const y = softmax(x);
  const z = scale(y, 2);
  expect(topologicalOrder([z], new Set([y]))).toEqual([y, z]);
  expect(topologicalOrder([z])).toEqual([x, y, z]);
});
