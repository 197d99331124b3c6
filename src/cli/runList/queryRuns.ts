/** `palimpsest runs query`: SQL over the measurements of runs, each file checked before it is shown to the database. */
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ArgumentError, UserError } from "../../base/errors.ts";
import { canonicalJson } from "../../record/canonicalJson.ts";
import type { RunsQueryOptions } from "../commands/runsQuery.ts";
import { diskError } from "../disk/diskError.ts";
import type { Outcome, RunIo } from "../io.ts";
import { bytesText } from "../models/transfer.ts";
import type { Picture } from "../progress.ts";
import { findRuns } from "./findRuns.ts";
import { type Answer, askEngine, type EngineOptions } from "./queryEngine.ts";
import type { RunRecord } from "./queryMessages.ts";
import { csvText, tableText } from "./queryText.ts";
import { damageCode, openRunFile } from "./runFile.ts";
import { type FoundRun, manifestLimit, readRun } from "./runPlace.ts";
import { runRow } from "./runRow.ts";

/** Most rows of an answer: they are held in memory. */
const rowLimit = 1_000_000;

/** Runs that were named, which must be there, or all of `runs`, of which those that cannot be read are left out. */
function chosenRuns(names: readonly string[], cwd: string): { runs: FoundRun[]; leftOut: string[] } {
  const leftOut: string[] = [];
  if (names.length === 0 && !existsSync(resolve(cwd, "runs")))
    throw new ArgumentError({
      where: "runs query",
      rule: "needs runs: there is no folder runs here",
      wayOut: "Name run folders, or folders of runs, after the SQL.",
    });
  const places = (names.length === 0 ? ["runs"] : names).flatMap((name) => {
    const runs = findRuns(name, cwd).flatMap(({ place, foreign }) => (foreign === null ? [place] : []));
    if (runs.length === 0 && names.length > 0)
      throw new ArgumentError({ where: name, rule: "must be a run, or hold runs", got: "none" });
    return runs;
  });
  const runs = places.flatMap((place): FoundRun[] => {
    try {
      return [readRun(place, manifestLimit)];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      // a run that was killed before it had a manifest has measured nothing, and a foreign folder never will
      if (runRow({ place, foreign: null }).status === "damaged") leftOut.push(error.message);
      return [];
    }
  });
  return {
    runs: runs.filter(({ folder }, i) => runs.findIndex((run) => run.folder === folder) === i),
    leftOut,
  };
}

function picture(done: number, total: number): Picture {
  const text = `checking measurements: ${bytesText(done)} of ${bytesText(total)}`;
  return {
    lines: (_, width) => [text.slice(0, width)],
    record: () => ({ event: "checking", bytes: done, size: total }),
  };
}

const isDataset = (path: string) => path === "dataset.parquet";
const queried = ({ manifest }: FoundRun) =>
  manifest.files.filter(({ path }) => /^measurements\/.*\.parquet$/.test(path) || isDataset(path));

/** The runs with those of their files whose bytes are what the manifest says; the others are named in `leftOut`. */
async function checkedRuns(runs: readonly FoundRun[], leftOut: string[], io: RunIo): Promise<RunRecord[]> {
  const total = runs.flatMap(queried).reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const records: RunRecord[] = [];
  for (const [at, run] of runs.entries()) {
    const files: string[] = [];
    const datasets: string[] = [];
    for (const entry of queried(run)) {
      io.signal.throwIfAborted();
      try {
        await (await openRunFile(run, entry)).close();
        (isDataset(entry.path) ? datasets : files).push(`${at}/${entry.path}`);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        leftOut.push(error.message);
      }
      done += entry.bytes;
      io.board.draw(picture(done, total));
    }
    const { study, config, versions, engine } = run.manifest;
    const { status, started, seeds, bytes, answer } = runRow({
      place: { base: io.cwd, name: run.name },
      foreign: null,
    });
    records.push({
      ...{ run: run.name, study, status, started, seeds, bytes, answer, engine, files, datasets },
      ...{ config: JSON.parse(canonicalJson(config)), versions },
    });
  }
  return records;
}

/**
 * A private folder in which every run has a number for a name, so that no name of a user's is ever read as a pattern; what
 * the database moves out of memory lies there too.
 */
function privateFolder(runs: readonly FoundRun[]): string {
  const path = join(tmpdir(), "palimpsest-query-");
  try {
    const folder = mkdtempSync(path);
    // a junction needs no rights on Windows; elsewhere the word means nothing
    for (const [at, { folder: run }] of runs.entries())
      symlinkSync(run, join(folder, String(at)), "junction");
    return folder;
  } catch (error) {
    throw diskError(error, path, tmpdir(), "cannot hold a temporary folder");
  }
}

/** Asks; whatever happens, nothing is left of the private folder. */
async function ask(
  { sql, threads, memory }: RunsQueryOptions,
  runs: readonly FoundRun[],
  records: readonly RunRecord[],
  options: Pick<EngineOptions, "signal" | "script">,
): Promise<Answer> {
  const folder = privateFolder(runs);
  try {
    return await askEngine({ sql, runs: records, threads, memory }, { folder, rowLimit, ...options });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Answers a question about runs.
 *
 * @param script  of the database's process; the built one by default
 */
export async function queryRuns(options: RunsQueryOptions, io: RunIo, script?: string): Promise<Outcome> {
  const { runs, leftOut } = chosenRuns(options.runs, io.cwd);
  const records = await checkedRuns(runs, leftOut, io);
  for (const reason of leftOut) io.warn(`Left out: ${reason}`);
  const answer = await ask(options, runs, records, { signal: io.signal, script });
  const { names, types, rows } = answer;
  return {
    result: { columns: names.map((name, i) => ({ name, type: types[i] })), rows, runs: runs.length, leftOut },
    summary: options.csv ? csvText(answer) : tableText(answer),
    exitCode: leftOut.length > 0 ? damageCode : 0,
  };
}
