import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import { readInput } from "../../src/cli/readInput.ts";

let cwd = "";
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "palimpsest-"));
  mkdirSync(join(cwd, "folder"));
  writeFileSync(join(cwd, "good"), "abc");
  writeFileSync(join(cwd, "empty"), "");
  symlinkSync("loop", join(cwd, "loop"));
  symlinkSync("good", join(cwd, "link"));
});
afterAll(() => rmSync(cwd, { recursive: true }));

test("a file is read, directly and through a link", () => {
  for (const path of ["good", "./link", join(cwd, "good")])
    expect(new TextDecoder().decode(readInput(path, { cwd }))).toBe("abc");
});

test.each([
  ["missing", "missing: cannot be read; got no such file or folder (ENOENT)."],
  ["folder", "folder: must be a file; got a folder."],
  ["good/x", "good/x: cannot be read; got a file stands where a folder is needed (ENOTDIR)."],
  ["loop", "loop: cannot be read; got its links lead in a circle (ELOOP)."],
  ["empty", "empty: must not be empty; got 0 bytes."],
  ["/dev/null", "/dev/null: must be a file; got a pipe or device."],
])("%s is refused in one sentence", (path, sentence) => {
  expect(() => readInput(path, { cwd })).toThrow(FileError);
  expect(() => readInput(path, { cwd })).toThrow(sentence);
});

test("a file beyond the limit is refused before it is read", () => {
  expect(() => readInput("good", { cwd, byteLimit: 2 })).toThrow("good: may be 2 bytes long; got 3.");
});
