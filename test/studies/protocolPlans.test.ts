/** What holds of every study that is registered. */
import { expect, test } from "vitest";
import { NameError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import type { Outcome } from "../../src/studies/protocol/outcome.ts";
import {
  conditionsIn,
  type DecisionRule,
  decide,
  type SimpleCondition,
} from "../../src/studies/protocol/rule.ts";
import { registeredStudies, studyNamed } from "../../src/studies/registry.ts";

const studies = registeredStudies().map(({ study }) => study);
const byName = studies.map((study) => [study.plan.name, study] as const);

test("ids and names are different, in order, and either finds the study", () => {
  const ids = studies.map(({ plan }) => Number(plan.id.slice(1)));
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  for (const study of studies) {
    expect(study.plan.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(studyNamed(study.plan.name).plan).toBe(study.plan);
    expect(studyNamed(study.plan.id).plan).toBe(study.plan);
  }
  expect(() => studyNamed("fidelty")).toThrow(NameError);
});

test.each(byName)(
  "the plan of %s says everything, and asks of each claim or hypothesis something",
  (_, study) => {
    const { title, question, hypothesis, statistic, nullModel, arms, rules, seeds } = study.plan;
    for (const text of [title, question, hypothesis, statistic, nullModel, ...arms])
      expect(text.trim().length).toBeGreaterThan(4);
    expect(question.trimEnd()).toMatch(/\?$/);
    expect(arms.length).toBeGreaterThan(0);
    expect(rules.length).toBeGreaterThan(0);
    expect(seeds.quick).toBeLessThanOrEqual(seeds.full);
  },
);

test.each(byName)("the arms of %s are plain data with names of their own and no seed twice", (_, study) => {
  for (const quick of [true, false]) {
    const count = quick ? study.plan.seeds.quick : study.plan.seeds.full;
    const size = { seeds: Array.from({ length: count }, (_, seed) => seed), quick };
    const arms = study.arms(size);
    expect(new Set(arms.map(({ name }) => name)).size).toBe(arms.length);
    expect(structuredClone(arms)).toEqual(arms);
    for (const { seeds } of arms) expect(new Set(seeds).size).toBe(seeds.length);
  }
});

/** Bounds at which a condition changes its mind. */
const boundsOf = (condition: SimpleCondition): number[] =>
  "equals" in condition
    ? [condition.equals - condition.margin, condition.equals + condition.margin]
    : ["above" in condition ? condition.above : condition.below];

/** A possible outcome near some bounds: low ≤ estimate ≤ high, the 90 % interval inside the 95 % one. */
function possibleOutcome(
  name: string,
  bounds: readonly number[],
  stream: ReturnType<typeof randomStream>,
): Outcome {
  const middle = bounds[stream.integer(bounds.length)];
  const spread = 10 ** (4 * stream.uniform() - 4);
  const estimate = middle + spread * 3 * stream.normal();
  const half = spread * 3 * stream.uniform();
  return {
    ...{ name, label: name, unit: "", estimate, seeds: 20, p: null, method: "drawn" },
    interval: [estimate - half, estimate + half],
    interval90: [estimate - 0.83 * half, estimate + 0.83 * half],
  };
}

/** Draws for each rule: enough that a rule on two bounds 0.25 apart is caught. */
const DRAWS = 400;

/** Sets of outcomes, among those drawn, of which a rule says two things. */
function contradictions(rule: DecisionRule): number {
  const conditions = [...conditionsIn(rule.supportedIf), ...conditionsIn(rule.refutedIf)];
  const names = [...new Set(conditions.map(({ outcome }) => outcome))];
  const bounds = names.map((name) => conditions.filter(({ outcome }) => outcome === name).flatMap(boundsOf));
  const stream = randomStream("contradictions", rule.statement);
  let count = 0;
  for (let draw = 0; draw < DRAWS; draw++) {
    // by turns outcomes of their own, and one for all: conditions on many hold at once only where those are alike
    const one = possibleOutcome("all", bounds.flat(), stream);
    const outcomes = names.map((name, i) =>
      draw % 2 === 0 ? possibleOutcome(name, bounds[i], stream) : { ...one, name },
    );
    try {
      decide(rule, outcomes);
    } catch {
      count++;
    }
  }
  return count;
}

test.each(byName)("no rule of %s can support and refute at once", (_, study) => {
  const contradicting = study.plan.rules.filter((rule) => contradictions(rule) > 0);
  expect(contradicting.map(({ about, statement }) => `${about}: ${statement}`)).toEqual([]);
});

test("a rule that contradicts itself for some outcomes is found", () => {
  const rule: DecisionRule = {
    about: "H",
    statement: "contradicts itself between 0.25 and 0.5",
    supportedIf: { outcome: "share", take: "low", above: 0.25 },
    refutedIf: { outcome: "share", take: "high", below: 0.5 },
  };
  expect(contradictions(rule)).toBeGreaterThan(0);
});
