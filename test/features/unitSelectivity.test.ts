/** Oracles: units whose selectivity is known on paper, and the definition of partial omega squared by F. */
import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { strengthChange } from "../../src/features/strengthChange.ts";
import { selectivityIndices, unitSelectivity } from "../../src/features/unitSelectivity.ts";
import { cellSources, varianceComponents } from "../../src/features/varianceComponents.ts";
import { plantedCurves, randomLookUp, smallProbe } from "./planted.ts";

/** A handful of float64 operations. */
const EXACT = 1e-12;

const probe = smallProbe(randomStream("unit selectivity"));
const [V, T] = [5, 4];

test("a unit of one token is wholly selective for it, one that fires always is not at all, a dead one is neither", () => {
  const found = unitSelectivity(
    plantedCurves(probe, [[({ token }) => (token === 2 ? 7 : 0), () => 3, () => 0, ({ pos }) => pos]]),
  );
  const { token, position } = found;
  expect(Object.keys(token)).toEqual(selectivityIndices);
  const expected = {
    activityRatio: [1 / V, 1],
    lifetimeSparseness: [1, 0],
    entropySelectivity: [1, 0],
    gini: [1 - 1 / V, 0],
    hoyer: [1, 0],
    tuningDepth: [1, 0],
  };
  for (const name of selectivityIndices) {
    expect(Math.abs(token[name][0] - expected[name][0])).toBeLessThan(EXACT);
    expect(Math.abs(token[name][1] - expected[name][1])).toBeLessThan(EXACT);
    expect(token[name][2]).toBeNaN();
    // whatever it does by position, all tokens get the same
    expect(Math.abs(token[name][3] - expected[name][1])).toBeLessThan(EXACT);
    expect(Math.abs(position[name][0] - expected[name][1])).toBeLessThan(EXACT);
  }
  // responses 0, 1, 2, 3: mean² / mean of squares
  expect(Math.abs(position.activityRatio[3] - 1.5 ** 2 / (14 / T))).toBeLessThan(EXACT);
});

test("activations below 0 are refused, for half of the indices have no meaning there", () => {
  expect(() => unitSelectivity(plantedCurves(probe, [[({ token }) => token - 2]]))).toThrow(ArgumentError);
});

/** Tuned units in contexts that move them at random. */
function noisy(name: string, gain: number, noise: number) {
  const source = randomStream("unit selectivity", "units");
  const contexts = randomStream("unit selectivity", name);
  return plantedCurves(
    probe,
    [0, 1].map(() =>
      Array.from({ length: 3 }, () => {
        const look = randomLookUp(source, V, T);
        return (at: Parameters<typeof look>[0]) => gain * look(at) + noise * contexts.normal();
      }),
    ),
  );
}

test("partial omega squared is df (F − 1) / (df (F − 1) + N), and 1 without any context", () => {
  const components = varianceComponents(noisy("contexts", 1, 1));
  const n = probe.count * probe.nPos;
  for (const source of cellSources)
    components.partialOmega2[source].forEach((value, at) => {
      const beyond = components.df[source] * (components.f[source][at] - 1);
      expect(Math.abs(value - beyond / (beyond + n))).toBeLessThan(EXACT);
    });
  const still = varianceComponents(noisy("contexts", 1, 0));
  for (const value of still.partialOmega2.token) expect(value).toBe(1);
  const dead = varianceComponents(plantedCurves(probe, [[() => 1, randomLookUp(randomStream("x"), V, T)]]));
  expect(dead.partialOmega2.token[0]).toBeNaN();
});

test("tuning twice as strong has four times the amount and the same shares; without context shares follow the source", () => {
  const [one, two] = [noisy("contexts", 1, 0), noisy("contexts", 2, 0)].map(varianceComponents);
  const { eta2, amountRatio } = strengthChange(one, two);
  for (const source of cellSources)
    for (let at = 0; at < 6; at++) {
      expect(Math.abs(amountRatio[source][at] - 4)).toBeLessThan(EXACT);
      expect(eta2[source][at]).toBeLessThan(EXACT);
    }
  expect(amountRatio.context.every(Number.isNaN)).toBe(true); // there was none before
  const louder = varianceComponents(noisy("contexts", 1, 3));
  const change = strengthChange(one, louder);
  for (let at = 0; at < 6; at++)
    expect(change.eta2.context[at]).toBeCloseTo(louder.eta2.context[at] - one.eta2.context[at], 12);
});

test("change is by partner, and units that do not correspond are refused", () => {
  const one = varianceComponents(noisy("contexts", 1, 1));
  const swapped = strengthChange(one, one, { partner: (model) => 1 - model });
  expect(swapped.amountRatio.token[0]).toBe(one.amount.token[3] / one.amount.token[0]);
  expect(strengthChange(one, one, { partner: () => Number.NaN }).eta2.token[0]).toBeNaN();
  const fewer = varianceComponents(plantedCurves(probe, [[randomLookUp(randomStream("x"), V, T)]]));
  expect(() => strengthChange(one, fewer)).toThrow("3 and 1 units");
});
