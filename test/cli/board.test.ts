import { expect, test } from "vitest";
import { createBoard } from "../../src/cli/progress.ts";
import { type BoardState, renderBoard } from "../../src/cli/renderBoard.ts";
import { recorder } from "./harness.ts";

const state: BoardState = {
  started: 1000,
  arms: [
    { arm: "original", models: 30, steps: 160, modelSteps: 4800, loss: 1.53219, started: 1000, ended: 5000 },
    { arm: "causal", models: 30, steps: 160, modelSteps: 1215, loss: 1.9, started: 5000, ended: null },
    { arm: "gpt", models: 2, steps: 160, modelSteps: 0, loss: null, started: null, ended: null },
  ],
  workers: [
    { worker: 1, arm: "causal", models: 15, step: 41, steps: 160 },
    { worker: 2, arm: "causal", models: 15, step: 40, steps: 160 },
  ],
};

test("the board says for each arm its step, loss, pace and time left, for each worker where it is, and the total", () => {
  // causal: 1215 in 1 s, 3585 left: 2.95 s. total: 6015 of 9920 in 5 s: 60.6 %, 1203 a second, 3905 left: 3.2 s
  expect(renderBoard(state, 6000, 100)).toEqual([
    "original  30 models  step 160/160  loss 1.532  1200 model-steps/s  done in 0:04",
    "causal    30 models  step  40/160  loss 1.900  1215 model-steps/s  0:03 left",
    "gpt       2 models  step   0/160  waiting",
    "  worker 1  causal    15 models  step 41/160",
    "  worker 2  causal    15 models  step 40/160",
    "total  ██████████████░░░░░░░░░░  60 %  1203 model-steps/s  0:05 elapsed  0:03 left",
  ]);
});

test("a run whose steps are no updates calls them by their name", () => {
  const arms = [{ arm: "gpt", models: 4, steps: 7, modelSteps: 14, loss: null, started: 0, ended: null }];
  const workers = [{ worker: 1, arm: "gpt", models: 2, step: 3, steps: 7 }];
  expect(renderBoard({ started: 0, arms, workers, stepName: "section" }, 4000, 100)).toEqual([
    "gpt  4 models  section 3/7  3.5 model-sections/s  0:04 left",
    "  worker 1  gpt  2 models  section 3/7",
    "total  ████████████░░░░░░░░░░░░  50 %  3.5 model-sections/s  0:04 elapsed  0:04 left",
  ]);
});

test("before the first step there is no pace and no time left, and nothing divides by zero", () => {
  const arms = [{ arm: "a", models: 0, steps: 0, modelSteps: 0, loss: null, started: 0, ended: null }];
  expect(renderBoard({ started: 0, arms, workers: [] }, 0, 100)).toEqual([
    "a  0 models  step 0/0",
    "total  ░░░░░░░░░░░░░░░░░░░░░░░░   0 %  0:00 elapsed",
  ]);
  expect(renderBoard({ started: 0, arms: [], workers: [] }, 3_723_000, 100)[0]).toContain("1:02:03 elapsed");
});

test("a full bar is only shown at the end", () => {
  const almost = { ...state.arms[0], modelSteps: 4799, ended: null };
  expect(renderBoard({ ...state, arms: [almost] }, 6000, 100).at(-1)).toContain("█░  99 %");
  expect(renderBoard({ ...state, arms: [state.arms[0]] }, 6000, 100).at(-1)).toContain("██ 100 %");
});

test("lines are cut to the terminal, more than 16 workers are counted, and names cannot move the cursor", () => {
  for (const line of renderBoard(state, 6000, 20)) expect(line.length).toBeLessThanOrEqual(20);
  const workers = Array.from({ length: 20 }, (_, i) => ({ ...state.workers[0], worker: i + 1 }));
  const lines = renderBoard({ ...state, workers }, 6000, 100);
  expect(lines.length).toBe(3 + 16 + 1 + 1);
  expect(lines.at(-2)).toBe("  and 4 more workers");
  const arms = [{ ...state.arms[0], arm: "\u001b[2Jx\r\n\u009by\u001b]0;title\u0007" }];
  expect(renderBoard({ ...state, arms, workers: [] }, 6000, 100)[0]).toMatch(/^x /);
});

/** A board whose clock is set by hand. */
function boardAt(isTTY: boolean, quiet = false) {
  const stream = recorder();
  const clock = { now: 1000 };
  const board = createBoard({ stream, quiet, isTTY, now: () => clock.now });
  const at = (now: number, modelSteps: number) => {
    clock.now = now;
    board.update({ ...state, arms: [{ ...state.arms[1], modelSteps, started: 1000 }] });
  };
  const records = () =>
    stream.text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  return { stream, board, at, records };
}

test("without a terminal there is at most one JSON line a second, and the last state is never lost", () => {
  const { board, at, records } = boardAt(false);
  at(1000, 0);
  at(1500, 30);
  at(1999, 60);
  at(2000, 90);
  at(2300, 120);
  board.done();
  board.done();
  at(9000, 150);
  expect(records().map(({ seconds, arms }) => [seconds, arms[0].step])).toEqual([
    [0, 0],
    [1, 3],
    [1.3, 4],
  ]);
});

test("a JSON line holds the numbers of the display", () => {
  const { board, at, records } = boardAt(false);
  at(2000, 1200);
  board.log("wrote\u0007 runs/x");
  expect(records()).toEqual([
    {
      event: "progress",
      seconds: 1,
      done: 0.25,
      modelStepsPerSecond: 1200,
      secondsLeft: 3,
      arms: [
        {
          arm: "causal",
          models: 30,
          step: 40,
          steps: 160,
          loss: 1.9,
          modelStepsPerSecond: 1200,
          secondsLeft: 3,
        },
      ],
    },
    { event: "log", message: "wrote runs/x" },
  ]);
});

test("on a terminal the picture is redrawn ten times a second at most, and log lines stay above it", () => {
  const { stream, board, at } = boardAt(true);
  at(1000, 0);
  at(1050, 30);
  expect(stream.text).not.toContain("step   1/160");
  board.log("a line that stays");
  at(1100, 60);
  board.done();
  expect(stream.text).toContain("step   2/160");
  expect(stream.text).toContain("a line that stays\n");
  expect(stream.text).not.toContain("\u001b[?25l"); // the cursor is never hidden
});

test("a quiet board writes nothing", () => {
  const { stream, board, at } = boardAt(true, true);
  at(1000, 1);
  board.log("x");
  board.done();
  expect(stream.text).toBe("");
});
