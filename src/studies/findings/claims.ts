/** What the studies together say of the original's claims. */
import { decideClaims } from "../persistence/claims.ts";
import { type StudyDecision, type StudyResult, verdictText } from "../protocol/result.ts";

/** A claim of the original, with everything that studies say of it. */
export interface ClaimRow {
  /** `C1` to `C7`. */
  readonly id: string;
  readonly claim: string;
  /** In the order of the studies' ids. */
  readonly said: readonly { readonly result: StudyResult; readonly decision: StudyDecision }[];
}

/** The number in `S13`. */
const orderOf = ({ id }: StudyResult) => Number(id.slice(1));

/** Results in the order of their ids. */
export function inOrder(results: readonly StudyResult[]): StudyResult[] {
  return [...results].sort((a, b) => orderOf(a) - orderOf(b));
}

/** One row for each of the seven claims, also of those that no study speaks about yet. */
export function claimRows(results: readonly StudyResult[]): ClaimRow[] {
  return decideClaims({ presets: [], selectivity: [] }).map(({ id, claim }) => ({
    ...{ id, claim },
    said: inOrder(results).flatMap((result) =>
      result.decisions.filter(({ about }) => about === id).map((decision) => ({ result, decision })),
    ),
  }));
}

/**
 * The verdicts on a claim joined, without making a new one: `refuted by S5, S7; supported by S3`.
 *
 * A study that says two things of a claim is named under both.
 */
export function joinedVerdict({ said }: ClaimRow): string {
  const words = { refuted: "refuted by", supported: "supported by", undecided: "undecided in" } as const;
  const parts = (Object.keys(words) as (keyof typeof words)[]).flatMap((verdict) => {
    const ids = said.filter(({ decision }) => decision.verdict === verdict).map(({ result }) => result.id);
    return ids.length === 0 ? [] : [`${words[verdict]} ${[...new Set(ids)].join(", ")}`];
  });
  const quick = said.find(({ decision }) => decision.verdict === null);
  if (quick !== undefined) parts.push(verdictText(quick.decision));
  return parts.length === 0 ? "no result yet" : parts.join("; ");
}
