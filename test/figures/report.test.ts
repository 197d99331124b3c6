/** The report as a reader and as an attacker meets it. Oracle: an HTML parser. */
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { ManifestSummary } from "../../src/studies/persistence/report.ts";
import { persistenceReport } from "../../src/studies/persistence/report.ts";
import { answerText, leakText } from "../../src/studies/persistence/reportText.ts";
import type { PersistenceResult, PresetDetail } from "../../src/studies/persistence/result.ts";
import { attack, hostileStudy } from "./hostile.ts";
import { syntheticDetail, syntheticStudy } from "./synthetic.ts";

const { document } = parseHTML("<html><body></body></html>");
const manifestSummary: ManifestSummary = {
  command: "npx palimpsest study persistence --seeds 30",
  facts: [["version", "0.1.0"]],
};

function report(
  study: { result: PersistenceResult; details: readonly PresetDetail[] },
  manifest = manifestSummary,
) {
  const html = persistenceReport({ ...study, manifestSummary: manifest, document });
  return { html, page: parseHTML(html).document };
}

/** Traces of values that are no numbers, with their surroundings. */
const brokenNumbers = (html: string) => html.match(/.{0,40}(NaN|Infinity|undefined).{0,20}/g) ?? [];

const study = syntheticStudy();
const usual = report(study);

test("the report has its sections, its figures, and a heading above each", () => {
  const { page } = usual;
  const ids = [...page.querySelectorAll("section")].map(({ id }) => id);
  expect(ids).toEqual(["claims", "numbers", "figures", "distribution", "models", "method", "again"]);
  for (const link of page.querySelectorAll("nav a"))
    expect(page.getElementById(link.getAttribute("href")!.slice(1))).not.toBeNull();
  expect(page.querySelectorAll("h1").length).toBe(1);
  expect(page.querySelectorAll("figure").length).toBe(12);
  for (const figure of page.querySelectorAll("figure")) {
    expect(figure.querySelector("figcaption h3")!.textContent!.length).toBeGreaterThan(20);
    expect(figure.textContent).toMatch(/Seeds:/);
    expect(figure.textContent).toMatch(/Null:/);
    for (const svg of figure.querySelectorAll("svg"))
      expect(svg.getAttribute("aria-label")!.length).toBeGreaterThan(20);
  }
});

test("below a hundred seeds one sentence a preset says from when on the distribution is described", () => {
  const section = usual.page.getElementById("distribution")!;
  expect(section.querySelectorAll("p").length).toBe(2);
  expect(section.querySelectorAll("table, figure").length).toBe(0);
  expect(section.textContent).toContain("from 100 seeds on; this run has 30");
});

test("from a hundred seeds on the section has its figure, its tables and a sentence for each of their numbers", () => {
  const many = report(syntheticStudy([{ seeds: 120, units: 8 }]));
  const section = many.page.getElementById("distribution")!;
  expect(section.querySelectorAll("figure svg").length).toBe(4 * 3);
  // luck; quantiles, spread and plans of four measures in each of four cells
  expect(
    [...section.querySelectorAll("table")].map((table) => table.querySelectorAll("tbody tr").length),
  ).toEqual([4, 16, 16, 16]);
  const terms = [...section.querySelectorAll(".terms b")].map(({ textContent }) =>
    textContent!.toLowerCase(),
  );
  for (const column of section.querySelector("table")!.querySelectorAll("thead th")) {
    const name = column.textContent!.toLowerCase().replace(" (holm)", "");
    if (name !== "")
      expect(
        terms.some((term) => term.includes(name)),
        name,
      ).toBe(true);
  }
  expect(brokenNumbers(many.html)).toEqual([]);
});

test("a thousand seeds make a page of about a megabyte, and single seeds are drawn of the first hundred", () => {
  const detail = syntheticDetail({ seeds: 99, units: 8 });
  // ten times the seeds, and none of the statistics of a thousand, which other tests are about
  const many = <T>(of: readonly T[]) => Array.from({ length: 10 }, () => of).flat();
  const layers = detail.layers.map((layer) => ({
    ...layer,
    eta2: { token: many(layer.eta2.token), position: many(layer.eta2.position) },
    ...{ tuningR: many(layer.tuningR), tuningNullR: many(layer.tuningNullR), unitR: many(layer.unitR) },
    displacement: Object.fromEntries(
      Object.entries(layer.displacement).map(([name, of]) => [name, many(of)]),
    ),
  }));
  const { train, heldOut, heldOutByPosition } = detail.loss;
  const thousand: PresetDetail = {
    ...detail,
    summary: { ...detail.summary, seeds: many(detail.summary.seeds), models: many(detail.summary.models) },
    layers,
    loss: {
      ...detail.loss,
      ...{ train: many(train), heldOut: many(heldOut), heldOutByPosition: many(heldOutByPosition) },
    },
  };
  const result = { ...study.result, presets: [thousand.summary] };
  const large = report({ result, details: [thousand] });
  expect(large.html.length).toBeLessThan(1_500_000);
  expect(large.page.getElementById("figures")!.textContent).toContain("The first 100 are drawn one by one");
});

test("the report needs nothing from outside and runs nothing", () => {
  const { html, page } = usual;
  const markup = html
    .replaceAll("http://www.w3.org/2000/svg", "")
    .replaceAll("http://www.w3.org/1999/xlink", "");
  expect(/https?:|\bsrc=|@import|url\(/.test(markup)).toBe(false);
  expect(page.querySelectorAll("script, img, iframe, link, object, embed, base").length).toBe(0);
  for (const link of page.querySelectorAll("[href]")) expect(link.getAttribute("href")).toMatch(/^#/);
  expect(page.querySelector("meta[http-equiv]")!.getAttribute("content")).toContain("default-src 'none'");
});

test("every id is unique", () => {
  const ids = [...usual.page.querySelectorAll("[id]")].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test("claims stand with verdict, rule and evidence; groups with their intervals; models with their hashes", () => {
  const { page } = usual;
  const claims = page.querySelectorAll("#claims tbody tr");
  expect(claims.length).toBe(7);
  study.result.claims.forEach(({ id, verdict, rule, evidence }, i) => {
    for (const text of [id, verdict, rule, evidence]) expect(claims[i].textContent).toContain(text);
  });
  expect(page.querySelectorAll("#numbers tbody tr").length).toBe(2 * 2 * 4);
  expect(page.querySelector("#numbers tbody tr")!.textContent).toContain("0.95 [0.89, 1.01]");
  expect(page.querySelectorAll("#models details").length).toBe(2);
  const { seed, weights } = study.result.presets[0].models[0];
  const model = page.querySelector("#models tbody tr")!.textContent!;
  expect(model).toContain(String(seed));
  expect(model).toContain(weights.slice(0, 12));
});

test("the answer counts the cells whose intervals clear their null", () => {
  expect(answerText(study.result)).toContain("In 8 of 8 cells");
  const { result } = syntheticStudy([{}]);
  const group = result.presets[0].groups[0];
  group.tuning.ci = [group.tuning.nullCi[1] - 0.01, 1];
  group.criterion.excessCi = [-0.1, 0.8];
  const text = answerText(result);
  expect(text).toContain("In 3 of 4 cells");
  expect(text).toContain("above zero in 3 of 4 cells");
  expect(text).toContain("supports 2, refutes 2, leaves 2 undecided and does not test 1");
});

test("the leak alarm stands exactly where there is a leak, with its numbers", () => {
  const alarms = [...usual.page.querySelectorAll(".alarm")].map(({ textContent }) => textContent);
  expect(alarms.length).toBe(1);
  expect(alarms[0]).toContain("original");
  expect(alarms[0]).toContain("0.180 nats");
  expect(alarms[0]).toContain("2.104");
});

test("a leak at single positions is not called a mean below the floor", () => {
  const { summary } = syntheticDetail({ seeds: 2 });
  summary.loss = { ...summary.loss, heldOut: 1.2, bayesFloor: 1.03, leak: true };
  expect(leakText(summary)).toContain("does not show it");
  expect(leakText({ ...summary, loss: { ...summary.loss, leak: false } })).toBeUndefined();
});

test("markup in any name is shown and not obeyed", () => {
  const { html, page } = report(hostileStudy(), { command: attack, facts: [[attack, attack]] });
  expect(page.querySelectorAll("script, img").length).toBe(0);
  for (const element of page.querySelectorAll("*"))
    for (const name of element.getAttributeNames()) expect(name).not.toMatch(/^on/);
  expect(/<img|<script|\u202e/.test(html)).toBe(false);
  expect(page.querySelector("#again code")!.textContent).toContain("<img src=x onerror=alert(1)>");
});

test("two seeds, one preset, one layer and a single checkpoint are enough", () => {
  const { html, page } = report(syntheticStudy([{ seeds: 2, nLayers: 1, units: 3, steps: 1 }]));
  expect(page.querySelectorAll("figure").length).toBe(11);
  expect(brokenNumbers(html)).toEqual([]);
  expect(page.querySelector("figure")!.textContent).toContain("2 seeds (original)");
});

test("an unknown floor is said to be unknown", () => {
  const detail = syntheticDetail({ seeds: 3 });
  detail.loss.floor = null;
  detail.summary.loss = { ...detail.summary.loss, bayesFloor: null, leak: false };
  const { html, page } = report({
    result: { study: "persistence", presets: [detail.summary], claims: [], run: "run" },
    details: [detail],
  });
  expect(brokenNumbers(html)).toEqual([]);
  expect(page.querySelector("#figure-loss-by-position")!.textContent).toContain("no exact floor is known");
  expect(page.querySelectorAll(".alarm").length).toBe(0);
});

test("a diverged model is counted and named, and the others are drawn as without it", () => {
  const whole = syntheticDetail({ seeds: 4 });
  const broken = syntheticDetail({ seeds: 4 });
  const nan = (row: ArrayLike<number>) => Array.from(row, () => Number.NaN);
  const spoil = <T>(rows: readonly T[], replace: (row: T) => T) =>
    rows.map((row, i) => (i === 3 ? replace(row) : row));
  broken.loss.train = spoil(broken.loss.train, nan);
  broken.loss.heldOut = spoil(broken.loss.heldOut, nan);
  broken.loss.heldOutByPosition = spoil(broken.loss.heldOutByPosition, nan);
  broken.summary.models[3] = { seed: 4, finalLoss: null, weights: "", divergedAt: 17 };
  broken.layers = broken.layers.map((layer) => ({
    ...layer,
    tuningR: spoil(layer.tuningR, nan),
    tuningNullR: spoil(layer.tuningNullR, nan),
    eta2: {
      token: spoil(layer.eta2.token, (units) => units.map(nan)),
      position: spoil(layer.eta2.position, (units) => units.map(nan)),
    },
    displacement: Object.fromEntries(
      Object.entries(layer.displacement).map(([name, values]) => [name, spoil(values, () => Number.NaN)]),
    ),
  }));
  const shown = (detail: PresetDetail) =>
    report({
      result: { study: "persistence", presets: [detail.summary], claims: [], run: "run" },
      details: [detail],
    });
  const { html, page } = shown(broken);
  expect(brokenNumbers(html)).toEqual([]);
  expect(page.querySelector("figure")!.textContent).toContain("1 of original diverged and is left out");
  expect(page.querySelector("#models")!.textContent).toContain("diverged at step 17");
  const without = { ...whole, loss: { ...whole.loss, train: whole.loss.train.slice(0, 3) } };
  const firstSeed = (html: Document) =>
    html.querySelector("#figure-loss-curves g.line path")!.getAttribute("d");
  expect(firstSeed(page)).toBe(firstSeed(shown(without).page));
});

test("a run without details and without presets still gives a page", () => {
  const empty = report({
    result: { study: "persistence", presets: [], claims: [], run: "run" },
    details: [],
  });
  expect(empty.page.querySelectorAll("section").length).toBe(7);
  expect(brokenNumbers(empty.html)).toEqual([]);
});

test("equal input gives equal bytes", () => {
  expect(report(syntheticStudy()).html).toBe(usual.html);
});
