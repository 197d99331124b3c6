/** Comparison of numbers with a stated tolerance, for the tests of this folder. */
import { expect } from "vitest";

/** Asserts |actual − expected| ≤ tolerance · max(1, |expected|): relative for large values, absolute for small. */
export function expectClose(actual: number, expected: number, tolerance: number, what = ""): void {
  const error = Math.abs(actual - expected) / Math.max(1, Math.abs(expected));
  expect(error, `${what}: ${actual} against ${expected}`).toBeLessThanOrEqual(tolerance);
}

/** Asserts |actual/expected − 1| ≤ tolerance, however small the expected value is. */
export function expectRelative(actual: number, expected: number, tolerance: number, what = ""): void {
  const error = expected === 0 ? Math.abs(actual) : Math.abs(actual / expected - 1);
  expect(error, `${what}: ${actual} against ${expected}`).toBeLessThanOrEqual(tolerance);
}

/** Asserts that every named field of `actual` is within `tolerance` of the one in `expected`. */
export function expectFields<K extends string>(
  actual: Readonly<Record<K, number>>,
  expected: Readonly<Record<K, number>>,
  fields: readonly K[],
  tolerance: number,
): void {
  for (const field of fields) expectClose(actual[field], expected[field], tolerance, field);
}
