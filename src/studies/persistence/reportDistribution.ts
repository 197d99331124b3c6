/** The report's section on the distribution over seeds: tables, and what each number means in one sentence. */
import {
  counted,
  escapeHtml,
  type FigureSpec,
  fixed,
  listed,
  noNumber,
  percent,
  renderFigureHtml,
  seedDistributions,
} from "../../figures/index.ts";
import { leastSeeds, ordinarySeeds } from "./distribution.ts";
import { estimateCell, head, numberCell } from "./reportTables.ts";
import type {
  BetaShape,
  CellDistribution,
  Interval,
  PresetDetail,
  PresetSummary,
  SeedMeasure,
  SeedSpread,
} from "./result.ts";

const measureNames: Readonly<Record<SeedMeasure, string>> = {
  maintained: "maintained",
  excess: "excess",
  kappa: "kappa",
  r: "tuning r",
};

const ALPHA = 0.05;

const cellName = ({ layer, kind }: { layer: number; kind: string }) => `L${layer} ${kind}`;

/** `0.60` and, in small type beneath, its interval; an end that no seed reaches is a dash. */
function stackedCell(value: number, [low, high]: Interval): string {
  const interval = `[${fixed(low)}, ${fixed(high)}]`;
  return `<td class="number">${escapeHtml(fixed(value))}<br><span class="interval">${escapeHtml(interval)}</span></td>`;
}

/** p as a number that is not rounded to nothing. */
const pText = (p: number) => (Number.isFinite(p) ? (p < 0.1 ? p.toFixed(4) : p.toFixed(2)) : noNumber);

const number = (label: string) => [label, true] as const;

/** Rows of every cell and measure; the cell is named once. */
function spreadRows(cells: readonly CellDistribution[], row: (spread: SeedSpread) => string): string {
  return cells
    .flatMap((cell) =>
      cell.spreads.map(
        (spread, i) =>
          `<tr>${i === 0 ? `<th scope="rowgroup" rowspan="${cell.spreads.length}">${escapeHtml(cellName(cell))}</th>` : ""}<td>${measureNames[spread.measure]}</td>${row(spread)}</tr>`,
      ),
    )
    .join("\n");
}

function table(caption: string, columns: readonly (readonly [string, boolean])[], rows: string): string {
  return `<div class="scroll"><table><caption>${escapeHtml(caption)}</caption>${head(columns)}<tbody>${rows}</tbody></table></div>`;
}

/** Is it luck: overdispersion, the shape of the seeds' probabilities, bumps. */
function luckTable(name: string, cells: readonly CellDistribution[]): string {
  const rows = cells.map((cell) => {
    const { overdispersion: o, betaBinomial: b, dip } = cell;
    const below = percentInterval(cell.belowChance, cell.belowChanceCi);
    return `<tr><th scope="row">${escapeHtml(cellName(cell))}</th>${estimateCell(o.rho, o.ci)}${numberCell(pText(o.holm))}${numberCell(fixed(o.seedSd))}${numberCell(percent(o.seedShare))}<td class="word">${escapeHtml(b.shape)}</td>${numberCell(pText(b.holm))}${numberCell(pText(dip.holm))}<td class="number">${below}</td></tr>`;
  });
  const columns = [
    ["", false] as const,
    number("ρ"),
    number("p"),
    number("SD of seeds"),
    number("share"),
    ["shape", false] as const,
    number("p of fit"),
    number("p of dip"),
    number("below chance"),
  ];
  return table(`${name}: luck or seeds; p by Holm`, columns, rows.join("\n"));
}

function percentInterval(value: number, [low, high]: Interval): string {
  const one = (share: number) => fixed(100 * share, 1);
  return Number.isFinite(value)
    ? `${escapeHtml(one(value))} % <span class="interval">[${escapeHtml(one(low))}, ${escapeHtml(one(high))}]</span>`
    : noNumber;
}

const noName = ["", false] as const;

function quantileTable(name: string, cells: readonly CellDistribution[]): string {
  const levels = cells[0]?.spreads[0]?.quantiles.map(({ p }) => p) ?? [];
  const rows = spreadRows(cells, ({ quantiles }) =>
    levels
      .map((_, i) =>
        quantiles[i] === undefined ? numberCell(noNumber) : stackedCell(quantiles[i].value, quantiles[i].ci),
      )
      .join(""),
  );
  const columns = [noName, noName, ...levels.map((p) => number(percent(p)))];
  return table(`${name}: quantiles over seeds`, columns, rows);
}

function spreadTable(name: string, cells: readonly CellDistribution[]): string {
  const rows = spreadRows(
    cells,
    ({ mean, ci, sd, skewness, skewnessCi, withProgress, withProgressCi }) =>
      `${estimateCell(mean, ci)}${numberCell(fixed(sd, 3))}${estimateCell(skewness, skewnessCi)}${estimateCell(withProgress, withProgressCi)}`,
  );
  const columns = [noName, noName, ...["mean", "SD", "skewness", "progress"].map(number)];
  return table(`${name}: spread and what goes with it`, columns, rows);
}

function planTable(name: string, cells: readonly CellDistribution[]): string {
  const halves = cells[0]?.spreads[0]?.seedsFor.map(({ halfWidth }) => halfWidth) ?? [];
  const rows = spreadRows(cells, ({ seedsFor, ordinary }) => {
    const own =
      ordinary === null
        ? numberCell(noNumber).repeat(3)
        : `${estimateCell(ordinary.mean, ordinary.ci)}${numberCell(percent(ordinary.percentile))}${numberCell(`${fixed(100 * ordinary.coverage, 1)} %`)}`;
    return `${seedsFor.map(({ seeds }) => numberCell(fixed(seeds, 0))).join("")}${own}`;
  });
  const columns = [
    ...[noName, noName, ...halves.map((half) => number(`± ${fixed(half)}`))],
    ...[`seeds 0–${ordinarySeeds - 1}`, "percentile", "coverage"].map(number),
  ];
  return table(`${name}: how many seeds are needed, and the ordinary study`, columns, rows);
}

/** What the tables found, in sentences. */
export function distributionText({ preset, seeds, distribution }: PresetSummary): string {
  if (distribution === null) return belowLeast(preset, seeds.length);
  const cells = distribution.filter(({ overdispersion }) => Number.isFinite(overdispersion.rho));
  if (cells.length === 0)
    return `${preset}: every seed maintains all or none, so nothing can be said about a spread.`;
  const beyond = cells.filter(({ overdispersion }) => overdispersion.holm < ALPHA);
  const shares = cells.map(({ overdispersion }) => overdispersion.seedShare);
  const span = (values: readonly number[], show: (value: number) => string) => {
    const [low, high] = [show(Math.min(...values)), show(Math.max(...values))];
    return low === high ? low : `${low} to ${high}`;
  };
  const misfits = cells.filter(({ betaBinomial }) => betaBinomial.holm < ALPHA);
  const dips = cells.filter(({ dip }) => dip.holm < ALPHA);
  const names = (some: readonly CellDistribution[]) => listed(some.map(cellName));
  return [
    `${preset}, ${counted(seeds.length, "seed")}: the share of units that a seed maintains varies by more than luck in ${beyond.length} of ${counted(cells.length, "cell")}; ρ ${span(
      cells.map(({ overdispersion }) => overdispersion.rho),
      (value) => fixed(value),
    )}.`,
    `Of its variance between seeds ${span(shares, percent)} ${shares.length === 1 ? "is" : "are"} the seed's own; the rest is the luck of so few units.`,
    `In the beta-binomial that fits best, the seeds' own probabilities have ${shapeText(cells)}; ${misfits.length === 0 ? "it fits everywhere" : `it does not fit in ${names(misfits)}`}.`,
    dips.length === 0
      ? "Tuning r has one bump in every cell, as far as the dip can tell."
      : `Tuning r has more than one bump in ${names(dips)}.`,
  ].join(" ");
}

const shapeWords = {
  "one bump": "one bump",
  slope: "a slope towards one end",
  "two ends": "two bumps, one at each end,",
  "one point": "no spread at all",
} as const;

/** `one bump in L0 token and L1 token; a slope towards one end in L1 position`. */
function shapeText(cells: readonly CellDistribution[]): string {
  const shapes = [...new Set(cells.map(({ betaBinomial }) => betaBinomial.shape))];
  const having = (shape: BetaShape) => cells.filter(({ betaBinomial }) => betaBinomial.shape === shape);
  return shapes.map((shape) => `${shapeWords[shape]} in ${listed(having(shape).map(cellName))}`).join("; ");
}

function belowLeast(preset: string, seeds: number): string {
  return `${preset}: how persistence is distributed over seeds is described from ${leastSeeds} seeds on; this run has ${seeds}.`;
}

/** What every number of the tables is, one sentence each. */
const explanations: readonly (readonly [string, string])[] = [
  [
    "ρ",
    "intraclass correlation of two units of one seed, with its bootstrap interval over seeds: 0 if units survive independently with one probability in all seeds, 1 if a seed keeps all or none.",
  ],
  [
    "p",
    "of the exact test of ρ = 0 against more: all maintained units are dealt out anew over all followed ones, in which case every deal is equally likely; corrected over all cells of the run.",
  ],
  [
    "SD of seeds",
    "standard deviation of the seeds' own probabilities, √(ρ μ (1 − μ)): what would be left of the spread if a seed had endlessly many units.",
  ],
  ["share", "of the variance of maintained that is the seed's own; the rest is luck."],
  [
    "shape",
    "of the beta distribution of the seeds' probabilities: one bump; a slope, which rises to one end; two ends, with seeds that keep nearly all and seeds that keep nearly none; or one point, if ρ is 0.",
  ],
  [
    "p of fit",
    "of the best beta-binomial, by simulation from it: small if no such shape fits, e.g. because there are two kinds of seeds; corrected over all cells.",
  ],
  [
    "p of dip",
    "of Hartigan's test that tuning r has one bump, against uniform samples of the same size: small if there are two or more; corrected over all cells. Shares of a few units have gaps that are no bumps, so only tuning r is tested.",
  ],
  [
    "below chance",
    "seeds that maintain less than any units of their own trained layer would, with the Clopper–Pearson interval.",
  ],
  [
    "Quantiles",
    "with intervals between two seeds' values, which suppose nothing about the distribution; a dash where no seed is far enough out to be an end.",
  ],
  [
    "Skewness",
    "adjusted third moment with its bootstrap interval: below 0 where the long tail is to the left.",
  ],
  [
    "Progress",
    "Spearman's correlation over seeds with the way that the held-out loss went towards the Bayes floor: below 0 where seeds that learned more kept less.",
  ],
  [
    "± 0.01, 0.02, 0.05",
    "seeds with which a study's 95 % t interval of the mean is expected to reach so far to either side, from the SD between seeds.",
  ],
  [`Seeds 0–${ordinarySeeds - 1}`, "the mean of the ordinary study with its t interval."],
  ["Percentile", `share of studies with ${ordinarySeeds} seeds drawn from all of these whose mean is lower.`],
  [
    "Coverage",
    "share of those studies whose 95 % t interval holds the mean of all seeds: 95 % if the interval says the truth.",
  ],
];

/** Figures of the distribution, a preset each; none below {@link leastSeeds} seeds. */
export function distributionFigures(details: readonly PresetDetail[]): FigureSpec[] {
  return details.map(seedDistributions).filter((figure) => figure !== undefined);
}

/** The section's content as HTML; one sentence a preset where the seeds are too few. */
export function distributionSection(
  presets: readonly PresetSummary[],
  details: readonly PresetDetail[],
  document: Document,
): string {
  const lead = presets.map((preset) => `<p>${escapeHtml(distributionText(preset))}</p>`).join("\n");
  const described = presets.filter(({ distribution }) => distribution !== null);
  if (described.length === 0) return lead;
  const tables = described.map(({ preset, seeds, distribution }) => {
    const name = `${preset}, ${counted(seeds.length, "seed")}`;
    const cells = distribution ?? [];
    return `${luckTable(name, cells)}
<details><summary>${escapeHtml(name)}: quantiles, spread, and how many seeds are needed</summary>
${quantileTable(name, cells)}
${spreadTable(name, cells)}
${planTable(name, cells)}</details>`;
  });
  const terms = explanations.map(
    ([term, text]) => `<li><b>${escapeHtml(term)}</b>: ${escapeHtml(text)}</li>`,
  );
  return `${lead}
${distributionFigures(details)
  .map((spec) => renderFigureHtml(spec, document))
  .join("\n")}
${tables.join("\n")}
<ul class="terms">${terms.join("\n")}</ul>`;
}
