/** The studio's server: on this machine's loopback, for the one browser that was given its address. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { ArgumentError } from "../../base/errors.ts";
import { systemCode } from "../disk/diskError.ts";
import { type Access, createAccess } from "./access.ts";
import { studioApp } from "./app.ts";
import { headerValues, methods, refusalOf } from "./gate.ts";
import { type Limits, standardLimits } from "./limits.ts";
import { readPage } from "./pageFiles.ts";
import type { Studio } from "./routes.ts";
import { createRunShelf } from "./runShelf.ts";
import { bareResponse, safeHeaders } from "./safeHeaders.ts";
import { createSaves } from "./saves.ts";

/** How to start a server. */
export interface ServerOptions {
  /** Folder of the built page, absolute. */
  readonly page: string;
  /** Runs are looked for and saved in its `runs`. */
  readonly cwd: string;
  /** A run folder or its manifest, anywhere; null for none. */
  readonly run: string | null;
  /** Address of this machine in its network; null for the loopback, IPv4 and IPv6. */
  readonly host: string | null;
  /** 0 for a free one. */
  readonly port: number;
  readonly date: () => Date;
  /** Is told of a defect and its number; whoever sent the request learns the number only. */
  readonly report: (error: unknown, id: string) => void;
  readonly limits?: Partial<Limits>;
}

/** A running server. */
export interface StudioServer {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  /** The address that opens it, once: with the token. */
  readonly url: string;
  readonly port: number;
  /** Addresses that are listened on. */
  readonly addresses: readonly string[];
  /** Ends all connections. */
  close(): Promise<void>;
}

const loopback4 = "127.0.0.1";
const loopback6 = "::1";

/** A name in a URL: `[::1]`. */
const urlHost = (host: string) => (host.includes(":") ? `[${host}]` : host);

/** Times in ms after which a connection that says nothing, or only a part, is closed. */
const patience = { headersTimeout: 10_000, requestTimeout: 300_000, connectionsCheckingInterval: 5_000 };

/** A browser opens six; far more, and they would use up the files that this process may open. */
const connectionLimit = 4096;

/** Free ports that are tried until one is found that is free on both loopback addresses. */
const attempts = 16;

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

function createHttpServer(listener: Listener): Server {
  // a request without Host is refused by the gate, with the headers that every answer has
  const server = createServer({ ...patience, requireHostHeader: false, maxHeaderSize: 2 ** 14 }, listener);
  server.maxConnections = connectionLimit;
  // the gate has to see every header, also what stands after a thousand others
  server.maxHeadersCount = 0;
  // one connection that cannot be accepted costs that one only; who waits for the server to listen is told besides
  server.on("error", () => {});
  server.on("checkContinue", listener);
  server.on("checkExpectation", listener);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const tooLong = error.code === "HPE_HEADER_OVERFLOW";
    const tooSlow = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
    if (socket.writable && error.code !== "ECONNRESET")
      socket.end(bareResponse(tooLong ? 431 : tooSlow ? 408 : 400));
    else socket.destroy();
  });
  return server;
}

/** @throws the system's error if the address cannot be listened on */
async function listen(server: Server, host: string, port: number): Promise<number> {
  server.listen({ host, port, exclusive: true });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** The sentence for an address that cannot be listened on. */
function listenError(error: unknown, host: string, port: number): unknown {
  const got = `${urlHost(host)}${port === 0 ? "" : `, port ${port}`}`;
  switch (systemCode(error)) {
    case "EADDRINUSE":
      return new ArgumentError({
        where: "--port",
        rule: "another program listens there",
        got,
        wayOut: "Leave --port out for a free one.",
      });
    case "EADDRNOTAVAIL":
      return new ArgumentError({ where: "--host", rule: "must be an address of this machine", got });
    case "EACCES":
      return new ArgumentError({ where: "--port", rule: "this user may not listen there", got });
    default:
      return error;
  }
}

/** Machines without IPv6, and containers where it is switched off. */
const without6 = (error: unknown) => ["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes(systemCode(error) ?? "");

/** Servers on both loopback addresses with one port: `localhost` must never be another program's. */
async function listenOnLoopback(listener: Listener, wanted: number): Promise<[Server, ...Server[]]> {
  for (let attempt = 1; ; attempt++) {
    const first = createHttpServer(listener);
    const port = await listen(first, loopback4, wanted).catch((error) => {
      throw listenError(error, loopback4, wanted);
    });
    const second = createHttpServer(listener);
    try {
      await listen(second, loopback6, port);
      return [first, second];
    } catch (error) {
      if (without6(error)) return [first];
      await close([first]);
      const taken = systemCode(error) === "EADDRINUSE" && wanted === 0 && attempt < attempts;
      if (!taken) throw listenError(error, loopback6, port);
    }
  }
}

async function close(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map((server) => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      return closed;
    }),
  );
}

/**
 * Starts a server. Every request passes the gate, then needs the cookie that the token in the address is exchanged for,
 * and only then reaches a route; every response carries the same headers.
 *
 * @throws UserError  one sentence: the page is not built, the run cannot be opened, the address cannot be listened on
 */
export async function startServer(options: ServerOptions): Promise<StudioServer> {
  const { cwd, date, host } = options;
  const limits: Limits = { ...standardLimits, ...options.limits };
  const studio: Studio = {
    page: readPage(options.page),
    shelf: createRunShelf({ cwd, run: options.run, ...limits }),
    saves: createSaves({ cwd, date, limits }),
    limits,
  };
  const app = studioApp(studio, options.report);
  const toApp = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  let doors: { hosts: ReadonlySet<string>; access: Access } | undefined;
  const listener: Listener = (request, response) => {
    for (const [name, value] of Object.entries(safeHeaders)) response.setHeader(name, value);
    // nobody knows the port before it is listened on
    if (doors === undefined) return end(response, 503);
    const refused = refusalOf(request, doors.hosts);
    if (refused !== null) return end(response, refused);
    if (!admit(request, response, doors.access)) return;
    const { expect } = request.headers;
    if (expect !== undefined && expect.toLowerCase() !== "100-continue") return end(response, 417);
    if (expect !== undefined) response.writeContinue();
    void toApp(request, response);
  };
  const servers =
    host === null ? await listenOnLoopback(listener, options.port) : [createHttpServer(listener)];
  if (host !== null)
    await listen(servers[0], host, options.port).catch((error) => {
      throw listenError(error, host, options.port);
    });
  const { port } = servers[0].address() as AddressInfo;
  // as a browser writes it: an IPv6 address has many spellings
  const spelt = (address: string) => new URL(`http://${urlHost(address)}`).hostname;
  const names = host === null ? [loopback4, "localhost", urlHost(loopback6)] : [spelt(host)];
  const access = createAccess(port);
  doors = { hosts: new Set(names.map((name) => `${name}:${port}`)), access };
  const origin = `http://${names[0]}:${port}`;
  return {
    origin,
    port,
    url: `${origin}/?token=${access.token}`,
    addresses: servers.map((server) => (server.address() as AddressInfo).address),
    close: () => close(servers),
  };
}

/** Ends a response that says nothing but its status: whoever is refused at the gate reads no byte. */
function end(response: ServerResponse, status: number): void {
  const allow = status === 405 ? { Allow: methods.join(", ") } : {};
  // what is left of the request is not read, so the connection cannot be used again
  response.writeHead(status, { ...allow, "Content-Length": 0, Connection: "close" }).end();
}

/** What `/?token=…` must look like; anything else after the path is the page's own business. */
const entry = /^\/\?token=([0-9a-f]{64})$/;

const strangerText =
  "palimpsest studio: this browser has not been let in. Open the whole address that the terminal shows, with its token; " +
  "it works once, so if it was opened already, start the studio again.";

/** Whether a request may go on. One that brings the token gets the cookie and is sent on to the page. */
function admit(request: IncomingMessage, response: ServerResponse, access: Access): boolean {
  const { url = "", method } = request;
  const token = method === "GET" ? entry.exec(url)?.[1] : undefined;
  const known = access.admits(headerValues(request, "cookie"));
  if (token !== undefined && (known || access.redeem(token))) {
    // the address with the token leaves the bar and the history; a browser that has been let in keeps its cookie
    const cookie = known ? {} : { "Set-Cookie": access.cookie };
    response.writeHead(303, { Location: "/", ...cookie, "Content-Length": 0 }).end();
    return false;
  }
  if (known) return true;
  const [type, body] = url.startsWith("/api/")
    ? ["application/json", JSON.stringify({ error: strangerText })]
    : ["text/plain; charset=utf-8", `${strangerText}\n`];
  response.writeHead(401, {
    // no scheme that a browser would ask a password for
    "WWW-Authenticate": 'Cookie realm="palimpsest studio"',
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(body),
    Connection: "close",
  });
  response.end(body);
  return false;
}
