/** The report of the persistence study: one HTML file that needs nothing else. */
import {
  counted,
  escapeHtml,
  type FigureSpec,
  lossByPosition,
  lossCurves,
  maintained,
  renderFigureHtml,
  selectivityAtInit,
  selectivityThroughTraining,
  thenAndNow,
  tuningCorrelation,
  tuningStrips,
  tuningThroughTraining,
  varianceComponents,
  weightDisplacement,
} from "../../figures/index.ts";
import { distributionFigures, distributionSection } from "./reportDistribution.ts";
import { reportCss } from "./reportStyle.ts";
import { claimsTable, groupTables, modelsTable } from "./reportTables.ts";
import { answerText, leakText } from "./reportText.ts";
import type { PersistenceResult, PresetDetail } from "./result.ts";

/** What the report says of how the run was made. */
export interface ManifestSummary {
  /** The command that makes this run again, bit for bit. */
  command: string;
  /** Label and value, e.g. `["revision", "a1b2c3d"]`, in the order in which they are shown. */
  facts: readonly (readonly [label: string, value: string])[];
}

/** What {@link persistenceReport} is made from. */
export interface ReportInput {
  result: PersistenceResult;
  details: readonly PresetDetail[];
  manifestSummary: ManifestSummary;
  /** Where the figures are drawn; nothing is attached to it. */
  document: Document;
}

/** Every figure of the study in reading order; none if there are no details. */
export function persistenceFigures(details: readonly PresetDetail[]): FigureSpec[] {
  return [...meanFigures(details), ...distributionFigures(details)];
}

/** The figures of what holds on average over seeds. */
function meanFigures(details: readonly PresetDetail[]): FigureSpec[] {
  if (details.length === 0) return [];
  return [
    lossCurves(details),
    lossByPosition(details),
    selectivityAtInit(details),
    maintained(details.map(({ summary, config }) => ({ summary, config }))),
    tuningCorrelation(details),
    tuningThroughTraining(details),
    selectivityThroughTraining(details),
    varianceComponents(details),
    weightDisplacement(details),
    tuningStrips(details),
    ...details.map(thenAndNow),
  ];
}

const sections = [
  ["claims", "What the original claimed"],
  ["numbers", "Numbers"],
  ["figures", "Figures"],
  ["distribution", "The distribution over seeds"],
  ["models", "Models"],
  ["method", "Method and limits"],
  ["again", "Run it again"],
] as const;

type SectionId = (typeof sections)[number][0];

function section(id: SectionId, content: string): string {
  const title = sections.find(([name]) => name === id)![1];
  return `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${content}
</section>`;
}

function alarms(result: PersistenceResult): string {
  const texts = result.presets.map(leakText).filter((text) => text !== undefined);
  return texts
    .map((text) => `<p class="alarm" role="note"><strong>Leak alarm.</strong> ${escapeHtml(text)}</p>`)
    .join("\n");
}

function methodText(details: readonly PresetDetail[]): string {
  const setups = details.map(({ summary, config, task, probe, checkpoints }) => {
    const mask = config.causal ? "with a causal mask" : "without a causal mask";
    return `<li><b>${escapeHtml(summary.preset)}</b>: ${counted(config.nLayers, "layer")}, dModel ${config.dModel}, ${counted(config.nHeads, "head")}, dMlp ${config.dMlp}, ${escapeHtml(config.actFn)}, layer norm ${escapeHtml(config.normalization)}, ${mask}; task ${escapeHtml(task)}; ${counted(summary.steps, "step")}, ${counted(checkpoints.length, "checkpoint")}; probe of ${counted(probe.sequences, "sequence")}, ${counted(probe.nPos, "position")}, ${counted(probe.dVocab, "token")}.</li>`;
  });
  return `<ul>
${setups.join("\n")}
<li>The probe is balanced: every token stands equally often at every position, so that token, position, interaction and context variance are orthogonal and add up.</li>
<li>The unit of replication is the seed. Intervals are 95 % t intervals over seeds; units of one network are not independent and are never counted as replicates.</li>
<li><b>Maintained</b> is the original criterion: of the five units with the largest eta2 at initialisation, those whose final eta2 is above 0.05 and above half the initial one. Its <b>null</b> is the share that any unit of the same trained layer would reach, <b>other init</b> the share with another seed's units. <b>Excess</b> is maintained − null, <b>kappa</b> is excess / (1 − null).</li>
<li><b>Tuning r</b> is the correlation of a unit's token or position curve before and after training. <b>Null r</b> correlates it with the same unit of a network grown from another initialisation on the same data; <b>ceiling r</b> compares trained twins of one initialisation on different data. <b>Preferred</b> is the share of units whose strongest stimulus stayed the same. <b>Identity recovery</b> is the share of units that optimal assignment by tuning maps to themselves; chance is 1 / dMlp.</li>
<li>eta2 is a share of variance: it can fall because other variance grew. Read it together with the absolute components.</li>
<li>What persists depends on the number of steps, the learning rate and the scale of the initial embeddings. One setting is no law about networks; high persistence with little motion of the weights says that little was learned there, not that learning refines what it found.</li>
</ul>`;
}

/**
 * The report as the text of one HTML file: style and pictures inside, no script, nothing fetched.
 *
 * Every string of the result and the manifest is escaped. Missing values (NaN, null) are shown as a dash.
 */
export function persistenceReport({ result, details, manifestSummary, document }: ReportInput): string {
  const seedCounts = [...new Set(result.presets.map(({ seeds }) => seeds.length))];
  const facts = manifestSummary.facts.map(([label, value]) => `${escapeHtml(label)} ${escapeHtml(value)}`);
  const figures = meanFigures(details).map((spec) => renderFigureHtml(spec, document));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>Palimpsest: what training leaves of the initial network</title>
<style>${reportCss}</style>
</head>
<body>
<main>
<header>
<h1>What does training leave of the initial network?</h1>
<p class="facts">Palimpsest, persistence study · ${escapeHtml(result.presets.map(({ preset }) => preset).join(", "))} · ${seedCounts.map((count) => counted(count, "seed")).join(" or ")} per preset</p>
<p class="lead">Do the features of these transformers emerge in training, or were they there at random initialisation and only survived?</p>
<p>${escapeHtml(answerText(result))}</p>
${alarms(result)}
<nav aria-label="Sections"><ul>${sections.map(([id, title]) => `<li><a href="#${id}">${title}</a></li>`).join("")}</ul></nav>
</header>
${section("claims", claimsTable(result.claims))}
${section(
  "numbers",
  `${result.presets.map(groupTables).join("\n")}
<p class="caption">Shares in [0, 1]; in brackets 95 % t intervals over seeds. Terms are explained under <a href="#method">Method and limits</a>.</p>`,
)}
${section("figures", figures.length === 0 ? "<p>No details were kept of this run.</p>" : figures.join("\n"))}
${section("distribution", distributionSection(result.presets, details, document))}
${section("models", result.presets.map(modelsTable).join("\n"))}
${section("method", methodText(details))}
${section(
  "again",
  `<pre><code>${escapeHtml(manifestSummary.command)}</code></pre>
<p class="facts">${facts.join(" · ")}</p>`,
)}
</main>
</body>
</html>
`;
}
