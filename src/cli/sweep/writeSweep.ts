/** The files of a sweep's run folder: its dataset, jobs, figures and report. */
import { setImmediate as turn } from "node:timers/promises";
import { renderFigure } from "../../figures/index.ts";
import { readableJson } from "../../record/canonicalJson.ts";
import { openDataset, openPoints } from "../../studies/sweep/dataset.ts";
import type { SweepPlan, SweepPoint } from "../../studies/sweep/expand.ts";
import { sweepFigures } from "../../studies/sweep/figures.ts";
import { sweepReport } from "../../studies/sweep/report.ts";
import {
  type MissingJob,
  type SummarisedPoint,
  type SweepSummary,
  shownOf,
  summarisePoint,
} from "../../studies/sweep/summary.ts";
import type { RunFolder } from "../runFolder.ts";
import type { Printed } from "../runs/inRun.ts";
import { drawingDocument } from "../svgFile.ts";
import type { SweepStore } from "./store.ts";
import { type GivenUp, readsPerTurn, stopped } from "./sweepJobs.ts";
import type { ShownJob } from "./sweepProgress.ts";
import { sweepText } from "./sweepText.ts";
import { differsText, type Program } from "./workplace.ts";

/** What the files are made from. */
export interface SweepWriting {
  readonly plan: SweepPlan;
  readonly jobs: readonly ShownJob[];
  readonly store: SweepStore;
  readonly givenUp: GivenUp;
  readonly folder: RunFolder;
  /** The command that makes the run again. */
  readonly command: string;
  readonly program: Program;
  /** Once aborted the files are left unwritten, by an Error. */
  readonly signal: AbortSignal;
}

/**
 * Most points whose numbers are printed, each about 15 kB of text: more would make a `result.json` that no reader takes.
 * The numbers of all are in `points.parquet`.
 */
const printedPoints = 2000;

/** Jobs whose text is written at a time. */
const jobsAtOnce = 500;

/** Writes `jobs.json`: a list of all jobs, which would be too long for one text. */
function writeJobs(folder: RunFolder, jobs: readonly ShownJob[], reasons: ReadonlyMap<string, string>): void {
  const file = folder.begin("jobs.json");
  const encoder = new TextEncoder();
  const textOf = ({ key, job: { study, config, seeds }, name, size }: ShownJob) => {
    const reason = reasons.get(key) ?? null;
    const entry = { key, study, name, done: reason === null, reason, ...size, config, seeds };
    return `  ${readableJson(entry).replaceAll("\n", "\n  ")}`;
  };
  for (let from = 0; from < jobs.length; from += jobsAtOnce) {
    const texts = jobs.slice(from, from + jobsAtOnce).map(textOf);
    file.append(encoder.encode(`${from === 0 ? "[" : ","}\n${texts.join(",\n")}`));
  }
  file.append(encoder.encode("\n]\n"));
  file.end();
}

/** What the results of a sweep come to. */
interface Found {
  readonly summarised: ReadonlyMap<SweepPoint, SummarisedPoint>;
  readonly missing: readonly MissingJob[];
  readonly models: number;
}

/** Reads all results, one after the other, and writes their numbers into the two tables. */
async function readResults(writing: SweepWriting, isMany: boolean): Promise<Found> {
  const { plan, jobs, store, givenUp, folder, signal } = writing;
  const pointsOf = new Map<string, SweepPoint[]>();
  for (const point of plan.points) {
    const points = pointsOf.get(point.key);
    if (points === undefined) pointsOf.set(point.key, [point]);
    else points.push(point);
  }
  const files = ["dataset.parquet", "points.parquet"].map((name) => folder.begin(name));
  try {
    const dataset = openDataset(plan, files[0].append);
    const means = openPoints(plan, files[1].append);
    const summarised = new Map<SweepPoint, SummarisedPoint>();
    const missing: MissingJob[] = [];
    let models = 0;
    for (const [i, { key, job, name, size }] of jobs.entries()) {
      if (i % readsPerTurn === 0) await turn();
      if (signal.aborted) throw new Error(stopped);
      const result = await store.read(key);
      if (result === null) {
        const reason = givenUp.get(key) ?? "its result was damaged after it was read";
        missing.push({ key, study: job.study, name, reason: reason.replace(/\.$/, "") });
        continue;
      }
      models += size.models;
      for (const point of pointsOf.get(key) ?? []) {
        dataset.add(point, result);
        const found = summarisePoint(point, result);
        means.add(found);
        summarised.set(point, isMany ? shownOf(found) : found);
      }
    }
    dataset.end();
    means.end();
    for (const file of files) file.end();
    return { summarised, missing, models };
  } catch (error) {
    for (const file of files) file.abandon();
    throw error;
  }
}

/** Writes the files; one result is in memory at a time. */
export async function writeSweep(writing: SweepWriting): Promise<Printed> {
  const { plan, jobs, store, folder, command, program } = writing;
  const isMany = plan.points.length > printedPoints;
  const { summarised, missing, models } = await readResults(writing, isMany);
  const points = plan.points.flatMap((point) => summarised.get(point) ?? []);
  const keys = new Set(jobs.map(({ key }) => key));
  const alarms = [...(await store.evidence())].flatMap(([key, files]) =>
    keys.has(key) ? files.map((file) => differsText(key, file)) : [],
  );
  const summary: SweepSummary = {
    ...{ study: "sweep", title: plan.spec.title, status: missing.length === 0 ? "complete" : "partial" },
    ...{ studies: plan.spec.studies, fields: plan.fields },
    ...{ jobs: { total: jobs.length, done: jobs.length - missing.length }, models, missing, alarms, points },
  };
  writeJobs(folder, jobs, new Map(missing.map(({ key, reason }) => [key, reason])));
  const document = drawingDocument();
  const figures = sweepFigures(summary);
  for (const figure of figures) folder.write(`figures/${figure.name}.svg`, renderFigure(figure, document));
  const facts: [string, string][] = [
    ["Palimpsest", program.version],
    ["kernels", program.engineOf("wasm")?.slice(0, 16) ?? "none"],
  ];
  folder.write("report.html", sweepReport({ summary, figures, command, facts, document }));
  const pass = missing.length === 0 && alarms.length === 0;
  return (place) => ({
    result: { ...summary, points: isMany ? null : points, pass, run: place },
    summary: sweepText(summary, `${place}/report.html`),
    exitCode: pass ? 0 : 1,
  });
}
