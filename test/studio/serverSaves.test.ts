/** What the studio's server writes: the runs that its page saves, and nothing beside them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fileEntry, readManifest } from "../../src/record/manifest.ts";
import { get, json, manifestParts, ownPost, post, put, request, send, serve, writeFiles } from "./serving.ts";

test("a run that the page saves is a run like any other: listed, hashed, readable by the command line", async () => {
  const served = await serve();
  const { status, value: save } = await post(served, "/api/saves", {
    study: "persistence",
    name: "from-page",
  });
  expect({ status, ...save }).toEqual({
    status: 201,
    id: expect.stringMatching(/^[0-9a-f]{32}$/),
    name: "runs/from-page",
  });
  const big = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 256);
  const files = {
    "measurements/loss.parquet": big,
    "report.html": Buffer.from("<p>é"),
    empty: new Uint8Array(0),
  };
  const entries = [];
  for (const [path, bytes] of Object.entries(files)) {
    const answer = await put(served, `/api/saves/${save.id}/files/${path}`, bytes);
    expect(answer).toEqual({ status: 201, value: fileEntry(path, bytes) });
    entries.push(answer.value);
  }
  expect((await json(served, "/api/runs")).value.runs).toEqual([]);
  const asked = { ...manifestParts, config: { lr: { $number: "NaN" } }, files: entries };
  expect(await post(served, `/api/saves/${save.id}/commit`, asked)).toEqual({
    status: 200,
    value: { name: "runs/from-page" },
  });
  const folder = join(served.cwd, "runs/from-page");
  const manifest = readManifest(readFileSync(join(folder, "manifest.json")), "manifest.json");
  expect(manifest).toMatchObject({ study: "persistence", status: "complete", config: { lr: Number.NaN } });
  for (const [path, bytes] of Object.entries(files))
    expect(readFileSync(join(folder, path)).equals(bytes), path).toBe(true);
  const log = readFileSync(join(folder, "log.jsonl"), "utf8").trim().split("\n");
  expect(log.map((line) => JSON.parse(line).event)).toEqual(["started", "complete", "closed"]);
  const { runs } = (await json(served, "/api/runs")).value;
  expect(runs).toMatchObject([{ name: "runs/from-page", config: { lr: { $number: "NaN" } } }]);
  const back = await get(served, `/api/runs/${runs[0].id}/files/measurements/loss.parquet`);
  expect(back.body.equals(big)).toBe(true);
  expect(await put(served, `/api/saves/${save.id}/files/late`, "x")).toMatchObject({ status: 404 });
  expect(await post(served, `/api/saves/${save.id}/commit`, asked)).toMatchObject({ status: 404 });
});

test("a body in chunks is taken like one whose length is known", async () => {
  const served = await serve();
  const { id } = (await post(served, "/api/saves", { study: "persistence" })).value;
  const head = request(served, {
    method: "PUT",
    target: `/api/saves/${id}/files/a.bin`,
    lines: [...ownPost(served.port, "application/octet-stream"), "Transfer-Encoding: chunked"],
  });
  const answer = await send(
    served.port,
    Buffer.concat([head, Buffer.from("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")]),
  );
  expect(JSON.parse(answer.body.toString())).toEqual(fileEntry("a.bin", Buffer.from("abcde")));
});

test.each([
  [{}, "save: study: must be a text."],
  [null, /^save: the request: /],
  [[], /^save: the request: /],
  [{ study: "persistence", out: "/etc" }, /^save: the request: /],
  ...["../x", "a/b", "A", "", "a".repeat(41), "a b", "ü"].map((study): [object, string] => [
    { study },
    "save: study: must be at most 40 lowercase letters, digits and dashes.",
  ]),
  ...[
    "..",
    ".",
    "../x",
    "a/b",
    "/etc/x",
    "a\\b",
    "con",
    "NUL.txt",
    "a.",
    ".hidden",
    "a\0b",
    "a".repeat(65),
    "",
  ].map((name): [object, string] => [
    { study: "persistence", name },
    "save: name: must be at most 64 letters, digits, dots and dashes.",
  ]),
])("a save begun with %j is refused and makes nothing", async (asked, sentence) => {
  const served = await serve();
  const { status, value } = await post(served, "/api/saves", asked);
  expect(status).toBe(400);
  if (typeof sentence === "string") expect(value.error).toBe(sentence);
  else expect(value.error).toMatch(sentence);
  expect(readdirSync(served.cwd)).toEqual([]);
});

test("a name that is taken, a body that is no JSON and one that is too long are refused", async () => {
  const served = await serve({ limits: { jsonBytes: 100 } });
  writeFiles(served.cwd, { "runs/taken/x": "" });
  expect(await post(served, "/api/saves", { study: "a", name: "taken" })).toEqual({
    status: 409,
    value: {
      error: expect.stringContaining(
        'run folder runs/taken: must be new or empty; got a folder that holds "x"',
      ),
    },
  });
  expect(readdirSync(join(served.cwd, "runs/taken"))).toEqual(["x"]);
  const lines = ownPost(served.port);
  const raw = async (body: string | Uint8Array) =>
    (await send(served.port, request(served, { method: "POST", target: "/api/saves", lines, body }))).status;
  for (const body of ["", "{", '{"study":"a","study":"b"}', Uint8Array.of(0xff), "[".repeat(99), "\ufeff{}"])
    expect(await raw(body), String(body)).toBe(400);
  expect(await raw(`{"study":"${"a".repeat(100)}"}`)).toBe(413);
  const chunked = request(served, {
    method: "POST",
    target: "/api/saves",
    lines: [...lines, "Transfer-Encoding: chunked"],
  });
  const body = Buffer.from(`78\r\n${"[".repeat(120)}\r\n0\r\n\r\n`);
  expect(await send(served.port, Buffer.concat([chunked, body]))).toMatchObject({ status: 413 });
  expect(readdirSync(join(served.cwd, "runs"))).toEqual(["taken"]);
});

test("files get into the folder of their save only, each once, and none over the limits", async () => {
  const served = await serve({ limits: { fileBytes: 1000, saveBytes: 2000, filesPerSave: 4 } });
  const { id, name } = (await post(served, "/api/saves", { study: "persistence" })).value;
  const folder = join(served.cwd, name);
  const file = (path: string, body: string | Uint8Array) =>
    put(served, `/api/saves/${id}/files/${path}`, body);
  for (const path of [
    "manifest.json",
    "log.jsonl",
    "LOG.jsonl",
    "con",
    "a/aux.txt",
    "a.",
    "a/b./c",
    "a".repeat(201),
  ])
    expect(await file(path, "x"), path).toMatchObject({ status: 409 });
  for (const path of ["../x", "a/../x", "..%2fx", ".hidden", "a//b", "/etc/x", "a\\b", "a%00", ""])
    expect((await put(served, `/api/saves/${id}/files/${path}`, "x")).status, path).toBe(400);
  expect(await put(served, `/api/saves/${"0".repeat(32)}/files/a`, "x")).toMatchObject({ status: 404 });
  expect(await file("a", "x".repeat(1000))).toMatchObject({ status: 201 });
  expect(await file("A", "x")).toMatchObject({
    status: 409,
    value: { error: 'run file "A": is written once.' },
  });
  expect(await file("a/b", "x")).toMatchObject({ status: 409 });
  expect(await file("b", "x".repeat(1001))).toMatchObject({ status: 413 });
  const chunked = request(served, {
    method: "PUT",
    target: `/api/saves/${id}/files/b`,
    lines: [...ownPost(served.port, "application/octet-stream"), "Transfer-Encoding: chunked"],
  });
  const long = Buffer.from(`3e9\r\n${"x".repeat(1001)}\r\n0\r\n\r\n`);
  expect(await send(served.port, Buffer.concat([chunked, long]))).toMatchObject({ status: 413 });
  expect(await file("b", "x".repeat(900))).toMatchObject({ status: 201 });
  expect(await file("c", "x".repeat(101))).toMatchObject({ status: 413 });
  expect(await file("c", "x".repeat(100))).toMatchObject({ status: 201 });
  expect(await file("d", "")).toMatchObject({ status: 201 });
  expect(await file("e", "")).toMatchObject({ status: 413 });
  expect(readdirSync(folder).sort()).toEqual(["a", "b", "c", "d", "log.jsonl", "run.lock"]);
  expect(readdirSync(served.cwd)).toEqual(["runs"]);
});

test("a body that is announced to be too long is refused before it is sent", async () => {
  const served = await serve({ limits: { fileBytes: 1000, jsonBytes: 1000 } });
  const { id, name } = (await post(served, "/api/saves", { study: "persistence" })).value;
  const announced = (method: string, target: string, type: string) =>
    send(
      served.port,
      request(served, {
        method,
        target,
        lines: [...ownPost(served.port, type), "Content-Length: 2000000000"],
      }),
    );
  const file = announced("PUT", `/api/saves/${id}/files/a`, "application/octet-stream");
  expect(await file).toMatchObject({ status: 413 });
  expect(await announced("POST", `/api/saves/${id}/commit`, "application/json")).toMatchObject({
    status: 413,
  });
  expect(readdirSync(join(served.cwd, name)).sort()).toEqual(["log.jsonl", "run.lock"]);
});

test("a file whose sender goes away in the middle leaves nothing, and may be sent again", async () => {
  const served = await serve();
  const { id, name } = (await post(served, "/api/saves", { study: "persistence" })).value;
  const target = `/api/saves/${id}/files/a.bin`;
  const lines = [...ownPost(served.port, "application/octet-stream"), "Content-Length: 1000"];
  const folder = join(served.cwd, name);
  const socket = connect(served.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(Buffer.concat([request(served, { method: "PUT", target, lines }), Buffer.from("half")]));
  const until = async (wanted: boolean) => {
    while (existsSync(join(folder, ".a.bin.tmp")) !== wanted) await new Promise(setImmediate);
  };
  await until(true);
  expect(await put(served, target, "x")).toMatchObject({ status: 409 });
  expect(await post(served, `/api/saves/${id}/commit`, manifestParts)).toMatchObject({
    status: 409,
    value: { error: "save: 1 files are still arriving." },
  });
  socket.destroy();
  await until(false);
  expect(readdirSync(folder).sort()).toEqual(["log.jsonl", "run.lock"]);
  expect(await put(served, target, "whole")).toMatchObject({ status: 201 });
  expect(served.defects).toEqual([]);
});

test.each([
  [[], 400, "manifest: must be an object of its fields."],
  ["x", 400, "manifest: must be an object of its fields."],
  [{ ...manifestParts, status: "running" }, 400, "manifest: status must be how the run ended; got running."],
  [{ ...manifestParts, command: "train" }, 400, /^manifest: command: must be a list of words, or null/],
  [
    { ...manifestParts, status: "perfect" },
    400,
    /^manifest: status: must be one of running, complete, interrupted, failed; got "perfect"/,
  ],
  [{ ...manifestParts, versions: {} }, 400, /^manifest: versions: must name the version of palimpsest/],
  [{ ...manifestParts, config: undefined }, 400, /^manifest: config: /],
  [{ ...manifestParts, engine: "x" }, 400, /^manifest: engine: /],
  [{ ...manifestParts, study: "other" }, 400, "manifest: study must be persistence, as the run was begun."],
  [{ ...manifestParts, formatVersion: 2 }, 400, /^manifest: only study, .* are told; got "formatVersion"\./],
  [
    { ...manifestParts, files: [{ path: "a" }] },
    400,
    "manifest: files must be a list of path, bytes and sha256.",
  ],
  [{ ...manifestParts, files: [] }, 409, 'manifest: file "a" is not what was received, or was not received.'],
  [
    { ...manifestParts, files: [fileEntry("a", Buffer.from("y"))] },
    409,
    'manifest: file "a" is not what was received, or was not received.',
  ],
  [
    { ...manifestParts, files: [fileEntry("a", Buffer.from("x")), fileEntry("b", Buffer.from("x"))] },
    409,
    'manifest: file "b" is not what was received, or was not received.',
  ],
])("a commit of %j is refused, writes no manifest, and may be mended", async (asked, status, sentence) => {
  const served = await serve();
  const { id, name } = (await post(served, "/api/saves", { study: "persistence" })).value;
  await put(served, `/api/saves/${id}/files/a`, "x");
  const target = `/api/saves/${id}/commit`;
  const answer = await post(served, target, asked);
  expect(answer).toEqual({ status, value: { error: expect.stringMatching(sentence) } });
  expect(readdirSync(join(served.cwd, name)).sort()).toEqual(["a", "log.jsonl", "run.lock"]);
  const { study: _, ...mended } = { ...manifestParts, config: {}, files: [fileEntry("a", Buffer.from("x"))] };
  expect(await post(served, target, mended)).toMatchObject({ status: 200 });
});

test("beginning one save more than the limit gives up the one that was idle longest", async () => {
  const served = await serve({ limits: { openSaves: 2 } });
  const begun = async () => (await post(served, "/api/saves", { study: "persistence" })).value.id;
  const [first, second] = [await begun(), await begun()];
  await put(served, `/api/saves/${first}/files/a`, "x");
  const third = await begun();
  expect(await put(served, `/api/saves/${second}/files/a`, "x")).toMatchObject({ status: 404 });
  for (const id of [first, third])
    expect(await put(served, `/api/saves/${id}/files/b`, "x")).toMatchObject({ status: 201 });
});

test("a defect is answered with its number and no word of what it was, and the server goes on", async () => {
  let broken = true;
  const date = () => {
    if (broken) throw new TypeError("in /secret/place");
    return new Date(0);
  };
  const served = await serve({ date });
  const { status, value } = await post(served, "/api/saves", { study: "persistence" });
  expect({ status, value }).toEqual({
    status: 500,
    value: {
      id: expect.stringMatching(/^[0-9a-f]{8}$/),
      error: `defect ${value.id}: the terminal of palimpsest studio says more.`,
    },
  });
  expect(served.defects).toEqual([[new TypeError("in /secret/place"), value.id]]);
  broken = false;
  expect(await post(served, "/api/saves", { study: "persistence" })).toMatchObject({ status: 201 });
});
