import { expect, test } from "vitest";
import { randomStream, threefry2x32 } from "../../src/base/random.ts";

test("Threefry-2x32-20 gives the known answers of Random123", () => {
  expect(threefry2x32([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
  const ones = 0xffffffff;
  expect(threefry2x32([ones, ones], [ones, ones])).toEqual([0x1cb996fc, 0xbb002be7]);
  expect(threefry2x32([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual([0xc4923a9c, 0x483df7a0]);
});

test("streams of different keys are different, of equal keys equal", () => {
  const draws = (...key: (string | number)[]) => {
    const stream = randomStream(...key);
    return Array.from({ length: 8 }, () => stream.uint32());
  };
  expect(draws("s", 1, "init")).toEqual(draws("s", 1, "init"));
  expect(draws("s", 1, "init")).not.toEqual(draws("s", 1, "data"));
  expect(draws("s", 1, "init")).not.toEqual(draws("s", 2, "init"));
  expect(draws("a", "b")).not.toEqual(draws("ab"));
});

test("normal draws have the moments of a standard normal", () => {
  const stream = randomStream("moments");
  const n = 200_000;
  let [sum, square, fourth] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const z = stream.normal();
    sum += z;
    square += z * z;
    fourth += z ** 4;
  }
  // four standard errors: sqrt(1/n), sqrt(2/n), sqrt(96/n)
  expect(Math.abs(sum / n)).toBeLessThan(4 * Math.sqrt(1 / n));
  expect(Math.abs(square / n - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
  expect(Math.abs(fourth / n - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
});

test("integers are uniform and permutations hold every element", () => {
  const stream = randomStream("integers");
  const counts = new Array(7).fill(0);
  for (let i = 0; i < 70_000; i++) counts[stream.integer(7)]++;
  const chi2 = counts.reduce((sum, c) => sum + (c - 10_000) ** 2 / 10_000, 0);
  expect(chi2).toBeLessThan(22.46); // 99.9 % point of chi-squared with 6 degrees of freedom
  expect([...stream.permutation(50)].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
});
