/** Everything that takes a name out of a file, an archive or a request, and may make a path of it. */
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { zipSync } from "fflate";
import { UserError } from "../../src/base/errors.ts";
import { openJournal } from "../../src/cli/journal/journal.ts";
import { openModelFolder } from "../../src/cli/models/fileSource.ts";
import { resolveModel } from "../../src/cli/models/modelCache.ts";
import { openRunFile } from "../../src/cli/runList/runFile.ts";
import { readRun } from "../../src/cli/runList/runPlace.ts";
import { startServer } from "../../src/cli/studio/server.ts";
import { checkFiles } from "../../src/cli/verify/checkFiles.ts";
import { lookAtRun } from "../../src/cli/verify/runAtHand.ts";
import { openTensors } from "../../src/pretrained/tensorFiles.ts";
import { memorySource } from "../../src/record/byteSource.ts";
import { canonicalJson } from "../../src/record/canonicalJson.ts";
import { logLine } from "../../src/record/logLine.ts";
import { fileEntry, isRunPath } from "../../src/record/manifest.ts";
import { openRunArchive } from "../../src/record/runArchive.ts";
import { writeSafetensors } from "../../src/record/safetensors.ts";
import { sha256OfBytes } from "../../src/record/sha256.ts";
import { startHub } from "../../test/cli/localHub.ts";
import { pull } from "../../test/cli/pulling.ts";

/** Something that takes names. `prepare` may do anything; what `use` does is watched. */
export interface PathEntry {
  readonly name: string;
  /** A good name, which must be taken, so that refusing all is no success. */
  readonly good: string;
  /** Whether it reads a run folder, of which parts may be links. */
  readonly hasRun?: boolean;
  /** Whether all names are given to one and the same folder. */
  readonly isShared?: boolean;
  /** @param root  the only folder that may be touched */
  prepare(root: string, name: string): Promise<() => Promise<unknown>>;
  /** Gives back what all cases shared. */
  close?(): Promise<void>;
}

const text = new TextEncoder();
const tensors = writeSafetensors([["w", { shape: [2], data: Float32Array.of(1, 2) }]]);
const time = "2025-01-02T03:04:05.678Z";

/** A manifest as anybody could write it: the names in it were never checked. */
function manifestOf(path: string, bytes: Uint8Array, status = "complete"): string {
  const fields = {
    ...{ format: "palimpsest run", formatVersion: 2, study: "train", status, command: ["train"], config: {} },
    ...{ versions: { palimpsest: "0.1.0" }, engine: null },
    files: [{ ...fileEntry("x", bytes), path }],
  };
  const sha256 = sha256OfBytes(text.encode(`${canonicalJson(fields, { indent: 2 })}\n`));
  return `${canonicalJson({ ...fields, sha256 }, { indent: 2 })}\n`;
}

/** Writes a file below a folder, if the system can hold one of this name. */
function plant(root: string, name: string, bytes: Uint8Array): void {
  if (!isRunPath(name)) return;
  mkdirSync(join(root, name, ".."), { recursive: true });
  writeFileSync(join(root, name), bytes);
}

function runWith(root: string, name: string, bytes: Uint8Array): void {
  plant(root, name, bytes);
  writeFileSync(join(root, "manifest.json"), manifestOf(name, bytes));
}

/** A log that says of a name that it is a part, as it came from elsewhere. */
function logWith(name: string): string {
  const { bytes, sha256 } = fileEntry("x", tensors);
  return [
    { seq: 0, epoch: 1, time, event: "started", cwd: "/" },
    { seq: 1, epoch: 1, time, event: "kept", path: name, bytes, sha256 },
  ]
    .map(logLine)
    .join("");
}

/** An archive with a file of any name: one of the same length is written, and then written over. */
function archiveOf(name: string): Uint8Array {
  const wanted = Buffer.from(name);
  const stand = "~".repeat(wanted.length);
  const bytes = Buffer.from(zipSync({ [stand]: tensors }, { level: 0 }));
  for (
    let at = bytes.indexOf(stand);
    stand !== "" && at !== -1;
    at = bytes.indexOf(stand, at + wanted.length)
  )
    wanted.copy(bytes, at);
  return bytes;
}

/** One server for all names; each request opens a connection of its own. */
function studio() {
  let served: Promise<{ port: number; cookie: string; close: () => Promise<void>; root: string }> | undefined;
  const start = async (root: string) => {
    const page = join(root, "page");
    mkdirSync(page);
    writeFileSync(join(page, "index.html"), "<!doctype html>");
    const run = join(root, "runs", "train-1");
    mkdirSync(run, { recursive: true });
    runWith(run, "work/good.safetensors", tensors);
    const date = () => new Date(0);
    const server = await startServer({
      page,
      cwd: root,
      run: null,
      host: null,
      port: 0,
      date,
      report: () => {},
    });
    const entered = await send(
      server.port,
      `GET ${new URL(server.url).pathname}${new URL(server.url).search} HTTP/1.1\r\n`,
    );
    const cookie = /set-cookie: ([^;]*)/i.exec(entered)?.[1] ?? "";
    return { port: server.port, cookie, close: () => server.close(), root };
  };
  return {
    open: (root: string) => (served ??= start(root)),
    close: async () => (await served)?.close(),
  };
}

/** Sends a request's first lines, and gives what came back. */
function send(port: number, head: string, body = ""): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let came = "";
    socket.setEncoding("latin1").on("data", (part: string) => {
      came += part;
    });
    socket.on("error", () => resolve(came)).on("close", () => resolve(came));
    const length = body === "" ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    const lines = `${head}Host: 127.0.0.1:${port}\r\nConnection: close\r\n${length}\r\n`;
    socket.write(Buffer.concat([Buffer.from(lines, "latin1"), Buffer.from(body)]));
  });
}

/** Throws for an answer that is none of success. */
function succeeded(answer: string): void {
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0);
  if (status < 200 || status > 299) throw new Refused(`status ${status}`);
}

/** A refusal that is an answer and no error of ours. */
export class Refused extends UserError {
  constructor(rule: string) {
    super({ where: "request", rule });
  }
}

/** As a client would send it that escapes nothing but what would end the line. */
const rawTarget = (name: string) =>
  Buffer.from(name, "utf8")
    .toString("latin1")
    .replace(/[\0-\x20\x7f]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);

function studioEntry(
  name: string,
  good: string,
  request: (raw: string) => { method: string; target: string; body?: string },
): PathEntry {
  const shared = studio();
  return {
    ...{ name, good, isShared: true },
    prepare: async (root, bad) => {
      const { port, cookie } = await shared.open(root);
      const { method, target, body = "" } = request(bad);
      const own = `Cookie: ${cookie}\r\nOrigin: http://127.0.0.1:${port}\r\nSec-Fetch-Site: same-origin\r\n`;
      const type = body === "" ? "" : "Content-Type: application/json\r\n";
      return async () => succeeded(await send(port, `${method} ${target} HTTP/1.1\r\n${own}${type}`, body));
    },
    close: shared.close,
  };
}

/** Id of the only run that the server lists. */
async function onlyRun(port: number, cookie: string): Promise<string> {
  const answer = await send(port, `GET /api/runs HTTP/1.1\r\nCookie: ${cookie}\r\n`);
  return /"id":"([0-9a-f]{16})"/.exec(answer)?.[1] ?? "0".repeat(16);
}

const files = studio();

export const pathEntries: readonly PathEntry[] = [
  {
    name: "shard of an index",
    good: "model-1.safetensors",
    prepare: async (root, name) => {
      writeFileSync(join(root, "model-1.safetensors"), tensors);
      writeFileSync(join(root, "model.safetensors.index.json"), JSON.stringify({ weight_map: { w: name } }));
      return async () => {
        const folder = await openModelFolder(root, "model");
        try {
          await openTensors(folder);
        } finally {
          await folder.close();
        }
      };
    },
  },
  {
    name: "name of a tensor",
    good: "w",
    prepare: async (root, name) => {
      const header = JSON.stringify({ [name]: { dtype: "F32", shape: [2], data_offsets: [0, 8] } });
      const length = new Uint8Array(BigUint64Array.of(BigInt(Buffer.byteLength(header))).buffer);
      writeFileSync(
        join(root, "model.safetensors"),
        Buffer.concat([length, Buffer.from(header), new Uint8Array(8)]),
      );
      return async () => {
        const folder = await openModelFolder(root, "model");
        try {
          await openTensors(folder);
        } finally {
          await folder.close();
        }
      };
    },
  },
  {
    name: "revision in the cache",
    good: "main",
    prepare: async (root, name) => {
      const snapshot = join(root, "models--a--b/snapshots", "1".repeat(40));
      mkdirSync(snapshot, { recursive: true });
      mkdirSync(join(root, "models--a--b/refs"), { recursive: true });
      writeFileSync(join(root, "models--a--b/refs/main"), "1".repeat(40));
      writeFileSync(join(snapshot, "config.json"), "{}");
      return () => resolveModel("a/b", { cwd: root, cache: root, revision: name });
    },
  },
  {
    name: "file that a hub lists",
    good: "other.safetensors",
    prepare: async (root, bad) => {
      // what is no model's file is not fetched whatever its name is
      const name = bad.endsWith(".safetensors") ? bad : `${bad}.safetensors`;
      const hub = await startHub(
        "a/b",
        { ["1".repeat(40)]: { "config.json": Buffer.from("{}"), [name]: Buffer.from(tensors) } },
        "1".repeat(40),
      );
      hub.relist = (entries) =>
        entries.map((entry) =>
          (entry as { path: string }).path === name ? { ...entry, path: name } : entry,
        );
      return async () => {
        try {
          await pull(hub, { cache: root, files: ["**"] });
        } finally {
          await hub.close();
        }
      };
    },
  },
  {
    name: "file of a manifest, verified",
    hasRun: true,
    good: "work/good.safetensors",
    prepare: async (root, name) => {
      runWith(root, name, tensors);
      return async () => {
        const run = lookAtRun(".", root);
        if (run.manifest.verdict !== "sound") throw new Refused("the manifest is not believed");
        await checkFiles(run, { signal: new AbortController().signal, seen: () => {} });
      };
    },
  },
  {
    name: "file of a manifest, opened",
    hasRun: true,
    good: "work/good.safetensors",
    prepare: async (root, name) => {
      runWith(root, name, tensors);
      return async () => {
        const run = readRun({ base: root, name: "." }, 2 ** 20);
        for (const entry of run.manifest.files) await (await openRunFile(run, entry)).close();
      };
    },
  },
  {
    name: "part that a log names",
    hasRun: true,
    good: "work/good/0.safetensors",
    prepare: async (root, name) => {
      plant(root, name, tensors);
      writeFileSync(join(root, "log.jsonl"), logWith(name));
      return async () => {
        const journal = openJournal({ path: root, shown: "run", date: () => new Date(0) });
        try {
          if (journal.read(name) === null) throw new Refused("no such part");
          journal.drop([name]);
          journal.clear();
        } finally {
          journal.release();
        }
      };
    },
  },
  {
    name: "part that a log names, verified",
    hasRun: true,
    good: "work/good/0.safetensors",
    prepare: async (root, name) => {
      plant(root, name, tensors);
      writeFileSync(join(root, "log.jsonl"), logWith(name));
      writeFileSync(join(root, "manifest.json"), manifestOf("report.html", tensors, "running"));
      return async () => {
        const run = lookAtRun(".", root);
        if (run.log?.verdict !== "sound") throw new Refused("the log is not believed");
        await checkFiles(run, { signal: new AbortController().signal, seen: () => {} });
      };
    },
  },
  {
    name: "file of an archive",
    good: "work/good.safetensors",
    prepare: async (_, name) => {
      const bytes = archiveOf(name);
      return async () => {
        const archive = await openRunArchive(memorySource("run.zip", bytes));
        // what it gives out becomes a path wherever a run is saved
        const bad = archive.paths.find((path) => !isRunPath(path));
        if (bad !== undefined) throw new Error(`gives out the path ${JSON.stringify(bad)}`);
        for (const path of archive.paths) await archive.bytes(path);
      };
    },
  },
  studioEntry("page that is asked for", "index.html", (name) => ({
    method: "GET",
    target: `/${rawTarget(name)}`,
  })),
  studioEntry("run that is asked for", "", (name) => ({
    method: "GET",
    target: name === "" ? "/api/runs" : `/api/runs/${rawTarget(name)}/manifest`,
  })),
  {
    name: "file of a run that is asked for",
    good: "work/good.safetensors",
    isShared: true,
    prepare: async (root, name) => {
      const { port, cookie } = await files.open(root);
      const id = await onlyRun(port, cookie);
      return async () =>
        succeeded(
          await send(port, `GET /api/runs/${id}/files/${rawTarget(name)} HTTP/1.1\r\nCookie: ${cookie}\r\n`),
        );
    },
    close: files.close,
  },
  studioEntry("run that is saved", "good", (name) => ({
    method: "POST",
    target: "/api/saves",
    body: JSON.stringify({ study: "train", name }),
  })),
  studioEntry("study that is saved", "good", (name) => ({
    method: "POST",
    target: "/api/saves",
    body: JSON.stringify({ study: name }),
  })),
];

/** Links in place of files and folders, which lead out: name of the case, and the part of the run that is a link. */
export const linkCases: readonly string[] = [
  "work",
  "work/good",
  "work/good/0.safetensors",
  "manifest.json",
  "log.jsonl",
];

/** Puts a link in place of a part of a prepared run, which leads to what was there; false where it has no such part. */
export function plantLink(root: string, part: string, outside: string): boolean {
  const place = join(root, part);
  if (!existsSync(place)) return false;
  cpSync(place, outside, { recursive: true });
  rmSync(place, { recursive: true });
  symlinkSync(outside, place);
  return true;
}
