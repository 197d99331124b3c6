import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { holmFamily } from "../../src/studies/protocol/family.ts";
import { overSeeds } from "../../src/studies/protocol/outcome.ts";

/** Quantiles below come from a printed table with four decimals. */
const TABLE = 1e-3;

const member = (name: string, bySeed: readonly number[]) => ({ name, label: name, nothing: 0, bySeed });

test("intervals of a family of two are those of 97.5 %, and the smaller p counts twice", () => {
  const [a, b] = [
    [1, 2, 3, 4, 5],
    [0.5, -0.5, 1, 0, 1.5],
  ];
  const [first, second] = holmFamily([member("a", a), member("b", b)]);
  // t of 4 degrees of freedom at 98.75 %: 3.4954; standard error √(2.5/5)
  expect(Math.abs(first.interval[1] - (3 + 3.4954 * Math.sqrt(0.5)))).toBeLessThan(TABLE);
  expect(Math.abs(first.interval[0] - (3 - 3.4954 * Math.sqrt(0.5)))).toBeLessThan(TABLE);
  const [pa, pb] = [a, b].map((bySeed) => overSeeds(bySeed, member("", bySeed)).p as number);
  expect(first.p).toBe(2 * pa);
  expect(second.p).toBe(pb);
  expect(first.interval90).toEqual(overSeeds(a, member("", a)).interval90);
  expect(first.method).toContain("2 intervals together");
});

test("a member that cannot be tested has no p and takes none from the others", () => {
  const [still, moved] = holmFamily([member("still", [0, 0, 0]), member("moved", [1, 2, 4])]);
  expect(still.p).toBeNull();
  expect(moved.p).toBe(overSeeds([1, 2, 4], member("", [])).p);
  const [alone] = holmFamily([member("alone", [1, Number.NaN])]);
  expect(alone.interval).toEqual([Number.NaN, Number.NaN]);
  expect(alone.seeds).toBe(1);
});

test("of families in which nothing is true one in twenty has an interval without zero", () => {
  const stream = randomStream("families");
  const families = 1500;
  let wrong = 0;
  for (let family = 0; family < families; family++) {
    const outcomes = holmFamily(
      Array.from({ length: 4 }, (_, i) =>
        member(
          String(i),
          Array.from({ length: 10 }, () => stream.normal()),
        ),
      ),
    );
    if (outcomes.some(({ interval: [low, high] }) => low > 0 || high < 0)) wrong++;
  }
  // 1 − 0.9875⁴ = 0.049; standard error 0.0056
  expect(Math.abs(wrong / families - 0.049)).toBeLessThan(0.02);
});
