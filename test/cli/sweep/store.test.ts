import * as fs from "node:fs";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Disk } from "../../../src/cli/disk/disk.ts";
import { openStore } from "../../../src/cli/sweep/store.ts";
import { removeLitter } from "../../../src/cli/sweep/storeLitter.ts";
import type { SweepResult } from "../../../src/studies/sweep/result.ts";
import { planOf, plantedResult } from "../../studies/sweep/sample.ts";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-store-"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const [{ key, job }] = planOf({ seeds: 2 }).jobs;
const result = plantedResult(key, job);
const other: SweepResult = { ...result, outcomes: [] };
const filesIn = (folder: string) =>
  readdirSync(join(cwd, folder))
    .filter((name) => /^[0-9a-f]{64}/.test(name))
    .sort();

test("a result is kept under its key, and the same once more changes nothing", async () => {
  const store = openStore({ folder: "a", cwd });
  expect([await store.read(key), await store.keys()]).toEqual([null, new Set()]);
  expect(await store.put(result)).toEqual({ kind: "first" });
  const before = fs.statSync(join(cwd, "a", `${key}.json`)).ino;
  expect(await openStore({ folder: "a", cwd }).put(result)).toEqual({ kind: "same" });
  expect(fs.statSync(join(cwd, "a", `${key}.json`)).ino).toBe(before);
  expect(await store.read(key)).toEqual(result);
  expect([await store.keys(), filesIn("a")]).toEqual([new Set([key]), [`${key}.json`]]);
});

test("a second result that differs does not replace the first, and is kept as evidence", async () => {
  const store = openStore({ folder: "b", cwd });
  await store.put(result);
  const kept = await store.put(other);
  expect(kept.kind).toBe("differs");
  expect(await store.read(key)).toEqual(result);
  const [evidence] = filesIn("b");
  expect(kept).toEqual({ kind: "differs", evidence: `b/${evidence}` });
  expect(await store.evidence()).toEqual(new Map([[key, [`b/${evidence}`]]]));
  // the same evidence once more is no further one, and evidence is no result
  expect(await store.put(other)).toEqual(kept);
  expect([filesIn("b").length, await store.keys()]).toEqual([2, new Set([key])]);
});

test("a damaged result is no result: it is set aside, said so, and made room for", async () => {
  const store = openStore({ folder: "c", cwd });
  await store.put(result);
  const file = join(cwd, "c", `${key}.json`);
  const bytes = readFileSync(file);
  bytes[1000] ^= 1;
  writeFileSync(file, bytes);
  expect(await store.read(key)).toBe(null);
  expect(store.notices.length).toBe(1);
  expect(store.notices[0]).toMatch(/^c\/[0-9a-f]{64}\.json.*It is kept as c\/[0-9a-f]{64}\.damaged-/);
  expect(await store.put(result)).toEqual({ kind: "first" });
  expect(filesIn("c")).toEqual([expect.stringContaining("damaged"), `${key}.json`]);
  // found by whoever publishes, too
  writeFileSync(file, "");
  expect(await store.put(result)).toEqual({ kind: "first" });
  expect(await store.read(key)).toEqual(result);
});

test("where two set a damaged result aside at once, the good one that took its place is put back", async () => {
  const store = openStore({ folder: "d", cwd });
  await store.put(result);
  const file = join(cwd, "d", `${key}.json`);
  const good = readFileSync(file);
  writeFileSync(file, "damaged");
  // between the look and the move another has repaired it
  const disk: Disk = {
    ...fs,
    renameSync: (from, to) => {
      if (String(from) === file) writeFileSync(file, good);
      fs.renameSync(from, to);
    },
  };
  const late = openStore({ folder: "d", cwd, disk });
  expect(await late.read(key)).toBe(null);
  expect(late.notices).toEqual([]);
  expect(await store.read(key)).toEqual(result);
});

test("what killed processes left unpublished is removed once it is a day old, and nothing else ever", () => {
  openStore({ folder: "f", cwd });
  const day = 24 * 3600 * 1000;
  const names = [
    `.${key}.json-0123456789abcdef.tmp`,
    ".young.json-0.tmp",
    `${key}.json`,
    "notes.tmp",
    ".hidden",
  ];
  for (const name of names) {
    writeFileSync(join(cwd, "f", name), "");
    const age = name.startsWith(".young") ? 0.9 * day : 40 * day;
    fs.utimesSync(join(cwd, "f", name), new Date(100 * day - age), new Date(100 * day - age));
  }
  removeLitter({ folder: "f", cwd }, 100 * day);
  expect(readdirSync(join(cwd, "f")).sort()).toEqual([...names.slice(1), "store.json", "work"].sort());
  // one that is not there, or may not be listed, is no matter
  removeLitter({ folder: "none", cwd }, 100 * day);
});

test("what the disk refuses is one sentence with the file", async () => {
  const full: Disk = {
    ...fs,
    writeSync: (() => {
      throw Object.assign(new Error("full"), { code: "ENOSPC" });
    }) as unknown as Disk["writeSync"],
  };
  openStore({ folder: "e", cwd });
  await expect(openStore({ folder: "e", cwd, disk: full }).put(result)).rejects.toThrow(
    /^e\/[0-9a-f]{64}\.json: cannot be written; got the disk is full \(ENOSPC\), \d+ bytes free\./,
  );
  expect(filesIn("e")).toEqual([]);
  writeFileSync(join(cwd, "file"), "x");
  expect(() => openStore({ folder: "file", cwd })).toThrow(/^file: cannot be used as a store of results/);
});
