/**
 * The manifest of a run: everything that decides its numbers, and the SHA-256 of every file it left.
 *
 * What does not decide a number (workers, clocks, folders, the display, how often it was stopped) is not in it, so equal
 * manifests mean equal runs: two runs of the same command have the same manifest to the byte. Its text is canonical and
 * holds its own SHA-256, so that a changed byte is found wherever it is, in white space too.
 */
import { z } from "zod";
import { ArgumentError, FileError } from "../base/errors.ts";
import { canonicalJson, type JsonValue, parseJson } from "./canonicalJson.ts";
import { shellWord } from "./commandWords.ts";
import { sha256OfBytes } from "./sha256.ts";
import { strictUtf8 } from "./strictJson.ts";

/** Version of the run format that is written; older ones are read, newer ones refused. */
export const manifestVersion = 2;

/**
 * How far a run is: `complete`; `interrupted` by a signal; `failed`; `running`, which is also what a run says that was
 * killed.
 */
export const runStatuses = ["running", "complete", "interrupted", "failed"] as const;

/** One of {@link runStatuses}. */
export type RunStatus = (typeof runStatuses)[number];

/** A file of a run. */
export interface FileEntry {
  /** Relative to the run folder, with slashes. */
  readonly path: string;
  readonly bytes: number;
  /** 64 lowercase hexadecimal digits. */
  readonly sha256: string;
}

/** What a run was, and what it left. */
export interface Manifest {
  readonly format: "palimpsest run";
  readonly formatVersion: number;
  /** Name of the study. */
  readonly study: string;
  readonly status: RunStatus;
  /**
   * The words after `palimpsest` that make the run again, but for `--out`: every option that decides a number, and files as
   * the user named them. Null for a run that no command makes, such as one population of the page, and in format 1.
   */
  readonly command: readonly string[] | null;
  /** Every option that decides a number: presets, seeds, steps, batch, lr, optimizer, init, task, backend … */
  readonly config: Readonly<Record<string, JsonValue>>;
  /** Versions of `palimpsest`, `node` and what else the bits may depend on. */
  readonly versions: Readonly<Record<string, string>>;
  /** SHA-256 of the kernels that computed the run; null where a backend has none. */
  readonly engine: string | null;
  /** Sorted by path. */
  readonly files: readonly FileEntry[];
  /** SHA-256 of the canonical bytes of all other fields; null in format 1, which had none. */
  readonly sha256: string | null;
}

/** A file name that means the same inside every folder and on every system: no `..`, no drive, no device of Windows. */
const safePath = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;
const windowsDevice = /(^|\/)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.[^/]*)?(\/|$)/i;

/** Whether a path may stand in a manifest: relative, plain ASCII, never outside the run folder. */
export function isRunPath(path: string): boolean {
  return path.length <= 200 && safePath.test(path) && !windowsDevice.test(path) && !/\.(\/|$)/.test(path);
}

const name = z.string("must be a text").min(1, "must not be empty");
const digest = z
  .string("must be a text")
  .regex(/^[0-9a-f]{64}$/, "must be 64 lowercase hexadecimal digits of SHA-256");
const entry = z.strictObject(
  {
    path: z
      .string("must be a text")
      .refine(isRunPath, "must be a relative path of letters, digits, dots, dashes and slashes"),
    bytes: z.int("must be a whole number").min(0, "must be at least 0"),
    sha256: digest,
  },
  "must be an object of path, bytes and sha256 only",
);

function noTwins(files: readonly FileEntry[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  files.forEach(({ path }, i) => {
    // case-insensitive: some file systems keep one file for both names
    if (seen.has(path.toLowerCase()))
      context.addIssue({ code: "custom", path: [i, "path"], message: "must not be listed twice" });
    seen.add(path.toLowerCase());
  });
}

/** Fields of every version. */
const common = {
  format: z.literal("palimpsest run", 'must be "palimpsest run"'),
  formatVersion: z.int("must be a whole number").min(1, "must be at least 1"),
  study: name,
  config: z.record(z.string(), z.custom<JsonValue>(), "must be an object"),
  versions: z
    .record(z.string(), z.string("must be a text"), "must be an object of texts")
    .refine((versions) => versions.palimpsest !== undefined, "must name the version of palimpsest"),
  engine: digest.nullable(),
  files: z.array(entry, "must be a list").superRefine(noTwins),
};

const fieldsOnly = "must be an object with the fields of a manifest only";
const statusAmong = <T extends string>(statuses: readonly T[]) =>
  z.enum(statuses, `must be one of ${statuses.join(", ")}`);

/** Format 1 knew neither a run in progress, nor its command, nor the hash of itself. */
const schemaOfVersion1 = z.strictObject(
  { ...common, status: statusAmong(runStatuses.filter((status) => status !== "running")) },
  fieldsOnly,
);
const schema = z.strictObject(
  {
    ...common,
    status: statusAmong(runStatuses),
    command: z
      .array(z.string("must be a text"), "must be a list of words, or null")
      .min(1, "must not be empty")
      .nullable(),
    sha256: digest,
  },
  fieldsOnly,
);

/** `files[2].sha256` for ["files", 2, "sha256"]. */
function placeOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === "number" ? `[${key}]` : `${i === 0 ? "" : "."}${String(key)}`))
    .join("");
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inside, key) => (inside as Record<PropertyKey, unknown>)?.[key], value);
}

/** The first thing wrong with a value that ought to be a manifest, in words; undefined if nothing is. */
function complaint(value: unknown): { place: string; rule: string; got: string } | undefined {
  const { formatVersion } = (value ?? {}) as { formatVersion?: unknown };
  const issue = (formatVersion === 1 ? schemaOfVersion1 : schema).safeParse(value).error?.issues[0];
  if (issue === undefined) return undefined;
  const extra = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const found = valueAt(value, issue.path);
  const got = found === undefined ? "nothing" : (JSON.stringify(found) ?? typeof found);
  return {
    place: placeOf(issue.path) || "the manifest",
    rule: issue.message,
    got: extra === undefined ? got.slice(0, 80) : `the field ${JSON.stringify(extra)}`,
  };
}

/** What a manifest is made from; format, version and its own hash are added. */
export interface ManifestParts extends Omit<Manifest, "format" | "formatVersion" | "command" | "sha256"> {
  /** Null unless given. */
  readonly command?: readonly string[] | null;
}

const encoded = (value: object) => new TextEncoder().encode(`${canonicalJson(value, { indent: 2 })}\n`);

/** The canonical bytes of a manifest's fields, with the hash of those without the hash. */
function signed(fields: object): { sha256: string; bytes: Uint8Array } {
  const sha256 = sha256OfBytes(encoded(fields));
  return { sha256, bytes: encoded({ ...fields, sha256 }) };
}

/**
 * The bytes of a manifest: canonical JSON, indented, files sorted by path, a newline at the end.
 *
 * @throws ArgumentError naming the field that is wrong
 */
export function manifestBytes(parts: ManifestParts): Uint8Array {
  const { study, status, command = null, config, versions, engine } = parts;
  const files = [...parts.files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const fields = {
    ...{ format: "palimpsest run", formatVersion: manifestVersion },
    ...{ study, status, command, config, versions, engine, files },
  };
  // the place of the hash is filled, so that all other fields are looked at
  const wrong = complaint({ ...fields, sha256: "0".repeat(64) });
  if (wrong !== undefined)
    throw new ArgumentError({ where: `manifest: ${wrong.place}`, rule: wrong.rule, got: wrong.got });
  return signed(fields).bytes;
}

/**
 * The manifest that bytes hold. One of format 1 is read too: it has no command and no hash of itself.
 *
 * @param file  its name, for messages
 * @throws FileError  as {@link parseManifest}; or for any byte that was changed since it was written
 */
export function readManifest(bytes: Uint8Array, file: string): Manifest {
  const manifest = parseManifest(bytes, file);
  if (manifest.formatVersion > 1) checkSignature(manifest, bytes, file);
  return manifest;
}

/**
 * What bytes say as a manifest, whether or not they were changed since it was written: for whoever looks for damage.
 *
 * @throws FileError  naming the file and the byte or field: not UTF-8, not JSON, equal keys, a field missing, unknown or
 *                    of the wrong kind, a path that leaves the folder, a newer format
 */
export function parseManifest(bytes: Uint8Array, file: string): Manifest {
  if (bytes.length === 0)
    throw new FileError({ where: file, rule: "must hold a manifest", got: "an empty file" });
  const value = parseJson(strictUtf8(bytes, file), { file });
  const version = (value as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === "number" && version > manifestVersion)
    throw new FileError({
      where: file,
      rule: `this palimpsest reads run format ${manifestVersion} and older`,
      got: `format ${version}`,
      wayOut: "Open it with the version that wrote it, or a newer one.",
    });
  const wrong = complaint(value);
  if (wrong !== undefined)
    throw new FileError({ where: `${file}: ${wrong.place}`, rule: wrong.rule, got: wrong.got });
  const manifest = value as unknown as Manifest;
  return version === 1 ? { ...manifest, command: null, sha256: null } : manifest;
}

/** Throws unless a manifest's hash is that of its fields, and its bytes are the canonical ones. */
function checkSignature({ sha256: told, ...fields }: Manifest, bytes: Uint8Array, file: string): void {
  const { sha256, bytes: canonical } = signed(fields);
  if (told !== sha256)
    throw new FileError({
      where: `${file}: sha256`,
      rule: `must be the SHA-256 of all other fields, ${sha256}: something was changed since it was written`,
      got: String(told),
    });
  const at = canonical.findIndex((byte, i) => byte !== bytes[i]);
  if (at < 0 && bytes.length === canonical.length) return;
  throw new FileError({
    where: `${file}, byte ${at < 0 ? canonical.length : at}`,
    rule: "must have the canonical text of its fields; it was changed since it was written",
  });
}

/**
 * What a message about a run that is not complete ends with: how to go on with it; undefined where that cannot be done.
 *
 * @param run  the run's folder as the user named it
 */
export function goingOn(
  { status, command }: Pick<Manifest, "status" | "command">,
  run: string,
): string | undefined {
  if (status === "complete" || command === null) return undefined;
  return `"palimpsest resume ${shellWord(run)}" goes on with it.`;
}

/** The entry of a file's bytes. */
export function fileEntry(path: string, bytes: Uint8Array): FileEntry {
  return { path, bytes: bytes.length, sha256: sha256OfBytes(bytes) };
}

/**
 * Throws unless bytes are the ones that the manifest names.
 *
 * @param folder  the run folder, for messages
 * @throws FileError saying which of length and hash differs
 */
export function checkFile(entry: FileEntry, bytes: Uint8Array, folder: string): void {
  const where = `${folder}/${entry.path}`;
  if (bytes.length !== entry.bytes)
    throw new FileError({ where, rule: `the manifest says ${entry.bytes} bytes`, got: String(bytes.length) });
  const found = sha256OfBytes(bytes);
  if (found !== entry.sha256)
    throw new FileError({ where, rule: `the manifest says SHA-256 ${entry.sha256}`, got: found });
}
