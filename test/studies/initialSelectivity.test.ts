import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { renderFigureHtml } from "../../src/figures/index.ts";
import { initialSelectivity } from "../../src/studies/initialSelectivity/index.ts";
import type { SelectivityTold, Shares } from "../../src/studies/initialSelectivity/measure.ts";
import { decide } from "../../src/studies/protocol/rule.ts";

const { plan, arms, measure, conclude } = initialSelectivity;
const seeds = [0, 1, 2, 3, 4, 5];
const size = { seeds, quick: true };

/** Shares about a mean, different in each seed. */
const about = (mean: number, seed: number): Shares => {
  const values = Float32Array.from({ length: 16 }, (_, unit) => mean + 0.01 * Math.sin(unit + 3 * seed));
  return { token: values, position: values };
};

/** What networks tell whose mean eta² in layer 0 is `above` that of their null, in layer 1 the null's. */
const planted = (above: number): SelectivityTold[] =>
  seeds.map((seed) => ({
    layers: [about(0.4 + above, seed), about(0.4, seed)],
    nulls: [about(0.4, seed), about(0.4, seed + 0.5)],
    dead: 1,
    screened: [0, 1].map(() => ({
      token: { selective: 1, chance: 0.01 },
      position: { selective: 0.5, chance: 0.01 },
    })),
  }));

const names = Array.from({ length: 20 }, (_, i) => (i === 0 ? "base" : `configuration ${i}`));
/** Findings where the first `count` configurations have structure and the others have none. */
const findings = (count: number, above: number) =>
  conclude(new Map(names.map((name, i) => [name, planted(i < count ? above : 0)])), size);
const verdict = (count: number, above: number) =>
  decide(plan.rules[0], findings(count, above).outcomes).verdict;

test("the claim falls where 16 of 20 configurations have what the null has, and not with 15", () => {
  expect(verdict(0, 0)).toBe("refuted");
  expect(verdict(4, 0.1)).toBe("refuted");
  expect(verdict(5, 0.1)).toBe("undecided");
  expect(verdict(16, 0.1)).toBe("supported");
  expect(verdict(20, 0.04)).toBe("undecided"); // beyond the margin, short of structure
  expect(verdict(20, -0.1)).toBe("undecided");
});

test("outcomes are the planted differences and shares", () => {
  const { outcomes, notes } = findings(4, 0.1);
  const estimate = (name: string) => outcomes.find((outcome) => outcome.name === name)?.estimate;
  expect(estimate("share within L0")).toBe(0.8);
  expect(estimate("share beyond L0")).toBe(0.2);
  expect(estimate("share within L1")).toBe(1);
  // the planted wave of 16 units moves a mean by up to a few thousandths
  expect(Math.abs((estimate("base token L0") as number) - 0.1)).toBeLessThan(0.005);
  expect(estimate("selective position")).toBe(0.5);
  expect(notes[0]).toContain("120 of 3960 units"); // one dead beside 32 alive, 6 seeds, 20 configurations
});

test("what a seed tells does not depend on the seeds beside it", async () => {
  const context = { backend: wasmBackend(), progress: () => {} };
  const arm = arms(size).find(({ name }) => name === "base")!;
  const whole = await measure(arm, [0, 1, 2], context);
  expect([...(await measure(arm, [0], context)), ...(await measure(arm, [1, 2], context))]).toEqual(whole);
  expect(whole[0].screened).toHaveLength(2);
  expect(whole[0].layers[0].token).not.toEqual(whole[1].layers[0].token);
});

test("configurations are twenty, of different names, and only two are screened", () => {
  const all = arms({ seeds: Array.from({ length: 100 }, (_, seed) => seed), quick: false });
  expect(new Set(all.map(({ name }) => name)).size).toBe(20);
  expect(all.filter(({ screened }) => screened.length > 0).map(({ name }) => name)).toEqual([
    "base",
    "no mask",
  ]);
  expect(all[0].screened).toHaveLength(20);
});

test("figures have a row a configuration in every panel and name their null", () => {
  const { document } = parseHTML("<html><body></body></html>");
  const { figures } = findings(4, 0.1);
  expect(figures.map(({ name }) => name)).toEqual(["initial-differences", "initial-distributions"]);
  expect(figures[0].title).toContain("16 of 20 configurations in layer 0");
  for (const figure of figures) {
    expect(figure.panels).toHaveLength(4);
    const html = renderFigureHtml(figure, document);
    expect(html).toContain("<b>Null:</b>");
    expect(html.match(/NaN|Infinity|undefined/)).toBeNull();
  }
  const panel = renderFigureHtml({ ...figures[0], panels: figures[0].panels.slice(0, 1) }, document);
  const parsed = parseHTML(`<html><body>${panel}</body></html>`).document;
  expect(parsed.querySelectorAll("g.dot circle").length).toBe(20);
});
