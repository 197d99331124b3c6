/**
 * The server that `palimpsest studio` is, where there is one: it lists the runs of its folder, sends their files and takes
 * new ones. Whatever it says is checked.
 */
import { z } from "zod";
import { FileError } from "../../../src/base/errors.ts";
import { canonicalJson, type JsonValue, parseJson } from "../../../src/record/canonicalJson.ts";
import { type FileEntry, runStatuses } from "../../../src/record/manifest.ts";
import type { ManifestFields } from "../../../src/studies/persistence/runFiles.ts";

const listedRun = z.looseObject({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  name: z.string().max(4096),
  study: z.string().max(100),
  status: z.enum(runStatuses),
  created: z.iso.datetime(),
  config: z.record(z.string(), z.unknown()),
});

const runList = z.looseObject({
  runs: z.array(listedRun),
  broken: z.array(z.looseObject({ name: z.string(), reason: z.string() })),
  opened: z.string().nullable(),
  leftOut: z.number(),
});

/** What the server has. */
export type RunList = z.infer<typeof runList>;
/** A run of the server's folder. */
export type ListedRun = RunList["runs"][number];

/** Where this page's server answers, for a worker too, whose own address is another. */
export const apiBase = (): string => new URL("api/", document.baseURI).href;

/** Whether `palimpsest studio` serves the page, which it says in the page itself; a static site is asked for nothing. */
export const isServed = (): boolean =>
  document.querySelector<HTMLMetaElement>('meta[name="palimpsest-server"]')?.content === "yes";

/** The sentence of a refusal. */
async function reasonOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === "string") return error;
  } catch {
    // no sentence came with it
  }
  return `the studio's server refused it (${response.status}).`;
}

async function asked(path: string, options?: RequestInit): Promise<Response> {
  try {
    return await fetch(path, options);
  } catch {
    throw new FileError({ where: "studio server", rule: "does not answer", wayOut: "Is it still running?" });
  }
}

/**
 * What the server has; null where what answers is none.
 *
 * @throws FileError, Error  one sentence, if there is one that does not answer
 */
export async function listRuns(base: string): Promise<RunList | null> {
  const response = await fetch(`${base}runs`).catch(() => null);
  const kind = response?.headers.get("content-type") ?? "";
  if (response === null || !kind.startsWith("application/json")) return null;
  if (response.status === 401) throw new Error(await reasonOf(response));
  if (!response.ok) return null;
  const { data } = runList.safeParse(parseJson(await response.text(), { file: "list of runs" }));
  return data ?? null;
}

/**
 * A file of a run on the server.
 *
 * @param path       `manifest.json`, or one that the manifest lists
 * @param byteLimit  a longer one is refused before it has come
 * @throws FileError, Error  one sentence
 */
export async function serverFile(
  base: string,
  { id, name }: Pick<ListedRun, "id" | "name">,
  path: string,
  byteLimit: number,
): Promise<Uint8Array> {
  const where = `${name}/${path}`;
  const response = await asked(
    `${base}runs/${id}/${path === "manifest.json" ? "manifest" : `files/${path}`}`,
  );
  if (!response.ok) throw new Error(await reasonOf(response));
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of piecesOf(response)) {
    length += piece.length;
    if (length > byteLimit)
      throw new FileError({ where, rule: `may be ${byteLimit} bytes long`, got: "more" });
    pieces.push(piece);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The body in pieces; what is left of it is not fetched where the reader stops. */
async function* piecesOf({ body }: Response): AsyncGenerator<Uint8Array, void> {
  const reader = body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function sent(path: string, method: string, body: string | Uint8Array): Promise<JsonValue> {
  const type = typeof body === "string" ? "application/json" : "application/octet-stream";
  const response = await asked(path, {
    method,
    body: body as BodyInit,
    headers: { "content-type": type },
  });
  if (!response.ok) throw new Error(await reasonOf(response));
  return parseJson(await response.text(), { file: "answer of the studio's server" });
}

const begun = z.looseObject({ id: z.string().regex(/^[0-9a-f]+$/), name: z.string() });

/**
 * Saves a run in the server's folder, file by file.
 *
 * @returns the run's folder, relative to where the server was started
 * @throws Error  one sentence: the disk is full, the server has ended …; the folder is then left without a manifest
 */
export async function saveOnServer(
  base: string,
  files: Iterable<readonly [path: string, bytes: Uint8Array]>,
  manifest: ManifestFields,
  entryOf: (path: string, bytes: Uint8Array) => FileEntry,
): Promise<string> {
  const { id, name } = begun.parse(
    await sent(`${base}saves`, "POST", canonicalJson({ study: manifest.study })),
  );
  const entries: FileEntry[] = [];
  for (const [path, bytes] of files) {
    entries.push(entryOf(path, bytes));
    await sent(`${base}saves/${id}/files/${path}`, "PUT", bytes);
  }
  const said = { ...manifest, files: entries } as unknown as JsonValue;
  await sent(`${base}saves/${id}/commit`, "POST", canonicalJson(said));
  return name;
}
