import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { UserError } from "../../src/base/errors.ts";
import { checkRepo, checkRevision, fileNameFault } from "../../src/cli/models/hubNames.ts";
import { checkEndpoint, checkToken } from "../../src/cli/models/hubRequest.ts";
import { type Behaviour, type Files, type LocalHub, pointerOf, sha256, startHub } from "./localHub.ts";
import { everyFile, type Pulling, pull, temporaryFolder } from "./pulling.ts";

const repo = "tiny-org/tiny-model";
const commit = "1".repeat(40);
const weights = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) % 251));
const files: Files = { "config.json": Buffer.from('{"model_type":"gpt2"}\n'), "model.safetensors": weights };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A hub that answers a request for the weights as `behave` says. */
async function box(
  behave: (response: ServerResponse, attempt: number, range: string | undefined) => boolean,
) {
  const folder = temporaryFolder();
  const hub = await startHub(repo, { [commit]: { ...files } }, commit);
  closing.push(hub.close, folder.empty);
  let attempt = 0;
  hub.behave = ({ host, headers }, response) =>
    host === "store" && behave(response, attempt++, headers.range);
  return { hub, cache: join(folder.path, "some/where/hub"), around: folder.path };
}

async function failureOf(hub: LocalHub, pulling: Pulling): Promise<string> {
  const error = await pull(hub, pulling).then(
    () => expect.fail("it succeeded"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  const { message } = error as Error;
  expect(message).not.toContain("\n");
  return message;
}

const blobs = (cache: string) => join(cache, "models--tiny-org--tiny-model/blobs");
/** Nothing that is not the file stands under its name, and no ref leads to it. */
function expectUnnamed(cache: string): void {
  expect(existsSync(join(blobs(cache), sha256(weights)))).toBe(false);
  expect(existsSync(join(blobs(cache), `../snapshots/${commit}/model.safetensors`))).toBe(false);
  expect(existsSync(join(blobs(cache), "../refs/main"))).toBe(false);
}
const expectWhole = (cache: string) =>
  expect(readFileSync(join(blobs(cache), sha256(weights))).equals(weights)).toBe(true);

test("truncated every time: given up after attempts without progress, and what came is kept unnamed", async () => {
  const { hub, cache } = await box((response) => {
    response.writeHead(200, { "content-length": weights.length });
    response.write(weights.subarray(0, 1500), () => response.destroy());
    return true;
  });
  expect(await failureOf(hub, { cache })).toMatch(
    /model\.safetensors: could not be fetched in 4 attempts without progress; got .*What has arrived is kept/,
  );
  expectUnnamed(cache);
});

test("truncated without saying so: the rest is asked for", async () => {
  const { hub, cache } = await box((response, attempt) => {
    if (attempt > 0) return false;
    response.writeHead(200).end(weights.subarray(0, 90_000));
    return true;
  });
  await pull(hub, { cache });
  expect(hub.seen.at(-1)?.headers.range).toBe("bytes=90000-");
  expectWhole(cache);
});

test("another hash: once it is asked for again, twice it is refused and nothing is kept", async () => {
  const other = Buffer.from(weights);
  other[100_000] ^= 4;
  for (const times of [1, 2]) {
    const { hub, cache } = await box((response, attempt) => {
      if (attempt >= times) return false;
      response.writeHead(200, { "content-length": other.length }).end(other);
      return true;
    });
    if (times === 1) {
      await pull(hub, { cache });
      expectWhole(cache);
      continue;
    }
    const message = await failureOf(hub, { cache });
    expect(message).toContain(
      `bytes with the SHA-256 ${sha256(other)} where its listing says ${sha256(weights)}`,
    );
    expectUnnamed(cache);
    expect(readdirSync(blobs(cache))).toHaveLength(1); // config.json
  }
});

test("a Git LFS pointer in place of the file is called what it is", async () => {
  for (const headers of [{ "content-length": pointerOf(weights).length }, {}]) {
    const { hub, cache } = await box((response) => {
      response.writeHead(200, headers).end(pointerOf(weights));
      return true;
    });
    expect(await failureOf(hub, { cache })).toContain("the hub sends a Git LFS pointer in place of the file");
    expect(hub.seen.filter(({ host }) => host === "store")).toHaveLength(1);
    expectUnnamed(cache);
  }
});

test("a web page with status 200 is called what it is, for large and for small files and for listings", async () => {
  const page = "<!DOCTYPE html><html><body>Please log in</body></html>";
  const large = await box((response) => {
    response.writeHead(200, { "content-type": "text/html" }).end(page);
    return true;
  });
  expect(await failureOf(large.hub, large)).toContain("the hub sends a web page in place of the file");
  expectUnnamed(large.cache);
  const everywhere: [string, string][] = [
    ["/resolve/", "config.json: the hub sends a web page in place of the file"],
    ["/tree/", "answers with a web page where a hub answers with JSON"],
    ["/revision/", "answers with a web page where a hub answers with JSON"],
  ];
  for (const [route, expected] of everywhere) {
    const { hub, cache } = await box(() => false);
    hub.behave = (request, response) => {
      if (!request.path.includes(route)) return false;
      response.writeHead(200, { "content-type": "text/html" }).end(page);
      return true;
    };
    expect(await failureOf(hub, { cache })).toContain(expected);
  }
});

test("429 and 503 are waited out, as long as the server asks but not longer than the limit", async () => {
  const { hub, cache } = await box((response, attempt) => {
    if (attempt > 1) return false;
    if (attempt === 0) response.writeHead(429, { "retry-after": "100000" }).end();
    else response.writeHead(503).end();
    return true;
  });
  const { logged } = await pull(hub, { cache });
  expect(logged).toHaveLength(2);
  expect(logged[0]).toMatch(/answers 429; again in 0 s/);
  expect(logged[1]).toMatch(/answers 503/);
  expectWhole(cache);
});

test("503 for ever ends in one sentence, in a listing as in a file", async () => {
  const file = await box((response) => {
    response.writeHead(503).end();
    return true;
  });
  expect(await failureOf(file.hub, file)).toMatch(
    /could not be fetched in 4 attempts without progress; got .* answers 503/,
  );
  const listing = await box(() => false);
  listing.hub.behave = (_request, response) => {
    response.writeHead(503).end();
    return true;
  };
  expect(await failureOf(listing.hub, listing)).toContain("at main: could not be fetched in 4 attempts");
  expect(listing.hub.seen).toHaveLength(4);
});

test("a redirect leads to another host by https alone, and never the token with it", async () => {
  const targets = [
    ["http://elsewhere.example/file", "only https, and never to this machine; got http://elsewhere.example"],
    ["ftp://127.0.0.1/file", "got ftp://127.0.0.1"],
    ["file:///etc/passwd", "got file://"],
    ["https://user:secret@127.0.0.1/file", "got https://127.0.0.1"],
    ["//elsewhere.example/file", "got http://elsewhere.example"],
    ["http://127.0.0.1.elsewhere.example/", "got http://127.0.0.1.elsewhere.example"],
    ["http://[:::", "redirects without saying where to"],
  ] as const;
  for (const [location, expected] of targets) {
    const { hub, cache } = await box((response) => {
      response.writeHead(302, { location }).end();
      return true;
    });
    expect(await failureOf(hub, { cache, token: "hf_secret" })).toContain(expected);
    expect(JSON.stringify(hub.seen.filter(({ host }) => host === "store"))).not.toContain("secret");
    expectUnnamed(cache);
  }
});

test("a redirect within the hub keeps the token, as for a repository that was renamed", async () => {
  const { hub, cache } = await box(() => false);
  const old = "old-org/old-model";
  hub.behave = ({ path }, response) => {
    if (!path.includes(old)) return false;
    response.writeHead(307, { location: path.replace(old, repo) }).end();
    return true;
  };
  const { result } = await pull({ ...hub, repo: old }, { cache, token: "hf_secret" });
  expect(result.folder).toContain("models--old-org--old-model");
  const own = hub.seen.filter(({ host }) => host === "hub");
  expect(own.every(({ headers }) => headers.authorization === "Bearer hf_secret")).toBe(true);
});

test("redirects in a circle end", async () => {
  const { hub, cache } = await box((response) => {
    response.writeHead(302, { location: "/again" }).end();
    return true;
  });
  expect(await failureOf(hub, { cache })).toContain("redirects more than 8 times");
});

test("gzip that nobody asked for is unpacked and held to the hash, and a bomb stops at the file's size", async () => {
  const packed = await box((response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(weights));
    return true;
  });
  await pull(packed.hub, packed);
  expect(packed.hub.seen.every(({ headers }) => headers["accept-encoding"] === "identity")).toBe(true);
  expectWhole(packed.cache);
  const bomb = await box((response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(50_000_000)));
    return true;
  });
  expect(await failureOf(bomb.hub, bomb)).toContain("the hub lists 200000 bytes and sends others; got more");
  expectUnnamed(bomb.cache);
});

test("a slow drip is cut off and counts as no progress", async () => {
  const { hub, cache } = await box((response, _attempt, range) => {
    const from = Number(/[0-9]+/.exec(range ?? "0")?.[0]);
    response.writeHead(range === undefined ? 200 : 206, {
      "content-range": `bytes ${from}-${weights.length - 1}/${weights.length}`,
    });
    let at = from;
    const drip = setInterval(() => response.write(weights.subarray(at, ++at)), 20);
    response.on("close", () => clearInterval(drip));
    return true;
  });
  const message = await failureOf(hub, { cache, patience: { window: 100, slowest: 1000 } });
  expect(message).toContain("in 4 attempts without progress; got fewer than 1000 bytes in 0.1 s");
  expectUnnamed(cache);
});

test("an answer that never begins is given up", async () => {
  const { hub, cache } = await box(() => true);
  const message = await failureOf(hub, { cache, patience: { answer: 50 } });
  expect(message).toContain("in 4 attempts without progress; got no answer in time");
});

test("a lie about the size is found before or after the bytes, whichever way it goes", async () => {
  for (const length of [weights.length - 5, weights.length + 5, 2 ** 50]) {
    const { hub, cache } = await box((response) => {
      response.writeHead(200, { "content-length": length });
      response.write(weights.subarray(0, 5000));
      return true;
    });
    expect(await failureOf(hub, { cache })).toContain(
      `the hub lists 200000 bytes and sends others; got ${length} announced`,
    );
    expectUnnamed(cache);
  }
  const { hub, cache } = await box((response) => {
    response.writeHead(200);
    const endless = setInterval(() => response.write(Buffer.alloc(100_000)), 1);
    response.on("close", () => clearInterval(endless));
    return true;
  });
  expect(await failureOf(hub, { cache })).toContain("the hub lists 200000 bytes and sends others; got more");
  expectUnnamed(cache);
  expect(readdirSync(blobs(cache))).toHaveLength(1);
});

test("a revision that moves during a pull changes nothing: every file is asked for by its commit", async () => {
  const moved = "2".repeat(40);
  const { hub, cache } = await box(() => false);
  hub.commits[moved] = { ...files, "config.json": Buffer.from("{}") };
  hub.behave = ({ path }) => {
    if (path.includes("/tree/")) hub.revisions.main = moved;
    return false;
  };
  const { result } = await pull(hub, { cache });
  expect(result.commit).toBe(commit);
  expect(readFileSync(join(result.folder, "config.json"), "utf8")).toBe('{"model_type":"gpt2"}\n');
  expect(hub.seen.filter(({ path }) => path.includes(moved))).toEqual([]);
});

test("a file of another commit is refused", async () => {
  const { hub, cache } = await box(() => false);
  hub.behave = ({ path }, response) => {
    if (!path.includes("/resolve/")) return false;
    response.writeHead(200, { "x-repo-commit": "3".repeat(40) }).end(files["config.json"]);
    return true;
  };
  expect(await failureOf(hub, { cache })).toContain(`asked for commit ${commit}; got ${"3".repeat(40)}`);
});

test("a range that begins elsewhere is not appended", async () => {
  const { hub, cache } = await box((response, attempt) => {
    if (attempt === 0) {
      response.writeHead(200).end(weights.subarray(0, 40_000));
      return true;
    }
    if (attempt > 1) return false;
    response.writeHead(206, { "content-range": `bytes 10-199999/200000` }).end(weights.subarray(10));
    return true;
  });
  await pull(hub, { cache });
  expectWhole(cache);
});

test("who may not have a model is told why, and never shown the token", async () => {
  const cases: [number, string, string | undefined, string][] = [
    [403, "GatedRepo", undefined, "lets only some users have it; got status 403 and no token"],
    [
      401,
      "GatedRepo",
      "hf_secret",
      "lets only some users have it; got status 401 with the token in HF_TOKEN",
    ],
    [401, "", "hf_secret", "does not accept the token in HF_TOKEN"],
    [
      401,
      "RepoNotFound",
      undefined,
      "no such repository or revision, or it is private; got status 401. A private one",
    ],
    [404, "EntryNotFound", undefined, "has no such file"],
    [418, "", undefined, "does not answer as a hub does; got status 418"],
  ];
  for (const [status, code, token, expected] of cases) {
    const { hub, cache } = await box(() => false);
    hub.behave = (_request, response) => {
      response.writeHead(status, { "x-error-code": code }).end("{}");
      return true;
    };
    const message = await failureOf(hub, { cache, token });
    expect(message).toContain(expected);
    expect(message).not.toContain("secret");
  }
});

test("a listing that is no listing is refused in one sentence", async () => {
  const entry = { type: "file", path: "config.json", size: 3, oid: "a".repeat(40) };
  const listings: [unknown, string][] = [
    [{}, "the hub's listing must be a list"],
    [[{ ...entry, oid: "main" }], "lacks a name, a size or a hash"],
    [[{ ...entry, size: 1.5 }], "lacks a name, a size or a hash"],
    [[{ ...entry, size: -3 }], "may be 1099511627776 bytes long; got -3"],
    [[{ ...entry, size: 2 ** 50 }], "may be 1099511627776 bytes long"],
    [[{ ...entry, lfs: { oid: "a".repeat(40), size: 3 } }], "lacks a name, a size or a hash"],
    [[entry, entry], "config.json: is listed twice"],
  ];
  for (const [listing, expected] of listings) {
    const { hub, cache } = await box(() => false);
    hub.relist = () => listing;
    expect(await failureOf(hub, { cache, files: ["config.json"] })).toContain(expected);
  }
  const { hub, cache } = await box(() => false);
  const behave: Behaviour = ({ path }, response) => {
    if (!path.includes("/tree/")) return false;
    response.writeHead(200).end("[".repeat(1_000_000));
    return true;
  };
  hub.behave = behave;
  expect(await failureOf(hub, { cache })).toContain("nested 64 deep");
});

test("a model larger than the disk is refused before a byte is fetched", async () => {
  const { hub, cache } = await box(() => false);
  hub.relist = (entries) =>
    entries.map((entry) =>
      "lfs" in entry ? { ...entry, lfs: { oid: sha256(weights), size: 2 ** 39 } } : entry,
    );
  expect(await failureOf(hub, { cache })).toMatch(/needs 549\.8 GB and 67\.1 MB to spare; got .* free/);
  expect(hub.seen.some(({ path }) => path.includes("/resolve/"))).toBe(false);
});

// biome-ignore format: a list
const badParts = [
  "..", ".", "", "a\\b", "a\0b", "a\nb", "con", "CON", "nul.json", "com1.txt", "LPT9", "aux", "name.", "name ", " name",
  "a:b", "a|b", "a?b", "a*b", 'a"b', "<a>", "%2e%2e", "a..b", "\u202egpj.json", "e\u0301.json", "é.json", "~", "$HOME",
  "a".repeat(201), "`id`", "a;b", "a&b", "\u0007", "C:", "a\u2215b", "😀",
];

test("names of files that could leave the folder, or that some system reads otherwise, are refused", () => {
  for (const part of badParts)
    for (const name of [part, `folder/${part}`, `${part}/config.json`])
      expect(fileNameFault(name), JSON.stringify(name)).not.toBeNull();
  for (const name of [
    "/etc/passwd",
    "a//b",
    "a/",
    "../a",
    "a/../b",
    "a/./b",
    "x".repeat(513),
    `${"a/".repeat(300)}a`,
  ])
    expect(fileNameFault(name), name).not.toBeNull();
  for (const name of [
    "config.json",
    "model-00001-of-00002.safetensors",
    "onnx/model.onnx",
    "a/b/c.txt",
    "v1.0+cu_x.json",
  ])
    expect(fileNameFault(name), name).toBeNull();
});

test("a hostile listing writes nothing outside the cache", async () => {
  const names = [
    "../../evil.safetensors",
    "/tmp/evil.safetensors",
    "a/../../evil.safetensors",
    "nul.safetensors",
    "Config.json",
  ];
  for (const path of names) {
    const { hub, cache, around } = await box(() => false);
    const oid = sha256(weights);
    hub.relist = (entries) => [
      ...entries,
      { type: "file", path, size: 1, oid: "a".repeat(40), lfs: { oid, size: weights.length } },
    ];
    const message = await failureOf(hub, { cache, files: ["**"] });
    expect(message).toMatch(/is no name of a file|differ only in case/);
    expect(everyFile(around)).toEqual([]);
  }
});

test("repositories, revisions, endpoints and tokens are held to what they can be", () => {
  for (const name of ["gpt2", "EleutherAI/pythia-70m", "a/b.c_d-e"]) expect(checkRepo(name)).toBe(name);
  for (const name of [
    "",
    "/",
    "a/",
    "/a",
    "a/b/c",
    "../a",
    "a/..",
    "a--b",
    "a/b.",
    "-a",
    ".a",
    "a b",
    "con",
    "a/nul",
    "é",
    "a\\b",
    "x".repeat(97),
  ])
    expect(() => checkRepo(name), name).toThrow("repository: must be NAME or ORGANISATION/NAME");
  for (const name of ["main", "step512", "refs/pr/1", "v1.0", "feature/x_y"])
    expect(checkRevision(name)).toBe(name);
  for (const name of [
    "",
    "..",
    "a/../b",
    "/a",
    "a/",
    "-a",
    ".a",
    "a/.b",
    "a.lock",
    "a@{1}",
    "a b",
    "a\0",
    "con",
    "a:b",
    "a^",
    "a\\b",
  ])
    expect(() => checkRevision(name), name).toThrow("--revision: must be a branch");
  expect(checkEndpoint("https://hub.example/mirror/")).toBe("https://hub.example/mirror");
  expect(checkEndpoint("http://[::1]:80")).toBe("http://[::1]");
  for (const url of [
    "http://hub.example",
    "ftp://127.0.0.1",
    "hub.example",
    "",
    "https://a:b@hub.example",
    "https://hub.example?x=1",
    "http://127.0.0.1.evil.example",
    "javascript:alert(1)",
  ])
    expect(() => checkEndpoint(url), url).toThrow("--endpoint: must be an https address");
  expect(checkToken(undefined)).toBe(null);
  for (const token of ["a b", "a\r\nb", "é"])
    expect(() => checkToken(token)).toThrow("HF_TOKEN: must be one word");
});
