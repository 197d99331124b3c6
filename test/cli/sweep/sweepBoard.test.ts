import { expect, test } from "vitest";
import { createBoard } from "../../../src/cli/progress.ts";
import { type SweepState, sweepLines, sweepPicture } from "../../../src/cli/sweep/sweepBoard.ts";
import { sweepProgress } from "../../../src/cli/sweep/sweepProgress.ts";
import { jobSize } from "../../../src/studies/sweep/job.ts";
import { planOf } from "../../studies/sweep/sample.ts";
import { recorder } from "../harness.ts";

const state: SweepState = {
  ...{ title: "width and rate", started: 1000, workers: 2 },
  jobs: { total: 10, found: 2, computed: 3, running: 2, parked: 1, failures: 4 },
  running: new Map([
    ["aa", { name: "lr 0.01", done: 0.5 }],
    ["bb", { name: "lr 0.1", done: 0.009 }],
  ]),
  ...{ models: 48, modelSteps: 6000 },
  work: { total: 16_000, done: 6000 },
};

test("the board says the jobs, those in progress, the pace and the time left", () => {
  // 5 of 10 jobs; in 5 s 48 models and 6,000 of 16,000 steps: 10,000 left at 1,200 a second are 8.3 s
  expect(sweepLines(state, 6000, 120)).toEqual([
    "width and rate",
    "jobs 5/10  2 found in the store  2 running  4 failed tries  1 given up  2 workers",
    "   50 %  lr 0.01",
    "    0 %  lr 0.1",
    "total  ████████████░░░░░░░░░░░░  50 %  9.6 models/s  1200 model-steps/s  0:05 elapsed  0:08 left",
  ]);
});

test("before the first step there is no pace, many jobs are counted, lines are cut and cannot move the cursor", () => {
  const running = new Map(
    Array.from(
      { length: 20 },
      (_, i) => [String(i), { name: `a\u001b[2J${"x".repeat(200)}`, done: 0 }] as const,
    ),
  );
  const idle = { ...state, running, models: 0, modelSteps: 0, work: { total: 0, done: 0 } };
  const lines = sweepLines(idle, 1000, 60);
  expect(lines.length).toBe(2 + 16 + 1 + 1);
  expect(lines.at(-1)).toBe("total  ████████████░░░░░░░░░░░░  50 %  0:00 elapsed");
  expect(lines[18]).toBe("  and 4 more");
  for (const line of lines) expect([line.length <= 60, line.includes("\u001b")]).toEqual([true, false]);
});

test("where the output is no terminal it is JSON, a line at a time", () => {
  const stream = recorder();
  const board = createBoard({ stream, quiet: false, isTTY: false, now: () => 6000 });
  board.draw(sweepPicture(state));
  board.done();
  expect(JSON.parse(stream.text)).toEqual({
    ...{ event: "progress", sweep: "width and rate", seconds: 5, jobs: state.jobs, workers: 2 },
    ...{ modelsPerSecond: 9.6, modelStepsPerSecond: 1200, secondsLeft: 10_000 / 1200 },
    running: [
      { key: "aa", name: "lr 0.01", done: 0.5 },
      { key: "bb", name: "lr 0.1", done: 0.009 },
    ],
  });
});

test("the state follows what the queue tells, and passes over jobs of other sweeps", () => {
  const { jobs } = planOf({ seeds: 2, base: { steps: 10 }, grid: { lr: [0.1, 0.2, 0.3] } });
  const todo = jobs.map(({ key, job }, i) => ({ key, job, name: `job ${i}`, size: jobSize(job) }));
  const progress = sweepProgress("t", todo, 5, () => 0);
  const [a, b, c] = todo.map(({ key }) => key);
  progress.event({ kind: "told", key: a, value: { done: 0.25, modelSteps: 10 } });
  progress.event({ kind: "told", key: "other", value: { done: 1, modelSteps: 1e9 } });
  progress.event({ kind: "told", key: b, value: "nonsense" });
  expect(progress.read()).toMatchObject({
    jobs: { total: 8, found: 5, computed: 0, running: 1, parked: 0, failures: 0 },
    // two networks and their two twins, ten steps each
    ...{ models: 0, modelSteps: 10, work: { total: 3 * 40, done: 10 } },
  });
  progress.event({ kind: "done", key: a });
  progress.event({ kind: "failed", key: b, reason: "x" });
  progress.event({ kind: "parked", key: b, reason: "x" });
  progress.event({ kind: "lost", key: c });
  progress.event({ kind: "told", key: a, value: { done: 0.5, modelSteps: 20 } }); // late
  expect(progress.read()).toMatchObject({
    jobs: { computed: 1, running: 0, parked: 1, failures: 2 },
    ...{ models: 4, modelSteps: 40, work: { done: 40 } },
  });
});
