/** `palimpsest models pull`: a repository's files into the cache, each verified before it has its name. */
import { mkdirSync, statfsSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../../base/errors.ts";
import { diskError } from "../disk/diskError.ts";
import type { Outcome, RunIo } from "../io.ts";
import { downloadFile } from "./downloadFile.ts";
import { hashBytes, startHash } from "./fileHash.ts";
import { type HubFile, listFiles, resolveCommit } from "./hubListing.ts";
import { checkFileNames, checkRepo, checkRevision } from "./hubNames.ts";
import { checkEndpoint, checkToken, type Hub, type Patience, standardPatience } from "./hubRequest.ts";
import {
  cachedCommit,
  cacheFolder,
  type Environment,
  makeFolder,
  publishName,
  publishRevision,
  repoFolder,
  snapshotFolder,
} from "./modelCache.ts";
import { selectFiles } from "./selectFiles.ts";
import { bytesText, transferPicture } from "./transfer.ts";

/** What is to be fetched. */
export interface PullOptions {
  readonly repo: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Patterns of names; empty for what a model is made of. */
  readonly files: readonly string[];
  /** Address of the hub; null for `HF_ENDPOINT` or https://huggingface.co. */
  readonly endpoint: string | null;
  /** Folder of the cache; null for the one of the environment. */
  readonly cache: string | null;
}

/** What a pull does that a test does otherwise. */
export interface PullSetting {
  readonly environment?: Environment;
  readonly patience?: Patience;
}

/** A file that is here now. */
interface Pulled {
  readonly file: string;
  readonly bytes: number;
  /** What was verified, under its kind: SHA-256, or the SHA-1 of the git blob. */
  readonly sha256?: string;
  readonly gitBlob?: string;
  /** How it came to be here. */
  readonly state: "present" | "fetched";
  /** Bytes of it that an earlier, interrupted pull had fetched. */
  readonly resumed?: number;
}

/** Bytes that are left free beside what is fetched. */
const reserve = 64 * 2 ** 20;

function offlineError(options: PullOptions, hub: Hub, cache: string) {
  const { repo, revision } = options;
  return (facts: string) => {
    const held = cachedCommit(cache, repo, revision);
    return new FileError({
      where: `${repo} at ${revision}`,
      rule: `${hub.endpoint} cannot be reached`,
      got: facts,
      wayOut:
        held === null
          ? `Without network, put its config.json, safetensors weights and tokenizer.json in a folder and give that folder to other commands, or copy a cache with it to ${repoFolder(cache, repo)}.`
          : `The cache holds what was fetched of it before (commit ${held}): other commands find it by its name.`,
    });
  };
}

function checkSpace(cache: string, needed: number): void {
  const { bavail, bsize } = statfsSync(cache);
  const free = bavail * bsize;
  if (needed === 0 || needed + reserve <= free) return;
  throw new FileError({
    where: cache,
    rule: `needs ${bytesText(needed)} and ${bytesText(reserve)} to spare`,
    got: `${bytesText(free)} free`,
    wayOut: "Free some space or choose another folder with --cache.",
  });
}

/** Whether a file of the right size and bytes is there. @param seen receives the number of bytes of every piece */
async function holds(path: string, file: HubFile, seen: (bytes: number) => void): Promise<boolean> {
  const stats = await stat(path).catch(() => null);
  if (stats?.isFile() !== true || stats.size !== file.size) return false;
  const handle = await open(path, "r");
  try {
    const hash = startHash(file);
    await hashBytes(handle, file.size, hash, seen);
    return hash.digest("hex") === file.hash.hex;
  } finally {
    await handle.close();
  }
}

function makeCache(cache: string, root: string): void {
  try {
    mkdirSync(root, { recursive: true });
  } catch (error) {
    throw diskError(error, root, cache, "cannot be made");
  }
  for (const folder of ["blobs", "refs", "snapshots"]) makeFolder(root, join(root, folder));
}

/** Fetches and verifies the files of a commit; the bytes that came over the network are counted. */
async function pullFiles(
  {
    hub,
    repo,
    commit,
    cache,
    files,
  }: { hub: Hub; repo: string; commit: string; cache: string; files: HubFile[] },
  offline: (facts: string) => FileError,
  io: RunIo,
): Promise<Pulled[]> {
  const root = repoFolder(cache, repo);
  const snapshot = snapshotFolder(cache, repo, commit);
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const started = io.clock();
  let [done, received] = [0, 0];
  const report = (file: HubFile, activity: "checking" | "fetching", fileBytes: number) =>
    io.board.draw(
      transferPicture({
        ...{ started, title: `${repo}, commit ${commit.slice(0, 12)}`, activity, size, received },
        ...{ file: file.name, fileBytes, fileSize: file.size, bytes: done + fileBytes },
      }),
    );
  const pulled: Pulled[] = [];
  const missing: HubFile[] = [];
  const keep = (file: HubFile, how: Pick<Pulled, "state" | "resumed">) => {
    pulled.push({ file: file.name, bytes: file.size, [file.hash.kind]: file.hash.hex, ...how });
    done += file.size;
  };
  for (const file of files) {
    io.signal.throwIfAborted();
    const blob = join(root, "blobs", file.hash.hex);
    let checked = 0;
    const seen = (bytes: number) => report(file, "checking", (checked += bytes));
    if (await holds(blob, file, seen)) publishName(root, snapshot, file.name, blob);
    else if (!(await holds(join(snapshot, file.name), file, seen))) {
      missing.push(file);
      continue;
    }
    keep(file, { state: "present" });
  }
  checkSpace(
    cache,
    missing.reduce((sum, file) => sum + file.size, 0),
  );
  for (const file of missing) {
    const blob = join(root, "blobs", file.hash.hex);
    let last: number | null = null;
    const arrived = (bytes: number) => {
      if (last !== null && bytes > last) received += bytes - last;
      last = bytes;
      report(file, "fetching", bytes);
    };
    // two names of the same bytes are fetched once
    const twin = await holds(blob, file, () => {});
    const { resumed } = twin
      ? { resumed: file.size }
      : await downloadFile({ hub, repo, commit, file, blob, arrived, offline });
    publishName(root, snapshot, file.name, blob);
    keep(file, { state: "fetched", ...(resumed > 0 ? { resumed } : {}) });
  }
  return pulled.sort((a, b) => (a.file < b.file ? -1 : 1));
}

/**
 * Fetches what is missing of a model. The revision is resolved to a commit once, so that a branch that moves meanwhile
 * mixes nothing; every file is hashed, also those that are here already; the revision is written down last.
 *
 * @throws ArgumentError  a repository, revision, endpoint or token that is none
 * @throws FileError      no network, no access, another file than the listed one, no space
 */
export async function runModelsPull(
  options: PullOptions,
  io: RunIo,
  { environment = process.env, patience = standardPatience }: PullSetting = {},
): Promise<Outcome> {
  const repo = checkRepo(options.repo);
  const revision = checkRevision(options.revision);
  const cache = cacheFolder(io.cwd, options.cache ?? undefined, environment);
  const hub: Hub = {
    endpoint: checkEndpoint(options.endpoint ?? (environment.HF_ENDPOINT || "https://huggingface.co")),
    token: checkToken(environment.HF_TOKEN),
    ...{ patience, signal: io.signal, log: io.board.log },
  };
  const offline = offlineError(options, hub, cache);
  const commit = await resolveCommit(hub, repo, revision, offline);
  const listed = await listFiles(hub, repo, commit, offline);
  const { files, leftOut } = selectFiles(
    repo,
    listed.map(({ name }) => name),
    options.files,
  );
  checkFileNames(repo, files);
  const root = repoFolder(cache, repo);
  makeCache(cache, root);
  const chosen = listed.filter(({ name }) => files.includes(name));
  const pulled = await pullFiles({ hub, repo, commit, cache, files: chosen }, offline, io);
  publishRevision(root, revision, commit);
  const folder = snapshotFolder(cache, repo, commit);
  const fetched = pulled.filter(({ state }) => state === "fetched");
  const bytesFetched = fetched.reduce((sum, { bytes, resumed = 0 }) => sum + bytes - resumed, 0);
  const result = {
    repo,
    revision,
    commit,
    endpoint: hub.endpoint,
    folder,
    files: pulled,
    leftOut,
    bytesFetched,
  };
  const lines = [
    `${repo} at ${revision} is commit ${commit}.`,
    `${fetched.length} of ${pulled.length} files fetched (${bytesText(bytesFetched)}), ${pulled.length - fetched.length} were here; every hash is as listed.`,
    ...leftOut.map(({ file, reason }) => `Left out: ${file} ${reason}.`),
    folder,
  ];
  return { result, summary: lines.join("\n") };
}
