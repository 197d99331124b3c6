import { parquetReadObjects } from "hyparquet";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { renderFigure, renderPanel, responses } from "../../../src/figures/index.ts";
import { openDataset } from "../../../src/studies/sweep/dataset.ts";
import { sweepFigures } from "../../../src/studies/sweep/figures.ts";
import { sweepReport } from "../../../src/studies/sweep/report.ts";
import { statisticOf, summarisePoint } from "../../../src/studies/sweep/summary.ts";
import { overlappingTexts } from "../../figures/textOverlap.ts";
import { planOf, plantedResult, summaryOf } from "./sample.ts";

const { document } = parseHTML("<html><body></body></html>") as unknown as { document: Document };
const grid = { seeds: 8, grid: { lr: [0.001, 0.003, 0.01, 0.03], "model.dMlp": [32, 64, 128] } };
const names = {
  seeds: 2,
  grid: { task: ["patterns", "random", "induction"], "model.tiedUnembed": [true, false] },
};
const search = {
  seeds: 4,
  random: {
    ...{ draws: 40, seed: 7 },
    over: { lr: { logUniform: [1e-4, 1e-2] }, batch: { integer: [1, 100] } },
  },
};

const htmlOf = (summary: ReturnType<typeof summaryOf>) =>
  sweepReport({
    ...{ summary, figures: sweepFigures(summary), document, command: "npx palimpsest sweep <x>.yaml" },
    facts: [["Palimpsest", "1 <2>"]],
  });
/** The bytes of a file that came in pieces. */
const joined = (pieces: readonly Uint8Array[]) => Uint8Array.from(Buffer.concat(pieces)).buffer;
const textOf = (html: string) => (parseHTML(html).document.body.textContent ?? "").replace(/\s+/g, " ");

/** t quantile 0.975 with 2 degrees of freedom, from a table. */
const T_OF_THREE = 4.302653;

test("a point is the mean over seeds with its t interval; a network that diverged is in none of both", () => {
  const [{ key, job }] = planOf({ seeds: 4 }).jobs;
  const result = {
    ...plantedResult(key, job),
    series: [{ statistic: "x", layer: 0, kind: "token", values: [1, 2, 3, Number.NaN] }],
  };
  const point = summarisePoint({ key, study: "persistence", values: {}, draw: null }, result);
  const found = statisticOf(point, "x", 0, "token")!;
  expect([found.mean, found.seeds]).toEqual([2, 3]);
  expect(found.high - 2).toBeCloseTo(T_OF_THREE / Math.sqrt(3), 5);
  expect(2 - found.low).toBeCloseTo(T_OF_THREE / Math.sqrt(3), 5);
});

test("a seed that lost its network or its null is taken out of the count beside the numbers", () => {
  const plan = planOf({ seeds: 4 });
  const [{ key, job }] = plan.jobs;
  const planted = plantedResult(key, job);
  // the second seed's null diverged, in an arm whose networks are not listed
  const series = planted.series.map((each) =>
    each.statistic === "tuningExcess" ? { ...each, values: each.values.with(1, Number.NaN) } : each,
  );
  const point = summarisePoint(plan.points[0], { ...planted, series });
  const rowOf = (points: readonly (typeof point)[]) => {
    const page = parseHTML(htmlOf({ ...summaryOf(plan), points })).document;
    return [...page.querySelectorAll("#jobs tbody td")].slice(0, 2).map((cell) => cell.textContent);
  };
  expect(rowOf([point])).toEqual(["3 to 4 of 4", "0"]);
  expect(rowOf([summarisePoint(plan.points[0], planted)])).toEqual(["4", "0"]);
});

test("a job of thousands of seeds, and a search of thousands of points, are written too", () => {
  // more numbers than a call of a function takes arguments, 120,000
  const plan = planOf({ seeds: 2 });
  const [{ key, job }] = plan.jobs;
  const [point] = plan.points;
  const values = Array.from({ length: 10_000 }, (_, seed) => seed);
  const series = Array.from({ length: 15 }, (_, layer) => ({
    ...{ statistic: "tuningR", layer, kind: "all", values },
  }));
  let bytes = 0;
  const dataset = openDataset(plan, (piece) => {
    bytes += piece.length;
  });
  dataset.add(point, { ...plantedResult(key, job), job: { ...job, seeds: values }, series });
  dataset.end();
  // 150,000 numbers in several groups, written as they came
  expect(bytes).toBeGreaterThan(2 * 150_000);
  const one = { x: "a", mean: 0, low: -1, high: 1 };
  const figure = responses({
    ...{ name: "many", axis: { name: "x", scale: "names" }, drawn: true, label: "y", statistic: "y" },
    ...{ question: "?", nullModel: "none", seeds: "2", note: "" },
    panels: [{ title: "all", series: [{ label: "y", color: "#000", points: Array(150_000).fill(one) }] }],
  });
  expect(figure.panels.length).toBe(1);
});

test("the dataset has a row for every number, and a column for every swept field", async () => {
  const plan = planOf(names);
  const pieces: Uint8Array[] = [];
  const dataset = openDataset(plan, (piece) => pieces.push(piece));
  for (const point of plan.points) {
    const { job } = plan.jobs.find(({ key }) => key === point.key)!;
    dataset.add(point, plantedResult(point.key, job));
  }
  dataset.end();
  const rows = await parquetReadObjects({ file: joined(pieces) });
  // 6 jobs of 2 layers × 2 kinds × 3 statistics and 2 of the whole network, of 2 seeds each, and one number of the job
  expect(rows.length).toBe(6 * ((12 + 2) * 2 + 1));
  expect(Object.keys(rows[0])).toEqual([
    ...["job", "study", "task", "model.tiedUnembed", "seed"],
    ...["statistic", "layer", "kind", "value", "low", "high"],
  ]);
  const [{ key, job }] = plan.jobs;
  const own = rows.filter((row) => row.job === key && row.statistic === "tuningExcess" && row.layer === 1);
  const { series } = plantedResult(key, job);
  const planted = series.filter(({ statistic, layer }) => statistic === "tuningExcess" && layer === 1);
  expect(own.map(({ value }) => value)).toEqual(planted.flatMap(({ values }) => values));
  expect(own[0]).toMatchObject({ task: "patterns", "model.tiedUnembed": true, seed: 0n, kind: "token" });
  const floor = rows.find(({ statistic }) => statistic === "bayesFloor")!;
  expect(floor).toMatchObject({ seed: null, layer: null, kind: null, value: 1.03 });
});

test("along each field there is a figure of tuning, loss and selectivity, a panel for each value of the other", () => {
  const figures = sweepFigures(summaryOf(planOf(grid)));
  expect(figures.map(({ name, panels }) => [name, panels.length])).toEqual([
    ...[
      ["tuning-by-lr", 6],
      ["loss-by-lr", 3],
      ["selectivity-by-lr", 12],
    ],
    // 4 rates × 2 layers × 2 kinds are 16, of which 12 are drawn
    ...[
      ["tuning-by-model-d-mlp", 8],
      ["loss-by-model-d-mlp", 4],
      ["selectivity-by-model-d-mlp", 12],
    ],
  ]);
  expect(figures[5].reading).toContain("The first 12 of 16 panels");
  // planted: layer 1 falls by 0.45 a factor of ten, 0.66 over the range, layer 0 by two thirds of that
  const ends = /by lr is farthest apart in L1 .*: (\S+) \[\S+, \S+\] at 0.001, (\S+) \[.*\] at 0.03\.$/.exec(
    figures[0].title,
  );
  expect(Number(ends?.[1]) - Number(ends?.[2])).toBeGreaterThan(0.6);
  // 2 layers in each of 6 panels; of a baseline nothing is said
  expect(figures[0].reading).toContain("the two of 4 points that are farthest apart of 12 series");
  expect(figures[2].reading).toContain("of 12 series, which is partly luck");
});

test("fields that only change together are one axis, and said to be", () => {
  const together = [0.001, 0.01].map((lr, i) => ({
    lr: [lr],
    steps: [10 * (i + 1)],
    "model.dMlp": [32, 64],
  }));
  const [tuning] = sweepFigures(summaryOf(planOf({ seeds: 3, grid: together })));
  expect(tuning.panels.map(({ title }) => title)).toEqual([
    ...["token · model.dMlp 32", "position · model.dMlp 32"],
    ...["token · model.dMlp 64", "position · model.dMlp 64"],
  ]);
  expect(tuning.reading).toContain("steps changes with lr.");
});

test("what changes with a field because nobody gave it is said in its figures and at the top of the page", () => {
  const plan = planOf({ seeds: 2, grid: { batch: [8, 64], lr: [0.001, 0.01] } });
  const said = "steps was not given, and changes with batch: 80 to 630.";
  const summary = summaryOf(plan);
  const along = (field: string) => sweepFigures(summary).filter(({ name }) => name.endsWith(field));
  for (const { reading } of along("by-batch")) expect(reading).toContain(said);
  for (const { reading } of along("by-lr")) expect(reading).not.toContain("changes");
  expect(textOf(htmlOf(summary))).toContain(`batch: 8, 64. ${said}`);
});

test("draws are not joined, and their rank correlation is that of the planted law", () => {
  const [tuning] = sweepFigures(summaryOf(planOf(search)));
  // planted falling with the rate, steeper than the noise of means over four seeds
  expect(tuning.title).toMatch(
    /by lr ranks most in L1 .*, with τ −0\.[89]\d \[−0\.\d\d?, −0\.\d\d?\] over 40 points\./,
  );
  expect(tuning.reading).toContain("nothing is joined");
  expect(tuning.reading).toContain("the strongest τ of 4 series, which is partly luck");
  for (const panel of tuning.panels) expect(renderPanel(panel, document)).not.toContain('class="line"');
});

test("pictures have no text on another and no number that is none", () => {
  for (const file of [grid, names, search])
    for (const figure of sweepFigures(summaryOf(planOf(file)))) {
      for (const panel of figure.panels) {
        const { body } = parseHTML(`<html><body>${renderPanel(panel, document)}</body></html>`).document;
        expect({
          name: figure.name,
          panel: panel.title,
          overlaps: overlappingTexts(body.children[0]),
        }).toEqual({
          ...{ name: figure.name, panel: panel.title, overlaps: [] },
        });
      }
      expect(renderFigure(figure, document)).not.toMatch(/NaN|Infinity|undefined/);
    }
});

test("a job that is missing is named with its reason, and nothing stands in its place", () => {
  const plan = planOf(names);
  const missing = [
    { key: plan.jobs[1].key, study: "persistence", name: "task <patterns>", reason: "killed by SIGKILL" },
  ];
  const summary = summaryOf(plan, missing);
  const text = textOf(htmlOf(summary));
  expect(text).toContain("Partial. 1 of 6 jobs has no result");
  expect(text).toContain("task <patterns>: killed by SIGKILL.");
  expect(summary.points.length).toBe(5);
  expect(textOf(htmlOf(summaryOf(plan)))).not.toContain("Partial");
});

test("the page refers to nothing outside, runs nothing, and escapes what it is given", () => {
  const html = htmlOf({ ...summaryOf(planOf({ ...grid, sweep: "<b>&" })), alarms: ["Alarm: <two>"] });
  expect(html).toContain("default-src 'none'");
  expect(html).not.toMatch(/<script|<b>&|<two>|<x>|src=|https?:\/\/(?!www\.w3\.org)/);
  const { document: page } = parseHTML(html);
  const ids = [...page.querySelectorAll("section")].map(({ id }) => id);
  expect(ids).toEqual(["figures", "jobs", "method", "again"]);
  for (const link of page.querySelectorAll("nav a"))
    expect(ids.map((id) => `#${id}`)).toContain(link.getAttribute("href"));
});

test("a sweep of nothing but seeds has a table and no figure", () => {
  const summary = summaryOf(planOf({ seeds: 3 }));
  expect(sweepFigures(summary)).toEqual([]);
  expect(textOf(htmlOf(summary))).toContain("1 of 1 job");
});
