/** Decision rules as data: written before a study is run, printed with its result, and the only source of its verdicts. */
import { ArgumentError } from "../../base/errors.ts";
import { numberText } from "./numberText.ts";
import type { Outcome } from "./outcome.ts";

/** A statement about outcomes that is true or false. */
export type Condition =
  /** An end of an outcome's 95 % interval, or its estimate, lies strictly beyond a bound. */
  | { readonly outcome: string; readonly take: "low" | "estimate" | "high"; readonly above: number }
  | { readonly outcome: string; readonly take: "low" | "estimate" | "high"; readonly below: number }
  /** Two one-sided tests at 5 %: the 90 % interval lies within `margin` of `value`. */
  | { readonly outcome: string; readonly equals: number; readonly margin: number }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly atLeast: number; readonly of: readonly Condition[] };

/** What a rule can say. */
export type Verdict = "supported" | "refuted" | "undecided";

/** How one statement is decided: the first condition that holds gives the verdict, and none leaves it undecided. */
export interface DecisionRule {
  /** A claim of the original study, `C1` to `C7`, or a hypothesis of this one, `H`. */
  readonly about: string;
  /** The statement itself, in one sentence. */
  readonly statement: string;
  readonly supportedIf: Condition;
  readonly refutedIf: Condition;
}

/** A rule with what it said of some outcomes. */
export interface Decision {
  readonly about: string;
  readonly statement: string;
  readonly verdict: Verdict;
  /** Both conditions in words. */
  readonly rule: string;
  /** The outcomes that the conditions name, in words. */
  readonly evidence: string;
}

/**
 * Applies a rule. An outcome that is not a number makes every condition on it false.
 *
 * @throws ArgumentError if a condition names an outcome that the study does not have, or both conditions hold: then the
 *                       rule contradicts itself
 */
export function decide(rule: DecisionRule, outcomes: readonly Outcome[]): Decision {
  const supported = holds(rule.supportedIf, outcomes);
  const refuted = holds(rule.refutedIf, outcomes);
  if (supported && refuted)
    throw new ArgumentError({
      where: `rule on ${rule.about}`,
      rule: "must not support and refute at once",
      got: ruleText(rule, outcomes),
    });
  const named = new Set([...namesIn(rule.supportedIf), ...namesIn(rule.refutedIf)]);
  return {
    about: rule.about,
    statement: rule.statement,
    verdict: supported ? "supported" : refuted ? "refuted" : "undecided",
    rule: ruleText(rule, outcomes),
    evidence: [...named].map((name) => outcomeText(outcomeNamed(name, outcomes))).join("; "),
  };
}

/** The rule in words: labels of outcomes where they are given, their names before a study has any. */
export function ruleText(
  { supportedIf, refutedIf }: DecisionRule,
  outcomes: readonly Outcome[] = [],
): string {
  return `Supported if ${conditionText(supportedIf, outcomes)}; refuted if ${conditionText(refutedIf, outcomes)}; else undecided.`;
}

/** A condition that asks for one outcome. */
export type SimpleCondition = Extract<Condition, { readonly outcome: string }>;

/** The conditions on single outcomes that a condition is made of, in reading order. */
export function conditionsIn(condition: Condition): SimpleCondition[] {
  if ("all" in condition) return condition.all.flatMap(conditionsIn);
  if ("any" in condition) return condition.any.flatMap(conditionsIn);
  if ("of" in condition) return condition.of.flatMap(conditionsIn);
  return [condition];
}

/** Names of the outcomes that a condition asks for. */
export function namesIn(condition: Condition): string[] {
  return conditionsIn(condition).map(({ outcome }) => outcome);
}

/** For a list of outcomes: the 95 % interval of each lies above `bound`. */
export const liesAbove =
  (bound: number) =>
  (outcome: string): SimpleCondition => ({ outcome, take: "low", above: bound });

/** For a list of outcomes: the 95 % interval of each lies below `bound`. */
export const liesBelow =
  (bound: number) =>
  (outcome: string): SimpleCondition => ({ outcome, take: "high", below: bound });

/** For a list of outcomes: each is equivalent to 0 within ±`margin`. */
export const equalsNothing =
  (margin: number) =>
  (outcome: string): SimpleCondition => ({ outcome, equals: 0, margin });

/** Two conditions, either of which says that the 95 % interval lies beyond ±`margin`. */
export const liesBeyond =
  (margin: number) =>
  (outcome: string): SimpleCondition[] => [liesAbove(margin)(outcome), liesBelow(-margin)(outcome)];

/** Two conditions that together say that the 95 % interval lies within ±`margin`. */
export const liesWithin =
  (margin: number) =>
  (outcome: string): SimpleCondition[] => [liesAbove(-margin)(outcome), liesBelow(margin)(outcome)];

/** Two conditions that together say: the 95 % interval reaches below 0 and leaves no room for an advantage of `margin`. */
export const showsNoAdvantage =
  (margin: number) =>
  (outcome: string): SimpleCondition[] => [
    { outcome, take: "low", below: 0 },
    { outcome, take: "high", below: margin },
  ];

function holds(condition: Condition, outcomes: readonly Outcome[]): boolean {
  if ("all" in condition) return condition.all.every((each) => holds(each, outcomes));
  if ("any" in condition) return condition.any.some((each) => holds(each, outcomes));
  if ("of" in condition)
    return condition.of.filter((each) => holds(each, outcomes)).length >= condition.atLeast;
  const outcome = outcomeNamed(condition.outcome, outcomes);
  if ("equals" in condition) {
    const [low, high] = outcome.interval90;
    return low > condition.equals - condition.margin && high < condition.equals + condition.margin;
  }
  const taken = { low: outcome.interval[0], estimate: outcome.estimate, high: outcome.interval[1] }[
    condition.take
  ];
  return "above" in condition ? taken > condition.above : taken < condition.below;
}

function outcomeNamed(name: string, outcomes: readonly Outcome[]): Outcome {
  const found = outcomes.find((outcome) => outcome.name === name);
  if (found !== undefined) return found;
  throw new ArgumentError({
    where: "decision rule",
    rule: "may name only outcomes of its study",
    got: JSON.stringify(name),
    wayOut: `There are: ${outcomes.map((outcome) => outcome.name).join(", ")}.`,
  });
}

const ends = { low: "low end of ", estimate: "", high: "high end of " } as const;

/** A condition on one outcome, or the same condition on several, whose names then stand as one subject. */
function simpleText(condition: SimpleCondition, subject: string): string {
  if ("equals" in condition)
    return `${subject} is equivalent to ${numberText(condition.equals)} within ±${numberText(condition.margin)} (90 % interval)`;
  const taken = `${ends[condition.take]}${subject}`;
  return "above" in condition
    ? `${taken} > ${numberText(condition.above)}`
    : `${taken} < ${numberText(condition.below)}`;
}

/** Puts conditions together that differ in nothing but the outcome, in the order of the first of each kind. */
function alike(conditions: readonly Condition[]): Condition[][] {
  const groups = new Map<string, Condition[]>();
  for (const condition of conditions) {
    const kind = JSON.stringify("outcome" in condition ? { ...condition, outcome: null } : condition);
    groups.set(kind, [...(groups.get(kind) ?? []), condition]);
  }
  return [...groups.values()];
}

function conditionText(condition: Condition, outcomes: readonly Outcome[]): string {
  const labelOf = (name: string) => outcomes.find((outcome) => outcome.name === name)?.label ?? name;
  const joined = (conditions: readonly Condition[], word: "and" | "or") => {
    const texts = alike(conditions).map((group) => {
      const [first] = group;
      if (group.length === 1 || !("outcome" in first)) return conditionText(first, outcomes);
      const labels = group.map((each) => labelOf((each as SimpleCondition).outcome));
      return simpleText(first, `${word === "and" ? "each" : "any"} of [${labels.join("; ")}]`);
    });
    return texts.length === 1 ? texts[0] : `(${texts.join(` ${word} `)})`;
  };
  if ("all" in condition) return joined(condition.all, "and");
  if ("any" in condition) return joined(condition.any, "or");
  if ("of" in condition)
    return `at least ${condition.atLeast} of these hold: (${condition.of.map((each) => conditionText(each, outcomes)).join(" or ")})`;
  return simpleText(condition, labelOf(condition.outcome));
}

/** An outcome in a phrase: `label 0.31 [0.25, 0.37], 30 seeds`; without an interval where there is none. */
export function outcomeText({ label, estimate, interval, seeds }: Outcome): string {
  const range = interval.every(Number.isNaN) ? "" : ` [${interval.map(numberText).join(", ")}]`;
  return `${label} ${numberText(estimate)}${range}, ${seeds} ${seeds === 1 ? "seed" : "seeds"}`;
}
