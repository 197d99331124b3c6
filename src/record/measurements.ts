/**
 * Measurements as a tidy table: one number a row, and in the other columns what it is a number of.
 *
 * Parquet, so that pandas, DuckDB and this project's page read the same bytes. The same rows give the same bytes.
 */
import { parquetWriteBuffer } from "hyparquet-writer";
import { ArgumentError } from "../base/errors.ts";

/** One measured number. */
export interface Measurement {
  /** Arm of the study, e.g. a preset. */
  readonly arm: string;
  /** Index in the population, from 0. */
  readonly model: number;
  readonly seed: number;
  /** Optimiser updates made before the measurement. */
  readonly step: number;
  /** Hook point, or `model` for what belongs to no site. */
  readonly site: string;
  /** Index of the unit at that site; null for what belongs to the site as a whole. */
  readonly unit: number | null;
  /** What was measured, e.g. `eta2.token` or `loss.heldOut`. */
  readonly statistic: string;
  /** NaN and infinities are kept; null where the statistic is not defined. Probabilities are stored as ln p. */
  readonly value: number | null;
}

const int32Limit = 2 ** 31 - 1;

function whole(column: string, value: number, row: number, high: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= high) return value;
  throw new ArgumentError({
    where: `measurement ${row}, ${column}`,
    rule: `must be a whole number, 0 to ${high}`,
    got: String(value),
  });
}

/**
 * The bytes of a Parquet file, snappy-compressed: arm, site, statistic as text, model, step, unit as int32, seed as
 * int64, value as double; unit and value may be null.
 *
 * @param rows  in the order in which they are to stand; none gives a file with columns and no rows
 * @throws ArgumentError naming the row, for an index that is no whole number or beyond its type
 */
export function measurementsToParquet(rows: readonly Measurement[]): Uint8Array {
  const index = (column: "model" | "step" | "unit") =>
    rows.map((row, i) => (row[column] === null ? null : whole(column, row[column], i, int32Limit)));
  const seeds = rows.map(({ seed }, i) => BigInt(whole("seed", seed, i, Number.MAX_SAFE_INTEGER)));
  const text = (column: "arm" | "site" | "statistic") => rows.map((row) => row[column]);
  const file = parquetWriteBuffer({
    createdBy: "palimpsest",
    columnData: [
      { name: "arm", data: text("arm"), type: "STRING", nullable: false },
      { name: "model", data: index("model"), type: "INT32", nullable: false },
      { name: "seed", data: seeds, type: "INT64", nullable: false },
      { name: "step", data: index("step"), type: "INT32", nullable: false },
      { name: "site", data: text("site"), type: "STRING", nullable: false },
      { name: "unit", data: index("unit"), type: "INT32", nullable: true },
      { name: "statistic", data: text("statistic"), type: "STRING", nullable: false },
      { name: "value", data: rows.map(({ value }) => value), type: "DOUBLE", nullable: true },
    ],
  });
  return new Uint8Array(file);
}
