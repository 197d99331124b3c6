/** The report of a study: one HTML file that needs nothing else, with the plan as it was before the run. */
import {
  counted,
  escapeHtml,
  type FigureSpec,
  listed,
  noNumber,
  renderFigureHtml,
} from "../../figures/index.ts";
import { type Table, tableHtml } from "../experiments/reportTables.ts";
import { reportCss } from "../persistence/reportStyle.ts";
import { hasPlannedSeeds, type StudyDecision, type StudyResult, verdictText } from "./result.ts";
import { type Condition, conditionsIn, namesIn, outcomeText, ruleText } from "./rule.ts";
import { seedsText } from "./seedsText.ts";

/** What {@link studyReport} is made from. */
export interface StudyReportInput {
  readonly result: StudyResult;
  readonly figures: readonly FigureSpec[];
  /** What the bits depend on: label and value, in the order in which they are shown. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** Where the figures are drawn; nothing is attached to it. */
  readonly document: Document;
}

/** Signs beside the verdicts, so that no one has to tell colours apart. */
const signs = { supported: "●", refuted: "×", undecided: "○" } as const;

/** `● supported`; `– quick: not decided`. */
export function signedVerdict(decision: StudyDecision): string {
  const { verdict } = decision;
  return `${verdict === null ? noNumber : signs[verdict]} ${verdictText(decision)}`;
}

/** The verdicts as one sentence; that nothing is decided where the run was quick. */
export function answerText({ decisions, quick, seeds }: StudyResult): string {
  if (quick)
    return `This quick run of ${counted(seeds.length, "seed")} shows that the study works; it decides nothing.`;
  const parts = (["supported", "refuted", "undecided"] as const).flatMap((verdict) => {
    const said = decisions.filter((decision) => decision.verdict === verdict);
    if (said.length === 0) return [];
    const statements = said.map(
      ({ about, statement }) => `“${statement.replace(/\.$/, "")}” (${aboutText(about)})`,
    );
    return [`${verdict}: ${listed(statements)}`];
  });
  const sentence = parts.join("; ");
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}

/** `C6` as it is; `hypothesis` for `H`, `hypothesis: lazy` for `H lazy`. */
export function aboutText(about: string): string {
  return about.replace(/^H$/, "hypothesis").replace(/^H /, "hypothesis: ");
}

/** One block a rule: verdict and statement, the outcomes that the rule names, and the rule. */
function verdictsHtml({ plan, decisions, outcomes }: StudyResult): string {
  const blocks = decisions.map((decision, at) => {
    const rule = plan.rules[at];
    const named = new Set([...namesIn(rule.supportedIf), ...namesIn(rule.refutedIf)]);
    const evidence = outcomes
      .filter(({ name }) => named.has(name))
      .map((outcome) => `<li>${escapeHtml(outcomeText(outcome))}</li>`);
    return `<article><h3>${escapeHtml(signedVerdict(decision))}: ${escapeHtml(decision.statement)}</h3>
<p class="facts">${escapeHtml(aboutSentence(decision.about))}</p>
<ul>${evidence.join("\n")}</ul>
<p class="reading"><b>Rule, written before the run:</b> ${escapeHtml(ruleText(rule))}</p></article>`;
  });
  return blocks.join("\n");
}

/** What a rule is about, for who does not know the numbering. */
function aboutSentence(about: string): string {
  if (/^C[1-7]$/.test(about)) return `Claim ${about} of the original`;
  return about === "H" ? "The hypothesis of this study" : `About ${aboutText(about)}`;
}

const asksEquivalence = (condition: Condition) => conditionsIn(condition).some((each) => "equals" in each);

function outcomesTable({ outcomes, plan }: StudyResult): string {
  // the 90 % interval is shown where a rule asks for equivalence, which is decided by it
  const with90 = plan.rules.some(
    ({ supportedIf, refutedIf }) => asksEquivalence(supportedIf) || asksEquivalence(refutedIf),
  );
  const withP = outcomes.some(({ p }) => p !== null);
  const table: Table = {
    caption: "Estimates over seeds",
    open: true,
    columns: [
      "name in rules",
      "what it is",
      "estimate [95 %]",
      ...(with90 ? ["90 %"] : []),
      "seeds",
      ...(withP ? ["p"] : []),
      "method",
    ],
    rows: outcomes.map(({ name, label, unit, estimate, interval, interval90, seeds, p, method }) => [
      name,
      unit === "" ? label : `${label} (${unit})`,
      { estimate, low: interval[0], high: interval[1] },
      ...(with90 ? [{ low: interval90[0], high: interval90[1] }] : []),
      seeds,
      ...(withP ? [p ?? noNumber] : []),
      method,
    ]),
  };
  return tableHtml(table);
}

function planHtml({ plan }: StudyResult): string {
  const term = (name: string, text: string) => `<dt>${name}</dt><dd>${text}</dd>`;
  const list = (texts: readonly string[]) =>
    `<ul>${texts.map((text) => `<li>${escapeHtml(text)}</li>`).join("\n")}</ul>`;
  const rules = plan.rules.map(
    (rule) => `${aboutText(rule.about)}: ${rule.statement.replace(/\.$/, "")}. ${ruleText(rule)}`,
  );
  return `<p class="caption">Everything here was fixed before the run. Names of outcomes are those of the rules.</p>
<dl>
${term("Question", escapeHtml(plan.question))}
${term("Hypothesis", escapeHtml(plan.hypothesis))}
${term("Arms", list(plan.arms))}
${term("Seeds", `${plan.seeds.full} in every arm; ${plan.seeds.quick} in the quick version, which decides nothing.`)}
${term("Statistic", escapeHtml(plan.statistic))}
${term("Null", escapeHtml(plan.nullModel))}
${term("Rules", list(rules))}
</dl>`;
}

/**
 * How a run differs from what its plan asks for, in a heading and a text: it was quick, or has other seeds. Null where it
 * was run as planned.
 */
export function departureFrom({
  quick,
  seeds,
  plan,
}: Pick<StudyResult, "quick" | "seeds" | "plan">): { readonly title: string; readonly text: string } | null {
  if (quick)
    return {
      title: "Quick run: nothing is decided.",
      text: `It has ${counted(seeds.length, "seed")} where the plan asks for ${plan.seeds.full}, and fewer steps, probes and draws. Its numbers show that the study works, and are no evidence.`,
    };
  if (hasPlannedSeeds({ quick, seeds, plan })) return null;
  return {
    title: "Not the planned seeds.",
    text: `The rules were written for ${plan.seeds.full} seeds, 0 to ${plan.seeds.full - 1}; this run has ${seedsText(seeds)}.`,
  };
}

function warnings(result: StudyResult): string {
  const departure = departureFrom(result);
  if (departure === null) return "";
  const { title, text } = departure;
  return `<p class="alarm" role="note"><strong>${title}</strong> ${escapeHtml(text)}</p>`;
}

function tablesHtml({ tables }: StudyResult): string {
  return tables
    .map(({ title, columns, rows, caption }) => {
      const html = tableHtml({ caption: title, columns, rows });
      return html === "" ? "" : `${html}\n<p class="caption">${escapeHtml(caption)}</p>`;
    })
    .join("\n");
}

/** Style of the parts that no other report has. */
const ownCss = `
dl { margin: 12px 0; display: grid; grid-template-columns: max-content 1fr; gap: 10px 24px; }
dt { font-weight: 600; color: var(--muted); }
dd { margin: 0; max-width: 44em; }
dd ul { margin: 0; padding-left: 18px; }
.scroll + .caption { margin-bottom: 24px; }
.scroll + .scroll, .caption + .scroll { margin-top: 24px; }
article { margin: 0 0 32px; break-inside: avoid; }
article ul { margin: 0 0 4px; padding-left: 20px; }
article .facts { margin: 2px 0 8px; }
#outcomes tbody th { white-space: normal; min-width: 7em; }
#outcomes td { font-size: 13px; }
figure { margin: 24px 0 48px; }
@media (max-width: 640px) { dl { display: block; } dd { margin: 0 0 12px; } }
`;

/**
 * A page of the reports: style inside, no script, nothing fetched.
 *
 * @param body  HTML; every foreign string in it is escaped already
 * @param css   style of its own, besides that of all reports
 */
export function reportPage(title: string, body: string, css = ""): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(title)}</title>
<style>${reportCss}${ownCss}${css}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** How a run is made again: its command, and what its bits depend on. */
export function againHtml(command: string, facts: StudyReportInput["facts"]): string {
  const shown = facts.map(([label, value]) => `${escapeHtml(label)} ${escapeHtml(value)}`);
  return `<pre><code>${escapeHtml(command)}</code></pre>
<p class="facts">${shown.join(" · ")}</p>`;
}

/**
 * The report as the text of one HTML file.
 *
 * Every string is escaped. Missing values (NaN) are shown as a dash.
 */
export function studyReport({ result, figures, facts, document }: StudyReportInput): string {
  const { plan, id, title, seeds, quick, notes, tables, command } = result;
  const parts: (readonly [id: string, title: string, html: string])[] = [
    ["verdicts", "Verdicts", verdictsHtml(result)],
    ["outcomes", "Outcomes", outcomesTable(result)],
    ["notes", "Notes", `<ul>${notes.map((note) => `<li>${escapeHtml(note)}</li>`).join("\n")}</ul>`],
    ["figures", "Figures", figures.map((figure) => renderFigureHtml(figure, document)).join("\n")],
    ["tables", "Tables", tablesHtml(result)],
    ["plan", "The plan, as it was written before", planHtml(result)],
    ["again", "Run it again", againHtml(command, facts)],
  ];
  const missing = { notes: notes.length === 0, figures: figures.length === 0, tables: tables.length === 0 };
  const shown = parts.filter(([name]) => !(name in missing && missing[name as keyof typeof missing]));
  const links = shown.map(([name, heading]) => `<li><a href="#${name}">${heading}</a></li>`);
  const sections = shown.map(
    ([name, heading, html]) =>
      `<section id="${name}" aria-labelledby="${name}-title"><h2 id="${name}-title">${heading}</h2>\n${html}\n</section>`,
  );
  return reportPage(
    `Palimpsest ${id}: ${title}`,
    `<header>
<h1>${escapeHtml(title)}</h1>
<p class="facts">Palimpsest, study ${escapeHtml(id)} · ${escapeHtml(seedsText(seeds))}${quick ? " · quick" : ""}</p>
<p class="lead">${escapeHtml(plan.question)}</p>
<p><b>${escapeHtml(answerText(result))}</b></p>
${warnings(result)}
<nav aria-label="Sections"><ul>${links.join("")}</ul></nav>
</header>
${sections.join("\n")}`,
  );
}
