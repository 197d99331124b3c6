/** What the webgpu backend does besides computing: large populations in pieces, the card's failures, equal bits. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { DeviceError, type Gpu, openGpu } from "../../src/backends/webgpu/device.ts";
import { webgpuBackend } from "../../src/backends/webgpu/index.ts";
import { lower } from "../../src/backends/webgpu/lower.ts";
import { nodeGpu } from "../../src/backends/webgpu/nodeRuntime.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import type { Backend, TensorData } from "../../src/graph/backend.ts";
import {
  add,
  broadcast,
  constant,
  crossEntropy,
  einsum,
  exp,
  gather,
  input,
  makeNode,
  mul,
  normalize,
  normScale,
  offset,
  relu,
  reshape,
  scale,
  slice,
  softmax,
  state,
  sum,
  transpose,
} from "../../src/graph/build.ts";
import { gradient } from "../../src/graph/gradient.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { bitsOf, drawnInputs, openFor, outputsOf } from "./runGraph.ts";
import { softwareGpu } from "./softwareGpu.ts";
import { squareProgram, squareSteps } from "./squarePrograms.ts";

const { gpu } = await softwareGpu();
const onCard = test.skipIf(gpu === null);
const card = gpu as Gpu;
const webgpu = gpu === null ? referenceBackend : webgpuBackend(gpu);
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
/** float32 against float64: sums of at most some hundred products of order 1. */
const FLOAT32 = 2e-4;

/** Throws unless results are near the reference's. */
async function expectReference(outputs: Record<string, Node>, rows = 1): Promise<void> {
  const [own, want] = [
    await outputsOf(webgpu, outputs, { models: 3, rows }),
    await outputsOf(referenceBackend, outputs, { models: 3, rows }),
  ];
  for (const name of Object.keys(outputs))
    own[name].forEach((value, i) => {
      const near = Math.abs(value - want[name][i]) <= FLOAT32 * Math.max(1, Math.abs(want[name][i]));
      if (!near) expect.fail(`${name}, element ${i}: ${value}, should be ${want[name][i]}`);
    });
}

/** A network with rows that take a loop, products whose tiles stick out, and sums that are cut into parts. */
function network(): { outputs: Record<string, Node>; weights: Node[] } {
  const tokens = input("tokens", [3, 10], "int32");
  const weights = [
    state("embed", [7, 12]),
    state("query", [12, 2, 5]),
    state("hidden", [12, 52]),
    state("bias", [52]),
    state("unembed", [52, 33]),
  ];
  const [embed, query, hidden, bias, unembed] = weights;
  const x = scale(gather(embed, tokens), 0.5); // [batch, pos, dModel]
  const q = scale(einsum("batch pos dModel, dModel head dHead -> batch pos head dHead", x, query), 0.25);
  const scores = einsum("batch pos head dHead, batch key head dHead -> batch head pos key", q, q);
  const mixed = einsum(
    "batch head pos key, batch key head dHead -> batch pos head dHead",
    softmax(scores),
    q,
  );
  const joined = slice(reshape(transpose(mixed, [0, 1, 3, 2]), [3, 10, 10]), 2, 1, 9);
  const wide = scale(
    relu(add(einsum("batch pos dModel, dModel dMlp -> batch pos dMlp", x, hidden), bias)),
    0.2,
  );
  const normed = normalize(wide, normScale(wide, 1e-3));
  const logits = einsum("batch pos dMlp, dMlp dVocab -> batch pos dVocab", normed, unembed); // [batch, pos, dVocab]
  const losses = crossEntropy(scale(logits, 0.1), reshape(tokens, [3, 10]));
  return { outputs: { loss: add(sum(losses), scale(sum(mul(joined, joined)), 0.01)), logits }, weights };
}

onCard("a network of odd and long sizes, and its gradients, are the reference's", async () => {
  const { outputs, weights } = network();
  const gradients = gradient(outputs.loss, weights).map((of, i) => [`gradient ${i}`, of] as const);
  await expectReference({ ...outputs, ...Object.fromEntries(gradients) }, 7);
});

onCard("random programs are the reference's, whatever is computed together", async () => {
  await fc.assert(
    fc.asyncProperty(squareSteps, async (steps) => {
      const leaves = [input("x", [3, 3]), state("a", [3, 3]), state("b", [3, 3])];
      const nodes = squareProgram(leaves, steps);
      const updates = new Map([
        [leaves[1] as Node<"state">, nodes[nodes.length - 1]],
        [leaves[2] as Node<"state">, nodes[nodes.length >> 1]],
      ]);
      const graph = makeGraph({ outputs: { last: nodes[nodes.length - 1], some: nodes[3] }, updates });
      const results = [];
      for (const backend of [webgpu, referenceBackend]) {
        const session = openFor(backend, [graph], 2, "random programs");
        const program = session.compile(graph);
        const inputs = drawnInputs(graph, 2, "random programs");
        const runs = [await program.run(inputs), await program.run(inputs)];
        results.push([runs[0].last, runs[1].some, await session.read("a"), await session.read("b")]);
        session.close();
      }
      const [own, want] = results;
      own.forEach((values, of) => {
        values.forEach((value, i) => {
          const expected = want[of][i];
          expect(Math.abs(value - expected)).toBeLessThan(FLOAT32 * Math.max(1, Math.abs(expected)));
        });
      });
    }),
    { numRuns: 60, seed: 8 },
  );
});

onCard("a population that is more than can be bound runs in pieces, with the same bits", async () => {
  const { outputs, weights } = network();
  const updates = new Map(
    gradient(outputs.loss, weights).map((of, i) => [
      weights[i] as Node<"state">,
      add(weights[i], scale(of, -0.1)),
    ]),
  );
  const graph = makeGraph({ outputs, updates });
  const models = 7;
  const run = async (backend: Backend) => {
    const session = openFor(backend, [graph], models, "pieces");
    const program = session.compile(graph);
    const own = drawnInputs(graph, models, "pieces", 7);
    const shared = drawnInputs(graph, 1, "shared", 7);
    const results: TensorData[] = [];
    for (const inputs of [own, shared])
      results.push(
        ...Object.values(
          (
            await session.runInTurn([
              { program, inputs },
              { program, inputs },
            ])
          )[1],
        ),
      );
    for (const name of graph.states.keys()) results.push(await session.read(name));
    session.close();
    return results.map(bitsOf);
  };
  const whole = await run(webgpu);
  // a model's largest state has 1716 numbers and its largest tensor 1560: three models a buffer, and then one
  for (const maxBindingBytes of [3 * 4 * 1716, 4 * 1716])
    expect(await run(webgpuBackend(card, { maxBindingBytes }))).toEqual(whole);
});

onCard("one model that is too large is refused in one sentence, before anything is taken", () => {
  const small = webgpuBackend(card, { maxBindingBytes: 1024 });
  const open = () => small.open({ models: 2, states: { table: [20, 20] } });
  expect(open).toThrow(ArgumentError);
  expect(open).toThrow(
    /^webgpu backend, state "table": this card takes tensors of at most 0\.000977 MB a model; got 0\.00153 MB\. Take/,
  );
  const session = small.open({ models: 2, states: {} });
  const graph = makeGraph({
    outputs: { y: sum(exp(broadcast(input("x", []), [300]))), z: constant(1, [300]) },
  });
  expect(() => session.compile(graph)).toThrow(/at most 0\.000977 MB a model/);
  session.close();
});

onCard("a model's bits are the same twice, and whatever its neighbours hold", async () => {
  const { outputs } = network();
  const graph = makeGraph({ outputs });
  const run = async (spoil: boolean) => {
    const session = openFor(webgpu, [graph], 3, "neighbours");
    if (spoil) {
      const embed = await session.read("embed");
      session.write(
        "embed",
        embed.map((value, i) => (i < 84 || i >= 168 ? nan : value)),
      );
    }
    const { logits } = await session.compile(graph).run(drawnInputs(graph, 3, "neighbours", 7));
    session.close();
    return bitsOf(logits);
  };
  const sound = await run(false);
  expect(await run(false)).toEqual(sound);
  const third = sound.length / 3;
  expect((await run(true)).subarray(third, 2 * third)).toEqual(sound.subarray(third, 2 * third));
});

/** An op on numbers, one by one where they do not come in fours. */
async function apply(
  op: "exp" | "log" | "tanh" | "erf" | "gelu" | "relu" | "sqrt",
  values: readonly number[],
) {
  const node = makeNode(op, [input("x", [values.length])], {});
  const session = webgpu.open({ models: 1, states: {} });
  const { y } = await session
    .compile(makeGraph({ outputs: { y: node } }))
    .run({ x: Float32Array.from(values) });
  session.close();
  return [...y];
}

onCard.each([
  ["exp", [-inf, -200, 0, 200, inf, nan], [0, 0, 1, inf, inf, nan]],
  ["log", [0, inf, -1, -inf, nan, 1], [-inf, inf, nan, nan, nan, 0]],
  ["sqrt", [0, inf, 4, nan], [0, inf, 2, nan]],
  ["tanh", [-inf, -1e30, -50, 50, 1e30, inf, nan], [-1, -1, -1, 1, 1, 1, nan]],
  ["erf", [-inf, -1e30, -50, 50, 1e30, inf, nan], [-1, -1, -1, 1, 1, 1, nan]],
  ["gelu", [inf, 2 ** 100, 50, -50, nan], [inf, 2 ** 100, 50, -0, nan]],
  ["relu", [inf, -inf, nan, -3, 2], [inf, 0, nan, 0, 2]],
] as const)("%s keeps infinities and NaN, and overflows nowhere", async (op, of, want) => {
  expect(await apply(op, of)).toEqual(want);
  const fours = Array.from({ length: 4 }, () => [...of]).flat();
  expect(await apply(op, fours)).toEqual(Array.from({ length: 4 }, () => [...want]).flat());
});

onCard("a NaN passes through products, sums, softmax and norms, and a constant may be infinite", async () => {
  const x = input("x", [8]);
  const row = reshape(x, [1, 8]);
  const outputs = {
    product: einsum("i, i ->", x, constant(1, [8])),
    total: sum(x),
    softmax: slice(softmax(row), 1, 7, 8),
    norm: normScale(row, 1e-5),
    masked: slice(softmax(add(row, constant([0, -inf, 0, 0, 0, 0, 0, -inf], [8]))), 1, 1, 2),
    beyond: add(slice(x, 0, 0, 1), constant(-inf)),
  };
  const session = webgpu.open({ models: 2, states: {} });
  const values = Float32Array.from({ length: 16 }, (_, i) => (i === 3 ? nan : i % 8));
  const results = await session.compile(makeGraph({ outputs })).run({ x: values });
  session.close();
  for (const name of ["product", "total", "softmax", "norm"] as const) {
    expect(results[name][0], name).toBeNaN();
    expect(results[name][1], name).not.toBeNaN();
  }
  expect(results.masked[1]).toBe(0);
  expect([...results.beyond]).toEqual([-inf, -inf]);
});

onCard("a device that goes away ends a run in one sentence", async () => {
  const own = await openGpu({ load: nodeGpu });
  const session = webgpuBackend(own).open({ models: 1, states: { a: [2] } });
  const program = session.compile(makeGraph({ outputs: { b: offset(state("a", [2]), 1) } }));
  await program.run({});
  own.device.destroy();
  await expect(program.run({})).rejects.toThrow(DeviceError);
  await expect(session.read("a")).rejects.toThrow(/the graphics card stopped in the middle of the work; got/);
  expect(() => webgpuBackend(own).open({ models: 1, states: {} })).toThrow(DeviceError);
});

onCard("a run that begins while another is under way is refused, and the first goes on", async () => {
  const session = webgpu.open({ models: 1, states: {} });
  const program = session.compile(makeGraph({ outputs: { y: offset(input("x", [2]), 1) } }));
  const first = program.run({ x: Float32Array.of(1, 2) });
  await expect(program.run({ x: Float32Array.of(3, 4) })).rejects.toThrow(/one run at a time.*Await/);
  expect([...(await first).y]).toEqual([2, 3]);
  session.close();
});

test("what follows a product is computed with it, layer norm and Adam are one step each, long sums two", () => {
  const x = input("x", [64, 16]);
  const linear = einsum("row inner, inner column -> row column", x, state("w", [16, 8]));
  const unit = relu(add(scale(linear, 0.5), state("b", [8])));
  const norm = add(mul(normalize(unit, normScale(unit, 1e-5)), state("gain", [8])), state("shift", [8]));
  const graph = makeGraph({ outputs: { norm, total: sum(unit, [0]) } });
  expect(lower(graph).steps.map(({ what }) => what)).toEqual([
    "einsum relu",
    "normalize add",
    "sum of parts",
    "sum",
  ]);
});
