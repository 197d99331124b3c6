/** Object storage on the loopback, as far as a store of results needs it. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";

/** How the storage behaves; may be changed while it runs. */
export interface Behaviour {
  /** Whether a write with a condition is only done where that holds. */
  conditional: boolean;
  /** Statuses that the next calls are answered with in place of what they ask for. */
  failures: number[];
  /** Names in one page of a listing. */
  page: number;
  /** Called before a write is done. */
  beforeWrite: (name: string) => void;
}

export interface ObjectServer {
  readonly url: string;
  readonly objects: Map<string, Uint8Array>;
  readonly behaviour: Behaviour;
  /** Method and path of every call. */
  readonly calls: readonly string[];
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

const tagOf = (bytes: Uint8Array) => `"${createHash("md5").update(bytes).digest("hex")}"`;

/** Starts storage with one bucket. */
export async function startObjects(bucket: string, accessKeyId: string): Promise<ObjectServer> {
  const objects = new Map<string, Uint8Array>();
  const behaviour: Behaviour = { conditional: true, failures: [], page: 1000, beforeWrite: () => {} };
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const url = new URL(request.url ?? "", "http://here");
    calls.push(`${request.method} ${url.pathname}`);
    const end = (status: number, content: string | Uint8Array = "", headers = {}) =>
      response.writeHead(status, headers).end(content);
    const failure = behaviour.failures.shift();
    if (failure !== undefined)
      return end(failure, "<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>");
    const { authorization = "" } = request.headers;
    if (!authorization.startsWith(`AWS4-HMAC-SHA256 Credential=${accessKeyId}/`))
      return end(403, "<Error><Code>InvalidAccessKeyId</Code></Error>");
    if (request.headers["x-amz-content-sha256"] !== createHash("sha256").update(body).digest("hex"))
      return end(400, "<Error><Code>XAmzContentSHA256Mismatch</Code></Error>");
    const [, of, ...rest] = url.pathname.split("/");
    if (of !== bucket) return end(404, "<Error><Code>NoSuchBucket</Code></Error>");
    const name = rest.join("/");
    if (request.method === "GET" && name === "") {
      const prefix = url.searchParams.get("prefix") ?? "";
      const after = url.searchParams.get("continuation-token") ?? "";
      const names = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
      const direct = names.filter((key) => !key.slice(prefix.length).includes("/"));
      const page = direct.slice(0, behaviour.page);
      const more =
        direct.length > page.length ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : "";
      const keys = page.map((key) => `<Contents><Key>${key}</Key></Contents>`).join("");
      return end(200, `<?xml version="1.0"?><ListBucketResult>${keys}${more}</ListBucketResult>`);
    }
    const held = objects.get(name);
    if (request.method === "GET")
      return held === undefined
        ? end(404, "<Error><Code>NoSuchKey</Code></Error>")
        : end(200, held, { etag: tagOf(held) });
    behaviour.beforeWrite(name);
    const now = objects.get(name);
    const match = request.headers["if-match"];
    const refused =
      (request.headers["if-none-match"] === "*" && now !== undefined) ||
      (match !== undefined && (now === undefined || tagOf(now) !== match));
    if (behaviour.conditional && refused) return end(412, "<Error><Code>PreconditionFailed</Code></Error>");
    objects.set(name, new Uint8Array(body));
    return end(200);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    ...{ objects, behaviour, calls },
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
