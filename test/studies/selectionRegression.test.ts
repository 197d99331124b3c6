import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { renderFigureHtml } from "../../src/figures/index.ts";
import { decide } from "../../src/studies/protocol/rule.ts";
import { selectionRegression } from "../../src/studies/selectionRegression/index.ts";
import type { Numbers, SelectionTold } from "../../src/studies/selectionRegression/measure.ts";

const { plan, arms, measure, conclude } = selectionRegression;
const seeds = Array.from({ length: 20 }, (_, seed) => seed);
const size = { seeds, quick: true };
const wiggle = (seed: number) => 0.02 * Math.sin(2 * seed + 1); // seeds differ, or no interval has a width

/** A difference and a rank correlation for each group. */
type Planted = readonly (readonly [difference: number, rank: number])[];

function numbersOf(difference: number, rank: number, seed: number): Numbers {
  return {
    ...{ topBefore: 0.7, topAfter: 0.5 + difference, predicted: 0.5 },
    ...{ allBefore: 0.4, allAfter: 0.35 },
    ...{
      difference: difference + wiggle(seed),
      spearman: rank + wiggle(seed),
      oldham: -0.2,
      blomqvist: -0.4,
    },
    ...{ reliability: 0.99, excluded: 1 },
  };
}

const told = (planted: Planted): SelectionTold[] =>
  seeds.map((seed) => ({
    diverged: false,
    own: planted.map(([difference, rank], group) => numbersOf(difference, rank, seed + group)),
    stranger: planted.map((_, group) => numbersOf(0, 0, seed + group)),
    noise: planted.map((_, group) => numbersOf(0, 0.2, seed + group)),
  }));
const findings = (planted: Planted) =>
  conclude(
    new Map([
      ["base", told(planted)],
      ["original", told(planted)],
    ]),
    size,
  );
const verdict = (planted: Planted) => decide(plan.rules[0], findings(planted).outcomes).verdict;

test("three groups beyond the prediction and positively ranked support it, two at the prediction refute it", () => {
  const [strong, none] = [[0.1, 0.4] as const, [0, 0.4] as const];
  expect(verdict([strong, strong, strong, none])).toBe("supported");
  expect(verdict([strong, strong, none, none])).toBe("refuted");
  expect(verdict([strong, strong, strong, [0.1, 0]])).toBe("supported");
  // beyond the prediction in two groups but unranked: neither enough nor nothing
  expect(verdict([strong, strong, [0.1, 0], [0.1, -0.2]])).toBe("undecided");
  expect(verdict([none, none, [-0.1, 0], [-0.1, 0]])).toBe("refuted");
});

test("rank correlations are averaged through Fisher's z, and their interval is that of z", () => {
  const { outcomes } = findings([
    [0, 0.5],
    [0, 0.5],
    [0, 0.5],
    [0, 0.5],
  ]);
  const { estimate, interval, method } = outcomes.find(({ name }) => name === "rank L0 token")!;
  const z = seeds.map((seed) => Math.atanh(0.5 + wiggle(seed)));
  const mean = z.reduce((a, b) => a + b) / z.length;
  expect(estimate).toBeCloseTo(Math.tanh(mean), 12);
  const spread = Math.sqrt(z.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 19 / 20);
  // t of 19 degrees of freedom at 99.375 %, from tables
  const half = 2.7593 * spread;
  expect(interval[0]).toBeCloseTo(Math.tanh(mean - half), 5);
  expect(interval[1]).toBeCloseTo(Math.tanh(mean + half), 5);
  expect(method).toContain("Fisher");
});

const context = { backend: wasmBackend(), progress: () => {} };
const short = arms(size).map((arm) => ({
  ...arm,
  blocks: 4,
  growth: { ...arm.growth, steps: 4, checkpoints: [0, 4] },
}));

test("what a seed tells does not depend on the seeds beside it", async () => {
  const whole = await measure(short[0], [0, 1, 2], context);
  expect([...(await measure(short[0], [0], context)), ...(await measure(short[0], [1, 2], context))]).toEqual(
    whole,
  );
});

test("of networks that are not trained the strongest units lose nothing that the line does not foresee", async () => {
  const [still] = await measure({ ...short[1], growth: { ...short[1].growth, rate: 1e-9 } }, [7], context);
  for (const { difference, topBefore, topAfter, reliability } of still.own) {
    // two halves of a small probe: the contexts of 20 sequences
    expect(Math.abs(difference)).toBeLessThan(0.03);
    expect(Math.abs(topAfter - topBefore)).toBeLessThan(0.05);
    expect(reliability).toBeGreaterThan(0.97);
  }
  // strangers fall to the mean of all units
  const fall = still.stranger.map(({ topBefore, topAfter }) => topBefore - topAfter);
  for (const value of fall) expect(value).toBeGreaterThan(0.1);
});

test("figures draw every group of every arm and tables have their columns", () => {
  const { document } = parseHTML("<html><body></body></html>");
  const { figures, tables } = findings([
    [0.1, 0.4],
    [0, 0.4],
    [0, 0.4],
    [0, 0.4],
  ]);
  expect(figures[0].title).toContain("base: beyond the prediction in 1 of 4 groups, positively ranked in 4");
  expect(figures[1].title).toContain("L0 token 0.70 → 0.60 (0.50)");
  for (const figure of figures) {
    const html = renderFigureHtml(figure, document);
    expect(html).toContain("<b>Null:</b>");
    expect(html.match(/.{0,30}(NaN|Infinity|undefined).{0,20}/g)).toBeNull();
  }
  for (const { columns, rows } of tables) for (const row of rows) expect(row.length).toBe(columns.length);
});
