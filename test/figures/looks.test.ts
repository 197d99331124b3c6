/** Figures that look into networks, then and now: what each says and draws. What holds for all figures is in experiments.test.ts. */
import { expect, test } from "vitest";
import {
  compositionRows,
  embeddingPlane,
  type HeadCoursesData,
  headCourses,
  lensDistribution,
  pairsThenAndNow,
  streamNorms,
} from "../../src/figures/index.ts";
import { all, cellsOf, drawn, texts } from "./drawn.ts";
import * as given from "./lookSamples.ts";
import { overlappingTexts } from "./textOverlap.ts";

test("head courses: a thin line a seed, the range of a score under its name, what the heads of a layer show together in the title", () => {
  const spec = headCourses(given.courses);
  expect(spec.title).toContain(
    "previous in layer 0 moves most, from 0.20 to 0.70, mean over its heads; change [0.50, 0.50]",
  );
  expect(spec.title).toContain("of a known kind: previous 2 of 3 heads in layer 0");
  const svg = drawn(spec);
  // two seeds in one path, then their mean
  const [thin, mean] = all(svg, "g.courses path[stroke='var(--now)']");
  expect(thin.getAttribute("d")!.split("M").length - 1).toBe(2);
  expect(mean.getAttribute("d")!.split("M").length - 1).toBe(1);
  expect(texts(svg)).toEqual(expect.arrayContaining(["previous", "−0.10 to 0.80"]));
  // then and now of the score that there is
  expect(all(svg, "circle").map((dot) => dot.getAttribute("fill"))).toEqual(["var(--then)", "var(--now)"]);
});

test("head courses: a title claims no move that the networks do not show, and no kind that was not judged", () => {
  const [{ scores: _, ...head }] = given.courses.heads;
  const titleOf = (networks: number[][], part: Partial<HeadCoursesData> = {}) =>
    headCourses({ ...given.courses, heads: [{ ...head, scores: { previous: { networks } } }], ...part })
      .title;
  // changes of 0.5 and −0.3 over two networks
  expect(
    titleOf([
      [0, 0, 0.5],
      [0.3, 0, 0],
    ]),
  ).toContain("no score of a layer is shown to move");
  expect(titleOf([[0, 0, 0.5]])).toContain("one network alone does not show what moves");
  expect(titleOf([[0], [0.1]], { steps: [0] })).toContain("nothing was trained yet");
  const unjudged = { ...head, kinds: undefined, scores: { previous: { networks: [[0, 0, 0]] } } };
  expect(headCourses({ ...given.courses, heads: [unjudged] }).title).not.toContain("kind");
});

test("head courses: heads of a layer are one, whichever of them a network made its own", () => {
  // the second head of one network does what the first of the other does
  const scores = (first: number, second: number) => ({
    previous: {
      networks: [
        [0, first],
        [0, second],
      ],
    },
  });
  const { title } = headCourses({
    ...given.courses,
    steps: [0, 8],
    heads: [
      { layer: 0, head: 0, scores: scores(0.8, 0) },
      { layer: 0, head: 1, scores: scores(0, 0.8) },
    ],
  });
  expect(title).toContain("previous in layer 0 moves most, from 0.00 to 0.40, mean over its heads");
});

test("lens at a position: the right answer's probability, then beside now, the last site on top", () => {
  const spec = lensDistribution(given.distribution);
  expect(spec.title).toContain(
    "after position 1 the likeliest next token is c (70 %); the right one, c, has 70 %; before training it was a (50 %)",
  );
  const over = { estimate: 0.7, low: 0.6, high: 0.8 };
  expect(lensDistribution({ ...given.distribution, over }).title).toContain(
    "c, has 70 %, [60, 80] % over networks;",
  );
  const svg = drawn(spec);
  expect(cellsOf(svg, 16).length).toBe(2 * 2 * 3);
  const y = (name: string) =>
    Number(
      all(svg, "text")
        .find(({ textContent }) => textContent === name)!
        .getAttribute("y"),
    );
  expect(y("L0 post")).toBeLessThan(y("L0 pre"));
});

test("of a large vocabulary the likeliest tokens are shown", () => {
  const size = 100;
  const probability = Array.from({ length: size }, (_, token) => (token === 77 ? 0.9 : 0.001));
  const spec = lensDistribution({
    ...given.distribution,
    ...{ tokens: probability.map((_, token) => `t${token}`), sites: ["blocks.0.hook_resid_post"] },
    ...{ target: undefined, probability, before: probability },
  });
  expect(spec.reading).toContain("The 24 likeliest of 100 tokens");
  expect(spec.title).toContain("t77 (90 %)");
});

test("embedding plane: a line from then to now a vector, both axes on one scale", () => {
  const spec = embeddingPlane(given.plane);
  expect(spec.title).toContain("embeddings moved by 100 % (token embeddings) of their spread");
  const svg = drawn(spec);
  const dots = all(svg, "circle").map((dot) => ({
    fill: dot.getAttribute("fill"),
    x: Number(dot.getAttribute("cx")) - 148,
    y: 148 - Number(dot.getAttribute("cy")),
  }));
  // (−2, −2) lies at the rim of 130 px, and (−1, −1) half-way
  expect(dots[5]).toEqual({ fill: "var(--now)", x: -130, y: -130 });
  expect(dots[4]).toEqual({ fill: "var(--then)", x: -65, y: -65 });
});

test("stream norms: hollow before training, a tick a seed", () => {
  const spec = streamNorms(given.norms);
  expect(spec.title).toContain(
    "from length 2.00 at L0 pre to 4.00 at L0 post; before training from 1.00 to 1.50",
  );
  const svg = drawn(spec);
  expect(all(svg, "g[fill='var(--paper)'] circle").length).toBe(2);
  expect(all(svg, "g.tick line").length).toBe(4);
});

test("composition: a panel a way in, the highest first, bold beyond all pairs of random networks", () => {
  const spec = compositionRows(given.composition);
  expect(spec.title).toContain(
    "1 of 3 scores are beyond random networks, the highest L0H0>L1H0 by queries, 0.50 (0.20 before training)",
  );
  const within = given.composition.pairs.map((one) => ({ ...one, p: 0.2 }));
  expect(compositionRows({ ...given.composition, pairs: within }).title).toContain(
    "0 of 3 scores are beyond",
  );
  expect(spec.panels.map(({ title }) => title)).toEqual(["by queries", "by values"]);
  expect(texts(drawn(spec)).filter((text) => text.includes(">"))).toEqual(["L0H0>L1H0", "L0H1>L1H0"]);
  expect(compositionRows({ ...given.composition, most: 1 }).reading).toContain("The 1 highest of each panel");
});

test("pairs then and now: rows are r now with the highest on top, empty bins are blank", () => {
  const spec = pairsThenAndNow(given.pairMap);
  expect(spec.title).toContain(
    "r then and r now correlate by 0.60 [0.50, 0.70]; with another network's, [−0.05, 0.05]",
  );
  expect(spec.reading).toContain("All 126 pairs");
  const svg = drawn(spec);
  expect(cellsOf(svg, 11).length).toBe(5);
  // the 20 that kept r near 1 are at the top right: x of the third column, y of the first row
  const top = all(svg, "g.cells path").flatMap((path) =>
    [...path.getAttribute("d")!.matchAll(/M([\d.-]+),([\d.-]+)h/g)].map(([, x, y]) => ({
      x: Number(x),
      y: Number(y),
    })),
  );
  const [x, y] = [Math.max(...top.map((one) => one.x)), Math.min(...top.map((one) => one.y))];
  expect(top.some((one) => one.x === x && one.y === y)).toBe(true);
});

test("embedding plane: names of near points lie beside them, on no point and on no other name", () => {
  const near = [
    [0, 0],
    [0.06, 0.02],
    [0.1, -0.05],
    [-1, 1],
  ] as const;
  const table = { ...given.plane.tables[0], labels: ["a", "b", "c", "d"], before: near, points: near };
  const svg = drawn(embeddingPlane({ ...given.plane, tables: [table] }));
  expect(texts(svg).sort()).toEqual(["a", "b", "c", "d"]);
  expect(overlappingTexts(svg)).toEqual([]);
  const dots = all(svg, "circle").map((dot) => ["cx", "cy"].map((name) => Number(dot.getAttribute(name))));
  for (const label of all(svg, "text")) {
    const [x, y] = ["x", "y"].map((name) => Number(label.getAttribute(name)));
    // half a letter is 3 px wide and 5 px high, a dot has a radius of 3 px
    expect(dots.filter(([cx, cy]) => Math.abs(cx - x) < 6 && Math.abs(cy - y) < 8)).toEqual([]);
    expect(x).toBeGreaterThan(0);
    expect(y).toBeGreaterThan(0);
  }
});

test("embedding plane: of points on one spot some names find no room, and those are left out", () => {
  const labels = Array.from({ length: 40 }, (_, i) => `token ${i}`);
  const spot = labels.map((_, i): [number, number] => (i === 0 ? [1, 1] : [0, 0]));
  const table = { ...given.plane.tables[0], labels, before: spot, points: spot };
  const svg = drawn(embeddingPlane({ ...given.plane, tables: [table] }));
  expect(texts(svg).length).toBeLessThan(labels.length);
  expect(texts(svg).length).toBeGreaterThan(2);
  expect(overlappingTexts(svg)).toEqual([]);
  expect(all(svg, "circle").length).toBe(2 * labels.length);
});

test("composition: panels share one axis", () => {
  const domains = compositionRows(given.composition).panels.map(({ options }) => options.x?.domain);
  expect(domains[1]).toEqual(domains[0]);
});
