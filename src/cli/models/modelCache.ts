/**
 * The folder where fetched models live, laid out as Hugging Face's libraries do, so that each finds what the other
 * fetched: `models--ORG--NAME/` with `blobs/HASH`, `refs/REVISION` (a commit) and `snapshots/COMMIT/FILE` (links to
 * blobs).
 */
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { ArgumentError, FileError } from "../../base/errors.ts";
import { diskError, systemCode } from "../disk/diskError.ts";
import { checkRepo, checkRevision, isCommit, isRepo } from "./hubNames.ts";

/** Variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The cache: `HF_HUB_CACHE`, else `HF_HOME/hub`, else `huggingface/hub` in `XDG_CACHE_HOME` or `~/.cache`.
 *
 * @param chosen  the folder given with `--cache`; undefined for none
 */
export function cacheFolder(cwd: string, chosen: string | undefined, environment: Environment): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = environment;
  const expand = (path: string) => path.replace(/^~(?=\/|$)/, homedir());
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  return resolve(cwd, chosen ?? expand(HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || join(home, "hub")));
}

/** The folder of a repository in a cache. */
export function repoFolder(cache: string, repo: string): string {
  return join(cache, `models--${checkRepo(repo).replace("/", "--")}`);
}

/** The folder of a commit's files. */
export function snapshotFolder(cache: string, repo: string, commit: string): string {
  return join(repoFolder(cache, repo), "snapshots", commit);
}

/** The commit that a cache holds for a revision; null if none. */
export function cachedCommit(cache: string, repo: string, revision: string): string | null {
  if (isCommit(revision)) return isFolder(snapshotFolder(cache, repo, revision)) ? revision : null;
  let text: string;
  try {
    text = readFileSync(join(repoFolder(cache, repo), "refs", checkRevision(revision)), "utf8").trim();
  } catch {
    return null;
  }
  return isCommit(text) && isFolder(snapshotFolder(cache, repo, text)) ? text : null;
}

/** What stands at a path, links followed; undefined for nothing, or nothing that may be seen. */
function at(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function isFolder(path: string): boolean {
  return at(path)?.isDirectory() === true;
}

/** Brings a folder's new names to the disk, where the system can. */
function syncFolder(folder: string): void {
  try {
    const handle = openSync(folder, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch {
    // Windows opens no folders; the names are there all the same unless the power fails now
  }
}

/** Makes a folder inside a repository's, and refuses one that links lead out of. */
export function makeFolder(root: string, folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw diskError(error, folder, folder, "cannot be made");
  }
  const inside = relative(realpathSync(root), realpathSync(folder));
  if (inside === ".." || /^\.\.[/\\]/.test(inside) || isAbsolute(inside))
    throw new FileError({ where: folder, rule: "a link leads out of the cache" });
}

/** Moves a whole and synced file to its name. */
export function publishFile(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    throw diskError(error, to, to, "cannot be written");
  }
  syncFolder(dirname(to));
}

/**
 * Gives a blob its name in a snapshot: a link, or the file itself where the system lets nobody make links.
 *
 * @param root  folder of the repository
 * @param blob  absolute path of the verified file
 * @param name  checked name of the file in its repository
 */
export function publishName(root: string, snapshot: string, name: string, blob: string): void {
  const path = join(snapshot, name);
  makeFolder(root, dirname(path));
  const fresh = `${path}.${process.pid}.new`;
  rmSync(fresh, { force: true });
  try {
    symlinkSync(relative(dirname(path), blob), fresh);
  } catch (error) {
    if (!["EPERM", "ENOSYS", "EOPNOTSUPP", "ENOTSUP"].includes(systemCode(error) ?? ""))
      throw diskError(error, path, path, "cannot be written");
    publishFile(blob, path);
    return;
  }
  publishFile(fresh, path);
}

/** Writes down which commit a revision is. */
export function publishRevision(root: string, revision: string, commit: string): void {
  if (isCommit(revision)) return;
  const path = join(root, "refs", revision);
  makeFolder(root, dirname(path));
  const fresh = `${path}.${process.pid}.new`;
  try {
    writeFileSync(fresh, commit, { flush: true });
  } catch (error) {
    throw diskError(error, path, path, "cannot be written");
  }
  publishFile(fresh, path);
}

/** What a model is looked for with. */
export interface ResolveModelOptions {
  readonly cwd: string;
  /** Branch, tag or commit; `main` by default. */
  readonly revision?: string;
  /** Folder given with `--cache`; by default as the environment says. */
  readonly cache?: string;
  readonly environment?: Environment;
}

/** Whether a text can only be a path. */
function looksLikePath(text: string): boolean {
  return isAbsolute(text) || /^[.~]|[\\]|\/$/.test(text) || !isRepo(text);
}

/**
 * The local folder of a model: the folder of that name, else what the cache holds of the repository of that name.
 * Nothing is fetched.
 *
 * @param folderOrRepo  a path, or `ORGANISATION/NAME`
 * @returns             absolute path of a folder that exists
 * @throws FileError      neither is there; the message says how to fetch it, and where else it may be put
 * @throws ArgumentError  a revision of a local folder
 */
export async function resolveModel(
  folderOrRepo: string,
  { cwd, revision, cache, environment = process.env }: ResolveModelOptions,
): Promise<string> {
  const local = resolve(cwd, folderOrRepo);
  if (lstatSync(local, { throwIfNoEntry: false }) !== undefined) {
    if (!isFolder(local))
      throw new FileError({ where: folderOrRepo, rule: "must be a folder", got: "a file" });
    if (revision === undefined) return local;
    throw new ArgumentError({
      where: "--revision",
      rule: `${JSON.stringify(folderOrRepo)} is a folder here, which has no revisions`,
      got: JSON.stringify(revision),
    });
  }
  if (looksLikePath(folderOrRepo)) throw new FileError({ where: folderOrRepo, rule: "no such folder" });
  const wanted = checkRevision(revision ?? "main");
  const home = cacheFolder(cwd, cache, environment);
  const commit = cachedCommit(home, folderOrRepo, wanted);
  const pull = `palimpsest models pull ${folderOrRepo}${wanted === "main" ? "" : ` --revision ${wanted}`}`;
  if (commit === null)
    throw new FileError({
      where: folderOrRepo,
      rule: `neither a folder here nor, at revision ${wanted}, in the cache ${home}`,
      wayOut: `"${pull}" fetches it; without network, put its config.json, safetensors and tokenizer.json in a folder and name that.`,
    });
  const folder = snapshotFolder(home, folderOrRepo, commit);
  if (at(join(folder, "config.json"))?.isFile() === true) return folder;
  throw new FileError({ where: folder, rule: "has no config.json", wayOut: `"${pull}" completes it.` });
}
