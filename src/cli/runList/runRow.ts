/** A run as it is listed: read in a few system calls, and never thrown over. */
import { createHash } from "node:crypto";
import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { FileError, UserError } from "../../base/errors.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { goingOn, type Manifest } from "../../record/manifest.ts";
import { readInput } from "../readInput.ts";
import type { FoundFolder } from "./findRuns.ts";
import { type Owner, shownOwner } from "./owner.ts";
import type { RowStatus } from "./rowStatuses.ts";
import { logEnds } from "./runLog.ts";
import { type FoundRun, manifestLimit, type Place, readRun } from "./runPlace.ts";

/** A run in a list. */
export interface RunRow {
  /** The folder, relative to the working directory where it is inside. */
  readonly run: string;
  readonly status: RowStatus;
  /** Name of the study; null where the manifest cannot be read. */
  readonly study: string | null;
  /** Null where a study takes its own number of seeds and has not ended. */
  readonly seeds: number | null;
  /** Presets, texts' model or tracked models; of all studies, their names. */
  readonly models: readonly string[];
  /** ISO 8601; by the log, or without one by the manifest's file. */
  readonly started: string | null;
  /** When the last line of the log was written. */
  readonly ended: string | null;
  /** Of everything in the folder. */
  readonly bytes: number;
  /** Who works on it, if it is running. */
  readonly owner: Owner | null;
  /** What it found in a few words, such as `2 supported, 1 refuted`; null if it says nothing of the kind. */
  readonly answer: string | null;
  /** What else there is to say, a sentence; null if nothing. */
  readonly note: string | null;
}

/** Largest result that is read for its verdicts. */
const resultLimit = 2 ** 26;

/** Files in a folder and those in it by their lengths, paths with slashes; links are not followed. */
export function filesIn(folder: string): Map<string, number> {
  const sizes = new Map<string, number>();
  const add = (inside: string) => {
    let entries: Dirent[] = [];
    try {
      entries = readdirSync(join(folder, inside), { withFileTypes: true });
    } catch {
      // what cannot be looked into has no files to count; a file of the run that is missed is told by its name
    }
    for (const entry of entries) {
      const path = inside === "" ? entry.name : `${inside}/${entry.name}`;
      if (entry.isDirectory()) add(path);
      else sizes.set(path, lstatSync(join(folder, path), { throwIfNoEntry: false })?.size ?? 0);
    }
  };
  add("");
  return sizes;
}

/** What is wrong with a run's files, by their lengths; null if nothing is. */
function fileFault(manifest: Manifest, sizes: ReadonlyMap<string, number>): string | null {
  const wrong = manifest.files.filter(({ path, bytes }) => sizes.get(path) !== bytes);
  if (wrong.length === 0) return null;
  const [{ path, bytes }] = wrong;
  const found = sizes.get(path);
  const what = found === undefined ? "is missing" : `has ${found} bytes, not ${bytes}`;
  return `${path} ${what}${wrong.length > 1 ? `, and ${wrong.length - 1} more` : ""}`;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const records = (value: unknown) => (Array.isArray(value) ? value.filter(isRecord) : []);

/** A result as it was written. */
type Result = Readonly<Record<string, unknown>>;

/**
 * The result of a run; null where it has none.
 *
 * @throws FileError  if its bytes are not those that the manifest names
 */
function resultOf({ name, folder, manifest }: FoundRun): Result | null {
  const entry = manifest.files.find(({ path }) => path === "result.json");
  if (entry === undefined || entry.bytes > resultLimit) return null;
  const bytes = readInput(join(folder, entry.path), { cwd: folder, byteLimit: resultLimit });
  if (createHash("sha256").update(bytes).digest("hex") !== entry.sha256)
    throw new FileError({ where: `${name}/${entry.path}`, rule: "has other bytes than the manifest says" });
  const value = JSON.parse(new TextDecoder().decode(bytes));
  return isRecord(value) ? value : null;
}

const verdicts = ["supported", "refuted", "undecided", "not tested here"];

/** Verdicts of a result, counted: of its claims, its decisions, or the decisions of its studies. */
function answerOf(result: Result): string | null {
  const said = [
    ...records(result.claims),
    ...records(result.decisions),
    ...records(result.studies).flatMap(({ decisions }) => records(decisions)),
  ].map(({ verdict }) => verdict);
  if (said.length === 0) return null;
  const counted = verdicts
    .map((verdict) => ({ verdict, count: said.filter((other) => other === verdict).length }))
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `${count} ${verdict}`);
  return counted.length === 0 ? "quick: not decided" : counted.join(", ");
}

const texts = (value: JsonValue | undefined): string[] =>
  (Array.isArray(value) ? value : [value]).filter((item) => typeof item === "string");

/** Presets, the kind of a text model, what was tracked, or the studies of all of them. */
function modelsOf({ config, files, study }: Manifest): string[] {
  if (study === "all")
    return files.flatMap(({ path }) => (path.endsWith("/result.json") ? [path.split("/")[0]] : []));
  return [
    ...texts(config.presets),
    ...texts(config.preset),
    ...texts(config.models).map((path) => basename(path)),
  ];
}

/** How many seeds: as configured, or as the result says. */
function seedsOf({ config }: Manifest, result: Result | null): number | null {
  if (Array.isArray(config.seeds)) return config.seeds.length;
  return Array.isArray(result?.seeds) ? result.seeds.length : null;
}

const ownerText = ({ pid, host, since }: Owner) => `by process ${pid} on ${host} since ${since}`;

/** A folder whose manifest cannot be read: a run that is damaged or that has none yet, or none of ours. */
function withoutManifest(place: Place, reason: string): RunRow {
  const folder = resolve(place.base, place.name);
  const log = logEnds(folder);
  const isThere = lstatSync(join(folder, "manifest.json"), { throwIfNoEntry: false }) !== undefined;
  const owner = shownOwner(folder);
  const row = {
    ...{ run: place.name, study: null, seeds: null, models: [], answer: null, owner },
    ...{ started: log?.first.time ?? null, ended: log?.last.time ?? null },
    bytes: [...filesIn(folder).values()].reduce((sum, size) => sum + size, 0),
  };
  if (log === null && manifestFormat(folder) !== "palimpsest run")
    return { ...row, status: "foreign", note: isThere ? "its manifest.json is of something else" : "no run" };
  if (isThere) return { ...row, status: "damaged", note: reason };
  if (owner !== null) return { ...row, status: "running", note: ownerText(owner) };
  return { ...row, status: "interrupted", note: "killed before it had a manifest" };
}

/** The format that a manifest says it has, of which nothing else may be right; null if it says none. */
function manifestFormat(folder: string): string | null {
  try {
    const bytes = readInput(join(folder, "manifest.json"), { cwd: folder, byteLimit: manifestLimit });
    // found in the text, for one that is cut off or flipped is no JSON
    return /"format": ?"([^"]*)"/.exec(new TextDecoder().decode(bytes))?.[1] ?? null;
  } catch {
    return null;
  }
}

/** A run whose manifest was read. */
function withManifest(found: FoundRun): RunRow {
  const { name, folder, manifest, written } = found;
  const sizes = filesIn(folder);
  const log = logEnds(folder);
  const owner = manifest.status === "complete" ? null : shownOwner(folder);
  let fault = fileFault(manifest, sizes);
  let result: Result | null = null;
  try {
    if (fault === null) result = resultOf(found);
  } catch (error) {
    // what is no JSON although its hash is right was never a result of ours
    if (!(error instanceof UserError) && !(error instanceof SyntaxError)) throw error;
    fault = error instanceof UserError ? error.message : "result.json is no JSON";
  }
  const row = {
    ...{ run: name, study: manifest.study, seeds: seedsOf(manifest, result), models: modelsOf(manifest) },
    ...{ started: log?.first.time ?? written.toISOString(), ended: log?.last.time ?? null },
    ...{ bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0), owner },
    answer: result === null ? null : answerOf(result),
  };
  if (owner !== null) return { ...row, status: "running", note: ownerText(owner) };
  if (fault !== null) return { ...row, status: "damaged", note: fault };
  const status = manifest.status === "running" ? "interrupted" : manifest.status;
  return { ...row, status, note: goingOn(manifest, name) ?? null };
}

/** The row of a folder. Whatever is wrong with it is told in the row. */
export function runRow({ place, foreign }: FoundFolder): RunRow {
  if (foreign !== null)
    return {
      ...{ run: place.name, status: "foreign", study: null, seeds: null, models: [] },
      ...{ started: null, ended: null, bytes: 0, owner: null, answer: null, note: foreign },
    };
  try {
    return withManifest(readRun(place, manifestLimit));
  } catch (error) {
    if (error instanceof UserError) return withoutManifest(place, error.message);
    throw error;
  }
}
