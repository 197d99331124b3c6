/** The studio's server in a box: a page of a few files, a working directory, and requests byte by byte. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Limits } from "../../src/cli/studio/limits.ts";
import { type StudioServer, startServer } from "../../src/cli/studio/server.ts";

/** A response as it came over the wire. */
export interface RawResponse {
  /** 0 if the connection ended without one. */
  status: number;
  /** Values by lowercase name. */
  headers: Map<string, string[]>;
  body: Buffer;
}

/** The page that is served: as Vite would leave it, small. */
export const pageFiles: Readonly<Record<string, string>> = {
  "index.html":
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Studio</title><link rel="icon" href="data:,">' +
    '<link rel="stylesheet" crossorigin href="./assets/index-AbCd1234.css">' +
    '<script type="module" crossorigin src="./assets/index-_bCd-234.js"></script></head><body></body></html>',
  "assets/index-_bCd-234.js":
    'const worker = new Worker(new URL("worker-Zz001122.js", import.meta.url), { type: "module" });' +
    "worker.onmessage = ({ data }) => { document.title = data; };",
  "assets/worker-Zz001122.js": 'postMessage("Studio runs");',
  "assets/index-AbCd1234.css": "body { color: rgb(1, 2, 3); }",
  "assets/plain.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
  "strange.xyz": "?",
};

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "palimpsest-studio-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files into a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** What a test may want otherwise. */
export interface Setup {
  cwd?: string;
  run?: string | null;
  host?: string | null;
  port?: number;
  limits?: Partial<Limits>;
  date?: () => Date;
}

/** A server, closed after the test, with a browser's cookie for it. */
export interface Served extends StudioServer {
  cwd: string;
  cookie: string;
  /** Defects that were reported, with their numbers. */
  defects: unknown[];
}

/** Starts a server on a page of its own. */
export async function serve(setup: Setup = {}): Promise<Served> {
  const served = await serveClosed(setup);
  const entered = await send(served.port, request(served, { target: new URL(served.url).search }));
  const cookie = entered.headers.get("set-cookie")?.[0].split(";")[0] ?? "none";
  return { ...served, cookie };
}

/** The same, before anybody has used the token. */
export async function serveClosed({ run = null, host = null, port = 0, ...setup }: Setup = {}) {
  const page = temporaryFolder();
  writeFiles(page, pageFiles);
  const { cwd = temporaryFolder() } = setup;
  const defects: unknown[] = [];
  const report = (error: unknown, id: string) => defects.push([error, id]);
  const { date = () => new Date(2025, 0, 2, 3, 4, 5) } = setup;
  const server = await startServer({ page, cwd, run, host, port, date, report, limits: setup.limits });
  onTestFinished(() => server.close());
  return { ...server, cwd, defects };
}

/** A request's parts; all but these are those of the studio's own page. */
export interface RequestParts {
  method?: string;
  target?: string;
  /** Header lines in place of the usual `Host`. */
  host?: readonly string[];
  /** More header lines. */
  lines?: readonly string[];
  cookie?: string | null;
  body?: string | Uint8Array;
}

/** The bytes of a request. */
export function request(
  { port, cookie: own }: { port: number; cookie?: string },
  { method = "GET", target = "/", host, lines = [], cookie = own ?? null, body }: RequestParts,
): Buffer {
  const path = target.startsWith("?") ? `/${target}` : target;
  const head = [
    `${method} ${path} HTTP/1.1`,
    ...(host ?? [`Host: 127.0.0.1:${port}`]),
    "Connection: close",
    ...(cookie === null ? [] : [`Cookie: ${cookie}`]),
    ...lines,
    ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return Buffer.concat([
    Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"),
    body === undefined ? Buffer.alloc(0) : Buffer.from(body),
  ]);
}

/** What the page's own requests say that change something. */
export const ownPost = (port: number, type = "application/json") => [
  `Origin: http://127.0.0.1:${port}`,
  "Sec-Fetch-Site: same-origin",
  `Content-Type: ${type}`,
];

/**
 * Sends bytes and takes what comes until the connection ends.
 *
 * @param silence  ms without a byte after which nothing more is waited for; by default there is no such time
 */
export async function send(
  port: number,
  bytes: Uint8Array,
  host = "127.0.0.1",
  silence = 0,
): Promise<RawResponse> {
  const chunks: Buffer[] = [];
  await new Promise<void>((ended) => {
    const socket = connect(port, host, () => socket.write(bytes));
    socket.on("data", (chunk) => chunks.push(chunk));
    // a reset after the answer, when it left some of a body unread, is an end like any other
    socket.on("error", () => ended());
    socket.on("close", () => ended());
    socket.setTimeout(silence, () => socket.destroy());
  });
  return parseResponse(Buffer.concat(chunks));
}

/** The last response in bytes: a `100 Continue` before it is passed over. */
export function parseResponse(bytes: Buffer): RawResponse {
  const split = bytes.indexOf("\r\n\r\n");
  const none = { status: 0, headers: new Map<string, string[]>(), body: bytes };
  if (split < 0) return none;
  const [first, ...lines] = bytes.subarray(0, split).toString("latin1").split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? 0);
  if (status === 100) return parseResponse(bytes.subarray(split + 4));
  const { headers } = none;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return { status, headers, body: dechunked(bytes.subarray(split + 4), headers) };
}

function dechunked(body: Buffer, headers: Map<string, string[]>): Buffer {
  if (headers.get("transfer-encoding")?.[0] !== "chunked") return body;
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = body.indexOf("\r\n", at);
    const length = Number.parseInt(body.subarray(at, line).toString("latin1"), 16);
    if (line < 0 || !(length > 0)) return Buffer.concat(pieces);
    pieces.push(body.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
}

/** The rule for headers written out a second time: every response carries exactly these values. */
export const promisedHeaders: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** What a response lacks of the promised headers, or has and must not; empty if nothing. */
export function headerFaults({ headers }: RawResponse): string[] {
  const wrong = Object.entries(promisedHeaders)
    .filter(([name, value]) => headers.get(name)?.length !== 1 || headers.get(name)?.[0] !== value)
    .map(([name]) => name);
  const cache = headers.get("cache-control") ?? [];
  const kept = cache.length !== 1 || !/^(no-store|private, max-age=31536000, immutable)$/.test(cache[0]);
  const open = [...headers.keys()].filter((name) => /^(access-control-|server$|x-powered-by$)/.test(name));
  return [...wrong, ...(kept ? ["cache-control"] : []), ...open];
}

/** Fields of a manifest, with a number that JSON cannot say. */
export const manifestParts = {
  study: "persistence",
  status: "complete",
  config: { seeds: [0, 1], lr: Number.NaN },
  versions: { palimpsest: "0.1.0" },
  engine: null,
} as const;

/** What is under an address, to whoever has the cookie. */
export const get = async (served: Served, target: string) => send(served.port, request(served, { target }));
/** The same, as the value that its JSON says. */
export const json = async (served: Served, target: string) => {
  const answer = await get(served, target);
  return { status: answer.status, value: JSON.parse(answer.body.toString()) };
};
/** Posts a value as the page does. */
export const post = async (served: Served, target: string, value: unknown) => {
  const lines = ownPost(served.port);
  const answer = await send(
    served.port,
    request(served, { method: "POST", target, lines, body: JSON.stringify(value) }),
  );
  return { status: answer.status, value: JSON.parse(answer.body.toString()) };
};
/** Puts a file as the page does; `more` changes the request. */
export const put = async (
  served: Served,
  target: string,
  body: string | Uint8Array,
  more: RequestParts = {},
) => {
  const lines = [...ownPost(served.port, "application/octet-stream"), ...(more.lines ?? [])];
  const answer = await send(served.port, request(served, { method: "PUT", target, body, ...more, lines }));
  return { status: answer.status, value: JSON.parse(answer.body.toString() || "null") };
};
