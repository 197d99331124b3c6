/** What `resume` and `verify` are asked for, and how the command line ends with a run that did not. */
import { expect, test } from "vitest";
import { FileError, InternalError } from "../../src/base/errors.ts";
import type { Interruption } from "../../src/cli/io.ts";
import { OwnedError } from "../../src/cli/journal/lock.ts";
import { StoppedRun } from "../../src/cli/runs/stoppedRun.ts";
import { palimpsest } from "./harness.ts";

test.each([
  [["resume"], ["resume", { run: null, workers: null, queue: null }]],
  [
    ["resume", "runs/a", "--workers", "3", "--json", "--quiet"],
    ["resume", { run: "runs/a", workers: 3, queue: null }],
  ],
  [
    ["verify", "a", "b"],
    ["verify", { runs: ["a", "b"], rerun: false }],
  ],
  [
    ["verify", "--rerun", "a", "--json", "--quiet"],
    ["verify", { runs: ["a"], rerun: true }],
  ],
])("%j is what it says and nothing else", async (args, call) => {
  const { calls, stderr } = await palimpsest(args);
  expect([calls, stderr]).toEqual([[call], ""]);
});

test.each([
  ["verify", "palimpsest verify: needs <run> (run folders); got none."],
  ["verify a b a", 'palimpsest verify: each run may be named once; got "a".'],
  ["verify a --rerunn", 'palimpsest verify: no such option; got "--rerunn". Nearest: "--rerun".'],
  [
    "resume a b",
    'palimpsest resume: takes <run> (run folder (default: the newest under runs that has not ended)) and options; got "a", "b".',
  ],
  ["resume a --workers 0", '--workers: must be a whole number, 1 to 64; got "0".'],
])("palimpsest %s is refused in one sentence with exit code 2", async (line, sentence) => {
  const { exitCode, stdout, stderr, calls } = await palimpsest(line.split(" "));
  expect({ exitCode, stdout, stderr, calls }).toEqual({
    exitCode: 2,
    stdout: "",
    stderr: `${sentence}\n`,
    calls: [],
  });
});

test.each([["resume"], ["verify"]])(
  "the help of %s is no wider than the terminal, and has examples",
  async (name) => {
    const { exitCode, stdout } = await palimpsest([name, "--help"]);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining(`\n  palimpsest ${name} `)]);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(101);
  },
);

const goingOn = '"palimpsest resume runs/x" goes on with it.';
const failing = (error: unknown, signal = new AbortController().signal) =>
  palimpsest(["study", "persistence"], {
    io: { signal },
    run: async () => {
      throw error;
    },
  });

test("a run that failed says how to go on with it, after what it failed of", async () => {
  const full = new FileError({
    where: "runs/x/report.html",
    rule: "cannot be written",
    got: "the disk is full",
  });
  expect(await failing(new StoppedRun(full, goingOn))).toMatchObject({
    exitCode: 2,
    stderr: `runs/x/report.html: cannot be written; got the disk is full. ${goingOn}\n`,
  });
  const died = new InternalError({ where: "worker", rule: "died" });
  expect(await failing(new StoppedRun(died, goingOn))).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(
      /^palimpsest: this is a defect of Palimpsest.*to see where\. "palimpsest resume runs\/x" goes/,
    ),
  });
});

test("a run that a signal stopped says how to go on with it", async () => {
  const controller = new AbortController();
  controller.abort({ by: "SIGTERM", exitCode: 143 } satisfies Interruption);
  const stopped = new FileError({ where: "run", rule: "stopped by SIGTERM" });
  expect(await failing(new StoppedRun(stopped, goingOn), controller.signal)).toMatchObject({
    exitCode: 143,
    stderr: `palimpsest: stopped by SIGTERM. ${goingOn}\n`,
  });
});

test("a signal that comes when all is over has stopped nothing", async () => {
  const controller = new AbortController();
  const answer = await palimpsest(["study", "persistence"], {
    io: { signal: controller.signal },
    run: async () => {
      controller.abort({ by: "SIGINT", exitCode: 130 } satisfies Interruption);
      return { result: {}, summary: "Done." };
    },
  });
  expect(answer).toMatchObject({ exitCode: 0, stdout: "Done.\n", stderr: "" });
});

test("a folder that another process has ends with exit code 4", async () => {
  const owned = new OwnedError({ where: "runs/x", rule: "belongs to another process", got: "pid 7" });
  expect(await failing(owned)).toMatchObject({
    exitCode: 4,
    stderr: "runs/x: belongs to another process; got pid 7.\n",
  });
});

test("a warning is on stderr after the result, and what nobody should miss with --quiet too", async () => {
  const answer = (...args: string[]) =>
    palimpsest(["verify", "a", ...args], {
      run: async ({ warn }) => {
        warn("mended");
        return { result: {}, summary: "Damaged.", exitCode: 3, warning: "a: damaged." };
      },
    });
  expect(await answer("--quiet")).toMatchObject({
    exitCode: 3,
    stdout: "Damaged.\n",
    stderr: "mended\na: damaged.\n",
  });
  expect((await answer()).stderr).toBe('{"event":"log","message":"mended"}\na: damaged.\n');
});
