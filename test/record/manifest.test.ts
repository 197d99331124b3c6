import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import { commandText } from "../../src/record/commandWords.ts";
import {
  checkFile,
  fileEntry,
  goingOn,
  isRunPath,
  type ManifestParts,
  manifestBytes,
  parseManifest,
  readManifest,
} from "../../src/record/manifest.ts";

const data = new TextEncoder().encode("rows");
const hash = createHash("sha256").update(data).digest("hex");
const parts: ManifestParts = {
  study: "persistence",
  status: "complete",
  command: ["study", "persistence", "--lr", "0.001"],
  config: { seeds: [0, 1], lr: 1e-3, presets: ["causal"], init: { scheme: "pytorch", embeddingScale: 1 } },
  versions: { palimpsest: "0.1.0", node: "20.20.2" },
  engine: hash,
  files: [
    { path: "report.html", bytes: 4, sha256: hash },
    { path: "measurements/a.parquet", bytes: 4, sha256: hash },
  ],
};
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const good = JSON.parse(new TextDecoder().decode(manifestBytes(parts)));

test("a manifest is read back as it was written, with its files sorted", () => {
  const manifest = readManifest(manifestBytes(parts), "m");
  expect(manifest).toEqual({
    format: "palimpsest run",
    formatVersion: 2,
    ...parts,
    files: [...parts.files].reverse(),
    sha256: good.sha256,
  });
});

test("a manifest's hash is that of its text without the line of the hash", () => {
  const written = new TextDecoder().decode(manifestBytes(parts));
  const rest = written.replace(/ {2}"sha256": "[0-9a-f]{64}",\n(?= {2}"status")/, "");
  expect(rest.length).toBe(written.length - 80);
  expect(good.sha256).toBe(createHash("sha256").update(rest).digest("hex"));
});

test("every changed bit, every byte left out and every byte put in is found", () => {
  const bytes = manifestBytes(parts);
  const found = (changed: Uint8Array) => {
    expect(() => readManifest(changed, "m")).toThrow(FileError);
  };
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] ^= 1 << (bit & 7);
    found(flipped);
  }
  for (let at = 0; at <= bytes.length; at++) {
    if (at < bytes.length) found(Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + 1)));
    for (const put of [0x20, 0x0a])
      found(Uint8Array.of(...bytes.subarray(0, at), put, ...bytes.subarray(at)));
  }
});

test("a manifest of format 1 is read: it has no command and no hash, and is never of a run in progress", () => {
  const { command: _, sha256: __, ...fields } = good;
  const old = { ...fields, formatVersion: 1 };
  expect(readManifest(text(old), "m")).toEqual({ ...old, command: null, sha256: null });
  expect(() => readManifest(text({ ...old, status: "running" }), "m")).toThrow(
    'm: status: must be one of complete, interrupted, failed; got "running".',
  );
  expect(() => readManifest(text({ ...old, command: null }), "m")).toThrow('got the field "command".');
});

test("a run without a command says so, and one that did not end how to go on", () => {
  const { command, ...rest } = parts;
  const without = readManifest(manifestBytes({ ...rest, status: "running" }), "m");
  expect(without.command).toBeNull();
  expect(goingOn(without, "runs/a")).toBeUndefined();
  expect(goingOn({ status: "complete", command: command ?? null }, "runs/a")).toBeUndefined();
  expect(goingOn({ status: "running", command: command ?? null }, "runs/a")).toBe(
    '"palimpsest resume runs/a" goes on with it.',
  );
});

test("the line of a command is one that a shell takes apart into the same words", () => {
  const words = [
    "train",
    "--text",
    "my book.txt",
    "--prompt",
    "it's\n$HOME `x` \\",
    "--lr",
    "0.001",
    "step{}",
  ];
  const line = commandText(words);
  expect(line).toMatch(/^npx palimpsest train --text 'my book.txt' --prompt '/);
  const script = `npx() { for word in "$@"; do printf '%s\\0' "$word"; done; }; ${line}`;
  const said = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0");
  expect(said).toEqual(["palimpsest", ...words, ""]);
});

test("equal runs have equal manifests, whatever the order in which their parts were put together", () => {
  const { config, files, ...rest } = parts;
  const shuffled = {
    files: [...files].reverse(),
    ...rest,
    config: Object.fromEntries(Object.entries(config).reverse()),
  };
  expect(manifestBytes(shuffled)).toEqual(manifestBytes(parts));
});

test("numbers that are not finite survive in a config", () => {
  const config = { clip: Number.POSITIVE_INFINITY };
  expect(readManifest(manifestBytes({ ...parts, config }), "m").config).toEqual(config);
});

test.each([
  [{ ...good, study: undefined }, "m: study: must be a text; got nothing."],
  [{ ...good, study: "" }, 'm: study: must not be empty; got "".'],
  [{ ...good, command: [] }, "m: command: must not be empty; got []."],
  [{ ...good, command: "study" }, 'm: command: must be a list of words, or null; got "study".'],
  [{ ...good, command: [1] }, "m: command[0]: must be a text; got 1."],
  [{ ...good, sha256: "abc" }, 'm: sha256: must be 64 lowercase hexadecimal digits of SHA-256; got "abc".'],
  [{ ...good, study: "other" }, "m: sha256: must be the SHA-256 of all other fields, "],
  [
    { ...good, status: "done" },
    'm: status: must be one of running, complete, interrupted, failed; got "done".',
  ],
  [{ ...good, formatVersion: "1" }, 'm: formatVersion: must be a whole number; got "1".'],
  [{ ...good, format: "zip" }, 'm: format: must be "palimpsest run"; got "zip".'],
  [
    { ...good, versions: { node: "20" } },
    'm: versions: must name the version of palimpsest; got {"node":"20"}.',
  ],
  [{ ...good, engine: "abc" }, 'm: engine: must be 64 lowercase hexadecimal digits of SHA-256; got "abc".'],
  [{ ...good, files: {} }, "m: files: must be a list; got {}."],
  [{ ...good, files: [{ ...good.files[0], bytes: -1 }] }, "m: files[0].bytes: must be at least 0; got -1."],
  [
    { ...good, files: [{ ...good.files[0], path: "../x" }] },
    'm: files[0].path: must be a relative path of letters, digits, dots, dashes and slashes; got "../x".',
  ],
  [
    { ...good, files: [good.files[0], { ...good.files[0], path: "MEASUREMENTS/a.parquet" }] },
    'm: files[1].path: must not be listed twice; got "MEASUREMENTS/a.parquet".',
  ],
  [
    { ...good, colour: 1 },
    'm: the manifest: must be an object with the fields of a manifest only; got the field "colour".',
  ],
  [[], "m: the manifest: must be an object with the fields of a manifest only; got []."],
  [null, "m: the manifest: must be an object with the fields of a manifest only; got null."],
  [
    { ...good, formatVersion: 3, future: {} },
    "m: this palimpsest reads run format 2 and older; got format 3. Open it with the version that wrote it, or a newer one.",
  ],
])("manifest %# is refused naming the field", (value, sentence) => {
  expect(() => readManifest(text(value), "m")).toThrow(FileError);
  expect(() => readManifest(text(value), "m")).toThrow(sentence);
});

test.each([
  ["empty", new Uint8Array(0), /an empty file/],
  ["NUL-filled", new Uint8Array(64), /byte 0: expected a JSON value/],
  ["cut short", manifestBytes(parts).slice(0, 100), /byte \d+/],
  ["with a byte order mark", Buffer.concat([Buffer.from("\ufeff"), manifestBytes(parts)]), /byte 0/],
  ["in UTF-16", new Uint8Array(Buffer.from(JSON.stringify(good), "utf16le")), /byte \d+/],
  ["in Latin-1", Uint8Array.of(0x22, 0xe9, 0x22), /UTF-8/],
  ["with a key twice", new TextEncoder().encode('{"format":"a","format":"b"}'), /the same key twice/],
])("a manifest %s is refused as a FileError", (_, bytes, reason) => {
  expect(() => readManifest(bytes, "m")).toThrow(FileError);
  expect(() => readManifest(bytes, "m")).toThrow(reason);
});

test("a manifest whose line ends were changed to CRLF is found to be changed at the first", () => {
  const crlf = new TextDecoder().decode(manifestBytes(parts)).replaceAll("\n", "\r\n");
  const changed = new TextEncoder().encode(crlf);
  expect(() => readManifest(changed, "m")).toThrow(
    "m, byte 1: must have the canonical text of its fields; it was changed since it was written.",
  );
  expect(parseManifest(changed, "m").study).toBe("persistence");
});

test("a manifest that could not be read back is not written", () => {
  expect(() => manifestBytes({ ...parts, files: [{ path: "/etc/passwd", bytes: 1, sha256: hash }] })).toThrow(
    "manifest: files[0].path: must be a relative path",
  );
});

test.each([
  "../a",
  "/a",
  "a/../b",
  "a\\b",
  "C:a",
  "a//b",
  "a/",
  "",
  ".",
  "a\u0000",
  "CON",
  "x/nul.txt",
  "a. /b",
  "a./b",
  "é",
  "a".repeat(201),
])("%j is no path of a run", (path) => {
  expect(isRunPath(path)).toBe(false);
});

test("a file is checked by length and by every bit", () => {
  const entry = fileEntry("a.bin", data);
  expect(entry).toEqual({ path: "a.bin", bytes: 4, sha256: hash });
  expect(() => checkFile(entry, data, "runs/x")).not.toThrow();
  expect(() => checkFile(entry, data.slice(1), "runs/x")).toThrow(
    "runs/x/a.bin: the manifest says 4 bytes; got 3.",
  );
  for (let bit = 0; bit < 32; bit++) {
    const flipped = data.slice();
    flipped[bit >> 3] ^= 1 << (bit & 7);
    expect(() => checkFile(entry, flipped, "runs/x")).toThrow(FileError);
  }
});
