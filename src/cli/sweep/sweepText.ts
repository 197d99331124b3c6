/** What a sweep prints for a reader at the terminal. */
import { counted, fixed, intervalText } from "../../figures/index.ts";
import { movesText, type SweptField, valueText } from "../../studies/sweep/expand.ts";
import { type SummarisedPoint, type SweepSummary, statisticOf } from "../../studies/sweep/summary.ts";
import type { Outcome } from "../io.ts";
import type { ShownJob } from "./sweepProgress.ts";

/** Rows of a table at the terminal; the report has all. */
const shownRows = 40;

/** `6 jobs, 96 models, 61,440 model-steps`. */
export function sizeText(jobs: readonly ShownJob[]): string {
  const sum = (of: (job: ShownJob) => number) => jobs.reduce((total, job) => total + of(job), 0);
  const planned = sum(({ size }) => (size.modelSteps === null ? size.models : 0));
  const digits = (count: number) => count.toLocaleString("en-US");
  return [
    `${digits(jobs.length)} ${jobs.length === 1 ? "job" : "jobs"}`,
    `${digits(sum(({ size }) => size.models))} models`,
    `${digits(sum(({ size }) => size.modelSteps ?? 0))} model-steps`,
    ...(planned === 0 ? [] : [`and those of ${counted(planned, "model")} whose study has a plan`]),
  ].join(", ");
}

function table(rows: readonly (readonly string[])[], left: number): string[] {
  // a call takes fewer arguments than a sweep has jobs
  const widths = rows[0].map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column].length), 0),
  );
  return rows.map((row) =>
    `  ${row.map((cell, i) => (i < left ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ")}`.trimEnd(),
  );
}

/** What would be computed. */
export function dryOutcome(
  title: string,
  jobs: readonly ShownJob[],
  done: ReadonlySet<string>,
  fields: readonly SweptField[],
): Outcome {
  const todo = jobs.filter(({ key }) => !done.has(key));
  const rows = jobs.map(({ key, name, size }) => [
    key.slice(0, 12),
    done.has(key) ? "done" : "to do",
    name,
    `${size.models} models`,
  ]);
  return {
    result: {
      ...{ study: "sweep", title, dryRun: true },
      jobs: jobs.map(({ key, job, name, size }) => ({
        ...{
          key,
          study: job.study,
          name,
          done: done.has(key),
          ...size,
          config: job.config,
          seeds: job.seeds,
        },
      })),
    },
    summary: [
      `${title}: ${sizeText(jobs)}.`,
      todo.length === jobs.length ? "None has a result yet." : `To compute: ${sizeText(todo)}.`,
      ...fields.map(movesText).filter((text) => text !== ""),
      "",
      ...(rows.length === 0 ? [] : table(rows, 3)),
    ].join("\n"),
  };
}

/** Layers and kinds that a point has, of its first and last layer. */
function groupsOf(points: readonly SummarisedPoint[]): { layer: number; kind: string }[] {
  const found = new Map<string, { layer: number; kind: string }>();
  for (const { statistics } of points)
    for (const { statistic, layer, kind } of statistics)
      if (statistic === "tuningExcess" && layer !== null && kind !== null)
        found.set(`${layer} ${kind}`, { layer, kind });
  const all = [...found.values()];
  const last = Math.max(...all.map(({ layer }) => layer));
  return all.filter(({ layer }) => layer === 0 || layer === last);
}

/** As many lines as a terminal has room for, and where the others are. */
function cut(lines: readonly string[], what: string, where: string): string[] {
  const left = lines.length - shownRows;
  return left <= 0
    ? [...lines]
    : [...lines.slice(0, shownRows), `and ${left} more ${what}; ${where} has all`];
}

/** Tables by study, what is missing, and where the report is. */
export function sweepText(summary: SweepSummary, report: string): string {
  const { title, points, fields, missing, alarms, jobs } = summary;
  const cell = (point: SummarisedPoint, name: string, layer: number | null, kind: string | null) => {
    const found = statisticOf(point, name, layer, kind);
    return found === undefined ? "-" : `${fixed(found.mean)} ${intervalText([found.low, found.high])}`;
  };
  const open = points.filter(({ study }) => study === "persistence");
  const groups = groupsOf(open);
  const head = [
    ...fields.map(({ name }) => name),
    "held-out loss",
    ...groups.map(({ layer, kind }) => `r - null, L${layer} ${kind}`),
  ];
  const rows = open.map((point) => [
    ...fields.map(({ name }) => valueText(point.values[name])),
    cell(point, "heldOutLoss", null, null),
    ...groups.map(({ layer, kind }) => cell(point, "tuningExcess", layer, kind)),
  ]);
  const planned = points.flatMap(({ study, values, verdicts, seeds, departure }) =>
    study === "persistence"
      ? []
      : [
          `  ${[study, ...Object.entries(values).map(([field, value]) => `${field} ${valueText(value)}`)].join(", ")}, ${counted(seeds, "seed")}`,
          ...(departure === null ? [] : [`    ${departure}`]),
          ...verdicts.map(({ statement, verdict }) => `    ${verdict ?? "quick: not decided"}: ${statement}`),
        ],
  );
  return [
    `${title}: ${jobs.done} of ${counted(jobs.total, "job")} done.`,
    ...fields.map(movesText).filter((text) => text !== ""),
    ...cut(alarms, "alarms", "result.json"),
    ...cut(
      missing.map(({ name, reason }) => `Missing: ${name}: ${reason}.`),
      "missing",
      "jobs.json",
    ),
    "",
    ...(rows.length === 0 ? [] : table([head, ...rows.slice(0, shownRows)], fields.length)),
    ...(rows.length > shownRows ? [`  and ${rows.length - shownRows} more, in the report`] : []),
    ...(rows.length === 0 ? [] : ["  means over seeds, in brackets 95 % t intervals", ""]),
    ...(planned.length === 0 ? [] : [...planned, ""]),
    `Report: ${report}`,
  ].join("\n");
}
