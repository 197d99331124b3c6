/** The frame that the checks stand in: what a check tells, and how the program takes what it is told. */
import { expect, test } from "vitest";
import { type Check, type Finding, lineOf } from "../../reliability/check.ts";
import { inParallel, startNode } from "../../reliability/startChild.ts";
import { reliabilityProgram } from "./program.ts";

const program = reliabilityProgram();
const options = { seed: 3, say: () => {} };
const found: Finding = { figure: "0 of 5", count: 5, coverage: { tried: 5 }, failures: [] };
const check = (run: Check["run"]): Check => ({ id: "X1", promise: "It holds.", run });

test("a line tells promise, figure, count, seed, coverage and failures, and passes without failures only", async () => {
  const line = await lineOf(
    check(async () => found),
    "short",
    options,
  );
  expect(line).toEqual({
    ...{ id: "X1", promise: "It holds.", form: "short", passed: true },
    ...{ ...found, seed: 3, seconds: expect.any(Number) },
  });
  const failed = await lineOf(
    check(async () => ({ ...found, failures: Array.from({ length: 25 }, (_, i) => `failure ${i}`) })),
    "long",
    { ...options, without: "hash" },
  );
  expect(failed).toMatchObject({ form: "long", without: "hash", passed: false });
  expect(failed.failures).toHaveLength(21);
  expect(failed.failures.at(-1)).toBe("and 5 more");
});

test("a check that throws, or that tries nothing, has failed", async () => {
  const thrown = await lineOf(
    check(() => Promise.reject(new Error("no strace"))),
    "short",
    options,
  );
  expect(thrown).toMatchObject({ passed: false, count: 0, failures: [expect.stringContaining("no strace")] });
  const nothing = await lineOf(
    check(async () => ({ ...found, count: 0 })),
    "short",
    options,
  );
  expect(nothing).toMatchObject({ passed: false, failures: ["nothing was tried"] });
});

test("every promise has its own letter and number, and what can be left out has a name", async () => {
  const { code, stdout } = await program("--list");
  expect(code).toBe(0);
  const checks = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(checks.length).toBeGreaterThan(0);
  expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length);
  for (const { id, promise, weakenings } of checks) {
    expect(id).toMatch(/^[A-G]\d{1,2}$/);
    expect(promise).toMatch(/^[A-Z].*\.$/);
    for (const name of weakenings) expect(name).toMatch(/^[a-z0-9-]+$/);
  }
});

test.each([
  [["--only", "Z9"], "--only: must be among "],
  [["--seed", "x"], "--seed: must be a whole number"],
  [["--nonsense"], "Unknown option '--nonsense'"],
])("%j is refused in one sentence", async (args, sentence) => {
  const { code, stdout, stderr } = await program(...args);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(`check:reliability: ${sentence}`);
});

test("--help checks nothing and says what could be checked", async () => {
  expect(await program("--help")).toMatchObject({
    code: 0,
    lines: [],
    stdout: expect.stringContaining("--only IDS"),
  });
});

test("a child is told from another by how it ended: its code, its signal, or its silence", async () => {
  const evaluate = (script: string, silence?: number) => startNode(["--eval", script], { silence }).ended;
  expect(await evaluate("console.log(1); process.exitCode = 3")).toMatchObject({ code: 3, stdout: "1\n" });
  expect(await evaluate('process.kill(process.pid, "SIGSEGV"); setTimeout(() => {}, 1e6)')).toMatchObject({
    signal: "SIGSEGV",
    silent: false,
  });
  // it says something once, so what is waited for is its silence and not its start
  expect(await evaluate("console.error(1); for (;;);", 2000)).toMatchObject({
    signal: "SIGKILL",
    silent: true,
  });
});

test("work in parallel keeps to its width and to the order of the items", async () => {
  let [busy, most] = [0, 0];
  const results = await inParallel([3, 1, 2, 5, 4], 2, async (item) => {
    most = Math.max(most, ++busy);
    await Promise.resolve();
    busy--;
    return item * 10;
  });
  expect([results, most]).toEqual([[30, 10, 20, 50, 40], 2]);
});
