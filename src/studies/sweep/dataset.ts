/**
 * The results of a sweep as one tidy table: a number a row, and in the other columns what it is a number of.
 *
 *   job, study   the job's key, and its study
 *   …            a column for each swept field, under its name; null where a study has not that field
 *   seed         null for a number of the job as a whole
 *   statistic    with layer and kind, null where they mean nothing
 *   value        NaN where it could not be measured, as for a network that diverged
 *   low, high    95 % interval over seeds of a number of the job as a whole; else null
 */
import { ByteWriter, type ColumnSource, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";
import { canonicalJson, type JsonValue } from "../../record/canonicalJson.ts";
import type { SweepPlan, SweepPoint } from "./expand.ts";
import type { SweepResult } from "./result.ts";

/** A dataset that is being written, in pieces: a large one is never in memory as rows. */
export interface DatasetWriter {
  /** Adds what a job found, for one of its points. */
  add(point: SweepPoint, result: SweepResult): void;
  /** The bytes of the Parquet file, snappy-compressed; the same rows give the same bytes. */
  end(): Uint8Array;
}

interface Row {
  readonly point: SweepPoint;
  readonly seed: number | null;
  readonly statistic: string;
  readonly layer: number | null;
  readonly kind: string | null;
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Rows of a piece: a row group of the file. */
const groupRows = 50_000;

type ColumnType = "DOUBLE" | "BOOLEAN" | "STRING";

/** What holds all values of a field. */
function typeOf(values: readonly (JsonValue | undefined)[]): ColumnType {
  const present = values.filter((value) => value !== null && value !== undefined);
  if (present.every((value) => typeof value === "number")) return "DOUBLE";
  return present.every((value) => typeof value === "boolean") ? "BOOLEAN" : "STRING";
}

function cell(value: JsonValue | undefined, type: ColumnType): unknown {
  if (value === null || value === undefined) return null;
  return type === "STRING" && typeof value !== "string" ? canonicalJson(value) : value;
}

/** The rows of a job's result at one of its points. */
function rowsOf(point: SweepPoint, { job, series, outcomes }: SweepResult): Row[] {
  return [
    ...series.flatMap(({ statistic, layer, kind, values }) =>
      values.map((value, i) => ({
        ...{ point, seed: job.seeds[i], statistic, layer, kind, value, low: null, high: null },
      })),
    ),
    ...outcomes.map((outcome) => ({ ...{ point, seed: null, layer: null, kind: null }, ...outcome })),
  ];
}

/** Begins the dataset of a sweep. */
export function openDataset({ fields, points }: Pick<SweepPlan, "fields" | "points">): DatasetWriter {
  const swept = fields.map(({ name }) => ({ name, type: typeOf(points.map(({ values }) => values[name])) }));
  const columnsOf = (rows: readonly Row[]): ColumnSource[] => {
    const text = (name: string, of: (row: Row) => string | null, nullable: boolean) => ({
      ...{ name, type: "STRING" as const, nullable, data: rows.map(of) },
    });
    const number = (name: string, type: "INT32" | "DOUBLE", of: (row: Row) => number | null) => ({
      ...{ name, type, nullable: name !== "value", data: rows.map(of) },
    });
    return [
      text("job", ({ point }) => point.key, false),
      text("study", ({ point }) => point.study, false),
      ...swept.map(({ name, type }) => ({
        ...{ name, type, nullable: true, data: rows.map(({ point }) => cell(point.values[name], type)) },
      })),
      {
        ...{ name: "seed", type: "INT64" as const, nullable: true },
        data: rows.map(({ seed }) => (seed === null ? null : BigInt(seed))),
      },
      text("statistic", ({ statistic }) => statistic, false),
      number("layer", "INT32", ({ layer }) => layer),
      text("kind", ({ kind }) => kind, true),
      number("value", "DOUBLE", ({ value }) => value),
      number("low", "DOUBLE", ({ low }) => low),
      number("high", "DOUBLE", ({ high }) => high),
    ];
  };
  const writer = new ByteWriter();
  const file = new ParquetWriter({
    ...{ writer, createdBy: "palimpsest", schema: schemaFromColumnData({ columnData: columnsOf([]) }) },
  });
  let rows: Row[] = [];
  const flush = () => {
    // the types are in the schema
    const columnData = columnsOf(rows).map(({ name, data }) => ({ name, data }));
    file.write({ columnData, rowGroupSize: groupRows });
    rows = [];
  };
  return {
    add: (point, result) => {
      // one by one: a job of ten thousand seeds has more rows than a call takes arguments
      for (const row of rowsOf(point, result)) rows.push(row);
      if (rows.length >= groupRows) flush();
    },
    end: () => {
      if (rows.length > 0) flush();
      file.finish();
      return new Uint8Array(writer.getBuffer());
    },
  };
}
