/** The pieces that figures are made of: scales of colour, labels, heat maps, rows of dots. */
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { amountScale, colorFill, colorLevel, colorText, signedScale } from "../../src/figures/colorScale.ts";
import { axisNumber, dotRowsPanel } from "../../src/figures/dotRows.ts";
import type { Panel } from "../../src/figures/figure.ts";
import { type HeatMapGrid, heatMapPanel, panelWidth } from "../../src/figures/heatMaps.ts";
import { histogramPanel } from "../../src/figures/histogram.ts";
import { renderPanel } from "../../src/figures/index.ts";
import { subjectSeeds, subjectSlug } from "../../src/figures/subject.ts";
import { longestLabel, shortLabel, textWidth } from "../../src/figures/textWidth.ts";
import { themeCss } from "../../src/figures/theme.ts";
import { overlappingTexts } from "./textOverlap.ts";

const { document } = parseHTML("<html><body></body></html>");
const drawn = (panel: Panel): Element =>
  parseHTML(`<html><body>${renderPanel(panel, document)}</body></html>`).document.body.children[0];
const range = (length: number) => Array.from({ length }, (_, i) => i);

test("signed colours are symmetric about zero, amounts rise, both stop at their ends and leave NaN blank", () => {
  const signed = signedScale([-4, 2, Number.NaN, Number.POSITIVE_INFINITY]);
  expect(signed).toEqual({ kind: "signed", limit: 4 });
  for (const value of [0, 0.1, 1, 3.9, 4, 40])
    expect(colorLevel(signed, -value)).toBe(-(colorLevel(signed, value) as number));
  expect(colorLevel(signed, 40)).toBe(10);
  expect(colorLevel(signed, Number.NaN)).toBeUndefined();
  expect(colorFill(signed, 5)).toEqual({ fill: "var(--above)", "fill-opacity": 0.5 });
  expect(colorFill(signed, -10)).toEqual({ fill: "var(--below)", "fill-opacity": 1 });
  const amounts = amountScale([1, 2]);
  expect([-1, 0, 0.19, 0.2, 1, 1.99, 2, 9].map((value) => colorLevel(amounts, value))).toEqual([
    0, 0, 0, 1, 5, 9, 9, 9,
  ]);
  expect(signedScale([])).toEqual({ kind: "signed", limit: 1 });
  expect(amountScale([Number.NaN])).toEqual({ kind: "amount", low: 0, high: 1 });
});

/** Relative luminance and contrast as WCAG 2.1 defines them. */
function contrast(one: readonly number[], other: readonly number[]): number {
  const luminance = (color: readonly number[]) => {
    const [r, g, b] = color.map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** Large or bold text needs 3 : 1, other text 4.5 : 1; numbers in cells repeat what the colour says. */
const LEAST_CONTRAST = 3.4;

test("text can be read on every colour of a cell, on light and dark pages", () => {
  const [light, dark] = themeCss.split("@media");
  for (const css of [light, dark]) {
    const color = (name: string) => {
      const hex = new RegExp(`--${name}: #([0-9a-f]{6})`).exec(css)![1];
      return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
    };
    const named = (variable: string) => color(variable.slice("var(--".length, -1));
    const [signed, amounts] = [signedScale([1]), amountScale([1])];
    for (const level of range(10))
      expect(
        contrast(named(colorFill(amounts, level).fill), named(colorText(amounts, level))),
      ).toBeGreaterThan(LEAST_CONTRAST);
    for (const level of range(21).map((i) => i - 10)) {
      const { fill, "fill-opacity": share = 1 } = colorFill(signed, level);
      const mixed = named(fill).map((part, i) => share * part + (1 - share) * color("paper")[i]);
      expect(contrast(mixed, named(colorText(signed, level)))).toBeGreaterThan(LEAST_CONTRAST);
    }
  }
});

test("amounts grow darker on light pages and lighter on dark ones, evenly enough to be told apart", () => {
  const [light, dark] = themeCss.split("@media");
  const stops = (css: string) =>
    range(10).map((i) => new RegExp(`--amount-${i}: (#[0-9a-f]{6})`).exec(css)![1]);
  expect(stops(dark)).toEqual(stops(light).reverse());
  const black = [0, 0, 0];
  const lightness = stops(light).map((hex) =>
    contrast(
      [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255),
      black,
    ),
  );
  for (const i of range(9)) expect(lightness[i]).toBeGreaterThan(1.12 * lightness[i + 1]);
});

test("labels are cut to their room, in one line, with what cannot be seen made visible", () => {
  expect(shortLabel("token", 100, 10)).toBe("token");
  const cut = shortLabel("a very long token indeed", 40, 10);
  expect(cut).toMatch(/^a ver.*…$/);
  expect(textWidth(cut, 10)).toBeLessThanOrEqual(40);
  expect(shortLabel("a\n\tb", 100, 10)).toBe("a↵⇥b");
  expect(shortLabel("\u202e", 100, 10)).toBe("U+202E");
  expect(shortLabel("漢字漢字漢字", 20, 10)).toBe("漢…");
  expect(shortLabel("abc", 0, 10)).toBe("a…");
  expect(longestLabel([], 10)).toBe(0);
});

const grid = (rows: number, columns: number, rest: Partial<HeatMapGrid> = {}): HeatMapGrid => ({
  title: "map",
  description: "a map of random numbers",
  maps: [{ title: "A", values: range(rows * columns).map((i) => ((7 * i) % 11) / 10) }],
  rows: { title: "row", labels: range(rows).map(String) },
  columns: { title: "column", labels: range(columns).map(String) },
  scale: { kind: "amount", low: 0, high: 1 },
  legend: { title: "amount", ticks: [0, 1].map((value) => ({ value, label: String(value) })) },
  ...rest,
});

/** Area of all pieces of the cells, in cells. */
function area(svg: Element): number {
  const pieces = [...svg.querySelectorAll("g.cells path")].flatMap((path) =>
    [...path.getAttribute("d")!.matchAll(/h([\d.]+)v([\d.]+)h/g)].map(([, h, v]) => Number(h) * Number(v)),
  );
  return pieces.reduce((sum, piece) => sum + piece, 0);
}

test("heat maps of any size have all their cells, ten paths at most, and labels that do not touch", () => {
  for (const [rows, columns, across] of [
    [1, 1, 1],
    [3, 8, 2],
    [10, 7, 3],
    [64, 10, 1],
    [40, 200, 1],
    [5, 2000, 1],
  ]) {
    const maps = range(across).map((i) => ({
      ...grid(rows, columns).maps[0],
      title: `map ${i}`,
      note: "note",
    }));
    const panel = heatMapPanel(grid(rows, columns, { maps, across: 2 }));
    const svg = drawn(panel);
    expect(svg.querySelectorAll("g.cells path").length).toBeLessThanOrEqual(10);
    const frames = [...svg.querySelectorAll("g.frames rect")];
    const inside = frames.reduce(
      (sum, frame) =>
        sum + (Number(frame.getAttribute("width")) - 1) * (Number(frame.getAttribute("height")) - 1),
      0,
    );
    expect(frames.length).toBe(across);
    // cells of less than three pixels are rounded to hundredths of one
    expect(area(svg) / inside).toBeCloseTo(1, 1);
    expect(overlappingTexts(svg)).toEqual([]);
    if (columns <= 200) expect(panel.options.width).toBeLessThanOrEqual(panelWidth);
  }
});

test("labels that are alike do not fold their columns into one", () => {
  const labels = ["same", "same", "same"];
  const svg = drawn(
    heatMapPanel(grid(3, 3, { columns: { title: "", labels }, rows: { title: "", labels } })),
  );
  expect(area(svg)).toBe(9 * 18 * 18);
  expect([...svg.querySelectorAll("text")].filter(({ textContent }) => textContent === "same").length).toBe(
    3 + 2,
  );
});

test("texts in cells are all there or, where one has no room, all missing", () => {
  const written = (width: number) =>
    [
      ...drawn(
        heatMapPanel(
          grid(2, 2, {
            maxCell: width,
            legend: undefined,
            cellText: (value) => ({ text: `v${value.toFixed(3)}` }),
          }),
        ),
      ).querySelectorAll("text"),
    ].filter(({ textContent }) => textContent?.startsWith("v")).length;
  expect(written(60)).toBe(4);
  expect(written(20)).toBe(0);
});

test("rows of dots: ends beyond the axis are cut, ends that are not finite are left out, the description has the numbers", () => {
  const panel = dotRowsPanel({
    title: "rows",
    rows: [
      { label: "inside", estimate: 0.5, low: -3, high: 0.75, null: { low: 0, high: 0.2, middle: 0.1 } },
      { label: "alone", estimate: 0.25, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY },
      { label: "nothing", estimate: Number.NaN, low: Number.NaN, high: Number.NaN },
    ],
    axis: "value",
    domain: [0, 1],
    color: "var(--ink)",
  });
  const svg = drawn(panel);
  expect(svg.querySelectorAll("g.dot circle").length).toBe(2);
  const links = [...svg.querySelectorAll("g.link path")];
  expect(links.length).toBe(1);
  const { marginLeft, marginRight, width } = panel.options;
  const from = (share: number) => marginLeft! + share * (width - marginLeft! - marginRight!);
  const [, x1, x2] = /M([\d.]+),[\d.]+L([\d.]+)/.exec(links[0].getAttribute("d")!)!.map(Number);
  expect(x1).toBeCloseTo(from(0), 3);
  expect(x2).toBeCloseTo(from(0.75), 3);
  expect(panel.description).toBe("inside 0.50 [−3.00, 0.75], null [0.00, 0.20]; alone 0.25; nothing –");
});

test("ticks have the decimals they need", () => {
  expect([0, 0.5, -0.25].map((value) => axisNumber(value, 0.5))).toEqual(["0", "0.5", "−0.25"]);
  expect([0, 2, 4].map((value) => axisNumber(value, 5))).toEqual(["0", "2", "4"]);
  expect(axisNumber(150, 200)).toBe("150");
});

test("a histogram's outline encloses its shares", () => {
  const panel = histogramPanel({
    title: "histogram",
    description: "three bins",
    edges: [0, 1, 2, 3],
    shares: [0.25, 0.5, 0.25],
    marked: { value: 3, label: "at the end" },
    axis: "value",
    of: "values",
    color: "var(--ink)",
  });
  const svg = drawn(panel);
  const points = svg.querySelector("g.line path:last-child")!.getAttribute("d")!.split("L");
  expect(points.length).toBe(2 + 2 * 3);
  const label = [...svg.querySelectorAll("text")].find(({ textContent }) => textContent === "at the end")!;
  expect(label.parentElement!.getAttribute("text-anchor")).toBe("end");
});

test("a subject's name makes a name for a file whatever is in it", () => {
  expect(subjectSlug("figure", { name: "Gpt, step 640 <x>", seeds: 1 })).toBe("figure-gpt-step-640-x");
  expect(subjectSlug("figure", { name: "名", seeds: 1 })).toBe("figure");
  expect(subjectSeeds({ name: "gpt", seeds: 1 })).toBe("1 seed (gpt).");
  expect(subjectSeeds({ name: "gpt", seeds: 5 })).toBe("5 seeds (gpt).");
  expect(subjectSeeds({ name: "gpt", seeds: 5, seed: 42 })).toBe("seed 42 in full, of 5 seeds (gpt).");
  expect(subjectSeeds({ name: "gpt", seeds: 1, seed: 42 })).toBe("seed 42 (gpt).");
});
