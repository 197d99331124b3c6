/**
 * One file from a hub to the disk: gone on with where it was cut off, hashed while it arrives, and named only when the
 * hash is the one that the hub's listing states.
 */
import type { Hash } from "node:crypto";
import { readdirSync, renameSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError } from "../../base/errors.ts";
import { diskError, systemCode } from "../disk/diskError.ts";
import { hashBytes, startHash } from "./fileHash.ts";
import type { HubFile } from "./hubListing.ts";
import { type OfflineError, refusedBy } from "./hubListing.ts";
import {
  type Answer,
  type Hub,
  hubRequest,
  PassingFailure,
  transportFailure,
  withRetries,
} from "./hubRequest.ts";
import { publishFile } from "./modelCache.ts";

/** What is to be fetched, and where to. */
export interface Download {
  readonly hub: Hub;
  readonly repo: string;
  readonly commit: string;
  readonly file: HubFile;
  /** Absolute path of the blob: what it is called once it is whole. */
  readonly blob: string;
  /** Receives how many bytes of the file are here; it shrinks when a file is begun anew. */
  readonly arrived: (bytes: number) => void;
  readonly offline: OfflineError;
}

/** Bytes at the start of an answer that tell what it is. */
const headBytes = 512;

function diskFull(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code !== "ENOSPC" && code !== "EDQUOT") return diskError(error, path, path, "cannot be written");
  return new FileError({
    where: path,
    rule: "cannot be written",
    got: `${code === "ENOSPC" ? "the disk is full" : "the disk quota is used up"} (${code})`,
    wayOut: "Free some space or choose another folder with --cache; the same command goes on from there.",
  });
}

/** Whether a process of this machine is running. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

/**
 * The unfinished file of this process. One that an ended process left is taken over, by renaming: of two that try,
 * one gets it and the other begins its own. Its name says whose it is, so no lock can be left behind.
 */
function unfinishedFile(blob: string): string {
  const own = `${blob}.palimpsest-${process.pid}.incomplete`;
  const left = new RegExp(`^${basename(blob)}\\.palimpsest-([0-9]{1,10})\\.incomplete$`);
  for (const name of readdirSync(dirname(blob))) {
    const pid = Number(left.exec(name)?.[1] ?? process.pid);
    if (pid === process.pid || isRunning(pid)) continue;
    try {
      renameSync(join(dirname(blob), name), own);
      break;
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw diskError(error, own, own, "cannot be written");
    }
  }
  return own;
}

/** What came in place of the file, by its first bytes; null if they say nothing. */
function mistaken(head: Uint8Array, type: string | null): string | null {
  const text = new TextDecoder("latin1").decode(head.subarray(0, headBytes)).trimStart();
  if (text.startsWith("version https://git-lfs.github.com/spec/"))
    return "a Git LFS pointer in place of the file";
  if (
    /^<(?:!doctype|html|head|body)/i.test(text) ||
    (type?.startsWith("text/html") === true && text.startsWith("<"))
  )
    return "a web page in place of the file (a login or a proxy between?)";
  return null;
}

/** State of a file while it arrives. */
interface Arrival {
  readonly handle: FileHandle;
  readonly path: string;
  hash: Hash;
  /** Bytes that are on the disk and in the hash. */
  size: number;
  /** First bytes. */
  head: Uint8Array;
  /** A strong ETag of what the bytes came from; null if none was given. */
  etag: string | null;
}

async function beginAnew(download: Download, arrival: Arrival): Promise<void> {
  await arrival.handle.truncate(0);
  Object.assign(arrival, { hash: startHash(download.file), size: 0, head: new Uint8Array(0), etag: null });
  download.arrived(0);
}

/** Whether an answer goes on at the byte that was asked for. */
function goesOn({ response }: Answer, from: number, size: number): boolean {
  const range = /^bytes ([0-9]+)-[0-9]+\/([0-9]+|\*)$/.exec(response.headers.get("content-range") ?? "");
  const fits = range !== null && Number(range[1]) === from && (range[2] === "*" || Number(range[2]) === size);
  return response.status === 206 && fits && response.headers.get("content-encoding") === null;
}

/** Stops an answer that moves too few bytes in a window. @returns how to stop watching */
function watchPace({ patience }: Hub, answer: Answer, arrival: Arrival): () => void {
  let before = arrival.size;
  const timer = setInterval(() => {
    if (arrival.size - before < patience.slowest)
      answer.abort(new PassingFailure(`fewer than ${patience.slowest} bytes in ${patience.window / 1000} s`));
    before = arrival.size;
  }, patience.window);
  return () => clearInterval(timer);
}

/** Where a file stands, for messages. */
const nameOf = ({ repo, file }: Download) => `${repo}, ${file.name}`;

async function receive(download: Download, arrival: Arrival, answer: Answer): Promise<void> {
  const { hub, file } = download;
  const type = answer.response.headers.get("content-type");
  const stopWatching = watchPace(hub, answer, arrival);
  try {
    for await (const part of (answer.response.body ?? []) as AsyncIterable<Uint8Array>) {
      if (arrival.head.length < headBytes && arrival.head.length === arrival.size)
        arrival.head = Buffer.concat([arrival.head, part]).subarray(0, headBytes);
      if (arrival.size + part.length > file.size) {
        const complaint = otherLength(download, arrival.head, type, "more");
        await beginAnew(download, arrival);
        throw complaint;
      }
      try {
        await arrival.handle.write(part, 0, part.length, arrival.size);
      } catch (error) {
        throw diskFull(arrival.path, error);
      }
      arrival.hash.update(part);
      arrival.size += part.length;
      download.arrived(arrival.size);
    }
  } catch (error) {
    throw transportFailure(hub, error);
  } finally {
    stopWatching();
  }
}

/** The error for an answer that is longer or shorter than the file. */
function otherLength(download: Download, head: Uint8Array, type: string | null, got: string): FileError {
  const instead = mistaken(head, type);
  return new FileError({
    where: nameOf(download),
    rule:
      instead === null
        ? `the hub lists ${download.file.size} bytes and sends others`
        : `the hub sends ${instead}`,
    got: instead === null ? got : undefined,
  });
}

/** Refuses an answer that announces another length than the file's, after a look at its first bytes. */
async function checkLength(download: Download, from: number, { response }: Answer): Promise<void> {
  const { headers } = response;
  const length = headers.get("content-length");
  if (length === null || headers.get("content-encoding") !== null) return;
  if (from + Number(length) === download.file.size) return;
  let head = new Uint8Array(0);
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    head = new Uint8Array(Buffer.concat([head, part]).subarray(0, headBytes));
    if (head.length === headBytes) break;
  }
  throw otherLength(download, head, headers.get("content-type"), `${from + Number(length)} announced`);
}

/** One request for what is missing. */
async function fetchRest(download: Download, arrival: Arrival): Promise<void> {
  const { hub, repo, commit, file } = download;
  const from = arrival.size;
  const headers: Record<string, string> =
    from === 0
      ? {}
      : { range: `bytes=${from}-`, ...(arrival.etag === null ? {} : { "if-range": arrival.etag }) };
  const name = file.name.split("/").map(encodeURIComponent).join("/");
  const answer = await hubRequest(hub, `/${repo}/resolve/${commit}/${name}`, headers);
  const { response } = answer;
  const atCommit = response.headers.get("x-repo-commit");
  if (!response.ok || (atCommit !== null && atCommit !== commit)) {
    await response.body?.cancel();
    if (response.ok)
      throw new FileError({
        where: nameOf(download),
        rule: `asked for commit ${commit}`,
        got: String(atCommit),
      });
    if (response.status !== 416) throw refusedBy(hub, answer, nameOf(download));
    await beginAnew(download, arrival);
    throw new PassingFailure("the hub holds fewer bytes than are here");
  }
  if (from > 0 && !goesOn(answer, from, file.size)) {
    // the whole file again, or another one
    await beginAnew(download, arrival);
    if (response.status === 206) {
      await response.body?.cancel();
      throw new PassingFailure("the hub went on at another byte");
    }
  }
  await checkLength(download, arrival.size, answer);
  const etag = response.headers.get("etag");
  arrival.etag = etag?.startsWith('"') === true ? etag : null;
  await receive(download, arrival, answer);
  if (arrival.size === file.size) return;
  const instead = mistaken(arrival.head, response.headers.get("content-type"));
  if (instead === null)
    throw new PassingFailure(`the answer ended after ${arrival.size} of ${file.size} bytes`);
  await beginAnew(download, arrival);
  throw new FileError({ where: nameOf(download), rule: `the hub sends ${instead}` });
}

/** Opens the unfinished file, and hashes what it holds already. */
async function openArrival(download: Download): Promise<Arrival> {
  const path = unfinishedFile(download.blob);
  let handle: FileHandle;
  try {
    handle = await open(path, "a").then(async (made) => {
      await made.close();
      return open(path, "r+");
    });
  } catch (error) {
    throw diskError(error, path, path, "cannot be written");
  }
  const arrival: Arrival = {
    handle,
    path,
    hash: startHash(download.file),
    size: 0,
    head: new Uint8Array(0),
    etag: null,
  };
  const { size } = await handle.stat();
  if (size > download.file.size) await handle.truncate(0);
  else {
    let hashed = 0;
    await hashBytes(handle, size, arrival.hash, (bytes) => download.arrived((hashed += bytes)));
    arrival.size = size;
  }
  return arrival;
}

/**
 * Fetches a file and publishes it as its blob. What has arrived when it fails stays, under another name, and the next
 * call goes on from there.
 *
 * @returns whether bytes of an earlier call were used
 * @throws FileError  no access, another file than the listed one, no end of failures, no space
 */
export async function downloadFile(download: Download): Promise<{ resumed: number }> {
  const { hub, file, blob } = download;
  const arrival = await openArrival(download);
  const resumed = arrival.size;
  let published = false;
  let wrong = 0;
  try {
    await withRetries(
      hub,
      nameOf(download),
      async () => {
        if (arrival.size < file.size) await fetchRest(download, arrival);
        // a digest ends its hash
        const hex = arrival.hash.copy().digest("hex");
        if (hex === file.hash.hex) return;
        const instead = mistaken(arrival.head, null);
        await beginAnew(download, arrival);
        const kind = file.hash.kind === "sha256" ? "SHA-256" : "git hash";
        const complaint = instead ?? `bytes with the ${kind} ${hex} where its listing says ${file.hash.hex}`;
        // once may be a fault of the way or of what an earlier call left; twice is the file
        if (instead === null && wrong++ === 0) throw new PassingFailure(`the hub sends ${complaint}`);
        throw new FileError({
          where: nameOf(download),
          rule: `the hub sends ${complaint}`,
          wayOut: "Nothing of it is kept.",
        });
      },
      { progress: () => arrival.size, offline: download.offline },
    );
    await arrival.handle.sync();
    published = true;
  } finally {
    await arrival.handle.close();
    if (!published && arrival.size === 0) await rm(arrival.path, { force: true });
  }
  publishFile(arrival.path, blob);
  return { resumed };
}
