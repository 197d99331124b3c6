/**
 * A run folder as one ZIP file, to be downloaded from a page and dropped onto it.
 *
 * What is written is stored and not deflated (weights hardly get smaller), and the same files give the same bytes: there
 * is no time in it. What is read may come from anywhere, packed by any program: before anything is unpacked, the names,
 * sizes and places of all files are checked, and no file becomes longer than was announced.
 *
 * @source APPNOTE.TXT 6.3.10 (PKWARE), without Zip64, encryption and archives in parts
 */
import { Inflate } from "fflate";
import { ArgumentError, FileError } from "../base/errors.ts";
import { type ByteSource, readExactly } from "./byteSource.ts";
import { crc32 } from "./crc32.ts";
import { isRunPath } from "./manifest.ts";
import { readZipDirectory, type ZipFile, type ZipLimits, zipMethods, zipRecords } from "./zipDirectory.ts";

/** The files of an archive; each is unpacked and checked when it is asked for. */
export interface RunArchive {
  /** The archive's, for messages. */
  readonly name: string;
  /** Paths relative to the run, sorted. */
  readonly paths: readonly string[];
  /**
   * The bytes of a file.
   *
   * @param byteLimit  largest size that is wanted; the archive's limit unless given
   * @throws FileError  if there is no such file, it is larger, its bytes are damaged or end early
   */
  bytes(path: string, byteLimit?: number): Promise<Uint8Array>;
}

/** Sizes of an archive that its format can hold without Zip64. */
const [mostFiles, mostBytes] = [0xfffe, 0xfffffffe];

/** Limits of {@link openRunArchive} unless others are given: many times the largest run of the default settings. */
export const archiveLimits: ZipLimits = { files: 20_000, fileBytes: 2 ** 30, totalBytes: 2 ** 32 };

/** 1 January 1980, the first day of the format, as it writes dates. */
const noDate = 0x0021;

/**
 * The bytes of an archive in pieces, one after the other, as a Blob takes them; no file is held longer than a piece.
 *
 * @param files   paths with slashes and bytes; manifest and log too, if they are to be in it
 * @param folder  the folder that unpacking makes; without it the files lie at the top
 * @throws ArgumentError  for a path that may not stand in a run, one that is given twice, or more than the format holds
 */
export function* writeRunArchive(
  files: Iterable<readonly [path: string, bytes: Uint8Array]>,
  { folder }: { folder?: string } = {},
): Generator<Uint8Array, void> {
  const { localFile, directoryFile, directoryEnd } = zipRecords;
  const seen = new Set<string>();
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [path, bytes] of files) {
    const where = `archive, file ${JSON.stringify(path)}`;
    const name = folder === undefined ? path : `${folder}/${path}`;
    if (!isRunPath(name)) throw new ArgumentError({ where, rule: "must be a relative path of a run" });
    if (seen.has(name.toLowerCase())) throw new ArgumentError({ where, rule: "is written once" });
    seen.add(name.toLowerCase());
    const text = new TextEncoder().encode(name);
    const start = at;
    const header = record(localFile, text);
    describe(header, 4, { crc: crc32(bytes), size: bytes.length, nameBytes: text.length });
    at += header.byteLength + bytes.length;
    if (at > mostBytes || seen.size > mostFiles)
      throw new ArgumentError({
        where,
        rule: `an archive may hold ${mostBytes} bytes and ${mostFiles} files`,
        got: `${at} bytes, ${seen.size} files`,
      });
    yield bytesOf(header);
    yield bytes;
    const entry = record(directoryFile, text);
    entry.setUint16(4, (3 << 8) | 20, true); // made on Unix, so that the rights below are read
    // what the local header says stands two bytes further on
    bytesOf(entry).set(bytesOf(header).subarray(4, localFile.bytes - 2), 6);
    entry.setUint32(38, 0o100644 * 2 ** 16, true); // a file that its owner writes and all read
    entry.setUint32(42, start, true);
    directory.push(bytesOf(entry));
  }
  const length = directory.reduce((sum, entry) => sum + entry.length, 0);
  if (at + length > mostBytes)
    throw new ArgumentError({
      where: "archive",
      rule: `may be ${mostBytes} bytes long`,
      got: String(at + length),
    });
  yield* directory;
  const end = record(directoryEnd, new Uint8Array(0));
  end.setUint16(8, directory.length, true);
  end.setUint16(10, directory.length, true);
  end.setUint32(12, length, true);
  end.setUint32(16, at, true);
  yield bytesOf(end);
}

const bytesOf = (view: DataView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** A record with its signature and its text, all else 0. */
function record({ signature, bytes }: { signature: number; bytes: number }, text: Uint8Array): DataView {
  const out = new Uint8Array(bytes + text.length);
  out.set(text, bytes);
  const view = new DataView(out.buffer);
  view.setUint32(0, signature, true);
  return view;
}

/** Writes what local header and directory both say of a stored file. */
function describe(
  view: DataView,
  at: number,
  { crc, size, nameBytes }: { crc: number; size: number; nameBytes: number },
): void {
  view.setUint16(at, 20, true); // version that can unpack it: 2.0, which knows folders
  view.setUint16(at + 8, noDate, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, nameBytes, true);
}

/**
 * Opens an archive of a run. If all its files lie in one folder, as when a folder was packed, paths are relative to that;
 * what macOS adds of its own is left out.
 *
 * @throws FileError  for what {@link readZipDirectory} refuses; a path that is absolute, leads out of the run or may not
 *                    stand in one; two paths that are one where case does not count
 */
export async function openRunArchive(
  source: ByteSource,
  limits: Partial<ZipLimits> = {},
): Promise<RunArchive> {
  const { name } = source;
  const listed = await readZipDirectory(source, { ...archiveLimits, ...limits });
  const files = runFilesOf(listed, name);
  const { fileBytes } = { ...archiveLimits, ...limits };
  return {
    name,
    paths: [...files.keys()].sort(),
    bytes: async (path, byteLimit = fileBytes) => {
      const where = `${name}/${path}`;
      const file = files.get(path);
      if (file === undefined) throw new FileError({ where, rule: "is not in the archive" });
      if (file.unpacked > byteLimit)
        throw new FileError({ where, rule: `may be ${byteLimit} bytes long`, got: String(file.unpacked) });
      const bytes = await unpackedBytes(source, file, where);
      const found = crc32(bytes);
      if (found === file.crc32) return bytes;
      throw new FileError({
        where,
        rule: `the archive says CRC-32 ${hexadecimal(file.crc32)}`,
        got: hexadecimal(found),
      });
    },
  };
}

const hexadecimal = (sum: number) => sum.toString(16).padStart(8, "0");

/** What is in an archive and none of the run's: folders, and what macOS adds. */
const isExtra = (path: string) => path.endsWith("/") || /(^|\/)(__MACOSX\/|\.DS_Store$|\._[^/]*$)/.test(path);

/** The files by their paths in the run. */
function runFilesOf(listed: readonly ZipFile[], archive: string): Map<string, ZipFile> {
  const refuse = ({ name }: ZipFile, rule: string): never => {
    throw new FileError({ where: archive, rule, got: JSON.stringify(name.slice(0, 200)) });
  };
  const placed = listed.map((file): [path: string, file: ZipFile] => {
    // old Windows programs write backslashes
    const path = file.name.replaceAll("\\", "/").replace(/^(\.\/)+/, "");
    if (/^\/|^[A-Za-z]:/.test(path)) refuse(file, "paths must be relative");
    if (path.split("/").includes("..")) refuse(file, "no path may lead out of the run");
    return [path, file];
  });
  const kept = placed.filter(([path]) => !isExtra(path));
  const folder = commonFolder(kept.map(([path]) => path));
  const files = new Map<string, ZipFile>();
  const seen = new Set<string>();
  for (const [path, file] of kept) {
    const inside = path.slice(folder.length);
    if (!isRunPath(inside))
      refuse(file, "paths must be of letters, digits, dots, dashes and slashes, as those of a run are");
    if (seen.has(inside.toLowerCase())) refuse(file, "a path must be there once, in whatever case");
    seen.add(inside.toLowerCase());
    files.set(inside, file);
  }
  return files;
}

/** The folder that all paths lie in, with its slash; that of the run's manifest where it lies in a folder of its own. */
function commonFolder(paths: readonly string[]): string {
  const isManifest = (path: string) => /(^|\/)manifest\.json$/.test(path);
  const depth = (path: string) => path.split("/").length;
  const manifest = paths.filter(isManifest).sort((a, b) => depth(a) - depth(b))[0];
  const folder = manifest?.slice(0, manifest.lastIndexOf("/") + 1) ?? "";
  return paths.every((path) => path.startsWith(folder)) ? folder : "";
}

/** A file's bytes, as many as its directory says. */
async function unpackedBytes(source: ByteSource, file: ZipFile, where: string): Promise<Uint8Array> {
  const { signature, bytes: headerBytes } = zipRecords.localFile;
  const name = new TextEncoder().encode(file.name);
  const header = await readExactly(source, file.start, file.start + headerBytes + name.length);
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const data = file.start + headerBytes + view.getUint16(26, true) + view.getUint16(28, true);
  const isSame =
    view.getUint32(0, true) === signature &&
    view.getUint16(8, true) === file.method &&
    view.getUint16(26, true) === name.length &&
    name.every((byte, i) => header[headerBytes + i] === byte) &&
    data + file.packed <= file.end;
  if (!isSame)
    throw new FileError({
      where: `${where}, byte ${file.start} of the archive`,
      rule: "the file's own header must say what the directory says",
      wayOut: "The archive is damaged; pack it again.",
    });
  const packed = await readExactly(source, data, data + file.packed);
  return file.method === zipMethods.stored ? packed : inflated(packed, file.unpacked, where);
}

/** Bytes that are inflated at a time: what comes of them, at most a thousand times as much, is in memory at once. */
const inflateAtATime = 2 ** 14;

/** Deflated bytes, inflated to exactly `size`; stops as soon as there are more. */
function inflated(packed: Uint8Array, size: number, where: string): Uint8Array {
  const out = new Uint8Array(size);
  let at = 0;
  const refuse = (got: string): never => {
    throw new FileError({ where, rule: `must be ${size} bytes, deflated`, got });
  };
  const inflate = new Inflate((piece) => {
    if (at + piece.length > size) refuse("more");
    out.set(piece, at);
    at += piece.length;
  });
  try {
    for (let from = 0; from < packed.length; from += inflateAtATime) {
      const to = from + inflateAtATime;
      inflate.push(packed.subarray(from, to), to >= packed.length);
    }
  } catch (error) {
    if (error instanceof FileError) throw error;
    return refuse(error instanceof Error ? error.message : String(error));
  }
  return at === size ? out : refuse(String(at));
}
