/**
 * Do tests reject, and intervals cover, as often as they say? Simulation with fixed streams, for the tests of this folder.
 *
 * Every bound is four binomial standard errors, so a correct method would fail once in 16 000 choices of the stream.
 */
import { expect } from "vitest";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import type { Interval } from "../../src/stats/index.ts";

export const ALPHA = 0.05;

export function normals(stream: RandomStream, n: number, shift = 0, scale = 1): Float64Array {
  return Float64Array.from({ length: n }, () => shift + scale * stream.normal());
}

/** The share of `runs` simulations in which something happened. */
export function share(name: string, runs: number, happens: (stream: RandomStream) => boolean): number {
  const stream = randomStream("calibration", name);
  let count = 0;
  for (let run = 0; run < runs; run++) if (happens(stream)) count++;
  return count / runs;
}

export function fourErrors(probability: number, runs: number): number {
  return 4 * Math.sqrt((probability * (1 - probability)) / runs);
}

/** Asserts that a share is the expected one, within sampling error and `slack` (of an approximate method). */
export function expectShare(got: number, want: number, runs: number, slack = 0, what = ""): void {
  expect(got, what).toBeGreaterThan(want - fourErrors(want, runs) - slack);
  expect(got, what).toBeLessThan(want + fourErrors(want, runs) + slack);
}

/** Asserts that an event of probability `want` happens in that share of simulations. */
export function expectRate(
  name: string,
  want: number,
  { runs, slack = 0 }: { runs: number; slack?: number },
  happens: (stream: RandomStream) => boolean,
): void {
  expectShare(share(name, runs, happens), want, runs, slack, name);
}

export const contains = ({ low, high }: Interval, truth: number) => low <= truth && truth <= high;
