import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { type Measurement, measurementsToParquet } from "../../src/record/measurements.ts";

async function readBack(bytes: Uint8Array): Promise<Record<string, unknown>[]> {
  const rows = await parquetReadObjects({ file: bytes.slice().buffer });
  return rows.map((row) => ({ ...row, seed: Number(row.seed) }));
}

const row: Measurement = {
  arm: "causal",
  model: 0,
  seed: 0,
  step: 160,
  site: "blocks.0.mlp.hook_post",
  unit: 17,
  statistic: "eta2.token",
  value: 0.25,
};

test("another implementation reads back every row, with nulls, NaN, infinities and seeds beyond 32 bits", async () => {
  const rows = [
    row,
    { ...row, unit: null, value: null, statistic: "défini" },
    { ...row, value: Number.NaN },
    { ...row, value: Number.NEGATIVE_INFINITY },
    { ...row, seed: Number.MAX_SAFE_INTEGER, value: 5e-324 },
  ];
  expect(await readBack(measurementsToParquet(rows))).toEqual(rows);
});

test("five thousand random rows are read back equal, and written twice are the same bytes", async () => {
  const stream = randomStream("measurements");
  const rows = Array.from(
    { length: 5000 },
    (_, i): Measurement => ({
      arm: ["original", "causal"][stream.integer(2)],
      model: stream.integer(30),
      seed: stream.integer(1000),
      step: stream.integer(160),
      site: `blocks.${stream.integer(2)}.mlp.hook_post`,
      unit: stream.integer(10) === 0 ? null : stream.integer(64),
      statistic: "tuningR",
      value: i % 50 === 0 ? null : stream.normal(),
    }),
  );
  const bytes = measurementsToParquet(rows);
  expect(await readBack(bytes)).toEqual(rows);
  expect(measurementsToParquet(rows)).toEqual(bytes);
});

test("a table without rows still has its columns and their types", async () => {
  const bytes = measurementsToParquet([]);
  const { schema } = parquetMetadata(bytes.slice().buffer);
  const columns = schema.slice(1).map(({ name, type, repetition_type }) => [name, type, repetition_type]);
  expect(columns).toEqual([
    ["arm", "BYTE_ARRAY", "REQUIRED"],
    ["model", "INT32", "REQUIRED"],
    ["seed", "INT64", "REQUIRED"],
    ["step", "INT32", "REQUIRED"],
    ["site", "BYTE_ARRAY", "REQUIRED"],
    ["unit", "INT32", "OPTIONAL"],
    ["statistic", "BYTE_ARRAY", "REQUIRED"],
    ["value", "DOUBLE", "OPTIONAL"],
  ]);
  expect(await readBack(bytes)).toEqual([]);
});

test("indices that are no whole numbers of their type are refused with their row", () => {
  expect(() => measurementsToParquet([row, { ...row, unit: 1.5 }])).toThrow(
    "measurement 1, unit: must be a whole number, 0 to 2147483647; got 1.5.",
  );
  expect(() => measurementsToParquet([{ ...row, seed: -1 }])).toThrow("measurement 0, seed");
});
