import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { cos, exp, integerPower, log, log1p, sin } from "../../src/base/exact.ts";
import { normalQuantile } from "../../src/base/normalQuantile.ts";

/** Rows [x, high, low]: the true value at x is high + low. */
type Table = [x: number, high: number, low: number][];
const fixture: Record<"log" | "log1p" | "exp" | "sin" | "cos" | "normalQuantile", Table> = JSON.parse(
  readFileSync(new URL("fixtures/exact.json", import.meta.url), "utf8"),
);

/** What src/base/exact.ts promises. */
const ULP = 4;
/** What src/base/normalQuantile.ts promises. */
const QUANTILE_ULP = 4;

/** Spacing of doubles at x. */
function ulpAt(x: number): number {
  const exponent = Math.max(-1022, Math.floor(Math.log2(Math.abs(x))));
  return 2 ** Math.max(-1074, exponent - 52);
}

/** Largest error of a function over a table in ulp, and the x where it is. */
function worst(f: (x: number) => number, table: Table): { ulp: number; x: number } {
  let most = { ulp: 0, x: Number.NaN };
  for (const [x, high, low] of table) {
    const error = f(x) === high ? low : f(x) - high - low;
    const ulp = Math.abs(error) / ulpAt(high);
    if (!(ulp <= most.ulp)) most = { ulp, x };
  }
  return most;
}

const { NaN: nan, POSITIVE_INFINITY: inf, MAX_VALUE: largest, MIN_VALUE: smallest } = Number;

test.each([
  ["log", log],
  ["log1p", log1p],
  ["exp", exp],
  ["sin", sin],
  ["cos", cos],
] as const)("%s is within its promise of 60-digit values", (name, f) => {
  expect(fixture[name].length).toBeGreaterThan(200);
  const { ulp, x } = worst(f, fixture[name]);
  expect(ulp, `at ${x}`).toBeLessThan(ULP);
});

test("log, log1p and exp have their edges", () => {
  expect([log(0), log(-0), log(-1), log(-smallest), log(inf), log(-inf), log(nan), log(1)]).toEqual([
    -inf,
    -inf,
    nan,
    nan,
    inf,
    nan,
    nan,
    0,
  ]);
  expect([log1p(-1), log1p(-1.5), log1p(inf), log1p(nan), log1p(0), log1p(-0)]).toEqual([
    -inf,
    nan,
    inf,
    nan,
    0,
    -0,
  ]);
  expect([
    exp(0),
    exp(-0),
    exp(-inf),
    exp(inf),
    exp(nan),
    exp(709.79),
    exp(largest),
    exp(-746),
    exp(-largest),
  ]).toEqual([1, 1, 0, inf, nan, inf, inf, 0, 0]);
  expect([exp(smallest), exp(-smallest), exp(-745.13)]).toEqual([1, 1, smallest]);
});

test("sine and cosine have their edges", () => {
  expect([sin(0), cos(0), sin(smallest), cos(smallest)]).toEqual([0, 1, smallest, 1]);
  for (const x of [inf, -inf, nan]) expect([sin(x), cos(x)]).toEqual([nan, nan]);
});

test("the normal quantile agrees with 60-digit values over all probabilities", () => {
  const { ulp, x } = worst(normalQuantile, fixture.normalQuantile);
  expect(ulp, `at ${x}`).toBeLessThan(QUANTILE_ULP);
});

test("the normal quantile is odd about a half, rises, and has its edges", () => {
  expect([0, 1, 0.5, -0.1, 1.1, nan, inf].map(normalQuantile)).toEqual([-inf, inf, 0, nan, nan, nan, nan]);
  for (const k of [1, 3, 40, 300, 511]) expect(normalQuantile(k / 1024)).toBe(-normalQuantile(1 - k / 1024));
  const quantiles = Array.from({ length: 4097 }, (_, k) => normalQuantile(k / 4096));
  expect(quantiles.every((z, i) => i === 0 || z > quantiles[i - 1])).toBe(true);
});

test("whole powers are exact where the result is, and within a few roundings elsewhere", () => {
  expect(integerPower(2, 10)).toBe(1024);
  expect(integerPower(10, 15)).toBe(1e15);
  expect(integerPower(3, 0)).toBe(1);
  expect(integerPower(10, -3)).toBe(1 / 1000);
  // 0.9^1000 to 17 digits by 40-digit arithmetic
  expect(Math.abs(integerPower(0.9, 1000) / 1.747871251722694e-46 - 1)).toBeLessThan(1000 * 2 ** -52);
});
