/** Run folders made file by file, and the real commands on them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { CliIo } from "../../src/cli/io.ts";
import { compareRuns } from "../../src/cli/runList/compareRuns.ts";
import { listRuns } from "../../src/cli/runList/listRuns.ts";
import { queryRuns } from "../../src/cli/runList/queryRuns.ts";
import { removeRuns } from "../../src/cli/runList/removeRuns.ts";
import { logLine } from "../../src/record/logLine.ts";
import { fileEntry, type ManifestParts, manifestBytes } from "../../src/record/manifest.ts";
import { type Measurement, measurementsToParquet } from "../../src/record/measurements.ts";
import { type Answer, palimpsest } from "./harness.ts";

/** What a run is to be besides a complete one of the study `persistence`. */
export interface MadeRun extends Partial<Omit<ManifestParts, "files">> {
  /** Contents by path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** When it began; ISO 8601. */
  readonly started?: string;
}

/** A folder for each test file, removed at its end. */
export function temporaryFolder(): { readonly path: string } {
  const place = { path: "" };
  beforeAll(() => {
    place.path = mkdtempSync(join(tmpdir(), "palimpsest-runs-"));
  });
  afterAll(() => rmSync(place.path, { recursive: true, force: true }));
  return place;
}

/** Writes a file, and the folders above it. */
export function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Writes a run's folder. */
export function makeRun(folder: string, run: MadeRun = {}): void {
  const { files = {}, started = "2026-01-01T00:00:00.000Z", ...parts } = run;
  const contents = Object.entries(files).map(([path, content]): [string, Uint8Array] => [
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  ]);
  for (const [path, content] of contents) put(join(folder, path), content);
  const manifest = manifestBytes({
    ...{ study: "persistence", status: "complete", command: ["study", "persistence"] },
    ...{ config: { seeds: [0, 1], presets: ["gpt"] }, versions: { palimpsest: "0.1.0" }, engine: null },
    ...parts,
    files: contents.map(([path, content]) => fileEntry(path, content)),
  });
  put(join(folder, "manifest.json"), manifest);
  put(join(folder, "log.jsonl"), logLine({ seq: 0, epoch: 1, time: started, event: "started" }));
}

/** One measurement with the usual labels. */
export const measured = (row: Partial<Measurement>): Measurement => ({
  ...{ arm: "gpt", model: 0, seed: 0, step: 0, site: "blocks.0.mlp.hook_post", unit: 0 },
  ...{ statistic: "eta2.token", value: 0 },
  ...row,
});

/** A file of measurements. */
export const parquet = (rows: readonly Partial<Measurement>[]): Uint8Array =>
  measurementsToParquet(rows.map(measured));

/** `palimpsest runs …` with the real commands. @param script  of the database's process */
export function runs(
  cwd: string,
  args: readonly string[],
  { io = {}, script }: { io?: Partial<CliIo>; script?: string } = {},
): Promise<Answer> {
  return palimpsest(["runs", ...args], {
    io: { cwd, ...io },
    handlers: {
      runsList: async (options, runIo) => listRuns(options, runIo),
      runsCompare: compareRuns,
      runsQuery: (options, runIo) => queryRuns(options, runIo, script),
      runsRemove: removeRuns,
    },
  });
}
