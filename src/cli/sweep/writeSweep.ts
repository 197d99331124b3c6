/** The files of a sweep's run folder: its dataset, jobs, figures and report. */
import { renderFigure } from "../../figures/index.ts";
import { readableJson } from "../../record/canonicalJson.ts";
import { openDataset } from "../../studies/sweep/dataset.ts";
import type { SweepPlan, SweepPoint } from "../../studies/sweep/expand.ts";
import { sweepFigures } from "../../studies/sweep/figures.ts";
import { sweepReport } from "../../studies/sweep/report.ts";
import {
  type MissingJob,
  type SummarisedPoint,
  type SweepSummary,
  summarisePoint,
} from "../../studies/sweep/summary.ts";
import type { RunFolder } from "../runFolder.ts";
import type { Printed } from "../runs/inRun.ts";
import { drawingDocument } from "../svgFile.ts";
import type { SweepStore } from "./store.ts";
import type { GivenUp } from "./sweepJobs.ts";
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
}

/** Reads all results and writes the files; one result is in memory at a time. */
export async function writeSweep(writing: SweepWriting): Promise<Printed> {
  const { plan, jobs, store, givenUp, folder, command, program } = writing;
  const dataset = openDataset(plan);
  const pointsOf = new Map<string, SweepPoint[]>();
  for (const point of plan.points) pointsOf.set(point.key, [...(pointsOf.get(point.key) ?? []), point]);
  const summarised = new Map<SweepPoint, SummarisedPoint>();
  const missing: MissingJob[] = [];
  let models = 0;
  for (const { key, job, name, size } of jobs) {
    const result = await store.read(key);
    if (result === null) {
      const reason = givenUp.get(key) ?? "its result was damaged after it was read";
      missing.push({ key, study: job.study, name, reason: reason.replace(/\.$/, "") });
      continue;
    }
    models += size.models;
    for (const point of pointsOf.get(key) ?? []) {
      dataset.add(point, result);
      summarised.set(point, summarisePoint(point, result));
    }
  }
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
  const listed = jobs.map(({ key, job, name, size }) => {
    const reason = missing.find((each) => each.key === key)?.reason ?? null;
    return {
      key,
      study: job.study,
      name,
      done: reason === null,
      reason,
      ...size,
      config: job.config,
      seeds: job.seeds,
    };
  });
  folder.write("dataset.parquet", dataset.end());
  folder.write("jobs.json", `${readableJson(listed)}\n`);
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
    result: { ...summary, pass, run: place },
    summary: sweepText(summary, `${place}/report.html`),
    exitCode: pass ? 0 : 1,
  });
}
