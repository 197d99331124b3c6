/**
 * The results of a sweep as tidy tables: a number a row, and in the other columns what it is a number of.
 *
 *   job, study   the job's key, and its study
 *   …            a column for each swept field, under its name; null where a study has not that field
 *   seed         null for a number of the job as a whole
 *   statistic    with layer and kind, null where they mean nothing
 *   value        NaN where it could not be measured, as for a network that diverged
 *   low, high    95 % interval over seeds of a number of the job as a whole; else null
 *
 * In the table of points `mean` with its interval, over as many `seeds`, stands in the place of the numbers of seeds.
 */
import { canonicalJson, type JsonValue } from "../../record/canonicalJson.ts";
import type { SweepPlan, SweepPoint } from "./expand.ts";
import type { SweepResult } from "./result.ts";
import type { PointStatistic, SummarisedPoint } from "./summary.ts";
import { openTable, type TidyColumn } from "./tidyTable.ts";

/** A dataset that is being written, in pieces. */
export interface DatasetWriter {
  /** Adds what a job found, for one of its points. */
  add(point: SweepPoint, result: SweepResult): void;
  /** Writes what is left. */
  end(): void;
}

/** Means of points that are being written, in pieces. */
export interface PointsWriter {
  add(point: SummarisedPoint): void;
  /** Writes what is left. */
  end(): void;
}

/** What either table knows of a number. */
interface Row {
  readonly point: SweepPoint;
  readonly statistic: string;
  readonly layer: number | null;
  readonly kind: string | null;
}

interface SeedRow extends Row {
  readonly seed: number | null;
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

type MeanRow = Row & PointStatistic;

type Plan = Pick<SweepPlan, "fields" | "points">;

/** What holds all values of a field. */
function typeOf(values: readonly (JsonValue | undefined)[]): "DOUBLE" | "BOOLEAN" | "STRING" {
  const present = values.filter((value) => value !== null && value !== undefined);
  if (present.every((value) => typeof value === "number")) return "DOUBLE";
  return present.every((value) => typeof value === "boolean") ? "BOOLEAN" : "STRING";
}

function cell(value: JsonValue | undefined, type: string): unknown {
  if (value === null || value === undefined) return null;
  return type === "STRING" && typeof value !== "string" ? canonicalJson(value) : value;
}

function text<R>(name: string, of: (row: R) => string | null, nullable = false): TidyColumn<R> {
  return { name, type: "STRING", nullable, of };
}

function number<R>(name: string, of: (row: R) => number | null, nullable = false): TidyColumn<R> {
  return { name, type: "DOUBLE", nullable, of };
}

/** Where a number belongs. */
function placeColumns<R extends Row>({ fields, points }: Plan): TidyColumn<R>[] {
  return [
    text("job", ({ point }) => point.key),
    text("study", ({ point }) => point.study),
    ...fields.map(({ name }): TidyColumn<R> => {
      const type = typeOf(points.map(({ values }) => values[name]));
      return { name, type, nullable: true, of: ({ point }) => cell(point.values[name], type) };
    }),
  ];
}

/** What it is a number of. */
function statisticColumns<R extends Row>(): TidyColumn<R>[] {
  return [
    text("statistic", ({ statistic }) => statistic),
    { name: "layer", type: "INT32", nullable: true, of: ({ layer }) => layer },
    text("kind", ({ kind }) => kind, true),
  ];
}

/** Begins the dataset of a sweep, a Parquet file whose bytes `append` takes. */
export function openDataset(plan: Plan, append: (bytes: Uint8Array) => void): DatasetWriter {
  const table = openTable<SeedRow>(
    [
      ...placeColumns<SeedRow>(plan),
      {
        ...{ name: "seed", type: "INT64" as const, nullable: true },
        of: ({ seed }) => (seed === null ? null : BigInt(seed)),
      },
      ...statisticColumns<SeedRow>(),
      number("value", ({ value }) => value),
      number("low", ({ low }) => low, true),
      number("high", ({ high }) => high, true),
    ],
    append,
  );
  return {
    add: (point, { job, series, outcomes }) => {
      for (const { statistic, layer, kind, values } of series)
        values.forEach((value, i) => {
          table.add({
            ...{ point, seed: job.seeds[i], statistic, layer, kind, value, low: null, high: null },
          });
        });
      for (const outcome of outcomes)
        table.add({ ...{ point, seed: null, layer: null, kind: null }, ...outcome });
    },
    end: table.end,
  };
}

/** Begins the means over seeds of a sweep's points, a Parquet file whose bytes `append` takes. */
export function openPoints(plan: Plan, append: (bytes: Uint8Array) => void): PointsWriter {
  const table = openTable<MeanRow>(
    [
      ...placeColumns<MeanRow>(plan),
      ...statisticColumns<MeanRow>(),
      number("mean", ({ mean }) => mean),
      number("low", ({ low }) => low),
      number("high", ({ high }) => high),
      { name: "seeds", type: "INT32", nullable: false, of: ({ seeds }) => seeds },
    ],
    append,
  );
  return {
    add: (point) => {
      for (const statistic of point.statistics) table.add({ point, ...statistic });
    },
    end: table.end,
  };
}
