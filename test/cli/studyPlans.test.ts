/** The commands that are made from the studies' plans: what they take, and what they say when they cannot. */
import { expect, test } from "vitest";
import { wrapText } from "../../src/cli/commands/study.ts";
import { type BoardState, renderBoard } from "../../src/cli/renderBoard.ts";
import { progressState } from "../../src/cli/runs/progressState.ts";
import { registeredStudies } from "../../src/studies/registry.ts";
import { palimpsest } from "./harness.ts";

const plans = registeredStudies()
  .map(({ study }) => study.plan)
  .filter(({ name }) => name !== "fidelity");
const standard = { seeds: null, quick: false, backend: "wasm", workers: 4, out: null };

test.each(plans.map((plan) => [plan.name, plan] as const))(
  "%s is a command under its name and its id, and its help shows the plan",
  async (name, { id, question, arms, seeds }) => {
    for (const word of [name, id, id.toLowerCase()]) {
      const { calls, stderr } = await palimpsest(["study", word]);
      expect(stderr).toBe("");
      expect(calls).toEqual([["study", { study: name, ...standard }]]);
    }
    const { stdout, exitCode } = await palimpsest(["study", name, "--help"]);
    expect(exitCode).toBe(0);
    const text = stdout.replace(/\s+/g, " ");
    for (const part of [`Study ${id}`, question, ...arms, `${seeds.full} seeds`])
      expect(text).toContain(part.replace(/\s+/g, " "));
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  },
);

const [{ name }] = plans;

test.each([
  [["--quick"], { quick: true }],
  [["--seeds", "3"], { seeds: [0, 1, 2] }],
  [["--seeds", "4,7"], { seeds: [4, 7] }],
  [
    ["--backend", "reference", "--workers", "2", "--out", "x"],
    { backend: "reference", workers: 2, out: "x" },
  ],
])("options %j are what they say and nothing else", async (args, change) => {
  const one = await palimpsest(["study", name, ...args]);
  expect(one.calls).toEqual([["study", { study: name, ...standard, ...change }]]);
  const all = await palimpsest(["study", "all", ...args]);
  expect(all.calls).toEqual([["allStudies", { ...standard, ...change }]]);
});

test("study findings receives its options, and fidelity answers to its id", async () => {
  const files = { results: "docs/results", out: "docs/findings.md" };
  expect((await palimpsest(["study", "findings"])).calls).toEqual([["findings", { from: null, ...files }]]);
  const { calls } = await palimpsest("study findings --from runs/a --results r --out f.md".split(" "));
  expect(calls).toEqual([["findings", { from: "runs/a", results: "r", out: "f.md" }]]);
  expect((await palimpsest(["study", "S1"])).calls).toEqual([
    ["fidelity", { fixtures: [], backend: "wasm", out: null }],
  ]);
});

test.each([
  [`study ${name} --seeds x`, '--seeds: must be a whole number at least 2 or a list such as 1,2,5; got "x".'],
  [
    `study ${plans[0].id} --sedes 3`,
    `palimpsest study ${name}: no such option; got "--sedes". Nearest: "--seeds".`,
  ],
  ["study all extra", 'palimpsest study all: takes options only; got "extra".'],
  ["study findings --from", "--from: needs a value; got none."],
  [`study ${name}x`, `palimpsest study: no such command; got "${name}x". Nearest: "${name}".`],
])("%s is one sentence on stderr and exit code 2", async (line, sentence) => {
  const { exitCode, stdout, stderr, calls } = await palimpsest(line.split(" "));
  expect([stdout, stderr, exitCode, calls]).toEqual(["", `${sentence}\n`, 2, []]);
});

test("the display of a study shows shares of arms, its title above them, and of many arms only those at work", () => {
  const arm = { models: 8, steps: 1000, loss: 1.5, started: 0, ended: null };
  const state: BoardState = {
    ...{ started: 0, title: "S6 lazy-or-rich", shares: true },
    arms: [
      { ...arm, arm: "original", modelSteps: 4000 },
      { ...arm, arm: "masked", modelSteps: 0, loss: null, started: null },
    ],
    workers: [{ worker: 1, arm: "original", models: 8, step: 500, steps: 1000 }],
  };
  expect(renderBoard(state, 2000, 100)).toEqual([
    "S6 lazy-or-rich",
    "original  8 seeds   50 %  loss 1.500  0:02 left",
    "masked    8 seeds    0 %  waiting",
    "  worker 1  original  8 seeds   50 %",
    "total  ██████░░░░░░░░░░░░░░░░░░  25 %  0:02 elapsed  0:06 left",
  ]);
  const many = Array.from({ length: 20 }, (_, i) => ({
    ...arm,
    ...{
      arm: `arm ${i}`,
      modelSteps: i < 3 ? 8000 : 0,
      started: i < 5 ? 0 : null,
      ended: i < 3 ? 1000 : null,
    },
  }));
  const lines = renderBoard({ ...state, arms: many, workers: [] }, 2000, 100);
  expect(lines.slice(0, -1)).toEqual([
    "S6 lazy-or-rich",
    "3 of 20 arms done",
    "arm 3   8 seeds    0 %  loss 1.500",
    "arm 4   8 seeds    0 %  loss 1.500",
  ]);
});

test("the state of a study's display counts shares of jobs, and an arm ends when all its seeds have", () => {
  const time = { now: 0 };
  const progress = progressState([{ name: "a", models: 12, steps: 1000 }], () => time.now, { shares: true });
  progress.event("a", 0, 8, 0, { kind: "progress", step: 500, loss: 2 });
  progress.event("a", 1, 4, 1, { kind: "progress", step: 1000, loss: Number.NaN });
  progress.leave("a", 1);
  expect(progress.read().arms[0]).toMatchObject({ modelSteps: 8000, loss: 2, ended: null });
  progress.advance("a", 0, 8, 0, 1000);
  time.now = 5;
  progress.leave("a", 0);
  expect(progress.read()).toMatchObject({
    shares: true,
    workers: [],
    arms: [{ modelSteps: 12_000, ended: 5 }],
  });
});

test("long lines are broken at spaces with the indent of a list, short ones stay", () => {
  expect(wrapText("one two three\n  - four five six", 11)).toBe(
    "one two\nthree\n  - four\n    five\n    six",
  );
  expect(wrapText("a\n\nb", 5)).toBe("a\n\nb");
});
