/** What the studio's server lists and reads: runs, and nothing beside them. */
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createRunFolder } from "../../src/cli/runFolder.ts";
import { fileEntry, manifestBytes, readManifest } from "../../src/record/manifest.ts";
import {
  get,
  headerFaults,
  json,
  manifestParts,
  serve,
  serveClosed,
  temporaryFolder,
  writeFiles,
} from "./serving.ts";

/** A run with two files, written `age` minutes ago. */
function saveRun(cwd: string, out: string, age = 0, study = "persistence"): void {
  const folder = createRunFolder({ study, out, cwd, date: () => new Date(0) });
  folder.write("report.html", "<!doctype html><script>alert(1)</script>");
  folder.write(
    "checkpoints/a.safetensors",
    Uint8Array.from({ length: 70_000 }, (_, i) => i % 251),
  );
  folder.write("empty", "");
  folder.commit({ ...manifestParts, study });
  const time = new Date(2025, 0, 1, 0, -age);
  utimesSync(join(cwd, out, "manifest.json"), time, time);
}

test("runs are listed latest first, the broken ones by name with the reason, and unfinished ones not at all", async () => {
  const cwd = temporaryFolder();
  saveRun(cwd, "runs/old", 10);
  saveRun(cwd, "runs/new", 1, "train");
  saveRun(cwd, "runs/torn", 2);
  truncateSync(join(cwd, "runs/torn/manifest.json"), 100);
  saveRun(cwd, "runs/later", 3);
  const newer = readFileSync(join(cwd, "runs/later/manifest.json"), "utf8").replace(
    '"formatVersion": 2',
    '"formatVersion": 9',
  );
  writeFileSync(join(cwd, "runs/later/manifest.json"), newer);
  saveRun(cwd, "elsewhere/linked");
  mkdirSync(join(cwd, "runs/manifestLinked"));
  symlinkSync("../../elsewhere/linked/manifest.json", join(cwd, "runs/manifestLinked/manifest.json"));
  symlinkSync("../elsewhere/linked", join(cwd, "runs/link"));
  symlinkSync("circle", join(cwd, "runs/circle"));
  mkdirSync(join(cwd, "runs/folderInPlace/manifest.json"), { recursive: true });
  writeFiles(cwd, {
    "runs/unfinished/log.jsonl": "{}",
    "runs/file": "x",
    "runs/empty/manifest.json": "",
    "runs/outside/manifest.json": Buffer.from(
      manifestBytes({ ...manifestParts, files: [fileEntry("a/b", Uint8Array.of(1))] }),
    )
      .toString()
      .replace("a/b", "../b"),
    "runs/<img src=x onerror=alert(1)>/manifest.json": "[]",
  });
  const served = await serve({ cwd });
  const { status, value } = await json(served, "/api/runs");
  expect(status).toBe(200);
  expect(value.runs).toEqual(
    [
      ["new", "train", 1],
      ["old", "persistence", 10],
    ].map(([name, study, age]) => ({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      name: `runs/${name}`,
      study,
      status: "complete",
      created: new Date(2025, 0, 1, 0, -age).toISOString(),
      config: { seeds: [0, 1], lr: { $number: "NaN" } },
    })),
  );
  expect(value.opened).toBe(null);
  expect(value.leftOut).toBe(0);
  const reasons = Object.fromEntries(
    value.broken.map(({ name, reason }: { name: string; reason: string }) => [name, reason]),
  );
  expect(Object.keys(reasons).sort()).toEqual(
    [
      "<img src=x onerror=alert(1)>",
      "empty",
      "folderInPlace",
      "later",
      "manifestLinked",
      "outside",
      "torn",
    ].map((name) => `runs/${name}`),
  );
  expect(reasons["runs/empty"]).toBe("runs/empty/manifest.json: must not be empty; got 0 bytes.");
  expect(reasons["runs/later"]).toMatch(/this palimpsest reads run format 2 and older; got format 9/);
  expect(reasons["runs/folderInPlace"]).toBe(
    "runs/folderInPlace/manifest.json: must be a file; got a folder.",
  );
  expect(reasons["runs/manifestLinked"]).toBe(
    "runs/manifestLinked/manifest.json: must be a file of the run; got a link.",
  );
  expect(reasons["runs/outside"]).toMatch(/files\[0\]\.path: must be a relative path/);
  for (const reason of Object.values(reasons)) expect(reason).not.toContain(cwd);
});

test("a run from anywhere is opened by its folder, its manifest or a link to it, and one in runs is listed once", async () => {
  const cwd = temporaryFolder();
  const elsewhere = temporaryFolder();
  saveRun(cwd, "runs/here");
  saveRun(elsewhere, "there");
  symlinkSync(join(elsewhere, "there"), join(cwd, "link"));
  const listed = async (run: string) => {
    const { value } = await json(await serve({ cwd, run }), "/api/runs");
    const names = value.runs.map(({ name }: { name: string }) => name);
    return [names.sort(), value.runs.find(({ id }: { id: string }) => id === value.opened)?.name];
  };
  for (const run of ["runs/here", "runs/here/manifest.json", join(cwd, "runs/here"), "./runs/../runs/here/"])
    expect(await listed(run)).toEqual([["runs/here"], "runs/here"]);
  for (const run of [join(elsewhere, "there"), join(elsewhere, "there/manifest.json"), "link"])
    expect(await listed(run)).toEqual([["runs/here", "there"], "there"]);
});

test.each([
  ["nowhere", "nowhere: cannot be opened as a run; got no such file or folder (ENOENT)."],
  ["empty", "empty/manifest.json: cannot be read; got no such file or folder (ENOENT)."],
  ["text", "text: must be a run folder or its manifest.json; got another file."],
  ["torn", "torn/manifest.json, byte 9: expected a colon after the key; got the end."],
  ["circle", "circle: cannot be opened as a run; got its links lead in a circle (ELOOP)."],
])("the run %s is refused before anything is served", async (run, sentence) => {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, "empty"));
  writeFiles(cwd, { text: "x", "torn/manifest.json": '{"format"' });
  symlinkSync("circle", join(cwd, "circle"));
  await expect(serveClosed({ cwd, run })).rejects.toThrow(sentence);
});

test("manifest and listed files come byte for byte, and as nothing that a browser would show", async () => {
  const cwd = temporaryFolder();
  saveRun(cwd, "runs/a");
  const served = await serve({ cwd, run: "runs/a" });
  const { opened } = (await json(served, "/api/runs")).value;
  const manifest = await get(served, `/api/runs/${opened}/manifest`);
  expect(manifest.headers.get("content-type")).toEqual(["application/json"]);
  expect(manifest.body).toEqual(readFileSync(join(cwd, "runs/a/manifest.json")));
  for (const { path } of readManifest(manifest.body, "manifest").files) {
    const answer = await get(served, `/api/runs/${opened}/files/${path}`);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(readFileSync(join(cwd, "runs/a", path))), path).toBe(true);
    expect(answer.headers.get("content-type")).toEqual(["application/octet-stream"]);
    expect(answer.headers.get("content-disposition")).toEqual(["attachment"]);
    expect(answer.headers.get("cache-control")).toEqual(["no-store"]);
    expect(headerFaults(answer)).toEqual([]);
  }
});

test("what the manifest does not list is not there, whatever lies in the folder", async () => {
  const cwd = temporaryFolder();
  saveRun(cwd, "runs/a");
  writeFiles(cwd, { "runs/a/unlisted": "x", secret: "x" });
  const served = await serve({ cwd, run: "runs/a" });
  const { opened } = (await json(served, "/api/runs")).value;
  for (const path of [
    "unlisted",
    "log.jsonl",
    "manifest.json",
    "checkpoints",
    "REPORT.html",
    "report.html.bak",
    "con",
  ])
    expect(await json(served, `/api/runs/${opened}/files/${path}`)).toMatchObject({ status: 404 });
  for (const path of [
    "../secret",
    "..%2fsecret",
    "..\\secret",
    "a/../../secret",
    ".",
    "",
    "report.html/",
    "report.html%00",
  ])
    expect(await get(served, `/api/runs/${opened}/files/${path}`)).toMatchObject({ status: 400 });
  for (const id of [
    "0".repeat(16),
    opened.slice(1),
    opened.toUpperCase(),
    "a",
    "runs",
    "constructor",
    "__proto__",
  ])
    for (const rest of ["manifest", "files/report.html"])
      expect(await get(served, `/api/runs/${id}/${rest}`), `${id}/${rest}`).toMatchObject({
        status: id === opened ? 200 : 404,
      });
});

test("a file that is not the one that was saved is refused with the reason, and costs only itself", async () => {
  const cwd = temporaryFolder();
  saveRun(cwd, "runs/a");
  saveRun(cwd, "other");
  const file = join(cwd, "runs/a/checkpoints/a.safetensors");
  const good = readFileSync(file);
  const served = await serve({ cwd, run: "runs/a" });
  const { opened } = (await json(served, "/api/runs")).value;
  const told = () => json(served, `/api/runs/${opened}/files/checkpoints/a.safetensors`);
  const where = "runs/a/checkpoints/a.safetensors";

  const flipped = Buffer.from(good);
  flipped[69_999] ^= 1;
  writeFileSync(file, flipped);
  expect(await told()).toMatchObject({
    status: 409,
    value: {
      error: expect.stringMatching(`^${where}: the manifest says SHA-256 [0-9a-f]{64}; got [0-9a-f]{64}\\.$`),
    },
  });
  truncateSync(file, 100);
  expect(await told()).toEqual({
    status: 409,
    value: { error: `${where}: the manifest says 70000 bytes; got 100.` },
  });
  rmSync(file);
  expect(await told()).toMatchObject({ status: 409, value: { error: expect.stringContaining("(ENOENT)") } });
  symlinkSync(join(cwd, "other/checkpoints/a.safetensors"), file);
  expect(await told()).toMatchObject({ status: 409, value: { error: expect.stringContaining("(ELOOP)") } });
  rmSync(file);
  mkdirSync(file);
  expect(await told()).toMatchObject({ status: 409 });
  rmSync(join(cwd, "runs/a/checkpoints"), { recursive: true });
  symlinkSync(join(cwd, "other/checkpoints"), join(cwd, "runs/a/checkpoints"));
  expect(await told()).toEqual({
    status: 409,
    value: { error: `${where}: must lie in the run folder itself; got a link on the way.` },
  });
  if (process.getuid?.() !== 0) {
    chmodSync(join(cwd, "runs/a/report.html"), 0);
    expect(await json(served, `/api/runs/${opened}/files/report.html`)).toMatchObject({ status: 409 });
    chmodSync(join(cwd, "runs/a/report.html"), 0o600);
  }
  // a second name for the same bytes is those bytes
  rmSync(join(cwd, "runs/a/checkpoints"));
  mkdirSync(join(cwd, "runs/a/checkpoints"));
  linkSync(join(cwd, "other/checkpoints/a.safetensors"), file);
  const again = await get(served, `/api/runs/${opened}/files/checkpoints/a.safetensors`);
  expect(again.body.equals(good)).toBe(true);
  expect(served.defects).toEqual([]);
});

test("a run that is moved, linked or spoilt while the server runs is told, not followed", async () => {
  const cwd = temporaryFolder();
  saveRun(cwd, "runs/a");
  saveRun(cwd, "runs/b");
  const served = await serve({ cwd, run: "runs/a" });
  const { opened } = (await json(served, "/api/runs")).value;
  writeFileSync(join(cwd, "runs/a/manifest.json"), "{}");
  expect((await json(served, "/api/runs")).value).toMatchObject({
    opened: null,
    broken: [{ name: "runs/a" }],
  });
  expect(await json(served, `/api/runs/${opened}/manifest`)).toMatchObject({ status: 409 });
  renameSync(join(cwd, "runs/a"), join(cwd, "gone"));
  expect((await json(served, `/api/runs/${opened}/manifest`)).value.error).toBe(
    "runs/a/manifest.json: cannot be read; got no such file or folder (ENOENT).",
  );
  expect((await json(served, "/api/runs")).value.runs).toMatchObject([{ name: "runs/b" }]);
});

test("only the latest runs are listed, up to the limit, and the others are counted", async () => {
  const cwd = temporaryFolder();
  for (let age = 0; age < 5; age++) saveRun(cwd, `runs/r${age}`, age);
  const served = await serve({ cwd, limits: { listedRuns: 3 } });
  const { runs, leftOut } = (await json(served, "/api/runs")).value;
  expect(runs.map(({ name }: { name: string }) => name)).toEqual(["runs/r0", "runs/r1", "runs/r2"]);
  expect(leftOut).toBe(2);
});
