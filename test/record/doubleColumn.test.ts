import { parquetReadObjects } from "hyparquet";
import { expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { readDoubleColumn } from "../../src/record/doubleColumn.ts";
import { type Measurement, measurementsToParquet } from "../../src/record/measurements.ts";

const rowsOf = (values: readonly (number | null)[]): Measurement[] =>
  values.map((value, step) => ({
    ...{ arm: "original", model: 0, seed: 0, step, site: "model", unit: null, statistic: "x", value },
  }));
const fileOf = (values: readonly (number | null)[]) => measurementsToParquet(rowsOf(values));
const read = (bytes: Uint8Array, maxRows = 1e6, column = "value") =>
  readDoubleColumn(bytes, { file: "loss.parquet", column, maxRows });

const stream = randomStream("double column");
const series: [what: string, values: number[]][] = [
  ["no rows", []],
  ["one", [0.5]],
  ["all different, in several groups of rows", Array.from({ length: 3500 }, () => stream.normal())],
  ["one value all over", new Array(1500).fill(-2.25)],
  ["few values", Array.from({ length: 2500 }, () => stream.integer(5) / 7)],
  ["many values, each a few times", Array.from({ length: 3000 }, () => stream.integer(700) / 3)],
  ["runs", Array.from({ length: 999 }, (_, i) => Math.floor(i / 40))],
  ["no numbers and infinities", [Number.NaN, 1, Number.NaN, Infinity, -Infinity, -0, 0, 5e-324, 1.7e308]],
];

test.each(series)("a column is what an independent reader makes of it: %s", async (_, values) => {
  const bytes = fileOf(values);
  const rows = await parquetReadObjects({ file: bytes.slice().buffer, columns: ["value"] });
  expect(Array.from(read(bytes))).toEqual(rows.map(({ value }) => value));
  expect(Array.from(read(bytes))).toEqual(values);
});

test.each<[what: string, sentence: string | RegExp, attempt: () => unknown]>([
  [
    "more rows than are wanted",
    "loss.parquet, column value: may have 99 rows; got 100.",
    () => read(fileOf(new Array(100).fill(1)), 99),
  ],
  [
    "a gap",
    /must be as palimpsest writes it; got 1 values that are none\.$/,
    () => read(fileOf([1, null, 2])),
  ],
  [
    "no such column",
    /column loss: must be in every group of rows; got none\.$/,
    () => read(fileOf([1]), 9, "loss"),
  ],
  [
    "a column of texts",
    /column arm: must hold doubles, packed with snappy; got BYTE_ARRAY, SNAPPY\.$/,
    () => read(fileOf([1]), 9, "arm"),
  ],
  ["no Parquet", /must be as palimpsest writes it; got parquet file/, () => read(new Uint8Array(50))],
  [
    "half of one",
    /must be as palimpsest writes it; got parquet file/,
    () => read(fileOf([1, 2]).subarray(0, 90)),
  ],
])("a file is refused in one sentence: %s", (_, sentence, attempt) => {
  expect(attempt).toThrow(FileError);
  expect(attempt).toThrow(sentence);
});

test("whatever byte of a file is another, a reader gets as many numbers as there are rows, or a sentence", () => {
  // runs of equal values: a length that is turned there would fill the memory
  const values = [...new Array(40).fill(0.5), ...new Array(40).fill(0.25)];
  const bytes = fileOf(values);
  let refused = 0;
  for (let at = 0; at < bytes.length; at++)
    for (const byte of [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 0x10]) {
      const copy = bytes.slice();
      copy[at] = byte;
      try {
        expect(read(copy, 80).length).toBeLessThanOrEqual(80);
      } catch (error) {
        expect(error, `byte ${at} = ${byte}`).toBeInstanceOf(FileError);
        refused++;
      }
    }
  expect(refused).toBeGreaterThan(bytes.length);
});
