/** The report of a sweep: one HTML file that needs nothing else. */
import { counted, escapeHtml, type FigureSpec, listed, renderFigureHtml } from "../../figures/index.ts";
import { type Cell, type Table, tableHtml } from "../experiments/reportTables.ts";
import { againHtml, reportPage } from "../protocol/report.ts";
import { movesText, valueText } from "./expand.ts";
import { openStudy } from "./fields.ts";
import { type SummarisedPoint, type SweepSummary, statisticOf } from "./summary.ts";

/** What {@link sweepReport} is made from. */
export interface SweepReportInput {
  readonly summary: SweepSummary;
  readonly figures: readonly FigureSpec[];
  /** The command that makes the run again. */
  readonly command: string;
  /** What the bits depend on: label and value, in the order in which they are shown. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** Where the figures are drawn; nothing is attached to it. */
  readonly document: Document;
}

const list = (texts: readonly string[]) =>
  `<ul>${texts.map((text) => `<li>${escapeHtml(text)}</li>`).join("\n")}</ul>`;

/** A list, and what is said of the items that it is too short for. */
function cutList(texts: readonly string[], rest: string): string {
  const left = texts.length - mostItems;
  return list([...texts.slice(0, mostItems), ...(left > 0 ? [`and ${left} more; ${rest}`] : [])]);
}

/** `lr: 0.001, 0.003, 0.01`; of many values or draws their number and ends. */
function fieldText(name: string, drawn: boolean, points: readonly SummarisedPoint[]): string {
  const values = [...new Set(points.flatMap(({ values }) => (name in values ? [values[name]] : [])))];
  const numbers = values.filter((value) => typeof value === "number");
  const few = values.length <= 6 && !drawn;
  if (few || numbers.length < values.length)
    return `${name}: ${values.slice(0, 12).map(valueText).join(", ")}`;
  const sorted = numbers.toSorted((a, b) => a - b);
  const ends = `${sorted[0]} to ${sorted[sorted.length - 1]}`;
  return `${name}: ${counted(values.length, "value")}, ${drawn ? "drawn " : ""}${ends}`;
}

/** Layers and kinds with their statistics, in the order in which they are. */
function groupsOf(points: readonly SummarisedPoint[]): { layer: number; kind: string }[] {
  const found = new Map<string, { layer: number; kind: string }>();
  for (const { statistics } of points)
    for (const { statistic, layer, kind } of statistics)
      if (statistic === "tuningExcess" && layer !== null && kind !== null)
        found.set(`${layer} ${kind}`, { layer, kind });
  return [...found.values()].sort((a, b) => a.layer - b.layer);
}

function cellOf(
  point: SummarisedPoint,
  ...statistic: Parameters<typeof statisticOf> extends [unknown, ...infer R] ? R : never
): Cell {
  const found = statisticOf(point, ...statistic);
  if (found === undefined) return Number.NaN;
  return { estimate: found.mean, low: found.low, high: found.high };
}

/** How many seeds a point's numbers are over: `8`, or `5 to 8 of 8` where some have no number, themselves or as a null. */
function seedsOf({ seeds, statistics }: SummarisedPoint): Cell {
  const shown = statistics.filter(({ statistic }) => headline.includes(statistic));
  const counts = shown.map(({ seeds: count }) => count).sort((a, b) => a - b);
  const [least, most] = [counts[0] ?? seeds, counts[counts.length - 1] ?? seeds];
  if (least === seeds) return seeds;
  return least === most ? `${least} of ${seeds}` : `${least} to ${most} of ${seeds}`;
}

/** Statistics that the table shows. */
const headline = ["heldOutLoss", "heldOutAccuracy", "tuningExcess"];

/** Rows that are shown at once; a longer table opens on demand. */
const shownRows = 60;

/** Most rows of a table and items of a list: a page of a hundred thousand would open in no browser. */
const mostRows = 2000;
const mostItems = 200;

/** Digits of a key that are shown: enough to find its job in jobs.json and the store. */
const shownKey = 12;

/** All points of the study whose configuration is open: their values, and the headline numbers. */
function pointsTable(title: string, points: readonly SummarisedPoint[], fields: readonly string[]): Table {
  const groups = groupsOf(points);
  const [first = "job", ...others] = fields;
  const valueCell = (point: SummarisedPoint, field: string): Cell => {
    const value = point.values[field];
    return typeof value === "number" ? value : valueText(value);
  };
  return {
    caption:
      points.length <= mostRows
        ? title
        : `${title}. The first ${mostRows} of ${points.length} points; points.parquet has all`,
    open: points.length <= shownRows,
    columns: [
      first,
      ...others,
      "seeds",
      "diverged",
      "held-out loss (nats)",
      "accuracy",
      ...groups.map(({ layer, kind }) => `r − null, L${layer} ${kind}`),
      "key",
    ],
    rows: points
      .slice(0, mostRows)
      .map((point) => [
        fields.length === 0 ? "the only one" : valueText(point.values[first]),
        ...others.map((field) => valueCell(point, field)),
        seedsOf(point),
        point.diverged,
        cellOf(point, "heldOutLoss"),
        cellOf(point, "heldOutAccuracy"),
        ...groups.map(({ layer, kind }) => cellOf(point, "tuningExcess", layer, kind)),
        point.key.slice(0, shownKey),
      ]),
  };
}

const pointName = ({ study, values }: SummarisedPoint) =>
  [study, ...Object.entries(values).map(([field, value]) => `${field} ${valueText(value)}`)].join(", ");

/** Verdicts and outcomes of the studies with a plan, job by job. */
function plannedHtml(points: readonly SummarisedPoint[]): string {
  return points
    .map((point) => {
      const caption = `${pointName(point)}, ${counted(point.seeds, "seed")}`;
      const verdicts: Table = {
        ...{ caption, open: true, columns: ["about", "statement", "verdict"] },
        rows: point.verdicts.map(({ about, statement, verdict }) => [
          ...[about, statement, verdict ?? "quick: not decided"],
        ]),
      };
      const outcomes: Table = {
        caption: `${caption}: outcomes`,
        columns: ["outcome", "estimate [95 %]"],
        rows: point.statistics.map(({ statistic, mean, low, high }) => [
          statistic,
          { estimate: mean, low, high },
        ]),
      };
      const { departure } = point;
      const note = departure === null ? "" : `<p class="alarm" role="note">${escapeHtml(departure)}</p>\n`;
      return `${note}${tableHtml(verdicts)}\n${tableHtml(outcomes)}`;
    })
    .join("\n");
}

function alarmsHtml({ missing, alarms, jobs }: SweepSummary): string {
  const notes = [
    ...alarms
      .slice(0, mostItems)
      .map((text) => `<strong>Alarm.</strong> ${escapeHtml(text.replace(/^Alarm: /, ""))}`),
    ...(alarms.length > mostItems
      ? [`<strong>Alarm.</strong> ${alarms.length - mostItems} more are in result.json.`]
      : []),
    ...(missing.length === 0
      ? []
      : [
          `<strong>Partial.</strong> ${missing.length} of ${counted(jobs.total, "job")} ${missing.length === 1 ? "has" : "have"} no result; <a href="#missing">which, and why</a>. Nothing here is estimated in their place. The same command once more tries them again.`,
        ]),
  ];
  return notes.map((note) => `<p class="alarm" role="note">${note}</p>`).join("\n");
}

const method = [
  "A job is one configuration with all of its seeds. The unit of replication is the seed: intervals are 95 % t intervals over seeds, each for itself. With many points some will miss by chance.",
  "All jobs have the same seeds, and with them the same initial draws and data wherever the sizes allow it. So two points are better compared seed by seed, with the rows of dataset.parquet, than by whether their intervals overlap.",
  "The best of many points is partly the luckiest. Run it again with other seeds before believing its number.",
  "Tuning r is the correlation of a unit's token or position curve before and after training, mean over the units of a layer; its null is the same against a network grown from another initialisation on the same data. eta² is the share of a unit's variance that a factor explains.",
  "The null of a seed is the network of the seed before it, trained on this seed's data; the first one's is the last one's. So neighbouring seeds share an initialisation, which the intervals take for independent: read those of r − null as approximate, with few seeds above all.",
  "Networks that diverged are in no mean; their number is given. A seed whose null diverged has no r − null either; the column seeds says over how many the numbers are. A mean over those that did not diverge says nothing of those that did.",
];

const ownCss = `
#jobs table { font-size: 13px; }
#jobs thead th { white-space: normal; min-width: 5em; }
`;

/**
 * The report as the text of one HTML file: style and pictures inside, no script, nothing fetched.
 *
 * Every string is escaped. Missing values (NaN) are shown as a dash.
 */
export function sweepReport({ summary, figures, command, facts, document }: SweepReportInput): string {
  const { title, studies, fields, jobs, models, missing, points } = summary;
  const open = points.filter(({ study }) => study === openStudy);
  const planned = points.filter(({ study }) => study !== openStudy);
  const swept = fields.map((field) =>
    [`${fieldText(field.name, field.drawn, points)}.`, movesText(field)]
      .filter((text) => text !== "")
      .join(" "),
  );
  const names = fields.map(({ name }) => name);
  const parts: (readonly [id: string, title: string, html: string])[] = [
    [
      "missing",
      "Missing",
      missing.length === 0
        ? ""
        : cutList(
            missing.map(({ name, study, reason }) => `${name || study}: ${reason}.`),
            "jobs.json has all.",
          ),
    ],
    ["figures", "Responses", figures.map((figure) => renderFigureHtml(figure, document)).join("\n")],
    [
      "jobs",
      "Jobs",
      open.length === 0
        ? ""
        : tableHtml(pointsTable("Means over seeds, in brackets 95 % t intervals", open, names)),
    ],
    ["verdicts", "Studies with a plan", plannedHtml(planned)],
    ["method", "Method and limits", list(method)],
    ["again", "Run it again", againHtml(command, facts)],
  ];
  const shown = parts.filter(([, , html]) => html !== "");
  const links = shown.map(([id, heading]) => `<li><a href="#${id}">${heading}</a></li>`);
  const sections = shown.map(
    ([id, heading, html]) =>
      `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${heading}</h2>\n${html}\n</section>`,
  );
  const seeds = [...new Set(points.map((point) => point.seeds))].sort((a, b) => a - b);
  return reportPage(
    `Palimpsest sweep: ${title}`,
    `<header>
<h1>${escapeHtml(title)}</h1>
<p class="facts">Palimpsest, sweep of ${escapeHtml(listed(studies))} · ${jobs.done} of ${counted(jobs.total, "job")} · ${seeds.join(" or ") || "no"} seeds each · ${counted(models, "network")}</p>
${swept.length === 0 ? "" : list(swept)}
${alarmsHtml(summary)}
<nav aria-label="Sections"><ul>${links.join("")}</ul></nav>
</header>
${sections.join("\n")}`,
    ownCss,
  );
}
