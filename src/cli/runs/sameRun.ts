/** Whether a run that is to be gone on with is the one that its command gives: everything that decides a number is compared. */
import { FileError } from "../../base/errors.ts";
import { canonicalJson, type JsonValue } from "../../record/canonicalJson.ts";
import { commandText } from "../../record/commandWords.ts";
import type { LogRecord } from "../../record/logLine.ts";
import type { Manifest, ManifestParts } from "../../record/manifest.ts";
import type { RepeatedRun } from "../io.ts";
import { otherInstallation } from "./installed.ts";

/** What decides numbers and is known only when the work has begun. */
export interface Facts {
  /** Fields of the config. */
  readonly config: Readonly<Record<string, JsonValue>>;
  /** SHA-256 of the kernels, where the plan could not say. */
  readonly engine?: string | null;
}

/** What the parts of a manifest say besides files and status. */
export type PlannedManifest = Omit<ManifestParts, "files" | "status">;

/** A field in which two values differ, with both. */
export interface Difference {
  readonly field: string;
  readonly values: readonly [first: JsonValue | undefined, second: JsonValue | undefined];
}

/** Where two values differ, from the innermost on. */
export function* differencesOf(
  first: JsonValue | undefined,
  second: JsonValue | undefined,
  field: string,
): Generator<Difference, void> {
  const isInner = (value: JsonValue | undefined) => value !== null && typeof value === "object";
  if (isInner(first) && isInner(second) && Array.isArray(first) === Array.isArray(second)) {
    const [a, b] = [first, second] as Readonly<Record<string, JsonValue | undefined>>[];
    const isList = Array.isArray(a);
    // a list that became longer is one difference, at the list
    if (!isList || a.length === (b as unknown as readonly unknown[]).length) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
        yield* differencesOf(a[key], b[key], isList ? `${field}[${key}]` : `${field}.${key}`);
      return;
    }
  }
  const textOf = (value: JsonValue | undefined) => (value === undefined ? "" : canonicalJson(value));
  if (textOf(first) !== textOf(second)) yield { field, values: [first, second] };
}

/** A hash: what else differs may differ because of what it is the hash of. */
const isHash = ({ values: [value] }: Difference) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

function shown(value: JsonValue | undefined): string {
  if (value === undefined) return "nothing";
  const text = canonicalJson(value);
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

/** @throws FileError  naming the first field in which what the run was begun with differs from what is so now */
function refuseDifference(
  run: string,
  field: string,
  before: JsonValue | undefined,
  now: JsonValue | undefined,
): void {
  const differences = [...differencesOf(before, now, field)];
  if (differences.length === 0) return;
  const difference = differences.find(isHash) ?? differences[0];
  const [then, here] = difference.values;
  throw new FileError({
    where: `${run}, ${difference.field}`,
    rule: `the run was begun with ${shown(then)}`,
    got: shown(here),
    wayOut: "A file that its command reads was changed, or its manifest was.",
  });
}

/** What an earlier process had decided; null where none got so far. */
export function factsIn(past: readonly LogRecord[]): Facts | null {
  const record = past.findLast(({ event }) => event === "decided");
  return record === undefined ? null : (record as unknown as Facts);
}

/** What a manifest says once facts are decided. */
export function withFacts(planned: PlannedManifest, { config, engine }: Facts): PlannedManifest {
  return {
    ...planned,
    config: { ...planned.config, ...config },
    engine: engine === undefined ? planned.engine : engine,
  };
}

/** @throws FileError  naming the field, where facts are not those of an earlier process */
export function checkFacts(run: string, before: Facts, now: Facts): void {
  refuseDifference(run, "config", before.config, now.config);
  refuseDifference(run, "engine", before.engine, now.engine);
}

/**
 * Throws unless a run is what its command gives here and now.
 *
 * @param run      the folder as the user named it
 * @param found    its manifest
 * @param past     its log
 * @param planned  what the manifest of a new run of the command would say
 * @throws FileError  naming the field that differs, with both values: study, version, kernels, card, command, or a field of the
 *                    config, which holds the hashes of what the command reads
 */
export function checkSame(
  run: string,
  found: Manifest,
  past: readonly LogRecord[],
  planned: PlannedManifest,
): void {
  refuseDifference(run, "study", found.study, planned.study);
  const facts = factsIn(past);
  // a process that was killed left the manifest that it had begun with
  const news = Object.keys(facts?.config ?? {}).filter((key) => !(key in planned.config));
  const isDecided = facts !== null && (found.status !== "running" || news.some((key) => key in found.config));
  const expected = isDecided ? withFacts(planned, facts) : planned;
  const other = otherInstallation(found, ["palimpsest", "node", "engine"], [expected.engine]);
  if (other !== null) {
    const { field, rule, got, wayOut } = other;
    throw new FileError({ where: `${run}, ${field}`, rule, got, wayOut });
  }
  for (const part of ["adapter", "webgpu"]) {
    const [then, here] = [found.versions[part], planned.versions[part]];
    if (then !== here)
      throw new FileError({
        where: `${run}, versions.${part}`,
        rule: `the run was begun ${part === "adapter" ? "on" : "with the package webgpu"} ${then ?? "none"}`,
        got: here ?? "none",
        wayOut: "Another rounds differently: go on where the run was begun, or begin it anew.",
      });
  }
  refuseDifference(run, "versions", found.versions, planned.versions);
  refuseDifference(run, "config", found.config, expected.config);
  const { command } = planned;
  if (found.command === null || command == null) return;
  refuseDifference(run, "command", commandText(found.command), commandText(command));
}

/** The part of a config that has the fields of another. */
function fieldsOf(
  config: Manifest["config"],
  other: Manifest["config"],
): Record<string, JsonValue | undefined> {
  return Object.fromEntries(Object.keys(other).map((key) => [key, config[key]]));
}

/**
 * Throws unless the config of a run that is made again is still what its command gives, as far as that is known at once.
 *
 * @throws FileError  naming the field, as of a text that was changed
 */
export function checkRepeated({ name, manifest }: RepeatedRun, { config }: PlannedManifest): void {
  // of a backend that is chosen only when the model is read, the manifest says which it was
  const { backend: _, ...planned } = config;
  refuseDifference(name, "config", fieldsOf(manifest.config, planned), planned);
}

/** The same for what is decided when the work has begun. */
export function checkRepeatedFacts({ name, manifest }: RepeatedRun, { config }: Facts): void {
  refuseDifference(name, "config", fieldsOf(manifest.config, config), config);
}
