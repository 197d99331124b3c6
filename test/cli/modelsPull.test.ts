import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { describeError } from "../../src/cli/main.ts";
import { cacheFolder, resolveModel } from "../../src/cli/models/modelCache.ts";
import { palimpsest } from "./harness.ts";
import { type Files, gitBlob, isLarge, type LocalHub, sendBytes, sha256, startHub } from "./localHub.ts";
import { everyFile, type Pulling, pull, temporaryFolder } from "./pulling.ts";

const repo = "tiny-org/tiny-model";
const commit = "1".repeat(40);
const later = "2".repeat(40);
const weights = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) % 251));
const files: Files = {
  "README.md": Buffer.from("# tiny\n"),
  "config.json": Buffer.from('{"model_type":"gpt2"}\n'),
  "model.safetensors": weights,
  "onnx/model.safetensors": Buffer.from("elsewhere"),
  "pytorch_model.bin": Buffer.from("pickle"),
  "tokenizer.json": Buffer.from('{"model":{}}\n'),
};

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function box(
  commits: Record<string, Files> = { [commit]: files },
): Promise<{ hub: LocalHub; cache: string }> {
  const folder = temporaryFolder();
  const hub = await startHub(repo, commits, commit);
  closing.push(hub.close, folder.empty);
  return { hub, cache: join(folder.path, "hub") };
}
const folderOf = (cache: string) => join(cache, "models--tiny-org--tiny-model");
/** Requests for the contents of files, as `hub` or `store` and the range asked for. */
const transfers = (hub: LocalHub) =>
  hub.seen
    .filter(({ host, path }) => host === "store" || path.includes("/resolve/"))
    .map(({ host, path, headers }) => `${host} ${path.split("/").at(-1)} ${headers.range ?? "all"}`);
const errorOf = async (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail("it succeeded"),
    (error: Error) => error,
  );

test("a pull lays the cache out as Hugging Face's libraries do, with what a model is made of and nothing else", async () => {
  const { hub, cache } = await box();
  const { result, summary } = await pull(hub, { cache });
  const snapshot = join(folderOf(cache), "snapshots", commit);
  expect(result.folder).toBe(snapshot);
  expect(everyFile(folderOf(cache))).toEqual(
    [
      `blobs/${gitBlob(files["config.json"])}`,
      `blobs/${gitBlob(files["tokenizer.json"])}`,
      `blobs/${sha256(weights)}`,
      "refs/main",
      ...["config.json", "model.safetensors", "tokenizer.json"].map((name) => `snapshots/${commit}/${name}`),
    ].sort(),
  );
  expect(readFileSync(join(folderOf(cache), "refs/main"), "utf8")).toBe(commit);
  expect(readlinkSync(join(snapshot, "model.safetensors"))).toBe(`../../blobs/${sha256(weights)}`);
  for (const name of ["config.json", "model.safetensors", "tokenizer.json"])
    expect(readFileSync(join(snapshot, name)).equals(files[name])).toBe(true);
  expect(result.files.map(({ file, state }) => `${file} ${state}`)).toEqual([
    "config.json fetched",
    "model.safetensors fetched",
    "tokenizer.json fetched",
  ]);
  expect(result.bytesFetched).toBe(
    weights.length + files["config.json"].length + files["tokenizer.json"].length,
  );
  expect(result.leftOut).toEqual([
    { file: "pytorch_model.bin", reason: "may hold a pickle, which can run code when it is read" },
  ]);
  expect(summary).toContain("3 of 3 files fetched (200.0 kB)");
});

test("the hash of a small file is the one under which git stores it", () => {
  // printf 'hello\n' | git hash-object --stdin
  expect(gitBlob(Buffer.from("hello\n"))).toBe("ce013625030ba8dba906f756967f9e9ca394464a");
});

test("a second pull asks for the listing and fetches nothing", async () => {
  const { hub, cache } = await box();
  await pull(hub, { cache });
  hub.seen.length = 0;
  const { result } = await pull(hub, { cache });
  expect(transfers(hub)).toEqual([]);
  expect(hub.seen).toHaveLength(2);
  expect(result.bytesFetched).toBe(0);
  expect(result.files.every(({ state }) => state === "present")).toBe(true);
});

test("a flipped bit in the cache is found by the next pull, and that file alone is fetched again", async () => {
  const { hub, cache } = await box();
  await pull(hub, { cache });
  const blob = join(folderOf(cache), "blobs", sha256(weights));
  const damaged = Buffer.from(weights);
  damaged[123_456] ^= 1;
  writeFileSync(blob, damaged);
  hub.seen.length = 0;
  await pull(hub, { cache });
  expect(transfers(hub)).toEqual(["hub model.safetensors all", "store model.safetensors all"]);
  expect(readFileSync(blob).equals(weights)).toBe(true);
});

test("a connection that is cut goes on at the byte where it was, with the ETag it saw", async () => {
  const { hub, cache } = await box();
  let cuts = 0;
  hub.behave = (request, response) => {
    if (request.host !== "store" || cuts++ > 0) return false;
    response.writeHead(200, { "content-length": weights.length, etag: `"${sha256(weights)}"` });
    response.write(weights.subarray(0, 70_000), () => response.destroy());
    return true;
  };
  const { result, logged } = await pull(hub, { cache });
  const ranges = hub.seen.filter(({ host }) => host === "store").map(({ headers }) => headers);
  const from = Number(/^bytes=([0-9]+)-$/.exec(ranges[1].range ?? "")?.[1]);
  expect(from).toBeGreaterThan(0);
  expect(from).toBeLessThanOrEqual(70_000);
  expect(ranges[1]["if-range"]).toBe(`"${sha256(weights)}"`);
  expect(logged[0]).toMatch(/model\.safetensors: .*; again in 0 s/);
  expect(readFileSync(join(result.folder, "model.safetensors")).equals(weights)).toBe(true);
});

test("a pull that is stopped leaves what it has under another name, and the next goes on from there", async () => {
  const { hub, cache } = await box();
  const stop = new AbortController();
  hub.behave = (request, response) => {
    if (request.host !== "store") return false;
    response.writeHead(200, { "content-length": weights.length });
    response.write(weights.subarray(0, 50_000));
    setTimeout(() => stop.abort(new Error("stopped")), 50);
    return true;
  };
  await errorOf(pull(hub, { cache, signal: stop.signal, patience: { window: 10_000 } }));
  const left = everyFile(folderOf(cache)).filter((name) => name.includes(sha256(weights)));
  expect(left).toEqual([`blobs/${sha256(weights)}.palimpsest-${process.pid}.incomplete`]);
  expect(everyFile(folderOf(cache))).not.toContain("refs/main");
  hub.behave = () => false;
  const { result } = await pull(hub, { cache });
  expect(transfers(hub).slice(-2)).toEqual([
    "store model.safetensors bytes=50000-",
    "hub tokenizer.json all",
  ]);
  expect(result.files[1]).toMatchObject({ state: "fetched", resumed: 50_000 });
  expect(result.bytesFetched).toBe(150_000 + files["tokenizer.json"].length);
  expect(everyFile(folderOf(cache)).some((name) => name.includes("incomplete"))).toBe(false);
});

test("what a process that is gone left is taken over, and begun anew if its bytes are wrong", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  for (const [start, ranges] of [
    [weights.subarray(0, 80_000), ["bytes=80000-"]],
    [Buffer.alloc(80_000, 7), ["bytes=80000-", "all"]],
    [Buffer.alloc(300_000), ["all"]],
  ] as const) {
    const { hub, cache } = await box();
    const blobs = join(folderOf(cache), "blobs");
    mkdirSync(blobs, { recursive: true });
    writeFileSync(join(blobs, `${sha256(weights)}.palimpsest-${pid}.incomplete`), start);
    const { result } = await pull(hub, { cache });
    const asked = hub.seen
      .filter(({ host }) => host === "store")
      .map(({ headers }) => headers.range ?? "all");
    expect(asked).toEqual(ranges);
    expect(readFileSync(join(result.folder, "model.safetensors")).equals(weights)).toBe(true);
    expect(everyFile(blobs)).toHaveLength(3);
  }
});

test("an unfinished file of a process that runs is left to it", async () => {
  const { hub, cache } = await box();
  const blobs = join(folderOf(cache), "blobs");
  mkdirSync(blobs, { recursive: true });
  const theirs = `${sha256(weights)}.palimpsest-${process.ppid}.incomplete`;
  writeFileSync(join(blobs, theirs), weights.subarray(0, 10));
  await pull(hub, { cache });
  expect(readFileSync(join(blobs, theirs))).toHaveLength(10);
});

test("a branch that moves is followed by the next pull, and only what changed is fetched", async () => {
  const newer = { ...files, "config.json": Buffer.from('{"model_type":"llama"}\n') };
  const { hub, cache } = await box({ [commit]: files, [later]: newer });
  await pull(hub, { cache });
  hub.revisions.main = later;
  hub.seen.length = 0;
  const { result } = await pull(hub, { cache });
  expect(transfers(hub)).toEqual(["hub config.json all"]);
  expect(result.commit).toBe(later);
  expect(readFileSync(join(folderOf(cache), "refs/main"), "utf8")).toBe(later);
  expect(
    readFileSync(join(folderOf(cache), "snapshots", commit, "config.json")).equals(files["config.json"]),
  ).toBe(true);
});

test("a revision is a branch, a tag, a pull request or a commit", async () => {
  const { hub, cache } = await box({ [commit]: files, [later]: files });
  Object.assign(hub.revisions, { step512: later, "refs/pr/3": later });
  for (const [revision, expected] of [
    ["step512", later],
    ["refs/pr/3", later],
    [commit, commit],
  ]) {
    const { result } = await pull(hub, { cache, revision });
    expect(result.commit).toBe(expected);
  }
  expect(everyFile(join(folderOf(cache), "refs"))).toEqual(["refs/pr/3", "step512"]);
  const error = await errorOf(pull(hub, { cache, revision: "step513" }));
  expect(error.message).toBe(
    `tiny-org/tiny-model at step513: ${new URL(hub.url).host} has no such revision.`,
  );
});

test("the token goes to the hub, and to no other host", async () => {
  const { hub, cache } = await box();
  await pull(hub, { cache, token: "hf_secret" });
  expect(
    hub.seen
      .filter(({ host }) => host === "hub")
      .every(({ headers }) => headers.authorization === "Bearer hf_secret"),
  ).toBe(true);
  const store = hub.seen.filter(({ host }) => host === "store");
  expect(store).toHaveLength(1);
  expect(JSON.stringify(store)).not.toContain("secret");
});

test("files can be chosen by patterns, and a pickle is refused with the reason", async () => {
  const { hub, cache } = await box();
  const names = async (patterns: readonly string[]) =>
    (await pull(hub, { cache, files: patterns })).result.files.map(({ file }) => file);
  expect(await names(["*.json"])).toEqual(["config.json", "tokenizer.json"]);
  expect(await names(["onnx/*", "README.md"])).toEqual(["README.md", "onnx/model.safetensors"]);
  expect(await names(["**.safetensors"])).toEqual(["model.safetensors", "onnx/model.safetensors"]);
  const { result } = await pull(hub, { cache, files: ["*"] });
  expect(result.leftOut.map(({ file }) => file)).toEqual(["pytorch_model.bin"]);
  const pickle = await errorOf(pull(hub, { cache, files: ["pytorch_model.bin"] }));
  expect(pickle.message).toBe(
    "tiny-org/tiny-model, file pytorch_model.bin: may hold a pickle, which can run code when it is read, so it is not fetched.",
  );
  const none = await errorOf(pull(hub, { cache, files: ["confg.json"] }));
  expect(none.message).toContain('Nearest: "config.json"');
  expect(hub.seen.some(({ path }) => path.includes("pytorch_model.bin"))).toBe(false);
});

test("a repository of pickles alone is refused, and shards are taken with their index", async () => {
  const { hub, cache } = await box();
  hub.commits[commit] = { "config.json": files["config.json"], "pytorch_model.bin": Buffer.from("pickle") };
  const error = await errorOf(pull(hub, { cache }));
  expect(error.message).toContain(
    "no safetensors weights at this revision; got pytorch_model.bin, which may hold a pickle",
  );
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  hub.commits[commit] = Object.fromEntries(
    [...shards, "model.safetensors.index.json", "config.json", "consolidated.safetensors"].map((name) => [
      name,
      Buffer.from(name),
    ]),
  );
  const { result } = await pull(hub, { cache });
  expect(result.files.map(({ file }) => file)).toEqual(
    ["config.json", ...shards, "model.safetensors.index.json"].sort(),
  );
});

test("two names of the same bytes are fetched once", async () => {
  const { hub, cache } = await box();
  hub.commits[commit] = { "a.safetensors": weights, "b.safetensors": weights };
  await pull(hub, { cache });
  expect(hub.seen.filter(({ host }) => host === "store")).toHaveLength(1);
});

test("progress says bytes, rate and time left, and a log gets the same numbers", async () => {
  const { hub, cache } = await box();
  const { pictures } = await pull(hub, { cache });
  const last = pictures.at(-1) as (typeof pictures)[number];
  const [title, file, total] = last.lines(2000, 100);
  expect(title).toBe("tiny-org/tiny-model, commit 111111111111");
  expect(file).toBe("fetching tokenizer.json  13 B of 13 B");
  expect(total).toMatch(/^total {2}█+ 100 % {2}200\.0 kB of 200\.0 kB {2}\d+\.\d kB\/s {2}0:00 left$/);
  expect(last.lines(2000, 20).every((line) => line.length <= 20)).toBe(true);
  const size = weights.length + files["config.json"].length + files["tokenizer.json"].length;
  expect(last.record(2000)).toMatchObject({
    event: "progress",
    file: "tokenizer.json",
    bytes: size,
    size,
    secondsLeft: 0,
  });
});

test("without network one sentence says what is missing and where to put it, with exit code 2", async () => {
  const { hub, cache } = await box();
  const { url } = hub;
  await hub.close();
  const error = await errorOf(pull({ url, repo }, { cache }));
  expect(describeError(error, false).exitCode).toBe(2);
  expect(error.message).toContain(`tiny-org/tiny-model at main: ${url} cannot be reached; got `);
  expect(error.message).toContain("put its config.json, safetensors weights and tokenizer.json in a folder");
  expect(error.message).toContain(folderOf(cache));
  expect(error.message).not.toContain("\n");
});

test("without network, what an earlier pull fetched is named", async () => {
  const { hub, cache } = await box();
  await pull(hub, { cache });
  await hub.close();
  const error = await errorOf(pull(hub, { cache }));
  expect(error.message).toContain(`The cache holds what was fetched of it before (commit ${commit})`);
});

test("other commands find a model by folder or by name, and are told how to get one", async () => {
  const { hub, cache } = await box();
  hub.revisions.step512 = commit;
  const cwd = temporaryFolder();
  closing.push(cwd.empty);
  const look = (name: string, revision?: string) => resolveModel(name, { cwd: cwd.path, cache, revision });
  expect((await errorOf(look(repo))).message).toBe(
    `tiny-org/tiny-model: neither a folder here nor, at revision main, in the cache ${cache}. ` +
      `"palimpsest models pull tiny-org/tiny-model" fetches it; without network, put its config.json, safetensors and tokenizer.json in a folder and name that.`,
  );
  const { result } = await pull(hub, { cache, revision: "step512" });
  expect(await look(repo, "step512")).toBe(result.folder);
  expect(await look(repo, commit)).toBe(result.folder);
  expect((await errorOf(look(repo))).message).toContain("at revision main");
  expect((await errorOf(look(repo, later))).message).toContain(`--revision ${later}`);
  mkdirSync(join(cwd.path, repo), { recursive: true });
  expect(await look(repo)).toBe(join(cwd.path, repo));
  expect((await errorOf(look(repo, "step512"))).message).toContain(
    "is a folder here, which has no revisions",
  );
  expect((await errorOf(look("./nowhere"))).message).toBe("./nowhere: no such folder.");
  expect((await errorOf(look("../../nowhere"))).message).toBe("../../nowhere: no such folder.");
  rmSync(join(result.folder, "config.json"));
  rmSync(join(cwd.path, repo), { recursive: true });
  expect((await errorOf(look(repo, "step512"))).message).toContain("has no config.json");
});

test("a ref of the cache that is no commit leads nowhere", async () => {
  const { hub, cache } = await box();
  await pull(hub, { cache });
  writeFileSync(join(folderOf(cache), "refs/main"), "../../../../etc");
  const error = await errorOf(resolveModel(repo, { cwd: "/", cache }));
  expect(error.message).toContain("neither a folder here nor");
});

test("the cache is where Hugging Face's libraries look", () => {
  const at = (environment: Record<string, string>, chosen?: string) =>
    cacheFolder("/desk", chosen, environment);
  expect(at({ HF_HUB_CACHE: "/a", HF_HOME: "/b" })).toBe("/a");
  expect(at({ HF_HOME: "/b" })).toBe("/b/hub");
  expect(at({ XDG_CACHE_HOME: "/c" })).toBe("/c/huggingface/hub");
  expect(at({})).toMatch(/\/\.cache\/huggingface\/hub$/);
  expect(at({ HF_HUB_CACHE: "/a" }, "here")).toBe("/desk/here");
});

test("a listing over several pages is read to its end, and not at another host", async () => {
  const { hub, cache } = await box();
  const pages = (next: string) =>
    ((request, response) => {
      if (!request.path.includes("/tree/")) return false;
      const names = request.path.includes("cursor=2") ? ["model.safetensors"] : ["config.json"];
      const entries = names.map((path) => ({
        ...{ type: "file", path, size: files[path].length, oid: gitBlob(files[path]) },
        ...(isLarge(path) ? { lfs: { oid: sha256(files[path]), size: files[path].length } } : {}),
      }));
      const link = request.path.includes("cursor=2")
        ? {}
        : { link: `<${next}${request.path}&cursor=2>; rel="next"` };
      response.writeHead(200, link).end(JSON.stringify(entries));
      return true;
    }) satisfies LocalHub["behave"];
  hub.behave = pages(hub.url);
  const { result } = await pull(hub, { cache });
  expect(result.files.map(({ file }) => file)).toEqual(["config.json", "model.safetensors"]);
  hub.behave = pages("https://elsewhere.example");
  const error = await errorOf(pull(hub, { cache, token: "hf_secret" } satisfies Pulling));
  expect(error.message).toContain("its listing goes on at another host; got elsewhere.example");
});

test("an unreadable range is answered with the whole file", async () => {
  const { hub, cache } = await box();
  let first = true;
  hub.behave = (request, response) => {
    if (request.host !== "store") return false;
    if (first) {
      first = false;
      response.writeHead(200, { "content-length": weights.length });
      response.write(weights.subarray(0, 60_000), () => response.destroy());
      return true;
    }
    // a server that knows no ranges
    sendBytes({ headers: {} }, response, weights);
    return true;
  };
  const { result } = await pull(hub, { cache });
  expect(readFileSync(join(result.folder, "model.safetensors")).equals(weights)).toBe(true);
});

test("the command line passes on what it is given, and knows its own defaults", async () => {
  const plain = await palimpsest(["models", "pull", "gpt2"]);
  const defaults = { repo: "gpt2", revision: "main", files: [], endpoint: null, cache: null };
  expect(plain.calls).toEqual([["modelsPull", defaults]]);
  const given = ["--revision", "step512", "--endpoint", "https://hub.example", "--cache", "there"];
  const all = await palimpsest([
    "models",
    "pull",
    "a/b",
    ...given,
    "--files",
    "*.json",
    "model.safetensors",
    "--json",
  ]);
  expect(all.calls).toEqual([
    [
      "modelsPull",
      {
        ...{ repo: "a/b", revision: "step512", files: ["*.json", "model.safetensors"] },
        ...{ endpoint: "https://hub.example", cache: "there" },
      },
    ],
  ]);
  const none = await palimpsest(["models", "pull"]);
  expect(none.exitCode).toBe(2);
  expect(none.stderr).toContain(
    "palimpsest models pull: needs <repository> (NAME or ORGANISATION/NAME); got none.",
  );
});
