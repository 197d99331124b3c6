/**
 * The verdict on the whole, as it was written before any study was run: do networks refine pre-existing structure?
 *
 * It is made of verdicts of three studies, which their own rules gave; it reads no number itself.
 */
import type { StudyResult } from "../protocol/result.ts";
import type { Verdict } from "../protocol/rule.ts";

/** A verdict that some study must have given. */
export interface Requirement {
  /** `S6`. */
  readonly study: string;
  /** What the study's rule is about; one rule of the study only. */
  readonly about: string;
  readonly verdict: Verdict;
  /** What that verdict means here. */
  readonly meaning: string;
}

/** The rule: all requirements of one list accept or reject; otherwise neither. */
export interface GlobalRule {
  readonly statement: string;
  readonly acceptedIf: readonly Requirement[];
  readonly rejectedIf: readonly Requirement[];
  /** What is then said. */
  readonly sentences: Readonly<Record<"accepted" | "rejected" | "neither", string>>;
}

/** The rule that is in force. */
export const globalRule: GlobalRule = {
  statement: "Networks refine pre-existing structure",
  acceptedIf: [
    {
      ...{ study: "S6", about: "C6", verdict: "supported" },
      meaning: "training preserves tuning more than noise of equal size does",
    },
    {
      ...{ study: "S11", about: "C6", verdict: "supported" },
      meaning: "what persists is what the trained network needs",
    },
    {
      ...{ study: "S13", about: "intervention", verdict: "supported" },
      meaning: "a feature that is strengthened at initialisation wins",
    },
  ],
  rejectedIf: [
    {
      ...{ study: "S6", about: "H lazy", verdict: "supported" },
      meaning: "training preserves tuning just as noise of equal size does, within ±0.05",
    },
    {
      ...{ study: "S11", about: "C6", verdict: "refuted" },
      meaning: "what persists is what the trained network needs least",
    },
  ],
  sentences: {
    accepted: "Networks refine pre-existing structure.",
    rejected: "Networks do not refine pre-existing structure.",
    neither:
      "Unit identity is inherited (initialisation breaks the symmetry between units); content depends on the task and on how long and how fast it is trained.",
  },
};

/** What the rule says of some results; studies without a full result are named, and then it says nothing. */
export type GlobalVerdict =
  | { readonly kind: "accepted" | "rejected" | "neither"; readonly sentence: string }
  | { readonly kind: "open"; readonly missing: readonly string[] };

/** The verdict that a study gave on a requirement's subject; undefined where it has no full result with it. */
function given(results: readonly StudyResult[], { study, about }: Requirement): Verdict | undefined {
  const result = results.find(({ id, quick }) => id === study && !quick);
  return result?.decisions.find((decision) => decision.about === about)?.verdict ?? undefined;
}

/** Applies the rule. Nothing is decided before every study that it names has a full result. */
export function globalVerdict(
  results: readonly StudyResult[],
  { acceptedIf, rejectedIf, sentences }: GlobalRule = globalRule,
): GlobalVerdict {
  const missing = [...acceptedIf, ...rejectedIf]
    .filter((requirement) => given(results, requirement) === undefined)
    .map(({ study }) => study);
  if (missing.length > 0) return { kind: "open", missing: [...new Set(missing)] };
  const holds = (list: readonly Requirement[]) =>
    list.every((requirement) => given(results, requirement) === requirement.verdict);
  const kind = holds(acceptedIf) ? "accepted" : holds(rejectedIf) ? "rejected" : "neither";
  return { kind, sentence: sentences[kind] };
}

/** The rule in words, as it stood before the studies were run. */
export function globalRuleText({ statement, acceptedIf, rejectedIf, sentences }: GlobalRule): string {
  const list = (requirements: readonly Requirement[]) =>
    requirements
      .map(({ study, about, verdict, meaning }) => `${study} has ${verdict} on ${about} (${meaning})`)
      .join(" and ");
  return `“${statement}” is accepted if ${list(acceptedIf)}; rejected if ${list(rejectedIf)}; otherwise: “${sentences.neither}”`;
}

/** What each study that the rule names has said so far: `S6 on C6: refuted`. */
export function requirementsMet(
  results: readonly StudyResult[],
  { acceptedIf, rejectedIf }: GlobalRule = globalRule,
): string[] {
  const said = [...acceptedIf, ...rejectedIf].map((requirement) => {
    const verdict = given(results, requirement) ?? "no result yet";
    return `${requirement.study} on ${requirement.about}: ${verdict}`;
  });
  return [...new Set(said)];
}
