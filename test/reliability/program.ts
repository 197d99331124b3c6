/** The checks of reliability/ as the program that `npm run check:reliability` builds, started by tests. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "tsdown";
import { afterAll, beforeAll } from "vitest";
import type { CheckLine } from "../../reliability/check.ts";
import config from "../../reliability/tsdown.config.ts";

const root = join(import.meta.dirname, "../..");

/** What a run of the program came to. */
export interface Answer {
  code: number;
  lines: CheckLine[];
  stdout: string;
  stderr: string;
}

/** Builds the program before the tests of a file, and removes it after them. */
export function reliabilityProgram(): (...args: string[]) => Promise<Answer> {
  let folder = "";
  beforeAll(async () => {
    if (!existsSync(join(root, "dist/cli.js")))
      throw new Error("dist is missing: run `npm run build` first.");
    // beside the build that is checked, so that the packages it needs are found
    folder = mkdtempSync(join(root, "dist", "reliability-"));
    await build({ ...config, config: false, outDir: folder, logLevel: "silent" });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return (...args) =>
    new Promise((resolve) => {
      const program = join(folder, "main.mjs");
      const options = { cwd: root, maxBuffer: 2 ** 26 };
      execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) => {
        const lines = stdout
          .split("\n")
          .filter((line) => line.startsWith("{"))
          .map((line) => JSON.parse(line));
        resolve({ code: error === null ? 0 : Number(error.code), lines, stdout, stderr });
      });
    });
}
