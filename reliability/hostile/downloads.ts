import { mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { UserError } from "../../src/base/errors.ts";
import { type Files, gitBlob, type LocalHub, pointerOf, sha256, startHub } from "../../test/cli/localHub.ts";
import { pull, temporaryFolder } from "../../test/cli/pulling.ts";
import type { Check } from "../check.ts";

const repo = "tiny-org/tiny-model";
const commit = "1".repeat(40);
const moved = "2".repeat(40);
const token = "hf_secret";
const weights = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) % 251));
const files: Files = { "config.json": Buffer.from('{"model_type":"gpt2"}\n'), "model.safetensors": weights };

/** An answer to a request for the weights, by the number of the attempt; false leaves it to the hub. */
type Answer = (response: ServerResponse, attempt: number, range: string | undefined) => boolean;

/** A hub that does something wrong. */
interface Case {
  readonly name: string;
  readonly answer?: Answer;
  readonly prepare?: (hub: LocalHub) => void;
  /** What is said; the whole model is there in the end where nothing is. */
  readonly says: RegExp | null;
}

const sends =
  (bytes: Uint8Array, headers: Record<string, string | number> = {}): Answer =>
  (response) => {
    response.writeHead(200, headers).end(bytes);
    return true;
  };
const once =
  (answer: Answer): Answer =>
  (response, attempt, range) =>
    attempt === 0 && answer(response, attempt, range);
const other = Buffer.from(weights);
other[100_000] ^= 4;

/** Bytes that come one at a time, from where they were asked for. */
const drip: Answer = (response, _, range) => {
  const from = Number(/[0-9]+/.exec(range ?? "0")?.[0]);
  const headers = { "content-range": `bytes ${from}-${weights.length - 1}/${weights.length}` };
  response.writeHead(range === undefined ? 200 : 206, headers);
  let at = from;
  const timer = setInterval(() => response.write(weights.subarray(at, ++at)), 20);
  response.on("close", () => clearInterval(timer));
  return true;
};

const cases: readonly Case[] = [
  {
    name: "a file that is cut short every time",
    answer: (response) => {
      response.writeHead(200, { "content-length": weights.length });
      response.write(weights.subarray(0, 1500), () => response.destroy());
      return true;
    },
    says: /could not be fetched in 4 attempts without progress/,
  },
  { name: "a file that is cut short once", answer: once(sends(weights.subarray(0, 90_000))), says: null },
  { name: "a flipped bit", answer: sends(other), says: /SHA-256 .* where its listing says/ },
  { name: "a flipped bit, once", answer: once(sends(other)), says: null },
  {
    name: "a Git LFS pointer",
    answer: sends(pointerOf(weights)),
    says: /a Git LFS pointer in place of the file/,
  },
  {
    name: "a web page with status 200",
    answer: sends(Buffer.from("<!DOCTYPE html><html><body>Please log in</body></html>"), {
      "content-type": "text/html",
    }),
    says: /a web page in place of the file/,
  },
  {
    name: "429, then 503, then the file",
    answer: (response, attempt) => {
      if (attempt > 1) return false;
      response.writeHead(attempt === 0 ? 429 : 503, { "retry-after": "0" }).end();
      return true;
    },
    says: null,
  },
  {
    name: "503 for ever",
    answer: (response) => {
      response.writeHead(503).end();
      return true;
    },
    says: /in 4 attempts without progress; got .* answers 503/,
  },
  {
    name: "a redirect to a host without https",
    answer: (response) => {
      response.writeHead(302, { location: "http://elsewhere.example/file" }).end();
      return true;
    },
    says: /only https, and never to this machine; got http:\/\/elsewhere\.example/,
  },
  {
    name: "gzip that nobody asked for, and too much of it",
    answer: sends(gzipSync(Buffer.alloc(50_000_000)), { "content-encoding": "gzip" }),
    says: /the hub lists 200000 bytes and sends others; got more/,
  },
  { name: "a slow drip", answer: drip, says: /without progress; got fewer than 1000 bytes in 0\.1 s/ },
  {
    name: "a lie about the size",
    answer: sends(weights.subarray(0, 5000), { "content-length": weights.length + 5 }),
    says: /the hub lists 200000 bytes and sends others; got 200005 announced/,
  },
  {
    name: "a revision that moves meanwhile",
    prepare: (hub) => {
      const behave = hub.behave;
      hub.commits[moved] = { ...files, "config.json": Buffer.from("{}") };
      hub.behave = (request, response) => {
        if (request.path.includes("/tree/")) hub.revisions.main = moved;
        return behave(request, response);
      };
    },
    says: null,
  },
];

/** A pull, or something less careful in its place. */
type Pull = (hub: LocalHub, cache: string) => Promise<unknown>;

const snapshotOf = (cache: string) => join(cache, "models--tiny-org--tiny-model/snapshots", commit);

/** What a few lines around fetch would do: no hash, no size, and the token goes wherever a redirect leads. */
const careless: Pull = async (hub, cache) => {
  for (const name of Object.keys(files)) {
    let url = `${hub.url}/${repo}/resolve/${commit}/${name}`;
    const headers = { authorization: `Bearer ${token}` };
    const ask = () => fetch(url, { redirect: "manual", headers, signal: AbortSignal.timeout(1000) });
    let response = await ask();
    for (; response.status === 302; ) {
      url = response.headers.get("location")!;
      response = await ask();
    }
    const path = join(snapshotOf(cache), name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, Buffer.from(await response.arrayBuffer()));
  }
};

/** Files that stand under a name which says what they are, and are something else. */
function misnamed(cache: string): string[] {
  const wrong: string[] = [];
  const known = new Map(Object.entries(files));
  for (const name of readdirSync(cache, { recursive: true, encoding: "utf8" })) {
    const path = join(cache, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() !== true) continue;
    const bytes = readFileSync(realpathSync(path));
    const [, blob] = /\/blobs\/([0-9a-f]{40,64})$/.exec(path) ?? [];
    const [, file] = /\/snapshots\/[0-9a-f]{40}\/([^/]+)$/.exec(path) ?? [];
    if (blob !== undefined && blob !== sha256(bytes) && blob !== gitBlob(bytes)) wrong.push(name);
    if (file !== undefined && known.get(file)?.equals(bytes) !== true) wrong.push(name);
  }
  return wrong;
}

async function tried({ answer, prepare, says }: Case, by: Pull): Promise<string[]> {
  const folder = temporaryFolder();
  const hub = await startHub(repo, { [commit]: { ...files } }, commit);
  const cache = join(folder.path, "hub");
  mkdirSync(cache);
  try {
    let attempt = 0;
    hub.behave = ({ host, headers }, response) =>
      host === "store" && (answer?.(response, attempt++, headers.range) ?? false);
    prepare?.(hub);
    const wrong: string[] = [];
    const said = await by(hub, cache).then(
      () => null,
      (error: unknown) => {
        if (!(error instanceof UserError)) wrong.push(`threw ${error}`);
        return error instanceof Error ? error.message : String(error);
      },
    );
    if (said !== null && says === null) wrong.push(`was given up: ${said}`);
    if (said === null && says !== null) wrong.push("was taken for a success");
    if (said !== null && says !== null && !says.test(said)) wrong.push(`was told as ${said}`);
    if (
      said === null &&
      !Object.keys(files).every((name) => statSync(join(snapshotOf(cache), name), { throwIfNoEntry: false }))
    )
      wrong.push("left a model without all its files");
    wrong.push(...misnamed(cache).map((name) => `left ${name}, which is not what its name says`));
    const elsewhere = hub.seen.filter(({ host }) => host === "store");
    if (JSON.stringify(elsewhere).includes(token)) wrong.push("sent the token to another host");
    if (said?.includes(token)) wrong.push("told the token");
    return wrong;
  } finally {
    await hub.close();
    folder.empty();
  }
}

/** C9: a hub that sends something else. */
export const downloads: Check = {
  id: "C9",
  promise:
    "Whatever a hub sends in place of a model, it is asked for again or refused, nothing unverified stands under the file's name, and the token goes to no other host.",
  weakenings: ["verification"],
  async run(_, { without }) {
    const by: Pull = without === undefined ? (hub, cache) => pull(hub, { cache, token }) : careless;
    const failures: string[] = [];
    let bad = 0;
    for (const one of cases) {
      const wrong = await tried(one, by);
      if (wrong.length > 0) bad++;
      failures.push(...wrong.map((what) => `${one.name} ${what}`));
    }
    const fetched = cases.filter(({ says }) => says === null).length;
    return {
      figure: `${cases.length - bad} of ${cases.length} cases ended as they should: ${fetched} fetched in the end, ${cases.length - fetched} refused in one sentence`,
      count: cases.length,
      coverage: { fetched, refused: cases.length - fetched },
      failures,
    };
  },
};
