/** What the planned studies print for a reader at the terminal. */
import { aboutText, answerText } from "../../studies/protocol/report.ts";
import { type StudyDecision, type StudyResult, verdictText } from "../../studies/protocol/result.ts";
import { outcomeText } from "../../studies/protocol/rule.ts";
import { seedsText } from "../../studies/protocol/seedsText.ts";

const decisionLine = (decision: StudyDecision) =>
  `  ${aboutText(decision.about).padEnd(10)}  ${verdictText(decision).padEnd(18)}  ${decision.statement}`;

/** Outcomes, verdicts, notes, and where the report is. */
export function studySummary(result: StudyResult, report: string): string {
  const { id, title, seeds, quick, outcomes, decisions, notes } = result;
  return [
    `${id} ${title}: ${seedsText(seeds)}${quick ? ", quick" : ""}`,
    "",
    ...outcomes.map((outcome) => `  ${outcomeText(outcome)}`),
    "",
    ...decisions.map(decisionLine),
    "",
    ...notes.map((note) => `  ${note}`),
    ...(notes.length > 0 ? [""] : []),
    ...(quick ? [answerText(result)] : []),
    `Report: ${report}`,
  ].join("\n");
}

/** Every study with its verdicts, and where the report is. */
export function studiesSummary(results: readonly StudyResult[], report: string): string {
  return [
    ...results.flatMap(({ id, title, decisions }) => [`${id} ${title}`, ...decisions.map(decisionLine), ""]),
    `Report: ${report}`,
  ].join("\n");
}
