import { expect, test } from "vitest";
import { kernelBytes, wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { patterns } from "../../src/data/patterns.ts";
import {
  concat,
  crossEntropy,
  gather,
  input,
  offset,
  scatterAdd,
  slice,
  state,
  transpose,
} from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { presets } from "../../src/model/config.ts";
import { initialPopulation } from "../../src/model/init.ts";
import { optimizers } from "../../src/train/optimizers.ts";
import { openTrainer } from "../../src/train/trainer.ts";

const GIGABYTE = 2 ** 30;

test("256 original models with optimiser and activations hold under 1 GB, and a run adds nothing", async () => {
  const [models, batch, nPos] = [256, 32, 7];
  const config = presets.original;
  const trainer = openTrainer(wasmBackend(), { config, optimizer: optimizers.adam, models, batch, nPos });
  const streams = Array.from({ length: models }, (_, i) => randomStream("memory", i % 8));
  trainer.writeWeights(initialPopulation(config, { scheme: "pytorch" }, streams));
  const sequences = patterns(config).sample(randomStream("memory"), batch);
  await trainer.step([sequences], 1, [1e-3]);
  await trainer.evaluate([sequences]);
  const bytes = trainer.session.memoryBytes();
  expect(bytes).toBeLessThan(GIGABYTE);
  // weights and two moments of every model must be there
  expect(bytes).toBeGreaterThan(models * 3 * 4 * 6000);
  for (let step = 2; step < 5; step++) await trainer.step([sequences], step, [1e-3]);
  expect(trainer.session.memoryBytes()).toBe(bytes);
  trainer.session.close();
});

test("more than 4 GB are refused with a way out", () => {
  const states = { huge: [2 ** 14, 2 ** 13] };
  expect(() => wasmBackend().open({ models: 9, states })).toThrow(ArgumentError);
  expect(() => wasmBackend().open({ models: 9, states })).toThrow(/4 GB.*got 4\.50 GB.*fewer models/);
});

const MODELS = 5;
const [ROWS, COLUMNS] = [4, 3];

const index = (name: string, count: number) => input(name, [count], "int32");
/** Readers of indices, each through another path from the input "token". */
const readers: Record<string, (table: Node) => Node> = {
  gather: (table) => gather(table, index("token", 4)),
  scatterAdd: (table) => scatterAdd(index("token", 4), table, ROWS),
  // [column, row]: one target for each column
  crossEntropy: (table) => crossEntropy(transpose(table, [1, 0]), slice(index("token", 4), 0, 0, 3)),
  "gather of a slice": (table) => gather(table, slice(index("token", 4), 0, 2, 4)),
  "gather of two inputs, one after the other": (table) =>
    gather(table, concat([index("other", 2), index("token", 4)], 0)),
};

test.each(Object.keys(readers))(
  "a token outside its table is refused by name and leaves the states alone (%s)",
  async (name) => {
    const session = wasmBackend().open({ models: MODELS, states: { table: [ROWS, COLUMNS] } });
    const held = Float32Array.from({ length: MODELS * ROWS * COLUMNS }, (_, i) => i);
    session.write("table", held);
    const table = state("table", [ROWS, COLUMNS]);
    const updates = new Map([[table as Node<"state">, offset(table, 1)]]);
    const program = session.compile(makeGraph({ outputs: { seen: readers[name](table) }, updates }));
    const run = async (token: Int32Array | Float64Array) => program.run({ token, other: new Int32Array(2) });
    for (const bad of [ROWS, -1, 2 ** 30, -(2 ** 31)]) {
      for (const model of [0, MODELS - 1]) {
        const token = new Int32Array(MODELS * 4);
        token[model * 4 + 2] = bad;
        await expect(async () => run(token)).rejects.toThrow(ArgumentError);
        await expect(async () => run(token)).rejects.toThrow(
          `input "token": an index must be from 0 to 3; got ${bad}.`,
        );
      }
    }
    await expect(async () => run(Float64Array.of(0, 1.5, 2, 3))).rejects.toThrow(
      /"token".*whole numbers; got 1.5/,
    );
    expect(await session.read("table")).toEqual(held);
    await run(Float64Array.of(0, 1, 2, 3));
    expect(await session.read("table")).toEqual(held.map((value) => value + 1));
    session.close();
  },
);

test.skipIf(WebAssembly.validate(kernelBytes("lanes", { relaxed: true })))(
  "relaxed kernels on a machine without relaxed SIMD are refused with a way out, again and again",
  () => {
    for (let i = 0; i < 2; i++) {
      expect(() => wasmBackend({ relaxed: true })).toThrow(ArgumentError);
      expect(() => wasmBackend({ relaxed: true })).toThrow(/relaxed kernels.*Leave relaxed off/);
    }
    expect(wasmBackend().name).toBe("wasm");
  },
);
