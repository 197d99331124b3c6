import { expect, test } from "vitest";
import { erf, erfc } from "../../src/backends/reference/erf.ts";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { gather, input, offset, state } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { ComputedOp, Node } from "../../src/graph/node.ts";
import { naive } from "./naive.ts";
import { describeBackend, runOp } from "./suite.ts";
import type { Tensor } from "./trials.ts";

/** Float64 on both sides; the formulas of the oracle differ in order and cost a few hundred roundings at most. */
const FLOAT64 = { relative: 1e-13, absolute: 1e-300 };

describeBackend(referenceBackend, FLOAT64, naive);

/** [x, erf x, erfc x] to 17 digits by mpmath 1.3 with 40 digits. */
const ERF = [
  [1e-300, 1.1283791670955126e-300, 1.0],
  [1e-8, 1.1283791670955126e-8, 0.9999999887162083],
  [0.125, 0.1403162048013338, 0.8596837951986662],
  [0.5, 0.5204998778130465, 0.4795001221869535],
  [1, 0.8427007929497149, 0.15729920705028513],
  [1.4375, 0.95794060605646, 0.042059393943539934],
  [1.5, 0.9661051464753108, 0.033894853524689274],
  [2, 0.9953222650189527, 0.004677734981047266],
  [2.5, 0.999593047982555, 0.0004069520174449589],
  [3.75, 0.9999998862727434, 1.1372725656979665e-7],
  [6, 1.0, 2.1519736712498913e-17],
  [10, 1.0, 2.088487583762545e-45],
  [26, 1.0, 5.663192408856143e-296],
  [-0.25, -0.27632639016823696, 1.276326390168237],
  [-1.25, -0.9229001282564583, 1.9229001282564582],
  [-1.75, -0.9866716712191824, 1.9866716712191825],
  [-5, -0.9999999999984626, 1.9999999999984626],
] as const;

test("erf and erfc agree with values of 40 digits, tails included", () => {
  const RELATIVE = 1e-14; // what their docstrings promise
  for (const [x, erfX, erfcX] of ERF) {
    expect(Math.abs(erf(x) - erfX)).toBeLessThanOrEqual(RELATIVE * Math.abs(erfX));
    expect(Math.abs(erfc(x) - erfcX)).toBeLessThanOrEqual(RELATIVE * Math.abs(erfcX));
  }
  expect([erf(0), erf(Number.POSITIVE_INFINITY), erf(Number.NEGATIVE_INFINITY)]).toEqual([0, 1, -1]);
  expect(erf(Number.NaN)).toBeNaN();
  expect([erfc(Number.POSITIVE_INFINITY), erfc(Number.NEGATIVE_INFINITY), erfc(40)]).toEqual([0, 2, 0]);
});

test("an index outside its table is refused with the op, the bounds and the index", async () => {
  const floats = (shape: number[]): Tensor => ({
    shape,
    dtype: "float32",
    values: new Array(shape.reduce((a, b) => a * b, 1)).fill(1),
  });
  const index = (value: number): Tensor => ({ shape: [1], dtype: "int32", values: [value] });
  const run = (op: ComputedOp, operands: Tensor[], attrs: object) => async () =>
    runOp(referenceBackend, op, [operands], attrs as never);
  for (const bad of [-1, 4]) {
    const cases = [
      run("gather", [floats([4, 2]), index(bad)], {}),
      run("scatterAdd", [index(bad), floats([1, 2])], { rows: 4 }),
      run("crossEntropy", [floats([1, 4]), index(bad)], {}),
      run("crossEntropyGrad", [floats([1, 4]), index(bad), floats([1])], {}),
    ];
    for (const refused of cases) {
      await expect(refused).rejects.toThrow(ArgumentError);
      await expect(refused).rejects.toThrow(new RegExp(`0 to 3; got ${bad}`));
    }
    expect([...(await runOp(referenceBackend, "oneHot", [[index(bad)]], { depth: 3 })).out]).toEqual([
      0, 0, 0,
    ]);
  }
});

test("an index that is no whole number is refused with the input's name", async () => {
  const session = referenceBackend.open({ models: 1, states: {} });
  const program = session.compile(makeGraph({ outputs: { x: input("tokens", [2], "int32") } }));
  await expect(async () => program.run({ tokens: Float32Array.of(1, 1.5) })).rejects.toThrow(
    /input "tokens".*whole.*got 1.5/,
  );
});

test("a run that fails in one model leaves the states of all as they were", async () => {
  const count = state("count", []);
  const picked = gather(state("table", [2, 1]), input("tokens", [1], "int32"));
  const session = referenceBackend.open({ models: 2, states: { count: [], table: [2, 1] } });
  const updates = new Map([[count as Node<"state">, offset(count, 1)]]);
  const program = session.compile(makeGraph({ outputs: { picked }, updates }));
  await expect(async () => program.run({ tokens: Int32Array.of(0, 2) })).rejects.toThrow(ArgumentError);
  expect([...(await session.read("count"))]).toEqual([0, 0]);
  await program.run({ tokens: Int32Array.of(0, 1) });
  expect([...(await session.read("count"))]).toEqual([1, 1]);
});
