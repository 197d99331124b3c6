/** Every figure, from specification to SVG: its marks are counted and its titles checked against the data. */
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import {
  type FigureSpec,
  lossByPosition,
  lossCurves,
  renderFigure,
  renderFigureHtml,
  renderPanel,
  selectivityAtInit,
  thenAndNow,
  tuningStrips,
  tuningThroughTraining,
  unitTunings,
  varianceComponents,
  weightDisplacement,
} from "../../src/figures/index.ts";
import { persistenceFigures } from "../../src/studies/persistence/report.ts";
import type { PresetDetail } from "../../src/studies/persistence/result.ts";
import { syntheticDetail, syntheticStudy } from "./synthetic.ts";

const { document } = parseHTML("<html><body></body></html>");
const { details } = syntheticStudy();
const [original, causal] = details;

/** The elements of one panel that match a selector, after the SVG text was parsed again. */
function drawn(spec: FigureSpec, panel: number, selector: string): Element[] {
  const text = renderPanel(spec.panels[panel], document);
  return [...parseHTML(`<html><body>${text}</body></html>`).document.querySelectorAll(selector)];
}

test("every figure states a finding with a number, a question, its seeds and its null", () => {
  const specs = persistenceFigures(details);
  expect(specs.length).toBe(12);
  expect(new Set(specs.map(({ name }) => name)).size).toBe(specs.length);
  for (const spec of specs) {
    expect(spec.name).toMatch(/^[a-z0-9-]+$/);
    expect(spec.title).toMatch(/\d/);
    expect(spec.title).not.toMatch(/NaN|Infinity|undefined/);
    expect(spec.question).toMatch(/\?$/);
    expect(spec.seeds).toContain("30 seeds");
    expect(spec.nullModel.length).toBeGreaterThan(20);
    const html = renderFigureHtml(spec, document);
    expect(html).toContain("<b>Null:</b>");
    expect(html).toContain("30 seeds");
    expect(html.match(/<svg/g)!.length).toBe(spec.panels.length);
    expect(html.match(/role="img" aria-label="/g)!.length).toBe(spec.panels.length);
    expect(html.match(/.{0,40}(NaN|Infinity|undefined).{0,20}/g)).toBeNull();
  }
});

test("a figure as a file stands alone: one root, its own style, nothing from outside", () => {
  for (const spec of persistenceFigures(details)) {
    const svg = renderFigure(spec, document);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg).toContain("--then:");
    expect(/https?:|@import|url\(/.test(svg.replaceAll("http://www.w3.org/2000/svg", ""))).toBe(false);
    const root = parseHTML(`<html><body>${svg}</body></html>`).document.body;
    expect(root.children.length).toBe(1);
    const height = Number(root.children[0].getAttribute("height"));
    for (const panel of root.querySelectorAll("svg svg"))
      expect(Number(panel.getAttribute("y")) + Number(panel.getAttribute("height"))).toBeLessThan(height);
  }
});

test("loss curves: a line per seed, their mean, a circle per checkpoint, and the floors a model of that kind has", () => {
  const spec = lossCurves(details);
  expect(drawn(spec, 0, "g.line path").length).toBe(30 + 1);
  expect(drawn(spec, 0, "g.dot circle").length).toBe(original.checkpoints.length);
  expect(drawn(spec, 0, "g.rule line").length).toBe(2);
  expect(drawn(spec, 1, "g.rule line").length).toBe(1);
  expect(spec.title).toContain("below the floor of 1.03: it reads its targets");
});

test("long training is drawn by block means that end where training ends", () => {
  const long = syntheticDetail({ steps: 1280, seeds: 2 });
  const spec = lossCurves([long]);
  expect(spec.reading).toContain("block means");
  const points = drawn(spec, 0, "g.line path")[0].getAttribute("d")!.split("L");
  expect(points.length).toBe(160);
});

test("loss by position: the title names exactly the positions that are below the exact floor", () => {
  const spec = lossByPosition(details);
  expect(spec.title).toContain("original is below the floor at positions 0–5");
  expect(spec.title).toContain("causal is nowhere below its floor");
  expect(drawn(spec, 0, "g.rect rect").length).toBe(7);
  expect(drawn(spec, 0, "g.dot circle").length).toBe(30 * 7 + 7);
});

test("loss by position: seeds that are below the floor on the same sequences are no leak unless the alarm says so", () => {
  const [, causal] = details;
  const floors = causal.loss.floor!.byPosition;
  const luckily = causal.summary.seeds.map(() => floors.map((floor) => floor - 0.01));
  const spec = lossByPosition([{ ...causal, loss: { ...causal.loss, heldOutByPosition: luckily } }]);
  expect(spec.title).toContain("nowhere below its floor by more than the draw of sequences explains");
});

test("tuning through training: layers are told apart by pairs of one seed, and not before the first update", () => {
  const titleOf = (first: number[], second: number[], checkpoints = [0, 8]) =>
    tuningThroughTraining([
      {
        ...original,
        checkpoints,
        layers: [first, second].map((ends, layer) => ({
          layer,
          tuningR: ends.map((r) => checkpoints.map((step) => (step === 0 ? 1 : r))),
          tuningNullR: ends.map(() => checkpoints.map(() => 0)),
        })),
      },
    ]).title;
  // far apart over seeds, and yet always 0.1 less
  expect(titleOf([0.2, 0.5, 0.9], [0.1, 0.4, 0.8])).toContain("layer 1 keeps less");
  expect(titleOf([0.1, 0.4, 0.8], [0.2, 0.5, 0.9])).toContain("layer 1 keeps more");
  expect(titleOf([0.5, 0.6, 0.7], [0.7, 0.5, 0.6])).toContain("layer 1 is not shown to differ from layer 0");
  expect(titleOf([1, 1], [1, 1], [0])).toContain("before the first update every unit is itself");
});

test("tuning through training: the title's numbers are the means over seeds at the last checkpoint", () => {
  const ends = original.layers.map(({ tuningR }) => {
    let sum = 0;
    for (const row of tuningR) sum += row[row.length - 1];
    const mean = sum / tuningR.length;
    let squares = 0;
    for (const row of tuningR) squares += (row[row.length - 1] - mean) ** 2;
    // t₀.₉₇₅ of 29 degrees of freedom, from tables
    const half = 2.04523 * Math.sqrt(squares / 29 / 30);
    return `${mean.toFixed(2)} [${(mean - half).toFixed(2)}, ${(mean + half).toFixed(2)}]`;
  });
  const spec = tuningThroughTraining(details);
  expect(spec.title).toContain(`original: layer 1 keeps less, tuning r ${ends[1]} against ${ends[0]}`);
  expect(drawn(spec, 0, "g.area path").length).toBe(2);
  expect(drawn(spec, 0, "g.line path").length).toBe(1 + 30 + 1);
});

test("selectivity at initialisation: a curve per seed, one of all, one of the null", () => {
  const spec = selectivityAtInit(details);
  expect(spec.panels.length).toBe(8);
  expect(drawn(spec, 0, "g.line path").length).toBe(30 + 1 + 1);
});

test("heat maps hold one cell per unit, stimulus and time that rounds to a colour, in twenty paths at most", () => {
  const spec = thenAndNow(original);
  expect(spec.panels.length).toBe(2);
  const tunings = unitTunings(original.layers[0].exemplar, original.probe);
  let expected = 0;
  for (const { then, now, scale } of tunings)
    for (const value of [...then.token, ...now.token, ...then.position, ...now.position])
      if (Math.round((10 * value) / scale) !== 0) expected++;
  const paths = drawn(spec, 0, "path[fill-opacity]");
  expect(paths.length).toBeLessThanOrEqual(20);
  const cells = paths.reduce((sum, path) => sum + path.getAttribute("d")!.split("M").length - 1, 0);
  expect(cells).toBe(expected);
  const names = drawn(spec, 0, "text").map(({ textContent }) => textContent);
  expect(names).toContain(`L0N${tunings[0].unit}`);
  expect(names.filter((name) => /^L0N\d+$/.test(name ?? "")).length).toBe(64);
});

test("a layer wider than the page shows its most and its least persistent units and says so", () => {
  const wide = syntheticDetail({ units: 200, seeds: 2, nLayers: 1 });
  const spec = thenAndNow(wide);
  expect(spec.reading).toContain("32 most and the 32 least");
  const sorted = unitTunings(wide.layers[0].exemplar, wide.probe);
  const names = drawn(spec, 0, "text").map(({ textContent }) => textContent);
  expect(names).toContain(`L0N${sorted[0].unit}`);
  expect(names).toContain(`L0N${sorted[199].unit}`);
  expect(names).not.toContain(`L0N${sorted[100].unit}`);
});

test("tuning strips: eight units a panel, each with two curves then and two now", () => {
  const spec = tuningStrips([causal]);
  expect(drawn(spec, 0, "g.line path").length).toBe(8 * 4);
});

test("variance components name the growth of the total beside that of its parts", () => {
  const { before, after } = original.layers[1].components;
  const total = ({ token, position, interaction, context }: typeof before) =>
    token + position + interaction + context;
  const spec = varianceComponents([original]);
  expect(spec.title).toContain(`×${(total(after) / total(before)).toFixed(2)}`);
  expect(spec.title).toContain(`position part changes ×${(after.position / before.position).toFixed(2)}`);
  expect(drawn(spec, 0, "g.bar rect").length).toBe(4 * 4);
});

test("weight displacement: embeddings first, unembedding last, matrices without a ratio left out", () => {
  const [first, ...rest] = original.layers;
  const detail: PresetDetail = {
    ...original,
    layers: [
      { ...first, displacement: { ...first.displacement, b_in: [Number.POSITIVE_INFINITY] } },
      ...rest,
    ],
  };
  const rows = drawn(weightDisplacement([detail]), 0, "g.y-axis.tick.label text").map(
    ({ textContent }) => textContent,
  );
  expect(rows[0]).toBe("W_E");
  expect(rows[1]).toBe("W_pos");
  expect(rows[rows.length - 1]).toBe("W_U");
  expect(rows).not.toContain("L0 b_in");
  const deeper = syntheticDetail({ preset: "deeper", nLayers: 3, seeds: 2 });
  const union = drawn(weightDisplacement([original, deeper]), 0, "g.y-axis.tick.label text");
  expect(union[union.length - 1].textContent).toBe("W_U");
});
