/** What was measured of a run as one tidy table, a row for each number: the rows that a run folder has too. */
import type { Measurement } from "../../../src/record/measurements.ts";
import { measurementRows } from "../../../src/studies/persistence/study.ts";
import type { ArmResult } from "../../../src/studies/population/gather.ts";

/** Every measurement of every look that was kept, and the training losses. */
export function tableRows(preset: string, result: ArmResult): Measurement[] {
  const looks = result.checkpoints.flatMap((_, at) => measurementRows(preset, result, at));
  const losses = result.losses.flatMap((ofModel, model) =>
    Array.from(ofModel, (value, step) => ({
      ...{ arm: preset, model, seed: result.models[model].init, step, site: "model" },
      ...{ unit: null, statistic: "trainingLoss", value },
    })),
  );
  return [...looks, ...losses];
}

const columns = ["arm", "model", "seed", "step", "site", "unit", "statistic", "value"] as const;

/** A table as CSV (RFC 4180): a line a row, numbers in full, nothing where a number is missing. */
export function csvOf(rows: readonly Measurement[]): string {
  const cell = (value: string | number | null) => {
    if (value === null || Number.isNaN(value)) return "";
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(","));
  return `${[columns.join(","), ...lines].join("\r\n")}\r\n`;
}

/** A name that every file system takes. */
export function fileName(name: string): string {
  return name.replace(/[^A-Za-z0-9-]+/g, "-").replace(/^-+|-+$/g, "") || "run";
}
