/** The layout of one model against the lanes: other loops, other vectors, the same bits. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { engineBytes, kernelBytes, wasmBackend } from "../../src/backends/wasm/index.ts";
import { layoutFor } from "../../src/backends/wasm/layout.ts";
import { inTurn } from "../../src/base/inTurn.ts";
import { add, einsum, gate, input, makeNode, relu, scale } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { bitsOf, layouts, outputsOf } from "./runGraph.ts";
import { runOp } from "./suite.ts";
import { computedOps, drawOperands, trials } from "./trials.ts";

const SEED = 31;
const SHAPES = 60;

/** The bits of a program in every layout must be those of the first; NaN compares by its bits too. */
async function expectEqualBits(outputs: Record<string, Node>, what: string, models: number): Promise<void> {
  const [lanes, single] = await inTurn(layouts, async (backend) => outputsOf(backend, outputs, { models }));
  for (const name of Object.keys(outputs))
    expect(bitsOf(single[name]), `${what}, ${name}`).toEqual(bitsOf(lanes[name]));
}

test.each(computedOps)("%s has the bits of the lanes, in populations of one to five", async (op) => {
  await fc.assert(
    fc.asyncProperty(trials(op), fc.integer({ min: 1, max: 5 }), async (trial, models) => {
      const population = Array.from({ length: models }, (_, model) => drawOperands(trial, model));
      const [lanes, single] = await inTurn(
        layouts,
        async (backend) => (await runOp(backend, op, population, trial.attrs)).out,
      );
      expect(bitsOf(single)).toEqual(bitsOf(lanes));
    }),
    { numRuns: SHAPES, seed: SEED },
  );
});

/** A product with each epilogue of the kernel; `spread` is a bias that is one number for all columns. */
function epilogues(product: Node): Record<string, Node> {
  const { shape } = product;
  const [row, whole] = [input("row", shape.slice(-1)), input("whole", shape)];
  return {
    plain: product,
    scaled: scale(product, -0.37),
    bias: add(product, row),
    spread: add(product, input("spread", [1])),
    added: add(product, whole),
    relu: relu(product),
    gated: gate(product, whole),
    gatedBias: gate(relu(add(scale(product, 0.6), row)), whole),
    everything: relu(add(add(scale(product, 1.3), row), whole)),
  };
}

/** How operands may lie: which of them is transposed in memory, and whether there are products side by side. */
const lies: Record<string, string> = {
  "as they are": "n k, k m -> n m",
  "a transposed": "k n, k m -> n m",
  "b transposed": "n k, m k -> n m",
  "both transposed": "k n, m k -> n m",
  "side by side": "h n k, h k m -> h n m",
  "side by side, b transposed": "h n k, h m k -> h n m",
  "side by side within rows": "n h k, m h k -> h n m",
  "the result's last axis shared": "n k h, k m h -> n m h",
};

/** Rows and columns around the kernel's tiles of four rows by eight and four columns. */
const ROWS = [1, 2, 3, 4, 5, 9, 16, 18];
const COLUMNS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 17];

test.each(Object.entries(lies))(
  "products with every number of columns and every epilogue (%s)",
  async (_, how) => {
    const [first, second] = how.split(" -> ")[0].split(", ");
    for (const n of ROWS) {
      for (const m of COLUMNS) {
        const size: Record<string, number> = { n, m, k: 1 + ((n + m) % 5), h: 3 };
        const of = (name: string, labels: string) =>
          input(
            name,
            labels.split(" ").map((label) => size[label]),
          );
        const [a, b] = [of("a", first), of("b", second)];
        // each epilogue in a graph of its own: a product that is read twice is not fused
        for (const name of Object.keys(epilogues(einsum(how, a, b)))) {
          const root = epilogues(einsum(how, a, b))[name];
          await expectEqualBits({ root }, `${n} rows, ${m} columns, ${name}`, 1);
        }
      }
    }
  },
);

test("sums longer than the panel of columns are in the same order", async () => {
  for (const k of [1023, 1024, 1025, 2500]) {
    const side = einsum("h n k, h m k -> h n m", input("a", [2, 5, k]), input("b", [2, 11, k]));
    await expectEqualBits({ side }, `${k} terms`, 1);
  }
});

test("sums over any axes of any width have the bits of the lanes", async () => {
  const axes = fc.subarray([0, 1, 2], { minLength: 1 });
  const shape = fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 1, max: 19 })));
  await fc.assert(
    fc.asyncProperty(shape, axes, async (sizes, over) => {
      const node = makeNode("sum", [input("x", sizes)], { axes: over });
      await expectEqualBits({ node }, `${sizes} over ${over}`, 2);
    }),
    { numRuns: 150, seed: SEED },
  );
});

test("a population is single where lanes would idle and it is small, and its programs run in either layout", async () => {
  const chosen = (count: number) => layoutFor(count).name;
  expect([1, 2, 3, 5, 6, 7].map(chosen)).toEqual(new Array(6).fill("single"));
  expect([4, 8, 12, 32, 63, 255, 256].map(chosen)).toEqual(new Array(7).fill("lanes"));
  const graph = makeGraph({ outputs: { out: scale(input("x", [3]), 2) } });
  for (const layout of ["lanes", "single"] as const) {
    const session = wasmBackend({ layout }).open({ models: 6, states: {} });
    const x = Float32Array.from({ length: 18 }, (_, i) => i);
    expect([...(await session.compile(graph).run({ x })).out]).toEqual([...x].map((value) => 2 * value));
    session.close();
  }
});

test("the engine's bytes are those of both layouts", () => {
  const [lanes, single] = [kernelBytes("lanes"), kernelBytes("single")];
  expect(engineBytes()).toEqual(Uint8Array.from([...lanes, ...single]));
  expect(lanes).not.toEqual(single);
});
