/** Files that are given their names once they are whole: first ones, and ones that others look at meanwhile. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Disk } from "../../src/cli/disk/disk.ts";
import { publish } from "../../src/cli/disk/publish.ts";
import { renameFile } from "../../src/cli/disk/renameFile.ts";
import { OwnedError, takeLock } from "../../src/cli/journal/lock.ts";
import { publishFirst } from "../../src/cli/journal/publishFirst.ts";

let cwd = "";
let file = "";
beforeEach(() => {
  cwd = fs.mkdtempSync(join(tmpdir(), "palimpsest-"));
  file = join(cwd, "store/a.json");
});
afterEach(() => fs.rmSync(cwd, { recursive: true }));

const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes);
const failure = (code: string) => Object.assign(new Error(code), { code });
const stored = () => fs.readdirSync(join(cwd, "store")).sort();

/** A disk on which links fail. */
const linkless = (code: string): Disk => ({
  ...fs,
  linkSync: () => {
    throw failure(code);
  },
});

test("of two that publish the same name first, the second finds the first's file as it was", () => {
  expect(publishFirst(fs, file, bytesOf(1))).toBe("first");
  expect(publishFirst(fs, file, bytesOf(2))).toBe("there");
  expect(fs.readFileSync(file)).toEqual(Buffer.from([1]));
  expect(stored()).toEqual(["a.json"]);
  expect(fs.statSync(file).nlink).toBe(1);
  publish(fs, file, bytesOf(3));
  expect(fs.readFileSync(file)).toEqual(Buffer.from([3]));
});

test.each(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"])(
  "the first wins on a file system without hard links (%s) too, and nothing else is left",
  (code) => {
    const disk = linkless(code);
    expect(publishFirst(disk, file, bytesOf(1))).toBe("first");
    expect(publishFirst(disk, file, bytesOf(2))).toBe("there");
    expect(publishFirst(fs, file, bytesOf(3))).toBe("there");
    expect([stored(), [...fs.readFileSync(file)]]).toEqual([["a.json"], [1]]);
  },
);

test("a link that is refused for another reason is an error, and nothing is left", () => {
  expect(() => publishFirst(linkless("ENOSPC"), file, bytesOf(1))).toThrow("ENOSPC");
  expect(stored()).toEqual([]);
});

test("without links, whoever is naming a file is waited for, and not for ever", () => {
  fs.mkdirSync(join(cwd, "store"));
  const path = join(cwd, "store/.publish.lock");
  const lock = takeLock({ disk: fs, path, shown: "store", date: () => new Date(0) });
  let waited = 0;
  const outcome = publishFirst(linkless("EPERM"), file, bytesOf(1), () => {
    if (++waited === 1)
      fs.writeFileSync(file, "other"); // the other names its file …
    else lock.release(); // … and only then gives up the lock
  });
  expect([outcome, waited, fs.readFileSync(file, "utf8"), stored()]).toEqual([
    ...["there", 2, "other"],
    ["a.json"],
  ]);
  const again = takeLock({ disk: fs, path, shown: "store", date: () => new Date(0) });
  const patient = () => publishFirst(linkless("EPERM"), join(cwd, "store/b.json"), bytesOf(1), () => {});
  expect(patient).toThrow(OwnedError);
  again.release();
  expect(stored()).toEqual(["a.json"]);
});

/** A disk whose renaming fails so many times, and the waits of whoever tries again. */
function scanned(times: number, code: string, platform: NodeJS.Platform = "win32") {
  const waits: number[] = [];
  let left = times;
  const disk: Disk = {
    ...fs,
    renameSync: (from, to) => {
      if (left-- > 0) throw failure(code);
      fs.renameSync(from, to);
    },
  };
  const from = join(cwd, "from");
  const to = join(cwd, "to");
  fs.writeFileSync(from, "new");
  const rename = () =>
    renameFile(disk, from, to, { platform, pause: (milliseconds) => void waits.push(milliseconds) });
  return { rename, waits, to };
}

test.each(["EPERM", "EACCES", "EBUSY"])(
  "on Windows a file that a scanner has open (%s) is renamed when it is closed",
  (code) => {
    const { rename, waits, to } = scanned(3, code);
    rename();
    expect([waits, fs.readFileSync(to, "utf8")]).toEqual([[10, 20, 40], "new"]);
  },
);

test("renaming is given up after two and a half seconds, at once for other errors and on other systems", () => {
  const stuck = scanned(Number.POSITIVE_INFINITY, "EPERM");
  expect(stuck.rename).toThrow("EPERM");
  expect(stuck.waits.reduce((sum, wait) => sum + wait, 0)).toBe(2500);
  for (const [code, platform] of [
    ["ENOSPC", "win32"],
    ["EACCES", "linux"],
  ] as const) {
    const { rename, waits } = scanned(1, code, platform);
    expect(rename).toThrow(code);
    expect(waits).toEqual([]);
  }
});
