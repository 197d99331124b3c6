/** A pull in a box: a cache of its own, a hurry, and a run that remembers what it showed. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Patience } from "../../src/cli/models/hubRequest.ts";
import { type PullOptions, runModelsPull } from "../../src/cli/models/pull.ts";
import type { Picture } from "../../src/cli/progress.ts";
import type { LocalHub } from "./localHub.ts";

/** Waits of a millisecond; a transfer must move 1000 bytes in each tenth of a second. */
export const hurry: Patience = {
  waits: [1, 1, 1],
  longestWait: 20,
  answer: 2000,
  window: 100,
  slowest: 1000,
};

/** A temporary folder; `empty` removes it. */
export function temporaryFolder(): { path: string; empty: () => void } {
  const path = mkdtempSync(join(tmpdir(), "palimpsest-pull-"));
  return { path, empty: () => rmSync(path, { recursive: true, force: true }) };
}

/** What a pull is given beside its hub. */
export interface Pulling extends Partial<PullOptions> {
  cache: string;
  token?: string;
  signal?: AbortSignal;
  patience?: Partial<Patience>;
}

/** What `--json` prints. */
export interface PullResult {
  commit: string;
  folder: string;
  bytesFetched: number;
  files: {
    file: string;
    bytes: number;
    sha256?: string;
    gitBlob?: string;
    state: string;
    resumed?: number;
  }[];
  leftOut: { file: string; reason: string }[];
}

/** Runs a pull from a local hub. */
export async function pull(hub: Pick<LocalHub, "url" | "repo">, pulling: Pulling) {
  const pictures: Picture[] = [];
  const logged: string[] = [];
  const { cache, token, signal = new AbortController().signal, patience, ...options } = pulling;
  const board = {
    update: () => {},
    done: () => {},
    draw: (picture: Picture) => pictures.push(picture),
    log: (line: string) => logged.push(line),
  };
  let now = 0;
  const outcome = await runModelsPull(
    { repo: hub.repo, revision: "main", files: [], endpoint: hub.url, cache, ...options },
    { board, warn: () => {}, signal, cwd: "/", clock: () => (now += 10), date: () => new Date(0) },
    { environment: { HF_TOKEN: token }, patience: { ...hurry, ...patience } },
  );
  return { ...outcome, result: outcome.result as PullResult, pictures, logged };
}

/** Every file and link below a folder, as paths relative to it. */
export function everyFile(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !(statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory() ?? false))
    .sort();
}
