/** What a hub says about a repository: the commit behind a revision, and the files of that commit. */
import { FileError, type UserError } from "../../base/errors.ts";
import { parseStrictJson, type StrictJson, strictUtf8 } from "../../record/strictJson.ts";
import { isCommit } from "./hubNames.ts";
import {
  type Answer,
  type Hub,
  hubRequest,
  PassingFailure,
  transportFailure,
  withRetries,
} from "./hubRequest.ts";

/** A file of a commit, as the hub lists it. */
export interface HubFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** What its bytes hash to: SHA-256 of large files (LFS), SHA-1 of the git blob of all others. */
  readonly hash: { readonly kind: "sha256" | "gitBlob"; readonly hex: string };
}

/** Longest answer that is read, bytes, and most pages of a listing. */
const longestAnswer = 32 * 2 ** 20;
const mostPages = 100;
/** Largest file that is believed: 1 TiB. */
const largestFile = 2 ** 40;

/** The error for a status that is no success. `what` is the repository, the revision or the file. */
export function refusedBy(hub: Hub, { response, url }: Answer, what: string): UserError {
  const { status, headers } = response;
  const code = headers.get("x-error-code") ?? "";
  const host = url.host;
  if (code === "GatedRepo" || status === 403)
    return new FileError({
      where: what,
      rule: `${host} lets only some users have it`,
      got:
        hub.token === null ? `status ${status} and no token` : `status ${status} with the token in HF_TOKEN`,
      wayOut: "Ask for access on its page, and set HF_TOKEN to a token of yours that may read it.",
    });
  if (code === "RevisionNotFound")
    return new FileError({ where: what, rule: `${host} has no such revision` });
  if (code === "EntryNotFound") return new FileError({ where: what, rule: `${host} has no such file` });
  if (status === 401 && hub.token !== null)
    return new FileError({
      where: what,
      rule: `${host} does not accept the token in HF_TOKEN`,
      got: "status 401",
    });
  // a hub does not tell what is missing from what is private
  if (status === 401 || status === 404)
    return new FileError({
      where: what,
      rule: `${host} has no such repository or revision, or it is private`,
      got: `status ${status}`,
      wayOut: hub.token === null ? "A private one needs a token in HF_TOKEN." : undefined,
    });
  return new FileError({
    where: what,
    rule: `${host} does not answer as a hub does`,
    got: `status ${status}`,
  });
}

/** The error for a hub that cannot be reached. */
export type OfflineError = (facts: string) => UserError;

/** The bytes of an answer, of which a limit is accepted. */
async function boundedBody(hub: Hub, { response, url, abort }: Answer): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  const late = setTimeout(() => abort(new PassingFailure("the answer does not end")), hub.patience.answer);
  try {
    for await (const part of response.body ?? []) {
      total += part.length;
      if (total > longestAnswer)
        throw new FileError({
          where: url.href,
          rule: `the answer may be ${longestAnswer} bytes long`,
          got: "more",
        });
      parts.push(part);
    }
  } catch (error) {
    throw transportFailure(hub, error);
  } finally {
    clearTimeout(late);
  }
  return Buffer.concat(parts);
}

/** A JSON answer, and the address of its next page. */
async function json(
  hub: Hub,
  path: string,
  what: string,
  offline: OfflineError,
): Promise<{ value: StrictJson; next: string | null }> {
  return withRetries(
    hub,
    what,
    async () => {
      const answer = await hubRequest(hub, path, { accept: "application/json" });
      if (!answer.response.ok) {
        await answer.response.body?.cancel();
        throw refusedBy(hub, answer, what);
      }
      const text = strictUtf8(await boundedBody(hub, answer), answer.url.href);
      if (/^\s*</.test(text))
        throw new FileError({
          where: what,
          rule: `${answer.url.host} answers with a web page where a hub answers with JSON`,
          wayOut: "Is there a login or a proxy between? --endpoint names another hub.",
        });
      const value = parseStrictJson(text, { file: answer.url.href });
      const link = /<([^<>]+)>;\s*rel="next"/.exec(answer.response.headers.get("link") ?? "")?.[1] ?? null;
      return { value, next: link === null ? null : new URL(link, answer.url).href };
    },
    { offline },
  );
}

function member(value: StrictJson | undefined, name: string): StrictJson | undefined {
  return value instanceof Map ? value.get(name) : undefined;
}

/**
 * The commit behind a revision.
 *
 * @throws FileError  no such repository or revision, no access, or an answer that is none
 */
export async function resolveCommit(
  hub: Hub,
  repo: string,
  revision: string,
  offline: OfflineError,
): Promise<string> {
  const what = `${repo} at ${revision}`;
  const path = `/api/models/${repo}/revision/${encodeURIComponent(revision)}`;
  const { value } = await json(hub, path, what, offline);
  const commit = member(value, "sha");
  if (typeof commit === "string" && isCommit(commit)) return commit;
  throw new FileError({ where: what, rule: `${hub.endpoint} names no commit for it` });
}

function fileOf(entry: StrictJson, what: string): HubFile | null {
  if (member(entry, "type") !== "file") return null;
  const lfs = member(entry, "lfs");
  const [name, size] = [member(entry, "path"), member(lfs ?? entry, "size")];
  const kind = lfs instanceof Map ? "sha256" : "gitBlob";
  const hex = member(lfs ?? entry, "oid");
  const digits = kind === "sha256" ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/;
  if (typeof name !== "string" || typeof size !== "bigint" || typeof hex !== "string" || !digits.test(hex))
    throw new FileError({ where: what, rule: "the hub's listing lacks a name, a size or a hash" });
  if (size < 0n || size > BigInt(largestFile))
    throw new FileError({
      where: `${what}, ${name}`,
      rule: `may be ${largestFile} bytes long`,
      got: String(size),
    });
  return { name, size: Number(size), hash: { kind, hex } };
}

/**
 * All files of a commit, with their sizes and hashes.
 *
 * @throws FileError  an entry without a name, a size or a hash, or a listing that does not end
 */
export async function listFiles(
  hub: Hub,
  repo: string,
  commit: string,
  offline: OfflineError,
): Promise<HubFile[]> {
  const what = `${repo} at ${commit}`;
  const files = new Map<string, HubFile>();
  let path: string | null = `/api/models/${repo}/tree/${commit}?recursive=true&expand=false`;
  for (let page = 0; path !== null; page++) {
    if (page === mostPages)
      throw new FileError({ where: what, rule: `its listing has more than ${mostPages} pages` });
    const { value, next } = await json(hub, path, what, offline);
    if (!Array.isArray(value)) throw new FileError({ where: what, rule: "the hub's listing must be a list" });
    for (const entry of value) {
      const file = fileOf(entry, what);
      if (file === null) continue;
      if (files.has(file.name))
        throw new FileError({ where: `${what}, ${file.name}`, rule: "is listed twice" });
      files.set(file.name, file);
    }
    if (next !== null && new URL(next).origin !== new URL(hub.endpoint).origin)
      throw new FileError({
        where: what,
        rule: "its listing goes on at another host",
        got: new URL(next).host,
      });
    path = next;
  }
  return [...files.values()];
}
