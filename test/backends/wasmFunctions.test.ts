/**
 * The polynomials of exp, log, tanh, erf and gelu against float64, on a grid over all of float32.
 *
 * The bounds are what was measured, rounded up a little: a kernel that gets worse fails, one that gets better may not
 * notice. `ulp` is relative to the spacing of float32 at the true value.
 */
import { expect, test } from "vitest";
import { erf } from "../../src/backends/reference/erf.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { input, makeNode } from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";

type Name = "exp" | "log" | "tanh" | "erf" | "gelu";

async function apply(op: Name, values: readonly number[]): Promise<Float32Array> {
  const session = wasmBackend().open({ models: 1, states: {} });
  const node = makeNode(op, [input("x", [values.length])], {});
  const { out } = await session
    .compile(makeGraph({ outputs: { out: node } }))
    .run({ x: Float32Array.from(values) });
  session.close();
  return out as Float32Array;
}

/** Measured 1.231. */
const EXP_ULP = 1.25;
/** Measured 0.792. */
const LOG_ULP = 0.8;
/** Measured 1.234. */
const TANH_ULP = 1.25;
/** Measured 2.297. */
const ERF_ULP = 2.4;
/** Of |x|: where Φ(x) is small it is what is left of 1 + erf, so only the absolute error of Φ is small. Measured 1.33e-7. */
const GELU_OF_X = 1.4e-7;
const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/** Spacing of float32 numbers at x. */
function ulpAt(x: number): number {
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(x))));
  return 2 ** (exponent - 23);
}

/** A float32 grid: `count` numbers evenly spaced in [low, high]. */
function linear(low: number, high: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.fround(low + ((high - low) * i) / (count - 1)));
}

/** Bit patterns `step` apart over all positive finite float32 numbers, subnormal ones included. */
function allMagnitudes(step: number): number[] {
  const bits = Uint32Array.from({ length: Math.floor(0x7f7fffff / step) }, (_, i) => 1 + i * step);
  return [...new Float32Array(bits.buffer)];
}

/** Largest error in ulp, and where. */
async function worstUlp(
  op: Name,
  of: (x: number) => number,
  grid: readonly number[],
): Promise<{ ulp: number; at: number }> {
  let worst = { ulp: 0, at: Number.NaN };
  (await apply(op, grid)).forEach((value, i) => {
    const want = of(grid[i]);
    const ulp = Math.abs(value - want) / ulpAt(want);
    if (!(ulp <= worst.ulp)) worst = { ulp, at: grid[i] };
  });
  return worst;
}

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

test("exp is within its bound wherever the result is a normal number", async () => {
  const grid = linear(-87.29, 88.72, 400_003);
  expect((await worstUlp("exp", Math.exp, grid)).ulp).toBeLessThan(EXP_ULP);
});

test("exp is 1 at and beside 0, 0 below −87.3, infinite above its overflow, and NaN of NaN", async () => {
  const tiny = [0, -0, 2 ** -149, -(2 ** -149), 2 ** -60];
  expect([...(await apply("exp", tiny))]).toEqual(tiny.map(() => 1));
  expect([...(await apply("exp", [-87.4, -100, -1e30, -inf]))]).toEqual([0, 0, 0, 0]);
  expect([...(await apply("exp", [88.73, 100, 1e30, inf]))]).toEqual([inf, inf, inf, inf]);
  expect([...(await apply("exp", [nan]))]).toEqual([nan]);
});

test("log is within its bound for every magnitude, subnormal numbers included", async () => {
  const grid = [...allMagnitudes(10_007), ...linear(0.5, 2, 200_001)];
  expect((await worstUlp("log", Math.log, grid)).ulp).toBeLessThan(LOG_ULP);
});

test("log has its edges", async () => {
  expect([...(await apply("log", [0, -0, inf, -1, -(2 ** -149), -inf, nan, 1]))]).toEqual([
    -inf,
    -inf,
    inf,
    nan,
    nan,
    nan,
    nan,
    0,
  ]);
});

test.each([
  ["tanh", Math.tanh, TANH_ULP],
  ["erf", erf, ERF_ULP],
] as const)("%s is odd, within its bound for every magnitude, and ±1 far out", async (op, of, bound) => {
  const grid = [...allMagnitudes(20_011), ...linear(0, 10, 200_001)];
  expect((await worstUlp(op, of, grid)).ulp).toBeLessThan(bound);
  const negative = await apply(
    op,
    grid.map((x) => -x),
  );
  // 0 itself aside: a sum that cancels is +0
  expect((await apply(op, grid)).every((y, i) => negative[i] === -y)).toBe(true);
  expect([...(await apply(op, [20, 1e30, inf, -20, -inf, nan, 0]))]).toEqual([1, 1, 1, -1, -1, nan, 0]);
});

test("gelu is within its bound of x Φ(x), relative to |x|, and keeps large numbers and zero as they are", async () => {
  const grid = linear(-12, 12, 200_001).filter((x) => x !== 0);
  const got = await apply("gelu", grid);
  const worst = grid.map((x, i) => Math.abs(got[i] - (x * (1 + erf(x * Math.SQRT1_2))) / 2) / Math.abs(x));
  expect(worst.reduce((a, b) => Math.max(a, b))).toBeLessThan(GELU_OF_X);
  expect([...(await apply("gelu", [0, 20, LARGEST, -20, -LARGEST, nan, inf]))]).toEqual([
    0,
    20,
    LARGEST,
    -0,
    -0,
    nan,
    inf,
  ]);
});
