/** The report that joins the studies of one run: claims, then studies, each a link to its own report. */
import { counted, escapeHtml } from "../../figures/index.ts";
import {
  aboutText,
  againHtml,
  reportPage,
  type StudyReportInput,
  signedVerdict,
} from "../protocol/report.ts";
import { hasPlannedSeeds, type StudyResult } from "../protocol/result.ts";
import { claimRows, joinedVerdict } from "./claims.ts";
import { globalRule, globalVerdict } from "./globalVerdict.ts";

/** What {@link overviewReport} is made from. */
export interface OverviewInput {
  /** In the order in which they are shown. */
  readonly results: readonly StudyResult[];
  readonly quick: boolean;
  /** The command that makes this run again. */
  readonly command: string;
  readonly facts: StudyReportInput["facts"];
}

/** The verdict on the whole, or why there is none. */
export function globalText(results: readonly StudyResult[]): string {
  const verdict = globalVerdict(results);
  const question = `“${globalRule.statement}”`;
  if (verdict.kind === "open")
    return `${question}: not decided; it needs full results of ${verdict.missing.join(", ")}.`;
  return `${question}: ${verdict.kind === "neither" ? "neither accepted nor rejected" : verdict.kind}. ${verdict.sentence}`;
}

function claimsHtml(results: readonly StudyResult[]): string {
  const rows = claimRows(results).map((row) => {
    const said = row.said
      .map(({ result, decision }) => `${result.id} ${signedVerdict(decision)}: ${decision.statement}`)
      .map((text) => `<li>${escapeHtml(text)}</li>`);
    return `<tr><th scope="row">${row.id}</th><td>${escapeHtml(row.claim)}</td><td>${escapeHtml(joinedVerdict(row))}</td><td data-label="Studies"><ul>${said.join("")}</ul></td></tr>`;
  });
  return `<div class="scroll"><table class="claims joined"><thead><tr><th scope="col"></th><th scope="col">Claim of the original</th><th scope="col">Verdicts</th><th scope="col">Studies</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function studiesHtml(results: readonly StudyResult[]): string {
  const rows = results.map((result) => {
    const { id, study, title, plan, decisions, seeds } = result;
    const verdicts = decisions.map(
      (decision) =>
        `<li>${escapeHtml(`${signedVerdict(decision)} (${aboutText(decision.about)}): ${decision.statement}`)}</li>`,
    );
    const other = hasPlannedSeeds(result) ? "" : ", not those of the plan";
    return `<tr><th scope="row">${escapeHtml(id)}</th><td><a href="${escapeHtml(study)}/report.html">${escapeHtml(title)}</a><br><span class="facts">${escapeHtml(plan.question)} ${counted(seeds.length, "seed")}${other}.</span></td><td data-label="Verdicts"><ul>${verdicts.join("")}</ul></td></tr>`;
  });
  return `<div class="scroll"><table class="claims joined"><thead><tr><th scope="col"></th><th scope="col">Study</th><th scope="col">Verdicts</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

/** A cell of these tables holds what several studies say. */
const joinedCss =
  ".claims.joined td { white-space: normal; font-weight: 400; } .joined ul { margin: 0; padding-left: 16px; }";

/** The report as the text of one HTML file; links lead to the folders beside it. Every string is escaped. */
export function overviewReport({ results, quick, command, facts }: OverviewInput): string {
  const warning = quick
    ? `<p class="alarm" role="note"><strong>Quick run: nothing is decided.</strong> Few seeds and few steps: it shows that the studies work, and is no evidence.</p>`
    : "";
  return reportPage(
    "Palimpsest: the studies",
    `<header>
<h1>Blank slate or palimpsest?</h1>
<p class="facts">Palimpsest, ${results.length} studies${quick ? " · quick" : ""}</p>
<p class="lead">Do the features of these transformers emerge in training, or were they there at random initialisation?</p>
<p><b>${escapeHtml(globalText(results))}</b></p>
${warning}
</header>
<section id="claims" aria-labelledby="claims-title"><h2 id="claims-title">What the original claimed</h2>
${claimsHtml(results)}
</section>
<section id="studies" aria-labelledby="studies-title"><h2 id="studies-title">The studies</h2>
${studiesHtml(results)}
</section>
<section id="again" aria-labelledby="again-title"><h2 id="again-title">Run it again</h2>
${againHtml(command, facts)}
</section>`,
    joinedCss,
  );
}
