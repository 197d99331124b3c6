/** The transcripts of docs/inspect.md are what the commands print, on the run that it names. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runInspect } from "../../src/cli/runs/inspect.ts";
import { palimpsest } from "./harness.ts";

const root = join(import.meta.dirname, "../..");
const text = readFileSync(join(root, "docs/inspect.md"), "utf8");
const transcripts = [...text.matchAll(/^```console\n\$ npx palimpsest ([^\n]+)\n([\s\S]*?)^```/gm)].map(
  ([, command, printed]) => ({ command, printed }),
);
const study = /^ {4}npx palimpsest (study persistence [^\n]+)$/m.exec(text)?.[1] ?? "";

let cwd = "";
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-"));
  // built before, as in `npm test`: training needs its workers
  const args = [join(root, "bin/palimpsest.js"), ...study.split(" "), "--quiet"];
  execFileSync(process.execPath, args, { cwd, stdio: "ignore" });
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test("every verb has a transcript", () => {
  for (const verb of ["lens", "heads", "attribution", "patch", "ablate", "units", "circuits"])
    expect(
      transcripts.some(({ command }) => ` ${command} `.includes(` ${verb} `)),
      verb,
    ).toBe(true);
});

test.each(transcripts)("$command prints what the document says", async ({ command, printed }) => {
  const { stdout, stderr } = await palimpsest(command.split(" "), {
    handlers: { inspect: runInspect },
    io: { cwd },
  });
  expect(stderr).toBe("");
  expect(stdout).toBe(printed);
});
