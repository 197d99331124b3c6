/** What the studio's server answers: one list, from which it is made and by which it is tested. */
import { pipeline } from "node:stream/promises";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context } from "hono";
import { FileError } from "../../base/errors.ts";
import type { JsonValue } from "../../record/canonicalJson.ts";
import { parseJson } from "../../record/canonicalJson.ts";
import { strictUtf8 } from "../../record/strictJson.ts";
import { openRunFile } from "../runList/runFile.ts";
import type { FoundRun } from "../runList/runPlace.ts";
import { jsonAnswer, orRefuse, refuse } from "./answers.ts";
import type { methods } from "./gate.ts";
import type { Limits } from "./limits.ts";
import type { PageFile } from "./pageFiles.ts";
import type { RunShelf } from "./runShelf.ts";
import type { Saves } from "./saves.ts";

/** A request on its way through the router, with Node's own request and response. */
export type StudioContext = Context<{ Bindings: HttpBindings }>;

/** What the answers are made of. */
export interface Studio {
  readonly page: ReadonlyMap<string, PageFile>;
  readonly shelf: RunShelf;
  readonly saves: Saves;
  readonly limits: Limits;
}

/** One kind of request. Whatever is not in the list is answered with 404. */
export interface Route {
  readonly method: (typeof methods)[number];
  /** Pattern of Hono: `:id` stands for one part of the path, `:path{.+}` for the rest. */
  readonly path: string;
  /** Kind of the body that must come with the request; a form cannot send either. */
  readonly body?: "application/json" | "application/octet-stream";
  readonly answer: (context: StudioContext, studio: Studio) => Response | Promise<Response>;
}

/** Every route there is. */
export const routes: readonly Route[] = [
  { method: "GET", path: "/api/runs", answer: (_, { shelf }) => jsonAnswer(orRefuse(409, shelf.list)) },
  { method: "GET", path: "/api/runs/:id/manifest", answer: manifestAnswer },
  { method: "GET", path: "/api/runs/:id/files/:path{.+}", answer: runFileAnswer },
  {
    method: "POST",
    path: "/api/saves",
    body: "application/json",
    answer: async (context, { saves, limits }) =>
      jsonAnswer(saves.begin(await jsonBody(context, limits.jsonBytes)), 201),
  },
  {
    method: "PUT",
    path: "/api/saves/:id/files/:path{.+}",
    body: "application/octet-stream",
    answer: async (context, { saves }) =>
      jsonAnswer(
        await saves.receive(part(context, "id"), part(context, "path"), bodyOf(context), announced(context)),
        201,
      ),
  },
  {
    method: "POST",
    path: "/api/saves/:id/commit",
    body: "application/json",
    answer: async (context, { saves, limits }) =>
      jsonAnswer(saves.commit(part(context, "id"), await jsonBody(context, limits.jsonBytes))),
  },
  { method: "GET", path: "/", answer: (_, { page }) => pageAnswer(page.get("index.html")) },
  {
    method: "GET",
    path: "/:path{.+}",
    answer: (context, { page }) => pageAnswer(page.get(part(context, "path"))),
  },
];

const notThere = "there is nothing under this address.";

function pageAnswer(file: PageFile | undefined): Response {
  if (file === undefined) return refuse(404, notThere);
  return new Response(file.bytes, {
    headers: {
      "Content-Type": file.type,
      "Cache-Control": file.hashed ? "private, max-age=31536000, immutable" : "no-store",
    },
  });
}

const part = (context: StudioContext, name: string): string => context.req.param(name) ?? "";

function runOf(context: StudioContext, { shelf }: Studio): FoundRun {
  const id = part(context, "id");
  const run = /^[0-9a-f]{16}$/.test(id) ? orRefuse(409, () => shelf.find(id)) : undefined;
  return run ?? refuse(404, notThere);
}

/** Never shown by a browser: a report in a run from elsewhere would be a page of this server. */
const asFile = { "Content-Type": "application/octet-stream", "Content-Disposition": "attachment" };

function manifestAnswer(context: StudioContext, studio: Studio): Response {
  const { manifestBytes } = runOf(context, studio);
  return new Response(manifestBytes, { headers: { "Content-Type": "application/json" } });
}

/** The bytes of a file that the manifest lists, compared with its hash before the first is sent. */
async function runFileAnswer(context: StudioContext, studio: Studio): Promise<Response> {
  const run = runOf(context, studio);
  const path = part(context, "path");
  const entry = run.manifest.files.find((file) => file.path === path);
  if (entry === undefined) return refuse(404, notThere);
  const handle = await openRunFile(run, entry).catch((error) => {
    if (error instanceof FileError) refuse(409, error.message);
    throw error;
  });
  const { outgoing } = context.env;
  try {
    outgoing.writeHead(200, { ...asFile, "Content-Length": entry.bytes });
    const { bytes } = entry;
    const stream = bytes === 0 ? [] : handle.createReadStream({ start: 0, end: bytes - 1, autoClose: false });
    // an end in the middle, of the client or the disk, ends the connection: too few bytes are an error to the reader
    await pipeline(stream, outgoing).catch(() => outgoing.destroy());
  } finally {
    await handle.close();
  }
  return RESPONSE_ALREADY_SENT;
}

/** Content-Length, which Node has checked to be what comes; null for a body in chunks. */
function announced(context: StudioContext): number | null {
  const length = context.req.header("content-length");
  return length === undefined ? null : Number(length);
}

/** The body in pieces, as fast as they are taken. That its sender goes away in the middle is no fault of this server. */
async function* bodyOf(context: StudioContext): AsyncGenerator<Uint8Array> {
  const { body } = context.req.raw;
  try {
    if (body !== null) yield* body as unknown as AsyncIterable<Uint8Array>;
  } catch {
    refuse(400, "request: the connection ended before the body did.");
  }
}

async function jsonBody(context: StudioContext, limit: number): Promise<JsonValue> {
  const tooLong = () => refuse(413, `request: at most ${limit} bytes of JSON are taken.`);
  if ((announced(context) ?? 0) > limit) tooLong();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bodyOf(context)) {
    length += piece.length;
    if (length > limit) tooLong();
    pieces.push(piece);
  }
  const file = "request";
  return orRefuse(400, () => parseJson(strictUtf8(Buffer.concat(pieces), file), { file }));
}
