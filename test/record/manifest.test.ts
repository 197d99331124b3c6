import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import {
  checkFile,
  fileEntry,
  isRunPath,
  type ManifestParts,
  manifestBytes,
  readManifest,
} from "../../src/record/manifest.ts";

const data = new TextEncoder().encode("rows");
const hash = createHash("sha256").update(data).digest("hex");
const parts: ManifestParts = {
  study: "persistence",
  status: "complete",
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
    formatVersion: 1,
    ...parts,
    files: [...parts.files].reverse(),
  });
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
  [{ ...good, status: "done" }, 'm: status: must be one of complete, interrupted, failed; got "done".'],
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
    { ...good, formatVersion: 2, future: {} },
    "m: this palimpsest reads run format 1 and older; got format 2. Open it with the version that wrote it, or a newer one.",
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

test("a manifest whose line ends were changed to CRLF still reads", () => {
  const crlf = new TextDecoder().decode(manifestBytes(parts)).replaceAll("\n", "\r\n");
  expect(readManifest(new TextEncoder().encode(crlf), "m").study).toBe("persistence");
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
