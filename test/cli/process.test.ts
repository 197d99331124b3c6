import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "tsdown";
import { afterAll, beforeAll, expect, test } from "vitest";

let folder = "";
let program = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "palimpsest-"));
  await build({
    config: false,
    entry: { cli: new URL("processEntry.ts", import.meta.url).pathname },
    outDir: folder,
    format: "esm",
    platform: "node",
    target: "node20",
    noExternal: [/.*/],
    inlineOnly: false,
    dts: false,
    logLevel: "silent",
  });
  program = ["cli.mjs", "cli.js"].map((name) => join(folder, name)).find(existsSync) ?? "";
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

function start(args: string[], stdout: "pipe" | number = "pipe", env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", stdout, "pipe"],
    env: { ...process.env, ...env },
  });
  const text = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => {
    text.stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    text.stderr += chunk;
  });
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, ...text }));
  return { child, text, ended };
}

/** Waits until the child's stderr holds a text. */
async function until(child: ChildProcess, text: { stderr: string }, wanted: string): Promise<void> {
  while (!text.stderr.includes(wanted)) await once(child.stderr as NodeJS.ReadableStream, "data");
}

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s stops the run, says so in sentences and exits with %i", async (signal, exitCode) => {
  const { child, text, ended } = start(["study", "persistence"]);
  await until(child, text, "begun");
  child.kill(signal);
  expect(await ended).toEqual({
    code: exitCode,
    signal: null,
    stdout: "",
    stderr: [
      '{"event":"log","message":"begun"}',
      `palimpsest: ${signal}, stopping after the step in progress; once more stops at once.`,
      `palimpsest: stopped by ${signal}.`,
      "",
    ].join("\n"),
  });
});

test("a second signal ends a run that does not stop", async () => {
  const { child, text, ended } = start(["study", "persistence"], "pipe", { DEAF: "1" });
  await until(child, text, "begun");
  child.kill("SIGINT");
  await until(child, text, "once more");
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 130 });
});

test("a long result reaches a pipe whole", async () => {
  const { ended } = start(["study", "fidelity", "--json"]);
  const { stdout, code } = await ended;
  expect([JSON.parse(stdout).text.length, code]).toEqual([4_000_000, 0]);
});

test("a reader that goes away is no error and leaves no stack", async () => {
  const { child, ended } = start(["study", "fidelity", "--json"]);
  child.stdout?.destroy();
  expect(await ended).toMatchObject({ code: 0, stderr: "" });
});

test("a terminal that goes away is no error: the run goes on until it is told to stop", async () => {
  const { child, text, ended } = start(["study", "persistence"]);
  await until(child, text, "begun");
  child.stderr?.destroy();
  child.kill("SIGTERM");
  expect(await ended).toMatchObject({ code: 143, signal: null });
});

test.runIf(existsSync("/dev/full"))("a full disk behind stdout is one sentence and exit code 2", async () => {
  const { ended } = start(["study", "fidelity", "--json"], openSync("/dev/full", "w"));
  expect(await ended).toMatchObject({ code: 2, stderr: "stdout: cannot be written; got ENOSPC.\n" });
});

test("an error outside of every promise is one sentence too", async () => {
  const { ended } = start(["bench", "train"]);
  expect(await ended).toMatchObject({
    code: 1,
    stderr:
      "palimpsest: this is a defect of Palimpsest, not of what it was given; got TypeError: thrown outside. Set PALIMPSEST_STACK=1 to see where.\n",
  });
});

test("a wrong option is one sentence and exit code 2 from a real process", async () => {
  const { ended } = start(["study", "persistence", "--seeds", "x"]);
  expect(await ended).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringMatching(/^--seeds: .*\n$/),
  });
});
