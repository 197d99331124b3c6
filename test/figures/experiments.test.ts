/** Every figure of the experiments: what it says, what it draws, and what it does with what it should not be given. */
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import {
  attentionPatterns,
  attributionBars,
  effectSizes,
  embeddingCosines,
  headScoresFigure,
  lensTable,
  patchingMap,
  renderFigure,
  renderFigureHtml,
  singularValues,
  structuredResponses,
  tokenPositionInteraction,
  tokenPositionMaps,
  tokenSelectivity,
  topInputs,
  unitNetwork,
} from "../../src/figures/index.ts";
import { all, cellsOf, drawn, texts } from "./drawn.ts";
import * as given from "./experimentSamples.ts";
import { attacked, replaced } from "./hostile.ts";
import { lookSamples } from "./lookSamples.ts";
import { overlappingTexts } from "./textOverlap.ts";

const samples = [...given.samples, ...lookSamples];
const { document } = parseHTML("<html><body></body></html>");

test("every figure has a name, a finding, a question, seeds, a null and a way to read it", () => {
  const specs = samples.map(({ build, data }) => build(data));
  expect(new Set(specs.map(({ name }) => name)).size).toBe(specs.length);
  for (const spec of specs) {
    expect(spec.name).toMatch(/^[a-z0-9-]+-small-at-step-0$/);
    expect(spec.title).toMatch(/^small at step 0(, seed 7)?: .*\d.*\.$/);
    expect(spec.question).toMatch(/\?$/);
    expect(spec.seeds).toBe("seed 7 in full, of 3 seeds (small at step 0).");
    expect(spec.nullModel.length).toBeGreaterThan(20);
    expect(spec.reading.length).toBeGreaterThan(20);
    const html = renderFigureHtml(spec, document);
    expect(html.match(/.{0,40}(NaN|Infinity|undefined|\[object).{0,20}/g)).toBeNull();
    expect(html.match(/role="img" aria-label="[^"]{20,}"/g)!.length).toBe(spec.panels.length);
    for (const { options } of spec.panels) expect(options.width).toBeLessThanOrEqual(450);
  }
});

test("every figure as a file has one root and nothing from outside, and its panels lie inside", () => {
  for (const { build, data } of samples) {
    const svg = renderFigure(build(data), document);
    expect(/https?:|@import|url\(/.test(svg.replaceAll("http://www.w3.org/2000/svg", ""))).toBe(false);
    const { body } = parseHTML(`<html><body>${svg}</body></html>`).document;
    expect(body.children.length).toBe(1);
    for (const panel of all(body, "svg svg"))
      expect(Number(panel.getAttribute("y")) + Number(panel.getAttribute("height"))).toBeLessThan(
        Number(body.children[0].getAttribute("height")),
      );
  }
});

test("no text lies on another, and none outside of its panel", () => {
  for (const { build, data, name } of samples)
    for (const [i] of build(data).panels.entries())
      expect({ name, overlaps: overlappingTexts(drawn(build(data), i)) }).toEqual({ name, overlaps: [] });
});

test("markup, line ends and turned writing in any string are shown and not obeyed", () => {
  for (const { build, data } of samples) {
    const spec = build(attacked(data));
    expect(spec.name).toMatch(/^[a-z0-9-]+$/);
    for (const html of [renderFigureHtml(spec, document), renderFigure(spec, document)]) {
      expect(/<img|<script|\u202e/.test(html)).toBe(false);
      const { body } = parseHTML(`<html><body>${html}</body></html>`).document;
      expect(body.children.length).toBe(1);
      for (const element of body.querySelectorAll("*"))
        for (const attribute of element.getAttributeNames()) expect(attribute).not.toMatch(/^on/);
    }
  }
});

test("numbers that are none are dashes or nothing, never NaN", () => {
  const kept =
    /^(seeds?|nPos|layer|head|a|b|pos|tokens|input|top|targets|pairs|edges|families|critical|level)$/;
  for (const { build, data } of samples) {
    const spec = build(
      replaced(data, (leaf, key) => (typeof leaf === "number" && !kept.test(key) ? Number.NaN : leaf)),
    );
    const html = renderFigureHtml(spec, document) + renderFigure(spec, document);
    expect(html.match(/.{0,40}(NaN|Infinity|undefined|null,).{0,20}/g)).toBeNull();
  }
});

test("where there is nothing to show a figure says so and does not break", () => {
  for (const { build, data } of samples) {
    const empty = Object.fromEntries(
      Object.entries(data as object).map(([key, value]) => [key, Array.isArray(value) ? [] : value]),
    );
    const spec = build(empty);
    const html = renderFigureHtml(spec, document) + renderFigure(spec, document);
    expect(html.match(/.{0,40}(NaN|Infinity|undefined).{0,20}/g)).toBeNull();
    expect(spec.title.length).toBeGreaterThan(20);
  }
});

test("token × position maps: deviations from the unit's mean, with the means of rows and columns set apart", () => {
  const spec = tokenPositionMaps(given.tokenPosition);
  // L0N0: token a is 2/3 above its mean of 1/3 and the others 1/3 below; L0N1: position 1 is 1.5 above
  expect(spec.title).toContain("in 1 of 2 units shown the token outweighs the position");
  expect(spec.title).toContain("token a at 0 of L0N1 (−1.50)");
  const svg = drawn(spec);
  expect(texts(svg)).toEqual(expect.arrayContaining(["L0N0", "±0.67 (0.20)", "±1.50", "silent", "all"]));
  // L0N0: 6 cells and 3 row means, its column means are its mean; L0N1: 6 cells and 2 column means; L0N2: nothing
  expect(cellsOf(svg, 18).length).toBe(9 + 8);
});

test("selectivity maps are sorted by preferred token, then by share, silent units last", () => {
  const svg = drawn(tokenSelectivity(given.selectivity));
  const names = texts(svg).filter((text) => text.startsWith("L0N"));
  expect(names).toEqual(["L0N3", "L0N1", "L0N0", "L0N2"]);
  expect(texts(svg).filter((text) => /^(0\.\d\d|silent)$/.test(text))).toEqual([
    "0.70",
    "0.10",
    "0.90",
    "silent",
  ]);
  expect(tokenSelectivity(given.selectivity).title).toContain("2 of 3 (layer 0 · MLP)");
});

test("attention patterns: half a square of cells a head, blank behind the mask, and uniform attention beside", () => {
  const spec = attentionPatterns(given.patterns);
  expect(spec.panels.length).toBe(2);
  expect(cellsOf(drawn(spec), 15).length).toBe(2 * 6);
  expect(cellsOf(drawn(spec, 1), 15).length).toBe(6);
  // L0H1 moves 1/2 of query 1 and 2/3 of query 2
  expect(spec.title).toContain(
    `L0H1 is furthest from uniform attention, it moves ${((1 / 2 + 2 / 3) / 2).toFixed(2)}`,
  );
  expect(spec.title).toContain("the median head moves 0.29");
  const open = attentionPatterns({ ...given.patterns, causal: false });
  expect(cellsOf(drawn(open), 15).length).toBe(2 * 9);
});

test("shares of variance: the title counts what lies outside of the null and names the furthest", () => {
  const { title } = tokenPositionInteraction(given.interaction);
  expect(title).toContain("1 of 4 shares of variance lie outside");
  expect(title).toContain("context in L0 MLP, 0.10 instead of 0.00 to 0.02");
});

test("lens table: the output on top, the right answers in bold, the answer's first site in the title", () => {
  const spec = lensTable(given.lens);
  expect(spec.title).toContain(
    "the answer is b (95 %) and stands from L0 mid on; it is right at 1 of 1 positions",
  );
  const svg = drawn(spec);
  const labels = all(svg, "g.text text");
  const y = (name: string) =>
    Number(labels.find(({ textContent }) => textContent === name)!.getAttribute("y"));
  expect(y("L0 post")).toBeLessThan(y("L0 mid"));
  expect(y("L0 mid")).toBeLessThan(y("L0 pre"));
  const bold = labels.filter((label) => label.getAttribute("font-weight") === "600");
  expect(bold.map(({ textContent }) => textContent)).toEqual(["c", "c"]);
  expect(texts(svg).filter((text) => /^\d+ %$/.test(text)).length).toBe(6);
});

test("a long sequence is read in tables of eight positions", () => {
  const nPos = 19;
  const long = (length: number, value: number) => new Array<number>(length).fill(value);
  const spec = lensTable({
    ...given.lens,
    input: long(nPos, 1),
    targets: undefined,
    top: long(3 * nPos, 1),
    probability: long(3 * nPos, 0.5),
  });
  expect(spec.panels.map(({ title }) => title)).toEqual([
    "logit lens · positions 0 to 7",
    "logit lens · positions 8 to 15",
    "logit lens · positions 16 to 18",
  ]);
});

test("head scores: a panel a score, a row a head, only heads of the kind in full colour", () => {
  const spec = headScoresFigure(given.headScores);
  expect(spec.panels.map(({ title }) => title)).toEqual(["previous", "first"]);
  expect(spec.title).toContain("1 of 2 heads is of a known kind: L0H0 previous");
  const svg = drawn(spec);
  expect(all(svg, "g.dot circle").map((dot) => dot.getAttribute("fill"))).toEqual([
    "var(--then)",
    "var(--muted)",
  ]);
  expect(all(svg, "g.bar rect").length).toBe(1);
  expect(texts(svg)).toContain("0.90 ✓");
});

test("patching maps: blank where nothing was measured, bold where the interval leaves 0 out", () => {
  const spec = patchingMap(given.patching);
  expect(spec.title).toContain(
    "1.00, of residual stream at layer L1, position 1; 2 of 5 intervals leave out 0",
  );
  const svg = drawn(spec);
  const numbers = all(svg, "text").filter(({ textContent }) => /^−?\d\.\d\d$/.test(textContent ?? ""));
  expect(numbers.map(({ textContent }) => textContent)).toEqual(["0.00", "0.50", "−0.25", "0.00", "1.00"]);
  expect(numbers.map((number) => number.getAttribute("font-weight") === "600")).toEqual([
    false,
    true,
    false,
    false,
    true,
  ]);
  // zero has no colour
  expect(cellsOf(svg, 34).sort()).toEqual(["var(--above)", "var(--above)", "var(--below)"]);
});

test("attribution: parts, what is left of many, and a sum that is theirs", () => {
  const spec = attributionBars(given.attribution);
  expect(spec.title).toContain("the parts sum to −0.13 logits; the largest is L0H0 with −0.75");
  expect(texts(drawn(spec))).toEqual(expect.arrayContaining(["embed", "0_mlp_out", "sum", "−0.13"]));
  const cut = texts(drawn(attributionBars({ ...given.attribution, most: 1 })));
  expect(cut).toEqual(expect.arrayContaining(["L0H0", "2 others", "0.63", "sum", "−0.13"]));
  expect(cut).not.toContain("embed");
});

test("unit network: a line a pair, dashed where opposed, and only units that have one", () => {
  const spec = unitNetwork(given.network);
  expect(spec.title).toContain("2 of 6 pairs of units exceed |r| 0.80, 1 correlated and 1 opposed");
  expect(spec.title).toContain("expected by chance: 0.3 (labels permuted) and 1.5 (fresh networks)");
  const svg = drawn(spec);
  const edges = all(svg, "g.edges path");
  // the strongest first
  expect(edges.map((edge) => edge.getAttribute("stroke"))).toEqual(["var(--below)", "var(--above)"]);
  expect(edges.map((edge) => edge.hasAttribute("stroke-dasharray"))).toEqual([true, false]);
  const widths = edges.map((edge) => Number(edge.getAttribute("stroke-width")));
  expect(widths[0]).toBeGreaterThan(widths[1]);
  expect(
    texts(svg)
      .filter((text) => /^L\dN\d$/.test(text))
      .sort(),
  ).toEqual(["L0N0", "L0N1", "L1N0"]);
  expect(all(drawn(unitNetwork({ ...given.network, most: 1 })), "g.edges path").length).toBe(1);
});

test("top inputs: a row an input, a box around the token that counts", () => {
  const spec = topInputs(given.inputs);
  expect(spec.title).toContain("1 of 1 unit has the same token in all strongest inputs; 75 %");
  const svg = drawn(spec);
  expect(all(svg, "g.marked rect").length).toBe(2);
  expect(all(svg, "g.strip rect").length).toBe(3);
  expect(
    all(svg, "text")
      .filter((text) => text.getAttribute("font-weight") === "600")
      .map(({ textContent }) => textContent),
  ).toEqual(["b", "b"]);
  expect(texts(svg)).toEqual(expect.arrayContaining(["2.00", "1.50"]));
});

test("a sequence that has no room is cut around the position that counts", () => {
  const tokens = new Array<number>(200).fill(0);
  tokens[150] = 1;
  const [unit] = given.inputs.units;
  const svg = drawn(
    topInputs({ ...given.inputs, units: [{ ...unit, inputs: [{ tokens, pos: 150, activation: 1 }] }] }),
  );
  expect(texts(svg).filter((text) => text === "b").length).toBe(1);
  expect(texts(svg).filter((text) => text === "a").length).toBeLessThan(20);
});

test("structured responses: z stands where it is beyond the null, families with their share", () => {
  const spec = structuredResponses(given.responses);
  expect(spec.title).toContain("ascending sequences move most units, 50 %");
  const labels = texts(drawn(spec));
  expect(labels).toEqual(expect.arrayContaining(["ascending 50 %", "constant 25 %"]));
  expect(labels.filter((text) => /^−?\d$/.test(text) && text !== "0")).toEqual(["5", "−3"]);
});

test("spectra: the title counts values outside of the band", () => {
  const spec = singularValues(given.spectra);
  expect(spec.title).toContain("1 of 3 singular values (33 %)");
  expect(all(drawn(spec), "g.dot circle").length).toBe(3);
});

test("embedding cosines: the diagonal is blank, pairs are counted once", () => {
  const spec = embeddingCosines(given.cosines);
  expect(spec.title).toContain(
    "the most similar token embeddings (a, b) have 0.50, in random tables 0.20 to 0.80",
  );
  expect(cellsOf(drawn(spec), 18).length).toBe(6);
  expect(spec.panels[1].description).toContain("distribution of 3 cosines");
});

test("effect sizes: the largest first, two halves a row, grey where p is not small", () => {
  const spec = effectSizes(given.effects);
  expect(spec.title).toContain("2 of 3 units keep the preference");
  expect(spec.title).toContain("median d 1.50, where it was found 2.00");
  const svg = drawn(spec);
  expect(texts(svg).filter((text) => text.startsWith("L0N"))).toEqual([
    "L0N2  token c at 0",
    "L0N0  token a at 1",
    "L0N1  token b at 0",
  ]);
  expect(texts(svg)).toEqual(expect.arrayContaining(["p < 0.001", "p 0.010", "p 0.400"]));
  expect(all(svg, "g.dot circle").length).toBe(6);
  const many = effectSizes(given.manyEffects);
  expect(many.reading).toContain("The 24 largest of 60 are shown");
  expect(texts(drawn(many)).filter((text) => text.startsWith("L0N")).length).toBe(24);
});

test("attention then and now: two maps a head, and how much of the attention moved", () => {
  const [uniform, first] = given.patterns.heads;
  const spec = attentionPatterns({
    ...given.patterns,
    heads: [{ ...first, before: uniform.pattern, kind: "first" }],
  });
  // 1/2 of query 1 and 2/3 of query 2 moved to the first key
  expect(spec.title).toContain(`Training changed L0H1 most, by ${((1 / 2 + 2 / 3) / 2).toFixed(2)}`);
  const svg = drawn(spec);
  expect(cellsOf(svg, 15).length).toBe(2 * 6);
  const shown = texts(svg);
  expect(shown.some((text) => text.startsWith("L0H1 t"))).toBe(true);
  expect(spec.panels[0].description).toContain("L0H1 · first");
});

test("attribution then and now: the sums of both, hollow before training", () => {
  const [component] = given.attribution.components;
  const spec = attributionBars({
    ...given.attribution,
    components: [{ ...component, before: { estimate: 0.5, low: 0.4, high: 0.6 } }],
  });
  expect(spec.title).toContain("logits (0.50 before training)");
  expect(all(drawn(spec), "g[fill='var(--paper)'] circle").length).toBe(1);
});
