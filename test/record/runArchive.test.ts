import { unzipSync, zipSync } from "fflate";
import { expect, test } from "vitest";
import { ArgumentError, FileError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { memorySource } from "../../src/record/byteSource.ts";
import { openRunArchive, writeRunArchive } from "../../src/record/runArchive.ts";
import type { ZipLimits } from "../../src/record/zipDirectory.ts";

const text = (content: string) => new TextEncoder().encode(content);
const stream = randomStream("run archive");
const noise = Uint8Array.from({ length: 5000 }, () => stream.integer(256));

const files: [path: string, bytes: Uint8Array][] = [
  ["manifest.json", text('{"format":"palimpsest run"}\n')],
  ["checkpoints/original-step-000000.safetensors", noise],
  ["measurements/empty.parquet", new Uint8Array(0)],
  ["report.html", text("<!doctype html>".repeat(200))],
];

function joined(pieces: Iterable<Uint8Array>): Uint8Array {
  return Uint8Array.from([...pieces].flatMap((piece) => [...piece]));
}

const open = (bytes: Uint8Array, limits?: Partial<ZipLimits>) =>
  openRunArchive(memorySource("run.zip", bytes), limits);

/** Everything that an archive holds, or the sentence it is refused with; nothing else may be thrown. */
async function contentsOf(bytes: Uint8Array, limits?: Partial<ZipLimits>) {
  try {
    const archive = await open(bytes, limits);
    const contents: [string, Uint8Array][] = [];
    for (const path of archive.paths) contents.push([path, await archive.bytes(path)]);
    return new Map(contents);
  } catch (error) {
    if (error instanceof FileError) return error.message;
    throw error;
  }
}

/** Where a record of a kind begins, by its number. */
function recordAt(bytes: Uint8Array, letters: string, number = 0): number {
  let at = -1;
  for (let i = 0; i <= number; i++) {
    at = bytes.findIndex((_, from) => from > at && letters === latin(bytes.subarray(from, from + 4)));
    if (at < 0) throw new Error(`no record ${number} of ${letters}`);
  }
  return at;
}
const latin = (bytes: Uint8Array) => String.fromCharCode(...bytes);
const [localFile, directoryFile, directoryEnd] = ["PK\u0003\u0004", "PK\u0001\u0002", "PK\u0005\u0006"];

type Change = (view: DataView, bytes: Uint8Array) => void;

/** An archive with something written over it. */
function changed(bytes: Uint8Array, change: Change): Uint8Array {
  const copy = bytes.slice();
  change(new DataView(copy.buffer), copy);
  return copy;
}

const inRecord =
  (letters: string, offset: number, value: number, width: 2 | 4 = 4, number = 0): Change =>
  (view, bytes) => {
    const at = recordAt(bytes, letters, number) + offset;
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
  };

test("what is written, another program unpacks: same names, same bytes; and the same files give the same archive", () => {
  const bytes = joined(writeRunArchive(files));
  expect(unzipSync(bytes)).toEqual(Object.fromEntries(files));
  expect(joined(writeRunArchive(files))).toEqual(bytes);
  const inFolder = unzipSync(joined(writeRunArchive(files, { folder: "persistence-1" })));
  expect(Object.keys(inFolder)).toEqual(files.map(([path]) => `persistence-1/${path}`));
});

test("files are asked for one at a time, when their bytes are due", () => {
  let made = 0;
  function* counted() {
    for (const file of files) {
      made++;
      yield file;
    }
  }
  const pieces = writeRunArchive(counted());
  pieces.next();
  pieces.next();
  expect(made).toBe(1);
});

test("what is written is read again, in a folder or without one", async () => {
  for (const options of [{}, { folder: "small" }]) {
    const archive = await open(joined(writeRunArchive(files, options)));
    expect(archive.paths).toEqual(files.map(([path]) => path).sort());
    for (const [path, bytes] of files) expect(await archive.bytes(path)).toEqual(bytes);
  }
});

test("what another program deflated is read, with its folders, its comments and what macOS adds", async () => {
  const entries = Object.fromEntries(
    files.map(([path, bytes]) => [`my run/${path}`, [bytes, { level: 6, comment: "made by hand" }] as const]),
  );
  const packed = zipSync({
    "my run/": new Uint8Array(0),
    ...(entries as unknown as Parameters<typeof zipSync>[0]),
    "my run/.DS_Store": text("x"),
    "__MACOSX/my run/._report.html": text("x"),
  });
  const commented = changed(Uint8Array.from([...packed, 33, 33]), inRecord(directoryEnd, 20, 2, 2));
  expect(commented.length).toBeLessThan(joined(writeRunArchive(files)).length); // the report was deflated
  expect(await contentsOf(commented)).toEqual(new Map(files.toSorted(([a], [b]) => (a < b ? -1 : 1))));
});

test("backslashes of old programs are slashes", async () => {
  expect(await contentsOf(zipSync({ "run\\manifest.json": text("{}"), "run\\a\\b.bin": noise }))).toEqual(
    new Map([
      ["a/b.bin", noise],
      ["manifest.json", text("{}")],
    ]),
  );
});

const stored = joined(writeRunArchive(files));
const deflated = zipSync({ "manifest.json": text("a".repeat(3000)), b: text("b") }, { level: 9 });
const zeros = zipSync({ bomb: new Uint8Array(1_000_000) }, { level: 9 });

test.each<[what: string, bytes: Uint8Array, sentence: RegExp, limits?: Partial<ZipLimits>]>([
  [
    "a path out of the run",
    zipSync({ "a/../../x": noise }),
    /^run\.zip: no path may lead out of the run; got/,
  ],
  [
    "the same with backslashes",
    zipSync({ "..\\x": noise }),
    /no path may lead out of the run; got "\.\.\\\\x"/,
  ],
  ["an absolute path", zipSync({ "/etc/passwd": noise }), /^run\.zip: paths must be relative; got "\/etc/],
  ["a drive", zipSync({ "C:\\x": noise }), /paths must be relative; got "C:/],
  ["a device of Windows", zipSync({ "a/nul.txt": noise }), /paths must be of letters, digits/],
  ["a hidden name", zipSync({ "a/.x": noise, b: noise }), /paths must be of letters, digits/],
  ["a name with a zero", zipSync({ "a\u0000b": noise }), /paths must be of letters, digits/],
  ["two names by case", zipSync({ "A.bin": noise, "a.bin": noise }), /once, in whatever case; got "a\.bin"/],
  ["two names by folder", zipSync({ "./a": noise, a: noise }), /once, in whatever case/],
  ["too many files", stored, /^run\.zip: may hold 3 files; got 4\.$/, { files: 3 }],
  ["too long a file", stored, /original-step.*: may be 4999 bytes long; got 5000\.$/, { fileBytes: 4999 }],
  ["too much in all", stored, /its files may be 6000 bytes long together/, { totalBytes: 6000 }],
  ["a bomb by its size", zeros, /"bomb": may be 65536 bytes long; got 1000000\.$/, { fileBytes: 2 ** 16 }],
  [
    "a bomb that says it is small",
    changed(zeros, inRecord(directoryFile, 24, 1000)),
    /^run\.zip\/bomb: must be 1000 bytes, deflated; got more\.$/,
  ],
  [
    "a size that no deflation reaches",
    changed(deflated, inRecord(directoryFile, 24, 2 ** 30)),
    /"manifest\.json": \d+ bytes cannot become as many; got 1073741824\.$/,
  ],
  [
    "a file that is shorter than it says",
    changed(deflated, inRecord(directoryFile, 24, 3001)),
    /manifest\.json: must be 3001 bytes, deflated; got 3000\.$/,
  ],
  [
    "a stored file of two sizes",
    changed(stored, inRecord(directoryFile, 24, 5)),
    /"manifest\.json": 28 bytes cannot become as many; got 5\.$/,
  ],
  [
    "files on top of one another",
    changed(stored, inRecord(directoryFile, 42, 10, 4, 1)),
    /"manifest\.json": must lie before the next file and the directory/,
  ],
  [
    "a file in the directory",
    changed(stored, inRecord(directoryFile, 42, 2 ** 31)),
    /must lie before the next file and the directory; got 28 bytes from 2147483648 on/,
  ],
  [
    "an encrypted file",
    changed(stored, inRecord(directoryFile, 8, 1, 2)),
    /"manifest\.json": must be neither encrypted nor in parts\.$/,
  ],
  [
    "another method",
    changed(stored, inRecord(directoryFile, 10, 14, 2)),
    /stored or deflated; got method 14/,
  ],
  ["another check sum", changed(stored, inRecord(directoryFile, 16, 7)), /says CRC-32 00000007; got/],
  [
    "a header of another name",
    changed(stored, inRecord(localFile, 30, 0x6e616d78)),
    /manifest\.json, byte 0 of the archive: the file's own header must say what the directory says/,
  ],
  [
    "a header that reaches into the next file",
    changed(stored, inRecord(localFile, 28, 60, 2)),
    /the file's own header must say/,
  ],
  ["Zip64", changed(stored, inRecord(directoryEnd, 10, 0xffff, 2)), /more than 4 GiB or 65534 files/],
  ["a part of an archive", changed(stored, inRecord(directoryEnd, 4, 1, 2)), /one of several parts/],
  [
    "more files than are described",
    changed(stored, (view, bytes) => {
      inRecord(directoryEnd, 8, 5, 2)(view, bytes);
      inRecord(directoryEnd, 10, 5, 2)(view, bytes);
    }),
    /^run\.zip, directory, file 4: 5 files must be described\.$/,
  ],
  [
    "fewer",
    changed(stored, (view, bytes) => {
      inRecord(directoryEnd, 8, 3, 2)(view, bytes);
      inRecord(directoryEnd, 10, 3, 2)(view, bytes);
    }),
    /^run\.zip, directory: must hold 3 files and nothing else; got \d+ bytes more\.$/,
  ],
  [
    "something before it",
    Uint8Array.from([...noise, ...stored]),
    /directory must end where its end is written/,
  ],
  [
    "half of it",
    stored.subarray(0, 3000),
    /which ends with a directory of its files; got one that is cut short/,
  ],
  ["a page", text("<!doctype html><title>404</title>"), /must be a ZIP archive.*; got an HTML page\.$/],
  ["nothing", new Uint8Array(0), /must be a ZIP archive.*; got 0 other bytes\.$/],
])("an archive is refused in one sentence: %s", async (_, bytes, sentence, limits) => {
  expect(await contentsOf(bytes, limits)).toMatch(sentence);
});

test("whatever bit of an archive is turned, the contents are the same or a sentence says that they are not", async () => {
  const small: typeof files = [
    ["manifest.json", text("{}")],
    ["a/b.bin", noise.subarray(0, 20)],
  ];
  for (const bytes of [joined(writeRunArchive(small)), zipSync(Object.fromEntries(small), { mtime: 1e12 })]) {
    const whole = await contentsOf(bytes);
    let refused = 0;
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const found = await contentsOf(
        changed(bytes, (_, copy) => {
          copy[bit >> 3] ^= 1 << (bit & 7);
        }),
      );
      if (typeof found === "string") refused++;
      else expect(found, `bit ${bit}`).toEqual(whole);
    }
    expect(refused).toBeGreaterThan(4 * bytes.length);
  }
});

test("a file that is longer than is wanted, or not there, is refused by its own name", async () => {
  const archive = await open(stored);
  await expect(archive.bytes("report.html", 100)).rejects.toThrow(
    "run.zip/report.html: may be 100 bytes long; got 3000.",
  );
  await expect(archive.bytes("nothing")).rejects.toThrow("run.zip/nothing: is not in the archive.");
});

test("nothing is written under a path that no run has, or under one twice", () => {
  for (const path of ["../x", "/x", "a//b", "x.", ""])
    expect(() => joined(writeRunArchive([[path, noise]])), path).toThrow(ArgumentError);
  expect(() =>
    joined(
      writeRunArchive([
        ["a", noise],
        ["A", noise],
      ]),
    ),
  ).toThrow(/"A": is written once/);
  expect(() => joined(writeRunArchive(files, { folder: ".." }))).toThrow(ArgumentError);
});
