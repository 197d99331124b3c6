/** The rule by which cells of `inspect` are marked, against draws whose law is known. */
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { correctedP, judgeCells, type Measured, marked } from "../../src/cli/inspect/judged.ts";
import { clopperPearson, tInterval } from "../../src/stats/intervals.ts";

const stream = randomStream("test", "judged");
const CELLS = 12;
/** Cells of one network share a part, so they are no independent tests, and some spread far more than others. */
function network(draw = stream): number[] {
  const shared = draw.normal();
  return Array.from({ length: CELLS }, (_, cell) => (1 + cell) * (shared + draw.normal()) + 5 * cell);
}
const measured = (networks: readonly number[][]): Measured => ({
  ...{ models: networks.length, cells: CELLS, rows: 1 },
  values: networks.flat(),
});

test.each(["two-sided", "greater"] as const)(
  "of random networks, %s, one in twenty has a marked cell anywhere in its table",
  (direction) => {
    const tables = 600;
    let wrong = 0;
    for (let table = 0; table < tables; table++) {
      const drawn = Array.from({ length: 39 }, () => network());
      const cells = judgeCells(measured([network()]), measured(drawn), { direction, stream });
      if (cells.some(marked)) wrong++;
    }
    // exact: p is a rank among 40 exchangeable tables, at most 0.05 for two of them
    const { low, high } = clopperPearson(wrong, tables, 0.999);
    expect(low).toBeLessThanOrEqual(0.05);
    expect(high).toBeGreaterThanOrEqual(0.025);
  },
);

test("means over seeds are held against means of as many networks", () => {
  const tables = 200;
  let wrong = 0;
  for (let table = 0; table < tables; table++) {
    const drawn = Array.from({ length: 99 }, () => network());
    const own = Array.from({ length: 5 }, () => network());
    const cells = judgeCells(measured(own), measured(drawn), { direction: "two-sided", stream });
    if (cells.some(marked)) wrong++;
  }
  // groups are drawn out of one pool of 99, so the level is kept about, not exactly
  expect(clopperPearson(wrong, tables, 0.999).low).toBeLessThanOrEqual(0.06);
});

test("a cell far beyond its null is marked, whatever the scale of the others; the others are not", () => {
  const drawn = measured(Array.from({ length: 99 }, () => network()));
  const own = network().map((_, cell) => 5 * cell);
  own[0] += 40; // 28 of its standard deviations; of the last cell's, 2
  const cells = judgeCells(measured([own]), drawn, { direction: "two-sided", stream });
  expect(cells.map(marked)).toEqual(own.map((_, cell) => cell === 0));
  expect(cells[0].p).toBe(1 / 100);
});

test("an estimate is the mean, its interval that of t over networks, or over sequences where there is one", () => {
  const values = [1, 2, 4, Number.NaN, 3, 5, 5, 6];
  const options = { direction: "greater", stream } as const;
  const [overSeeds] = judgeCells({ models: 2, cells: 1, rows: 4, values }, null, options);
  const means = [(1 + 2 + 4) / 3, (3 + 5 + 5 + 6) / 4];
  const { estimate, low, high } = tInterval(means);
  expect(overSeeds).toEqual({ estimate, interval: [low, high], null: null, p: null });
  const [overRows] = judgeCells({ models: 1, cells: 1, rows: 4, values: values.slice(4) }, null, options);
  const rows = tInterval(values.slice(4));
  expect(overRows).toEqual({ estimate: 4.75, interval: [rows.low, rows.high], null: null, p: null });
});

test("a cell without a number has no p, and none whose draws are all one; one that hardly varies is judged", () => {
  const draws = [
    [1, 1, 1, 1],
    [2, 3, 4, 5],
    [0, 0, 0, 7],
  ];
  // the third cell: centre 0, mean absolute deviation (0.5 + 7) / 5 = 1.5, so that one draw lies at 4.67 and 0.5 at 0.33
  expect(correctedP([1, Number.NaN, 0.5], draws, "two-sided")).toEqual([null, null, expect.any(Number)]);
  expect(correctedP([5, Number.NaN, 9], draws, "two-sided")).toEqual([null, null, 1 / 5]);
});

test("too few draws for means over so many networks are refused in words", () => {
  const five = measured(Array.from({ length: 5 }, () => network()));
  expect(() => judgeCells(five, five, { direction: "greater", stream })).toThrow(
    "--draws: a null of means of 5 networks needs at least 10; got 5.",
  );
});
