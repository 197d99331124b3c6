import { expect, test } from "vitest";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { tost } from "../../src/stats/index.ts";
import { numberText } from "../../src/studies/protocol/numberText.ts";
import { type Outcome, overSeeds } from "../../src/studies/protocol/outcome.ts";
import {
  type Condition,
  conditionsIn,
  decide,
  namesIn,
  outcomeText,
  ruleText,
} from "../../src/studies/protocol/rule.ts";

/** An outcome as planted: the estimate in the middle, the 90 % interval at nine tenths of the 95 % one. */
function planted(name: string, low: number, high: number): Outcome {
  const middle = (low + high) / 2;
  const half = (0.9 * (high - low)) / 2;
  return {
    ...{ name, label: `the ${name}`, unit: "", estimate: middle, seeds: 30, p: null, method: "planted" },
    interval: [low, high],
    interval90: [middle - half, middle + half],
  };
}
const never: Condition = { outcome: "a", take: "low", above: Number.POSITIVE_INFINITY };
/** Whether a condition holds, as a rule with nothing else sees it. */
const holds = (condition: Condition, outcomes: readonly Outcome[]) =>
  decide({ about: "H", statement: "", supportedIf: condition, refutedIf: never }, outcomes).verdict ===
  "supported";

const a = planted("a", 1, 3);
const b = planted("b", -0.1, 0.1);
const nothing: Outcome = {
  ...planted("nothing", 0, 0),
  ...overSeeds([], { name: "nothing", label: "none" }),
};
const aAbove: Condition = { outcome: "a", take: "low", above: 0 };
const bAbove: Condition = { outcome: "b", take: "low", above: 0 };
const bBelow: Condition = { outcome: "b", take: "high", below: 1 };

test.each<[string, Condition, boolean]>([
  ["the low end above a bound", { outcome: "a", take: "low", above: 0.9 }, true],
  ["the low end on its bound", { outcome: "a", take: "low", above: 1 }, false],
  ["the low end below a bound", { outcome: "a", take: "low", below: 1.1 }, true],
  ["the estimate above a bound", { outcome: "a", take: "estimate", above: 1.9 }, true],
  ["the estimate on its bound", { outcome: "a", take: "estimate", above: 2 }, false],
  ["the estimate below a bound", { outcome: "a", take: "estimate", below: 2 }, false],
  ["the high end below a bound", { outcome: "a", take: "high", below: 3.1 }, true],
  ["the high end on its bound", { outcome: "a", take: "high", below: 3 }, false],
  ["the high end above a bound", { outcome: "a", take: "high", above: 2.9 }, true],
  ["a 90 % interval within the margin", { outcome: "b", equals: 0, margin: 0.095 }, true],
  ["a 90 % interval that touches the margin", { outcome: "b", equals: 0, margin: 0.09 }, false],
  ["a 90 % interval about another value", { outcome: "a", equals: 2, margin: 1 }, true],
  ["equivalence to a value that is far away", { outcome: "a", equals: 0, margin: 1 }, false],
  ["all of two that hold", { all: [aAbove, bBelow] }, true],
  ["all of two of which one does not", { all: [aAbove, bAbove] }, false],
  ["any of two of which one holds", { any: [bAbove, aAbove] }, true],
  ["any of two that do not", { any: [bAbove, { outcome: "a", take: "high", below: 0 }] }, false],
  ["two of three", { atLeast: 2, of: [aAbove, bAbove, bBelow] }, true],
  ["three of three of which one does not", { atLeast: 3, of: [aAbove, bAbove, bBelow] }, false],
  ["a condition within conditions", { all: [{ any: [bAbove, { all: [aAbove, bBelow] }] }] }, true],
])("%s", (_, condition, expected) => {
  expect(holds(condition, [a, b, nothing])).toBe(expected);
});

test("what is not a number satisfies no condition, above or below, and counts for none in a list", () => {
  const simple: Condition[] = [
    ...(["low", "estimate", "high"] as const).flatMap((take): Condition[] => [
      { outcome: "nothing", take, above: -1e300 },
      { outcome: "nothing", take, below: 1e300 },
    ]),
    { outcome: "nothing", equals: 0, margin: 1e300 },
  ];
  for (const condition of simple) expect(holds(condition, [a, nothing])).toBe(false);
  expect(holds({ any: simple }, [a, nothing])).toBe(false);
  expect(holds({ atLeast: 1, of: simple }, [a, nothing])).toBe(false);
});

test("equivalence is what two one-sided t tests at 5 % say, at any margin and about any value", () => {
  const stream = randomStream("equivalence", "rule");
  let yes = 0;
  for (let trial = 0; trial < 300; trial++) {
    const value = stream.uniform() * 4 - 2;
    const values = Array.from(
      { length: 2 + stream.integer(30) },
      () => value + 0.05 * stream.normal() + 0.02 * (trial % 5),
    );
    const margin = 0.01 + 0.15 * stream.uniform();
    const outcomes = [overSeeds(values, { name: "a", label: "a" })];
    const { equivalent } = tost(
      values.map((each) => each - value),
      { margin },
    );
    expect(holds({ outcome: "a", equals: value, margin }, outcomes)).toBe(equivalent);
    yes += equivalent ? 1 : 0;
  }
  expect(yes).toBeGreaterThan(60);
  expect(yes).toBeLessThan(240);
});

test("a rule says supported, refuted or undecided, with what it rests on and itself in words", () => {
  const rule = { about: "C3", statement: "a exceeds b.", supportedIf: aAbove, refutedIf: bAbove };
  expect(decide(rule, [a, b])).toEqual({
    about: "C3",
    statement: "a exceeds b.",
    verdict: "supported",
    rule: "Supported if low end of the a > 0; refuted if low end of the b > 0; else undecided.",
    evidence: "the a 2 [1, 3], 30 seeds; the b 0 [−0.1, 0.1], 30 seeds",
  });
  expect(decide({ ...rule, supportedIf: bAbove, refutedIf: aAbove }, [a, b]).verdict).toBe("refuted");
  expect(decide({ ...rule, supportedIf: bAbove }, [a, b]).verdict).toBe("undecided");
});

test("every kind of condition can be read", () => {
  const condition: Condition = {
    atLeast: 1,
    of: [
      { all: [{ outcome: "a", take: "high", below: -0.05 }, aAbove] },
      { any: [{ outcome: "b", equals: 0, margin: 0.05 }] },
    ],
  };
  const rule = { about: "H", statement: "", supportedIf: condition, refutedIf: never };
  expect(ruleText(rule)).toBe(
    "Supported if at least 1 of these hold: ((high end of a < −0.05 and low end of a > 0) or b is equivalent to 0 within ±0.05 (90 % interval)); refuted if low end of a > ∞; else undecided.",
  );
  expect(namesIn(condition)).toEqual(["a", "a", "b"]);
  expect(conditionsIn(condition).length).toBe(3);
});

test("conditions that differ in nothing but the outcome are read as one", () => {
  const each = (take: "low" | "high", below: number): Condition[] =>
    ["a", "b"].map((outcome) => ({ outcome, take, below }));
  const rule = {
    ...{ about: "H", statement: "" },
    supportedIf: { all: [...each("low", 0), ...each("high", 1)] },
    refutedIf: { any: ["a", "b"].map((outcome): Condition => ({ outcome, equals: 1, margin: 0.5 })) },
  };
  expect(ruleText(rule)).toBe(
    "Supported if (low end of each of [a; b] < 0 and high end of each of [a; b] < 1); refuted if any of [a; b] is equivalent to 1 within ±0.5 (90 % interval); else undecided.",
  );
});

test("a rule that supports and refutes at once, or names what was not measured, is an error and no verdict", () => {
  const rule = { about: "H", statement: "", supportedIf: aAbove, refutedIf: aAbove };
  expect(() => decide(rule, [a])).toThrow(ArgumentError);
  expect(() => decide(rule, [a])).toThrow("rule on H: must not support and refute at once");
  expect(() => decide({ ...rule, refutedIf: never }, [b])).toThrow(
    'decision rule: may name only outcomes of its study; got "a". There are: b.',
  );
});

/** Arithmetic of one float64 t quantile. */
const CLOSE = 1e-10;

/** P(T ≤ t) with 4 degrees of freedom, in closed form. */
function tCdf4(t: number): number {
  const square = t * t;
  return 0.5 + (3 / 8) * (t / Math.sqrt(1 + square / 4)) * (1 - square / (12 * (1 + square / 4)));
}

test("an outcome over seeds is the mean with t intervals and the t test against what would mean nothing", () => {
  const outcome = overSeeds([1, 2, Number.NaN, 3, 4, 5], { name: "x", label: "x", nothing: 1 });
  expect(outcome.estimate).toBe(3);
  expect(outcome.seeds).toBe(5);
  const error = Math.sqrt(2.5 / 5);
  const shares = [0.975, 0.95];
  for (const [i, { interval }] of [outcome, { interval: outcome.interval90 }].entries()) {
    expect(interval[0] + interval[1]).toBeCloseTo(6, 10);
    expect(Math.abs(tCdf4((interval[1] - 3) / error) - shares[i])).toBeLessThan(CLOSE);
  }
  expect(Math.abs((outcome.p as number) - 2 * (1 - tCdf4(2 / error)))).toBeLessThan(CLOSE);
});

test("too few seeds leave no interval and no p, and none leaves no estimate", () => {
  const one = overSeeds([2, Number.NaN], { name: "x", label: "x", nothing: 0 });
  expect([one.estimate, one.seeds, one.p]).toEqual([2, 1, null]);
  expect([...one.interval, ...one.interval90]).toEqual(Array(4).fill(Number.NaN));
  const none = overSeeds([Number.NaN], { name: "x", label: "x", nothing: 0 });
  expect([none.estimate, none.seeds, none.p]).toEqual([Number.NaN, 0, null]);
  expect(outcomeText(none)).toBe("x no value, 0 seeds");
});

test.each([
  [0.3125, "0.313"],
  [-0.5, "−0.5"],
  [0.00012345, "0.000123"],
  [1e-5, "0.00001"],
  [3.579e-7, "3.58e−7"],
  [30, "30"],
  [-7, "−7"],
  [123456.7, "1.23e+5"],
  [Number.NaN, "no value"],
  [Number.NEGATIVE_INFINITY, "−∞"],
])("%d is shown as %s", (value, text) => {
  expect(numberText(value)).toBe(text);
});
