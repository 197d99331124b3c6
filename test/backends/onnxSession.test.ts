/** What the onnx backend does besides computing: what it refuses, loads and gives back. */
import { expect, test } from "vitest";
import { writeGraph } from "../../src/backends/onnx/graphToOnnx.ts";
import { onnxBackend } from "../../src/backends/onnx/index.ts";
import { nodeRuntime, type OnnxRuntime } from "../../src/backends/onnx/runtime.ts";
import { webRuntime } from "../../src/backends/onnx/webRuntime.ts";
import { backendNamed, chosenBackend } from "../../src/backends/registry.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import type { TensorData } from "../../src/graph/backend.ts";
import { add, einsum, gather, input, offset, reshape, scale, softmax, state } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { presets } from "../../src/model/config.ts";

const onnx = await onnxBackend({ threads: 1 });
const total = state("total", [2]) as Node<"state">;
const growing = () =>
  makeGraph({ outputs: { sum: add(total, input("x", [2])) }, updates: new Map([[total, offset(total, 1)]]) });

test("without ONNX Runtime one sentence says what to do", async () => {
  const load = () => Promise.reject(new Error("Cannot find package 'onnxruntime-node'\nfrom somewhere"));
  await expect(onnxBackend({ load })).rejects.toThrow(ArgumentError);
  await expect(onnxBackend({ load })).rejects.toThrow(
    /^onnx backend: .*got Error: Cannot find package 'onnxruntime-node'\. npm i onnxruntime-node, or take --backend wasm\.$/,
  );
});

test("a token outside its table is refused by name and leaves the states alone", async () => {
  const session = onnx.open({ models: 2, states: { table: [3, 1] } });
  const table = state("table", [3, 1]);
  const updates = new Map([[table as Node<"state">, offset(table, 1)]]);
  const rows = gather(table, reshape(input("token", [4], "int32"), [2, 2]));
  const program = session.compile(makeGraph({ outputs: { rows }, updates }));
  // ONNX itself would count −1 from the end
  for (const bad of [3, -1])
    await expect(program.run({ token: Int32Array.of(0, 1, bad, 2) })).rejects.toThrow(
      `input "token": an index must be from 0 to 2; got ${bad}.`,
    );
  expect([...(await session.read("table"))]).toEqual(new Array(6).fill(0));
  session.close();
});

test("a run that begins while another is under way is refused, and the first goes on", async () => {
  const session = onnx.open({ models: 1, states: { total: [2] } });
  const program = session.compile(growing());
  const first = program.run({ x: Float32Array.of(1, 2) });
  await expect(program.run({ x: Float32Array.of(3, 4) })).rejects.toThrow(/one run at a time.*Await/);
  expect([...(await first).sum]).toEqual([1, 2]);
  expect([...(await program.run({ x: Float32Array.of(3, 4) })).sum]).toEqual([4, 5]);
  session.close();
});

/** The runtime, counting the models that it has loaded and released, some runs of which fail. */
async function countingRuntime() {
  const runtime = (await nodeRuntime()) as OnnxRuntime;
  const counts = { loaded: 0, released: 0, failing: false };
  const counting: OnnxRuntime = {
    env: runtime.env,
    Tensor: runtime.Tensor,
    InferenceSession: {
      async create(model, options) {
        const session = await runtime.InferenceSession.create(model, options);
        counts.loaded++;
        return {
          run: (inputs) => (counts.failing ? Promise.reject(new Error("no memory")) : session.run(inputs)),
          async release() {
            counts.released++;
            await session.release();
          },
        };
      },
    },
  };
  return { counts, backend: await onnxBackend({ threads: 1, load: async () => counting }) };
}

test("a graph is loaded once, when it first runs, and closing the session gives its memory back", async () => {
  const { counts, backend } = await countingRuntime();
  const session = backend.open({ models: 1, states: { total: [2] } });
  const graph = growing();
  const [program, again] = [session.compile(graph), session.compile(graph)];
  session.compile(growing());
  expect(counts.loaded).toBe(0);
  await program.run({ x: new Float32Array(2) });
  await again.run({ x: new Float32Array(2) });
  expect(counts).toMatchObject({ loaded: 1, released: 0 });
  session.close();
  await Promise.resolve();
  expect(counts).toMatchObject({ loaded: 1, released: 1 });
});

test("a run that fails leaves every state as it was", async () => {
  const { counts, backend } = await countingRuntime();
  const session = backend.open({ models: 1, states: { total: [2] } });
  const program = session.compile(growing());
  await program.run({ x: new Float32Array(2) });
  counts.failing = true;
  await expect(program.run({ x: new Float32Array(2) })).rejects.toThrow("no memory");
  expect([...(await session.read("total"))]).toEqual([1, 1]);
  counts.failing = false;
  await program.run({ x: new Float32Array(2) });
  expect([...(await session.read("total"))]).toEqual([2, 2]);
  session.close();
});

test("a model gives what is asked for and nothing between", () => {
  const x = input("x", [2, 3]);
  const scores = einsum("i k, j k -> i j", x, state("W", [4, 3]));
  const pattern = softmax(scale(scores, 0.5));
  const { inputs, outputs } = writeGraph(makeGraph({ outputs: { pattern } }), 5);
  expect(inputs.map(({ name, shape }) => [name, shape])).toEqual([
    ["input.x", [5, 2, 3]],
    ["state.W", [5, 4, 3]],
  ]);
  expect(outputs).toEqual([{ name: "output.pattern", type: "float32", shape: [5, 2, 4] }]);
});

test("ONNX Runtime for pages gives the same numbers", async () => {
  const web = await onnxBackend({ load: webRuntime(() => import("onnxruntime-web/wasm")) });
  const results: Record<string, TensorData>[] = [];
  for (const backend of [onnx, web]) {
    const session = backend.open({ models: 2, states: { W: [3, 4] } });
    session.write(
      "W",
      Float32Array.from({ length: 24 }, (_, i) => Math.fround(Math.sin(i))),
    );
    const product = einsum("pos in, in out -> pos out", input("x", [2, 3]), state("W", [3, 4]));
    const program = session.compile(makeGraph({ outputs: { p: softmax(product) } }));
    results.push(await program.run({ x: Float32Array.of(1, -2, 3, -1, 0.5, 2) }));
    session.close();
  }
  results[0].p.forEach((value, i) => {
    expect(Math.abs(value - results[1].p[i])).toBeLessThan(1e-6); // a few roundings of numbers below 1
  });
});

test("auto takes wasm for every preset and for models of unknown size, and onnx for wide ones", async () => {
  for (const config of Object.values(presets)) expect(chosenBackend("auto", config)).toBe("wasm");
  expect(chosenBackend("auto")).toBe("wasm");
  expect(chosenBackend("auto", { dModel: 768 })).toBe("onnx");
  expect(chosenBackend("wasm", { dModel: 768 })).toBe("wasm");
  expect((await backendNamed("onnx", { threads: 1 })).name).toBe("onnx");
});
