/** A hub on this machine: it speaks the routes that a pull uses, remembers what it was asked, and can be made to lie. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Files of a commit, by name. */
export type Files = Record<string, Buffer>;

/** A request as it came. */
export interface Seen {
  /** `hub` or `store`: where large files are kept, at another origin. */
  host: "hub" | "store";
  path: string;
  headers: IncomingMessage["headers"];
}

/** A request that a test answers itself; true if it did. */
export type Behaviour = (request: Seen, response: ServerResponse) => boolean | undefined;

/** What a hub holds, and how it behaves. Tests change it as they go. */
export interface HubState {
  repo: string;
  /** Commit of each branch or tag. */
  revisions: Record<string, string>;
  commits: Record<string, Files>;
  behave: Behaviour;
  seen: Seen[];
  /** Entries of a listing, before they are sent. */
  relist: (entries: object[]) => unknown;
}

/** A running hub. */
export interface LocalHub extends HubState {
  readonly url: string;
  close(): Promise<void>;
}

/** SHA-256 in hexadecimal digits. */
export const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
/** The hash under which git stores a file. */
export const gitBlob = (bytes: Buffer) =>
  createHash("sha1")
    .update(Buffer.concat([Buffer.from(`blob ${bytes.length}\0`), bytes]))
    .digest("hex");
/** Whether a hub keeps a file as LFS. */
export const isLarge = (name: string) => /\.(?:safetensors|bin)$/.test(name);

/** The Git LFS pointer of a file. */
export const pointerOf = (bytes: Buffer) =>
  Buffer.from(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(bytes)}\nsize ${bytes.length}\n`,
  );

function entryOf(name: string, bytes: Buffer): object {
  const size = bytes.length;
  if (!isLarge(name)) return { type: "file", oid: gitBlob(bytes), size, path: name };
  const pointer = pointerOf(bytes);
  const lfs = { oid: sha256(bytes), size, pointerSize: pointer.length };
  return { type: "file", oid: gitBlob(pointer), size, lfs, path: name };
}

/** Sends bytes, or the range of them that was asked for. */
export function sendBytes(request: Pick<Seen, "headers">, response: ServerResponse, bytes: Buffer): void {
  const from = /^bytes=([0-9]+)-$/.exec(request.headers.range ?? "")?.[1];
  const etag = `"${sha256(bytes)}"`;
  const ifRange = request.headers["if-range"];
  if (from === undefined || (ifRange !== undefined && ifRange !== etag)) {
    response.writeHead(200, { "content-length": bytes.length, "accept-ranges": "bytes", etag });
    response.end(bytes);
    return;
  }
  const start = Number(from);
  if (start >= bytes.length) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  response.writeHead(206, {
    "content-length": bytes.length - start,
    "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
    etag,
  });
  response.end(bytes.subarray(start));
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts a hub with one repository. */
export async function startHub(
  repo: string,
  commits: Record<string, Files>,
  main: string,
): Promise<LocalHub> {
  const state: HubState = {
    ...{ repo, commits, revisions: { main }, seen: [] },
    behave: () => false,
    relist: (entries) => entries,
  };
  let store = "";
  const json = (
    response: ServerResponse,
    value: unknown,
    status = 200,
    headers: Record<string, string> = {},
  ) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(value));
  };
  const missing = (response: ServerResponse, code: string) =>
    json(response, { error: code }, 404, { "x-error-code": code });
  const answer = (request: Seen, response: ServerResponse): unknown => {
    const path = request.path.replace(/\?.*/, "");
    if (request.host === "store") {
      const [, commit, name] = /^\/([^/]+)\/(.*)$/.exec(path) as RegExpExecArray;
      sendBytes(request, response, state.commits[commit][decodeURIComponent(name)]);
      return undefined;
    }
    const revision = new RegExp(`^/api/models/${state.repo}/revision/([^/]+)$`).exec(path)?.[1];
    if (revision !== undefined) {
      const name = decodeURIComponent(revision);
      const sha = state.revisions[name] ?? (name in state.commits ? name : undefined);
      if (sha === undefined) return missing(response, "RevisionNotFound");
      const siblings = Object.keys(state.commits[sha]).map((rfilename) => ({ rfilename }));
      return json(response, { id: state.repo, sha, siblings });
    }
    const tree = new RegExp(`^/api/models/${state.repo}/tree/([0-9a-f]{40})$`).exec(path)?.[1];
    if (tree !== undefined) {
      const entries = Object.entries(state.commits[tree]).map(([name, bytes]) => entryOf(name, bytes));
      return json(
        response,
        state.relist([{ type: "directory", oid: "0".repeat(40), size: 0, path: "onnx" }, ...entries]),
      );
    }
    const file = new RegExp(`^/${state.repo}/resolve/([0-9a-f]{40})/(.+)$`).exec(path);
    if (file === null) return missing(response, "RepoNotFound");
    const [, commit, name] = file;
    const bytes = state.commits[commit]?.[decodeURIComponent(name)];
    if (bytes === undefined) return missing(response, "EntryNotFound");
    response.setHeader("x-repo-commit", commit);
    if (!isLarge(name)) return sendBytes(request, response, bytes);
    return response.writeHead(302, { location: `${store}/${commit}/${name}` }).end();
  };
  const serve = (host: Seen["host"]) =>
    createServer((incoming, response) => {
      const request: Seen = { host, path: incoming.url ?? "", headers: incoming.headers };
      state.seen.push(request);
      if (state.behave(request, response) !== true) answer(request, response);
    });
  const servers = [serve("hub"), serve("store")];
  const [url, storeUrl] = await Promise.all(servers.map(listen));
  store = storeUrl;
  const close = async () => {
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  };
  return Object.assign(state, { url, close });
}
