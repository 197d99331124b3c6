import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import type { Disk } from "../../src/cli/disk/disk.ts";
import { OwnedError } from "../../src/cli/journal/lock.ts";
import { remoteWarning } from "../../src/cli/journal/remoteFolder.ts";
import { createRunFolder, type OpenRunOptions, openRunFolder } from "../../src/cli/runFolder.ts";
import { readLog } from "../../src/record/logLine.ts";
import { manifestBytes, readManifest } from "../../src/record/manifest.ts";

let cwd = "";
beforeEach(() => {
  cwd = fs.mkdtempSync(join(tmpdir(), "palimpsest-"));
});
afterEach(() => fs.rmSync(cwd, { recursive: true }));

const date = () => new Date(2025, 0, 2);
const manifest = { study: "train", config: { seeds: [0] }, versions: { palimpsest: "0.1.0" }, engine: null };
const create = () =>
  createRunFolder({ study: "train", out: "run", cwd, date, manifest, started: { workers: 2 } });
const open = (options: Partial<OpenRunOptions> = {}) => openRunFolder("run", { cwd, date, ...options });
const file = (name: string) => join(cwd, "run", name);
const read = (name: string) => fs.readFileSync(file(name));
const status = () => readManifest(read("manifest.json"), "manifest.json").status;
const records = () => readLog(read("log.jsonl"), "log.jsonl").records;
const everything = () =>
  fs
    .readdirSync(join(cwd, "run"), { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => [item.name, fs.readFileSync(join(item.parentPath, item.name), "hex")]);

test("a run says from the beginning what it is, and that it is running", () => {
  const folder = create();
  expect(readManifest(read("manifest.json"), "manifest.json")).toMatchObject({
    ...manifest,
    status: "running",
    files: [],
  });
  expect(records()).toMatchObject([{ seq: 0, epoch: 1, event: "started", workers: 2 }]);
  expect(() => open()).toThrow(OwnedError);
  folder.release();
});

test("a run that was stopped goes on in its folder and ends as one that was not", () => {
  const first = create();
  first.journal.keep("work/a/0", Uint8Array.of(1));
  first.write("report.html", "first");
  first.commit({ ...manifest, status: "interrupted" });
  expect(status()).toBe("interrupted");
  expect(records().at(-1)).toMatchObject({ event: "closed", status: "interrupted" });
  expect(first.ended).toBe(true);

  const { folder, manifest: found } = open();
  expect(found).toMatchObject({ status: "interrupted", files: [{ path: "report.html" }] });
  expect(status()).toBe("running");
  expect(folder?.journal.read("work/a/0")).toEqual(Buffer.of(1));
  folder?.write("report.html", "first");
  folder?.commit({ ...manifest, status: "complete" });

  const last = records().at(-1);
  const hash = createHash("sha256").update(read("manifest.json")).digest("hex");
  expect(last).toMatchObject({ epoch: 2, event: "closed", status: "complete", manifest: hash });
  const resumed = read("manifest.json");
  expect(fs.readdirSync(join(cwd, "run")).sort()).toEqual(["log.jsonl", "manifest.json", "report.html"]);
  expect(open()).toMatchObject({ folder: null, manifest: { status: "complete" } });

  fs.rmSync(join(cwd, "run"), { recursive: true });
  const uninterrupted = create();
  uninterrupted.write("report.html", "first");
  uninterrupted.commit({ ...manifest, status: "complete" });
  expect(read("manifest.json")).toEqual(resumed);
});

test("a run that is not accepted is left as it was, and free", () => {
  const first = create();
  first.journal.keep("work/a/0", Uint8Array.of(1));
  first.commit({ ...manifest, status: "failed" });
  const before = everything();
  const accept: OpenRunOptions["accept"] = (found, past) => {
    throw new FileError({ where: found.status, rule: past.map(({ event }) => event).join(" ") });
  };
  expect(() => open({ accept })).toThrow("failed: started kept closed");
  expect(everything()).toEqual(before);
  open().folder?.release();
});

test("a manifest that was changed after the end is not vouched for", () => {
  const folder = create();
  folder.commit({ ...manifest, status: "complete" });
  const log = read("log.jsonl");
  const changed = manifestBytes({ ...manifest, config: { seeds: [1] }, status: "complete", files: [] });
  fs.writeFileSync(file("manifest.json"), changed);
  fs.writeFileSync(file("run.lock"), ""); // as if something were left to do
  expect(open().folder).toBeNull();
  expect(read("log.jsonl")).toEqual(log);
});

test("what cannot be gone on with is refused in a sentence, and nothing is made or removed", () => {
  expect(() => open()).toThrow("run/manifest.json: cannot be read; got no such file or folder (ENOENT).");
  expect(fs.existsSync(join(cwd, "run"))).toBe(false);
  create().release();
  const log = read("log.jsonl");
  const refusals: [() => void, string][] = [
    [
      () => fs.rmSync(file("log.jsonl")),
      "run/log.jsonl: cannot be read; got no such file or folder (ENOENT).",
    ],
    [
      () => fs.writeFileSync(file("log.jsonl"), log.subarray(1)),
      "run/log.jsonl: must begin with a whole record.",
    ],
    [() => fs.truncateSync(file("manifest.json"), 40), "run/manifest.json, byte 40: "],
  ];
  for (const [harm, sentence] of refusals) {
    harm();
    const before = everything();
    expect(() => open()).toThrow(sentence);
    expect(everything()).toEqual(before);
    fs.writeFileSync(file("log.jsonl"), log);
  }
});

test("nothing can be written over a complete run, even where its end could not be finished", () => {
  let [isArmed, isFailing] = [false, false];
  const disk: Disk = {
    ...fs,
    writeSync: ((file: number, bytes: Uint8Array, at: number) => {
      if (isFailing) throw Object.assign(new Error(), { code: "EIO" });
      return fs.writeSync(file, bytes, at);
    }) as Disk["writeSync"],
    renameSync: (from, to) => {
      fs.renameSync(from, to);
      isFailing ||= isArmed;
    },
  };
  const folder = createRunFolder({ study: "train", out: "run", cwd, date, disk, manifest, started: {} });
  folder.journal.keep("work/a/0", Uint8Array.of(1));
  isArmed = true; // the disk fails once the manifest has its name
  expect(() => folder.commit({ ...manifest, status: "complete" })).toThrow(FileError);
  expect(folder.ended).toBe(true);
  expect(() => folder.commit({ ...manifest, status: "failed" })).toThrow("the run has ended");
  expect(status()).toBe("complete");
  expect(open().folder).toBeNull();
  expect(fs.readdirSync(join(cwd, "run")).sort()).toEqual(["log.jsonl", "manifest.json"]);
});

test("a run whose states cannot be removed is complete all the same, and they go when it is opened next", () => {
  const disk: Disk = {
    ...fs,
    rmSync: (name, ...rest) => {
      if (String(name).endsWith("work")) throw Object.assign(new Error(), { code: "EACCES" });
      fs.rmSync(name, ...rest);
    },
  };
  const folder = createRunFolder({ study: "train", out: "run", cwd, date, disk, manifest, started: {} });
  folder.journal.keep("work/a/0", Uint8Array.of(1));
  folder.commit({ ...manifest, status: "complete" });
  expect(folder.journal.notices).toEqual([
    "run/work: is needed no more and cannot be removed; got no permission (EACCES). The next opening of run tries again.",
  ]);
  expect(fs.readdirSync(join(cwd, "run")).sort()).toEqual(["log.jsonl", "manifest.json", "work"]);
  expect(open().folder).toBeNull();
  expect(fs.readdirSync(join(cwd, "run")).sort()).toEqual(["log.jsonl", "manifest.json"]);
});

test.runIf(process.platform === "linux")("file systems of other machines are warned of", () => {
  const on = (type: number) => remoteWarning("/run", "run", () => ({ type }));
  expect(on(0x6969)).toMatch(/^run: is on NFS, which may lock it for this machine only/);
  expect(on(0xff534d42 | 0)).toContain("SMB"); // some systems tell the number with a sign
  expect(on(0xef53)).toBeUndefined(); // ext4
  expect(remoteWarning(join(cwd, "none"), "none")).toBeUndefined();
});
