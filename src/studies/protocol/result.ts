/** What a study returns: its plan, what was measured, and what its rules say of it. */
import { z } from "zod";
import { FileError } from "../../base/errors.ts";
import type { Outcome } from "./outcome.ts";
import { type Decision, decide, type Verdict } from "./rule.ts";
import type { Findings, StudyPlan, StudySize, StudyTable } from "./study.ts";

/** A {@link Decision} as a study reports it. */
export interface StudyDecision extends Omit<Decision, "verdict"> {
  /** What the rule says; null in a quick run, which decides nothing. */
  readonly verdict: Verdict | null;
}

/** A study's result; plain data, without anything that depends on where or how fast it ran. */
export interface StudyResult {
  /** Name of the study. */
  readonly study: string;
  /** `S1`, `S2` and so on. */
  readonly id: string;
  readonly title: string;
  readonly quick: boolean;
  readonly seeds: readonly number[];
  /** As it was written before the run. */
  readonly plan: StudyPlan;
  readonly outcomes: readonly Outcome[];
  /** One for each rule of the plan, in its order. */
  readonly decisions: readonly StudyDecision[];
  readonly notes: readonly string[];
  readonly tables: readonly StudyTable[];
  /** The command that gives this result again. */
  readonly command: string;
}

/**
 * Lets the plan's rules judge what was found. Nothing else makes a verdict; of a quick run none is kept.
 *
 * @throws ArgumentError as {@link decide}: a rule names an outcome that is not there, or contradicts itself
 */
export function studyResult(
  plan: StudyPlan,
  { seeds, quick }: StudySize,
  { outcomes, notes, tables }: Findings,
  command: string,
): StudyResult {
  const decisions = plan.rules.map((rule): StudyDecision => {
    const decision = decide(rule, outcomes);
    return quick ? { ...decision, verdict: null } : decision;
  });
  const { name: study, id, title } = plan;
  return { study, id, title, quick, seeds, plan, outcomes, decisions, notes, tables, command };
}

/** How a verdict is shown. */
export function verdictText({ verdict }: StudyDecision): string {
  return verdict ?? "quick: not decided";
}

/** Whether a run has the seeds that its plan asks for: 0 to n − 1. */
export function hasPlannedSeeds({
  plan,
  quick,
  seeds,
}: Pick<StudyResult, "plan" | "quick" | "seeds">): boolean {
  const planned = quick ? plan.seeds.quick : plan.seeds.full;
  return seeds.length === planned && seeds.every((seed, i) => seed === i);
}

const text = z.string();
const interval = z.tuple([z.custom<number>(isNumber), z.custom<number>(isNumber)]);
const anyNumber = z.custom<number>(isNumber, "must be a number");
const outcome = z.object({
  ...{ name: text, label: text, unit: text, estimate: anyNumber, interval, interval90: interval },
  ...{ seeds: z.int(), p: anyNumber.nullable(), method: text },
});
const decision = z.strictObject({
  ...{ about: text, statement: text, rule: text, evidence: text },
  verdict: z.enum(["supported", "refuted", "undecided"]).nullable(),
});
const seedCounts = z.strictObject({ full: z.int(), quick: z.int() });
const rule = z.strictObject({
  ...{ about: text, statement: text },
  ...{ supportedIf: z.record(text, z.unknown()), refutedIf: z.record(text, z.unknown()) },
});
const plan = z.strictObject({
  ...{ id: text, name: text, title: text, question: text, hypothesis: text, arms: z.array(text) },
  ...{ statistic: text, nullModel: text, rules: z.array(rule), seeds: seedCounts },
});
const schema = z.object({
  ...{ study: text, id: text, title: text, quick: z.boolean(), seeds: z.array(z.int()), plan },
  ...{ outcomes: z.array(outcome), decisions: z.array(decision), notes: z.array(text), command: text },
  tables: z
    .array(
      z.strictObject({
        ...{ title: text, caption: text, columns: z.array(text) },
        rows: z.array(z.array(z.union([text, anyNumber]))),
      }),
    )
    .default([]),
});

/** Any number: zod's own leaves out NaN and the infinities, which stand for what could not be measured. */
function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

/**
 * Checks the parsed text of a result file. Tables may be missing; fields that are no part of a result are left out.
 *
 * @param file   its name, for the message
 * @param value  as `parseJson` of `record` gives it, with numbers that are not finite
 * @throws FileError naming the first field that is wrong
 */
export function parseStudyResult(file: string, value: unknown): StudyResult {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data as unknown as StudyResult;
  const [issue] = parsed.error.issues;
  throw new FileError({
    where: file,
    rule: `is no result of a study: field "${issue.path.join(".")}" is wrong (${issue.message})`,
  });
}
