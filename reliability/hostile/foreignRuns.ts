/** Run folders that came from elsewhere, whose commands name a program that lies in them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { logLine } from "../../src/record/logLine.ts";
import { fileEntry, manifestBytes } from "../../src/record/manifest.ts";

/** The file that a program which was run leaves. */
export const ranFile = "RAN";

const time = "2025-01-02T03:04:05.678Z";

/** Writes a run as its writer would sign it, made by `sweep` of a program in its own folder. */
function foreignRun(cwd: string, name: string, status: "interrupted" | "complete"): void {
  const folder = join(cwd, name);
  mkdirSync(folder, { recursive: true });
  const program = `import { writeFileSync } from "node:fs";
writeFileSync(${JSON.stringify(join(cwd, ranFile))}, "");
export default { sweep: "x", study: "persistence", seeds: 2, grid: { lr: [0.1] } };
`;
  writeFileSync(join(folder, "evil.mjs"), program);
  const manifest = manifestBytes({
    ...{ study: "sweep", status, command: ["sweep", "evil.mjs"], config: {}, engine: null },
    versions: { palimpsest: "0.1.0", node: process.versions.node },
    files: [fileEntry("evil.mjs", new TextEncoder().encode(program))],
  });
  writeFileSync(join(folder, "manifest.json"), manifest);
  const events = status === "complete" ? ["started", "complete"] : ["started"];
  const log = events.map((event, seq) => logLine({ seq, epoch: 1, time, event, cwd: folder }));
  writeFileSync(join(folder, "log.jsonl"), log.join(""));
}

/** Puts such runs into a working directory, and gives the commands that must look at them and run nothing. */
export function foreignRuns(cwd: string): readonly (readonly string[])[] {
  foreignRun(cwd, "runs/interrupted", "interrupted");
  foreignRun(cwd, "runs/complete", "complete");
  return [
    ["resume", "runs/interrupted"],
    ["resume"],
    ["verify", "runs/complete", "--rerun"],
    ["verify", "runs/interrupted"],
    ["runs", "list"],
  ];
}
