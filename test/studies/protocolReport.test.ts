import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { overviewReport } from "../../src/studies/findings/overview.ts";
import { aboutText, answerText, studyReport } from "../../src/studies/protocol/report.ts";
import { ruleText } from "../../src/studies/protocol/rule.ts";
import { seedsText } from "../../src/studies/protocol/seedsText.ts";
import { carryOutHere, tinyPlan, tinySize, tinyStudy } from "./tinyStudy.ts";

const facts: [string, string][] = [["Palimpsest", "0.0.0 <x>"]];
const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as {
  document: Document;
};

async function reportOf(seeds: number, quick = false, shift = 1) {
  const { result, figures } = await carryOutHere(tinyStudy(shift), tinySize(seeds, quick));
  const html = studyReport({ result, figures, facts, document });
  const page = parseHTML(html).document as unknown as Document;
  return { html, result, page, text: (page.body.textContent ?? "").replace(/\s+/g, " ") };
}

test("the report holds the plan, the rules as written before, the outcomes, the verdicts and the command", async () => {
  const { text, result, page } = await reportOf(10);
  const { question, hypothesis, statistic, nullModel, arms } = tinyPlan;
  for (const part of [question, hypothesis, statistic, nullModel, ...arms]) expect(text).toContain(part);
  for (const rule of tinyPlan.rules) expect(text).toContain(ruleText(rule));
  for (const { label } of result.outcomes) expect(text).toContain(label);
  for (const { statement } of result.decisions) expect(text).toContain(`● supported: ${statement}`);
  expect(text).toContain("npx palimpsest study tiny");
  expect(text).toContain("10 seeds (0–9)");
  expect(text).not.toContain("NaN");
  const ids = [...page.querySelectorAll("section")].map(({ id }) => id);
  expect(ids).toEqual(["verdicts", "outcomes", "notes", "tables", "plan", "again"]);
  for (const link of page.querySelectorAll("nav a"))
    expect(ids.map((id) => `#${id}`)).toContain(link.getAttribute("href"));
});

test("the answer is one sentence made from the verdicts", async () => {
  const answer = async (shift: number) => answerText((await reportOf(10, false, shift)).result);
  expect(await answer(1)).toBe(
    "Supported: “The shifted arm lies above the other” (C1) and “The plain arm has mean 0” (hypothesis).",
  );
  expect(await answer(-1)).toBe(
    "Supported: “The plain arm has mean 0” (hypothesis); refuted: “The shifted arm lies above the other” (C1).",
  );
});

test("a quick run says so loudly and shows no verdict", async () => {
  const { text, html } = await reportOf(4, true);
  expect(text).toContain("Quick run: nothing is decided.");
  expect(text).toContain("This quick run of 4 seeds shows that the study works; it decides nothing.");
  expect(text.match(/– quick: not decided/g)?.length).toBe(2);
  expect(html).not.toMatch(/[●×○] /);
});

test("a run with other seeds than planned says so; the planned one does not", async () => {
  expect((await reportOf(5)).text).toContain("this run has 5 seeds (0–4)");
  expect((await reportOf(10)).text).not.toContain("Not the planned seeds");
});

test("the page refers to nothing outside, runs nothing, and escapes what it is given", async () => {
  const { html } = await reportOf(10);
  expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)|url\(/);
  expect(html).toContain("default-src 'none'");
  expect(html).toContain("Seeds &lt;b&gt;are&lt;/b&gt; independent.");
  expect(html).toContain("0.0.0 &lt;x&gt;");
});

test("the report that joins studies links each, with every verdict, and decides nothing where it cannot", async () => {
  const { result } = await reportOf(10);
  const html = overviewReport({
    results: [result],
    quick: false,
    command: "npx palimpsest study all",
    facts,
  });
  const page = parseHTML(html).document as unknown as Document;
  const text = (page.body.textContent ?? "").replace(/\s+/g, " ");
  expect(page.querySelector("#studies a")?.getAttribute("href")).toBe("tiny/report.html");
  expect(text).toContain("supported by S1");
  expect(text).toContain("not decided; it needs full results of S6, S11, S13.");
  for (const { statement } of result.decisions) expect(text).toContain(statement);
  expect(page.querySelectorAll("#claims tbody tr").length).toBe(7);
});

test.each([
  [[0, 1, 2], "3 seeds (0–2)"],
  [[4, 5], "2 seeds (4–5)"],
  [[1, 5, 2], "3 seeds (1, 5, 2)"],
  [[7], "1 seed (7)"],
])("seeds %j are shown as %s", (seeds, text) => {
  expect(seedsText(seeds)).toBe(text);
});

test("H stands for a hypothesis, with its name where it has one", () => {
  expect(["H", "H lazy", "C6", "circuits"].map(aboutText)).toEqual([
    "hypothesis",
    "hypothesis: lazy",
    "C6",
    "circuits",
  ]);
});
