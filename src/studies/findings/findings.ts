/** The findings as a Markdown document, made from results alone: no number or verdict in it is written by hand. */
import { ArgumentError } from "../../base/errors.ts";
import { canonicalJson } from "../../record/canonicalJson.ts";
import { numberText } from "../protocol/numberText.ts";
import { aboutText, signedVerdict } from "../protocol/report.ts";
import { hasPlannedSeeds, type StudyResult } from "../protocol/result.ts";
import { decide, namesIn } from "../protocol/rule.ts";
import { seedsText } from "../protocol/seedsText.ts";
import type { StudyPlan } from "../protocol/study.ts";
import { claimRows, inOrder, joinedVerdict } from "./claims.ts";
import { globalRule, globalRuleText, globalVerdict, requirementsMet } from "./globalVerdict.ts";

/**
 * Holds a result to the plan that is in force: same rules, and verdicts that they give of its outcomes.
 *
 * @throws ArgumentError if there is no such study, the result is quick, was made under other rules, or says what its
 *                       rules do not say
 */
export function checkResult(result: StudyResult, plans: readonly StudyPlan[]): void {
  const where = `result of ${result.id}`;
  const plan = plans.find(({ id }) => id === result.id);
  if (plan === undefined)
    throw new ArgumentError({ where, rule: "there is no such study", got: result.study });
  if (result.quick) throw new ArgumentError({ where, rule: "a quick run decides nothing and is no finding" });
  const wayOut = "Run the study again.";
  if (canonicalJson(result.plan.rules) !== canonicalJson(plan.rules))
    throw new ArgumentError({ where, rule: "was made under other rules than the study has now", wayOut });
  const verdicts = plan.rules.map((rule) => decide(rule, result.outcomes).verdict);
  const told = result.decisions.map(({ verdict }) => verdict);
  if (verdicts.join() !== told.join())
    throw new ArgumentError({
      where,
      rule: `its rules say ${verdicts.join(", ")} of its outcomes`,
      got: told.join(", "),
      wayOut,
    });
}

/** Text of a table cell. */
const cell = (text: string) => text.replace(/[\\|*<]/g, (sign) => (sign === "<" ? "&lt;" : `\\${sign}`));

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const globalWords = { accepted: "Accepted", rejected: "Rejected", neither: "Neither accepted nor rejected" };

const withoutStop = (text: string) => text.replace(/\.$/, "");

function claimsTable(results: readonly StudyResult[]): string {
  const rows = claimRows(results).map((row) => {
    const said = row.said.map(
      ({ result, decision }) =>
        `${result.id} ${signedVerdict(decision)}: ${cell(withoutStop(decision.statement))}. ${cell(decision.evidence)}`,
    );
    return [`${row.id} ${cell(row.claim)}`, cell(joinedVerdict(row)), said.join("<br>")];
  });
  return table(["claim", "verdicts", "what the studies say"], rows);
}

/** Outcomes that some rule names: what the verdicts rest on. */
function evidenceOf({ plan, outcomes }: StudyResult): string[] {
  const named = new Set(
    plan.rules.flatMap(({ supportedIf, refutedIf }) => [...namesIn(supportedIf), ...namesIn(refutedIf)]),
  );
  return outcomes
    .filter(({ name }) => named.has(name))
    .map(({ label, unit, estimate, interval }) => {
      const ends = interval.every(Number.isFinite) ? ` [${interval.map(numberText).join(", ")}]` : "";
      return cell(`${label} ${numberText(estimate)}${unit === "" ? "" : ` ${unit}`}${ends}`);
    });
}

function studiesTable(results: readonly StudyResult[]): string {
  const rows = inOrder(results).map((result) => {
    const { id, title, plan, decisions, seeds, command } = result;
    const verdicts = decisions.map(
      (decision) =>
        `${signedVerdict(decision)} (${aboutText(decision.about)}): ${withoutStop(decision.statement)}`,
    );
    const planned = hasPlannedSeeds(result) ? "" : ` of ${plan.seeds.full} planned`;
    return [
      `${id} ${cell(title)}`,
      evidenceOf(result).join("<br>"),
      cell(`${seedsText(seeds)}${planned}`),
      cell(plan.nullModel),
      verdicts.map(cell).join("<br>"),
      `\`${command}\``,
    ];
  });
  return table(["study", "estimate [95 % interval]", "seeds", "null", "verdicts", "command"], rows);
}

function globalSection(results: readonly StudyResult[]): string {
  const verdict = globalVerdict(results);
  const answer =
    verdict.kind === "open"
      ? `Not decided yet: there is no result of ${verdict.missing.join(", ")}.`
      : `**${globalWords[verdict.kind]}: ${verdict.sentence}**`;
  return [
    `The rule, written before the studies were run: ${globalRuleText(globalRule)}`,
    requirementsMet(results)
      .map((line) => `- ${line}`)
      .join("\n"),
    answer,
  ].join("\n\n");
}

/**
 * The document.
 *
 * @param results  full runs, any order, at most one of a study
 * @param reading  Markdown that stands at the end as it is: what a person makes of the tables
 * @throws ArgumentError as {@link checkResult}
 */
export function findingsMarkdown(
  results: readonly StudyResult[],
  plans: readonly StudyPlan[],
  reading: string,
): string {
  for (const result of results) checkResult(result, plans);
  const none = "There is no result yet.";
  const parts = [
    "# Findings",
    "<!-- Made by `npx palimpsest study findings` from docs/results; edit docs/results/reading.md and the studies, not this file. -->",
    "Every number and every verdict in these tables comes from a committed [result file](results), made by the command in its row; [studies.md](studies.md) says what the studies are and how the tables are made. A verdict is what a rule says that was written before the run; the rules stand in the result files and in each study's report, and what was changed after a first look stands under Limits. The seed is the unit of replication, and brackets hold 95 % intervals over seeds.",
    "## Claims of the original study",
    claimsTable(results),
    "## Studies",
    results.length === 0 ? none : studiesTable(results),
    "## Blank slate or palimpsest?",
    globalSection(results),
    ...(reading.trim() === "" ? [] : [reading.trim()]),
  ];
  return `${parts.join("\n\n")}\n`;
}
