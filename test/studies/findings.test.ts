import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseJson } from "../../src/record/canonicalJson.ts";
import { claimRows, inOrder, joinedVerdict } from "../../src/studies/findings/claims.ts";
import { findingsMarkdown } from "../../src/studies/findings/findings.ts";
import { globalRule, globalRuleText, globalVerdict } from "../../src/studies/findings/globalVerdict.ts";
import { parseStudyResult, type StudyDecision, type StudyResult } from "../../src/studies/protocol/result.ts";
import type { Verdict } from "../../src/studies/protocol/rule.ts";
import { registeredStudies } from "../../src/studies/registry.ts";
import { carryOutHere, tinyPlan, tinySize, tinyStudy } from "./tinyStudy.ts";

const docs = join(import.meta.dirname, "../../docs");
const read = (path: string) => readFileSync(join(docs, path), "utf8");

/** A result that says what it is told to say, without numbers. */
function saying(id: string, verdicts: Record<string, Verdict | null>): StudyResult {
  const decisions = Object.entries(verdicts).map(
    ([about, verdict]): StudyDecision => ({ about, verdict, statement: "", rule: "", evidence: "" }),
  );
  return {
    ...{ study: id, id, title: id, seeds: [0, 1], plan: tinyPlan, outcomes: [], notes: [], tables: [] },
    ...{ decisions, quick: Object.values(verdicts).includes(null), command: "" },
  };
}

test("docs/findings.md is what the committed results and the part written by hand make", () => {
  const results = readdirSync(join(docs, "results"))
    .filter((name) => /^S\d+\.json$/.test(name))
    .map((name) => {
      const file = `results/${name}`;
      const result = parseStudyResult(file, parseJson(read(file), { file }));
      expect(`${result.id}.json`).toBe(name);
      return result;
    });
  const reading = existsSync(join(docs, "results/reading.md")) ? read("results/reading.md") : "";
  const plans = registeredStudies().map(({ study }) => study.plan);
  expect(read("findings.md")).toBe(findingsMarkdown(results, plans, reading));
});

test("a claim's row joins what the studies say of it and makes no verdict of its own", () => {
  const rows = claimRows([
    saying("S10", { C3: "refuted", C5: "supported" }),
    saying("S8", { C3: "supported", H: "refuted" }),
    saying("S2", { C3: "undecided" }),
  ]);
  expect(rows.map(({ id }) => id)).toEqual(["C1", "C2", "C3", "C4", "C5", "C6", "C7"]);
  expect(rows.map(joinedVerdict)).toEqual([
    "no result yet",
    "no result yet",
    "refuted by S10; supported by S8; undecided in S2",
    "no result yet",
    "supported by S10",
    "no result yet",
    "no result yet",
  ]);
  expect(joinedVerdict(claimRows([saying("S3", { C2: null })])[1])).toBe("quick: not decided");
  expect(inOrder([saying("S10", {}), saying("S9", {})]).map(({ id }) => id)).toEqual(["S9", "S10"]);
});

const verdicts = ["supported", "refuted", "undecided"] as const;

test("the verdict on the whole is that of the written rule for every combination of verdicts", () => {
  for (const refine of verdicts)
    for (const lazy of verdicts)
      for (const kept of verdicts)
        for (const boost of verdicts) {
          const { kind } = globalVerdict([
            saying("S6", { C6: refine, "H lazy": lazy }),
            saying("S11", { C6: kept }),
            saying("S13", { intervention: boost }),
          ]);
          const accepted = refine === "supported" && kept === "supported" && boost === "supported";
          const rejected = lazy === "supported" && kept === "refuted";
          expect(kind).toBe(accepted ? "accepted" : rejected ? "rejected" : "neither");
        }
});

test("the verdict on the whole is open while a study of its rule is missing, quick, or silent on its subject", () => {
  const all = [
    saying("S6", { C6: "supported", "H lazy": "refuted" }),
    saying("S11", { C6: "supported" }),
    saying("S13", { intervention: "supported" }),
  ];
  expect(globalVerdict(all)).toEqual({
    kind: "accepted",
    sentence: "Networks refine pre-existing structure.",
  });
  expect(globalVerdict([])).toEqual({ kind: "open", missing: ["S6", "S11", "S13"] });
  expect(globalVerdict(all.slice(0, 2))).toEqual({ kind: "open", missing: ["S13"] });
  expect(globalVerdict([...all.slice(1), saying("S6", { C6: null, "H lazy": null })])).toEqual({
    kind: "open",
    missing: ["S6"],
  });
  expect(globalVerdict([...all.slice(1), saying("S6", { C6: "supported" })])).toEqual({
    kind: "open",
    missing: ["S6"],
  });
});

test("every verdict that the rule on the whole asks for is one that a rule of that study gives, and only one", () => {
  const plans = registeredStudies().map(({ study }) => study.plan);
  for (const { study, about } of [...globalRule.acceptedIf, ...globalRule.rejectedIf]) {
    const plan = plans.find(({ id }) => id === study);
    expect({ study, about, rules: plan?.rules.filter((rule) => rule.about === about).length }).toEqual({
      ...{ study, about, rules: 1 },
    });
  }
});

test("the document has every claim, every study with its estimates and command, the rule, and the part by hand", async () => {
  const { result } = await carryOutHere(tinyStudy(), tinySize(10));
  const text = findingsMarkdown([result], [tinyPlan], "## What follows\n\nBy hand.\n");
  expect(text).toContain("shifted − plain 1 [1, 1]");
  expect(text).toContain("10 seeds (0–9)");
  expect(text).toContain("`npx palimpsest study tiny`");
  expect(text).toContain("supported by S1");
  expect(text).toContain(globalRuleText(globalRule));
  expect(text.endsWith("## What follows\n\nBy hand.\n")).toBe(true);
  const fewer = await carryOutHere(tinyStudy(), tinySize(5));
  expect(findingsMarkdown([fewer.result], [tinyPlan], "")).toContain("5 seeds (0–4) of 10 planned");
});

test("a result that is quick, unknown, of other rules, or says what its rules do not say is no finding", async () => {
  const { result } = await carryOutHere(tinyStudy(), tinySize(10));
  const quick = (await carryOutHere(tinyStudy(), tinySize(4, true))).result;
  const [first, second] = result.decisions;
  const forged: StudyResult = { ...result, decisions: [{ ...first, verdict: "refuted" }, second] };
  const [rule] = tinyPlan.rules;
  const other = { ...tinyPlan, rules: [rule, { ...rule, about: "H" }] };
  const making =
    (of: StudyResult, plan = tinyPlan) =>
    () =>
      findingsMarkdown([of], [plan], "");
  expect(making(quick)).toThrow("result of S1: a quick run decides nothing and is no finding.");
  expect(() => findingsMarkdown([result], [], "")).toThrow("there is no such study");
  expect(making(result, other)).toThrow("was made under other rules than the study has now");
  expect(making(forged)).toThrow(
    "its rules say supported, supported of its outcomes; got refuted, supported.",
  );
});
