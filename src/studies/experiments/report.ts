/** The report of the experiments: one HTML file that needs nothing else. */
import { counted, escapeHtml, type FigureSpec, listed, renderFigureHtml } from "../../figures/index.ts";
import { reportCss } from "../persistence/reportStyle.ts";
import { sectionFigures } from "./reportFigures.ts";
import { sectionTables } from "./reportNumbers.ts";
import { decisionText, tableHtml, verdictHtml } from "./reportTables.ts";
import type { PopulationResult } from "./result.ts";
import { type SectionName, sectionNames } from "./spec.ts";

/** What {@link experimentsReport} is made from. */
export interface ExperimentsReportInput {
  readonly populations: readonly PopulationResult[];
  /** The command that makes this run again, bit for bit. */
  readonly command: string;
  /** Label and value, in the order in which they are shown. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** Where the figures are drawn; nothing is attached to it. */
  readonly document: Document;
}

const titles: Readonly<Record<SectionName, string>> = {
  detection: "1. Feature detection",
  hypotheses: "2. Hypothesis testing",
  mapping: "3. Systematic mapping",
  circuits: "4. Circuit discovery",
  structured: "5. Structured inputs",
  initialisation: "Initialisation",
  sources: "Sources of structure",
};

/** Figures of one section for one population, under names that no other figure of the run has. */
function figuresOf(section: SectionName, population: PopulationResult): FigureSpec[] {
  return sectionFigures[section](population).map((figure) => ({
    ...figure,
    name: `${section}-${figure.name}`,
  }));
}

/** Every figure of the run in reading order. */
export function experimentsFigures(populations: readonly PopulationResult[]): FigureSpec[] {
  return sectionNames.flatMap((section) =>
    populations.flatMap((population) => figuresOf(section, population)),
  );
}

function overview(populations: readonly PopulationResult[]): string {
  return tableHtml({
    caption: "What was found",
    columns: ["", ...populations.map(({ name }) => name)],
    rows: sectionNames.map((section) => [
      titles[section],
      ...populations.map(({ sections }) => decisionText(sections[section].verdict)),
    ]),
  });
}

function populationPart(section: SectionName, population: PopulationResult, document: Document): string {
  const { name, setup, nullSeeds } = population;
  const { verdict } = population.sections[section];
  const tables = sectionTables(section, population).map(tableHtml);
  const figures = figuresOf(section, population).map((figure) =>
    renderFigureHtml(figure, document, { headingLevel: 4 }),
  );
  return `<h3 id="${section}-${escapeHtml(name)}">${escapeHtml(name)}</h3>
${verdictHtml(verdict)}
${tables.join("\n")}
<p class="caption">Means over ${counted(setup.seeds.length, "seed")}; in brackets 95 % t intervals over seeds, of random networks (${nullSeeds.length}) the middle 90 %.</p>
${figures.join("\n")}`;
}

function sectionHtml(
  section: SectionName,
  populations: readonly PopulationResult[],
  document: Document,
): string {
  const question = populations[0]?.sections[section].question ?? "";
  return `<section id="${section}" aria-labelledby="${section}-title"><h2 id="${section}-title">${titles[section]}</h2>
<p class="question">${escapeHtml(question)}</p>
${populations.map((population) => populationPart(section, population, document)).join("\n")}
</section>`;
}

function methodHtml(populations: readonly PopulationResult[]): string {
  const lines = populations.map(({ name, config, init, step, setup, nullSeeds }) => {
    const mask = config.causal ? "with a causal mask" : "without a causal mask";
    const trained = step === null ? "pretrained weights" : `weights of step ${step}`;
    const weights = step === 0 ? `random weights (${init})` : `${trained}, begun with ${init}`;
    return `<li><b>${escapeHtml(name)}</b>: ${counted(config.nLayers, "layer")}, dModel ${config.dModel}, ${counted(config.nHeads, "head")}, dMlp ${config.dMlp}, ${escapeHtml(config.actFn)}, layer norm ${escapeHtml(config.normalization)}, ${mask}; ${escapeHtml(weights)}; seeds ${escapeHtml(setup.seeds.join(", "))}; null of ${counted(nullSeeds.length, "random network")} with other seeds; inputs of ${counted(setup.nPos, "position")}, a probe of ${setup.blocks * config.dVocab} sequences, ${setup.draws} draws of each other null.</li>`;
  });
  return `<ul>
${lines.join("\n")}
<li>The seed is the unit of replication: intervals are over seeds, and units of one network are never counted as replicates.</li>
<li>Random networks have the config and the initialisation of the subjects, and other seeds. Where the subjects are random themselves, these say what one random network has that another has not; what any random network has is the business of the other nulls: labels permuted, random projections, random inputs.</li>
<li>The probe is balanced: every token stands equally often at every position. Where something is found by looking for the largest, it is found on one half of the probe and measured on the other.</li>
<li>Every rule was written before the run. <b>Undecided</b> means that this many seeds or draws cannot tell.</li>
</ul>`;
}

/**
 * The report as the text of one HTML file: style and pictures inside, no script, nothing fetched.
 *
 * Every string is escaped. Missing values (NaN, null) are shown as a dash.
 */
export function experimentsReport({ populations, command, facts, document }: ExperimentsReportInput): string {
  const names = listed(populations.map(({ name }) => name));
  const shown = facts.map(([label, value]) => `${escapeHtml(label)} ${escapeHtml(value)}`);
  const links: [string, string][] = [
    ...sectionNames.map((section): [string, string] => [section, titles[section]]),
    ["method", "Method"],
    ["again", "Run it again"],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>Palimpsest: what is already there in ${escapeHtml(names)}</title>
<style>${reportCss}
h4 { font-size: 16px; line-height: 1.35; margin: 0; max-width: 46em; }
h3 { margin: 36px 0 8px; }
figure { margin: 32px 0 48px; }
table { font-size: 13px; }
th, td { padding: 5px 12px 5px 0; }
.interval { font-size: 12px; }
summary { font-size: 14px; }
details .scroll { margin: 4px 0 12px; }
</style>
</head>
<body>
<main>
<header>
<h1>What do these networks respond to?</h1>
<p class="facts">Palimpsest, five experiments and two analyses · ${escapeHtml(names)}</p>
<p class="lead">Which features can be found in these networks, and which of them exceed what random networks, permuted labels and random inputs supply?</p>
${overview(populations)}
<nav aria-label="Sections"><ul>${links.map(([id, title]) => `<li><a href="#${id}">${escapeHtml(title)}</a></li>`).join("")}</ul></nav>
</header>
${sectionNames.map((section) => sectionHtml(section, populations, document)).join("\n")}
<section id="method" aria-labelledby="method-title"><h2 id="method-title">Method</h2>
${methodHtml(populations)}
</section>
<section id="again" aria-labelledby="again-title"><h2 id="again-title">Run it again</h2>
<pre><code>${escapeHtml(command)}</code></pre>
<p class="facts">${shown.join(" · ")}</p>
</section>
</main>
</body>
</html>
`;
}
