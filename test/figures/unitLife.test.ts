import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { renderFigureHtml } from "../../src/figures/renderFigure.ts";
import { type UnitLifeData, unitLife } from "../../src/figures/unitLife.ts";
import { overlappingTexts } from "./textOverlap.ts";

const { document } = parseHTML("<html></html>");
const nothing = { low: Number.NaN, median: Number.NaN, high: Number.NaN };
const steps = [0, 1, 2, 4, 8, 16, 32, 64, 128, 160];
const [dVocab, nPos] = [10, 7];
const wave = (length: number, phase: number) => Array.from({ length }, (_, i) => Math.sin(i + phase));

function lifeOf(r: (step: number) => number): UnitLifeData {
  const population = (length: number) => wave(length, 0).map(() => ({ low: -0.5, median: 0, high: 0.5 }));
  const moment = (phase: number) => ({
    mean: 0.4,
    cells: wave(dVocab * nPos, phase),
    token: wave(dVocab, phase),
    position: wave(nPos, phase),
    population: { token: population(dVocab), position: population(nPos) },
  });
  return {
    ...{ layer: 1, unit: 17, seed: 4, seeds: 16, tuning: "token tuning" },
    probe: { dVocab, nPos },
    before: moment(0),
    after: moment(1),
    looks: steps.map((step) => ({
      step,
      token: wave(dVocab, step),
      position: wave(nPos, step),
      r: r(step),
      others: { low: 0.5, median: 0.7, high: 0.9 },
      null: { low: -0.4, median: 0, high: 0.45 },
    })),
  };
}

test("the title says whether the unit keeps its tuning by its null, and with which numbers", () => {
  const kept = unitLife(lifeOf((step) => 1 - step / 400));
  expect(kept.title).toBe(
    "L1N17 of seed 4 keeps more of its token tuning than chance: r 0.60 at step 160; units of other initialisations have r in [−0.40, 0.45].",
  );
  expect(unitLife(lifeOf((step) => 1 - step / 200)).title).toContain(
    "is not shown to keep more of its token tuning than chance: r 0.20",
  );
  expect(unitLife(lifeOf(() => Number.NaN)).title).toContain("has no token tuning to compare");
});

test("every cell of the maps, and every level at every look, is drawn once", () => {
  const html = renderFigureHtml(unitLife(lifeOf(() => 0.5)), document);
  const svgs = html.match(/<svg[\s\S]*?<\/svg>/g) ?? [];
  expect(svgs.length).toBe(4);
  const [cells, , strip] = svgs as [string, string, string, string];
  // cells near 0 have the colour of the paper and are not drawn: fewer than all, but most
  // neighbours of equal colour are one piece, as wide as they are together
  const painted = (svg: string) => {
    const wide = [...svg.matchAll(/M[\d.]+,[\d.]+h([\d.]+)v[\d.]+h-[\d.]+z/g)].map(([, width]) =>
      Number(width),
    );
    const cell = Math.min(...wide);
    return wide.reduce((sum, width) => sum + Math.round(width / cell), 0);
  };
  const visible = (values: readonly number[]) => {
    const limit = Math.max(...values.map(Math.abs));
    return values.filter((value) => Math.round((10 * Math.abs(value)) / limit) > 0).length;
  };
  const data = lifeOf(() => 0.5);
  expect(painted(cells)).toBe(visible([...Array.from(data.before.cells), ...Array.from(data.after.cells)]));
  expect(painted(strip)).toBe(
    visible(data.looks.flatMap(({ token, position }) => [...Array.from(token), ...Array.from(position)])),
  );
});

test("no texts lie on each other, at many looks and at one, and nothing undrawable is written", () => {
  const one = { ...lifeOf(() => 1), looks: lifeOf(() => 1).looks.slice(0, 1) };
  const flat = lifeOf(() => Number.NaN);
  const empty = { ...flat, looks: flat.looks.map((look) => ({ ...look, others: nothing, null: nothing })) };
  for (const data of [lifeOf((step) => 1 - step / 300), one, empty]) {
    const html = renderFigureHtml(unitLife(data), document);
    expect(html).not.toContain("NaN");
    for (const svg of html.match(/<svg[\s\S]*?<\/svg>/g) ?? [])
      expect(overlappingTexts(parseHTML(svg).document.documentElement)).toEqual([]);
  }
});
