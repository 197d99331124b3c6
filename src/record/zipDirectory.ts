/** The directory at the end of a ZIP file: which files it holds, how long they are, and where. Nothing is unpacked. */
import { FileError } from "../base/errors.ts";
import { type ByteSource, readExactly } from "./byteSource.ts";
import { resemblance } from "./resemblance.ts";
import { strictUtf8 } from "./strictJson.ts";

/** Signatures of the records, and the bytes that each takes besides its texts. */
export const zipRecords = {
  localFile: { signature: 0x04034b50, bytes: 30 },
  directoryFile: { signature: 0x02014b50, bytes: 46 },
  directoryEnd: { signature: 0x06054b50, bytes: 22 },
} as const;

/** Numbers of the two ways in which files are kept. */
export const zipMethods = { stored: 0, deflated: 8 } as const;

/** A file of an archive as its directory describes it. */
export interface ZipFile {
  /** As it is written there; ends with a slash for a folder. */
  readonly name: string;
  readonly method: number;
  readonly crc32: number;
  /** Bytes that it takes in the archive, and when it is unpacked. */
  readonly packed: number;
  readonly unpacked: number;
  /** Its local header. */
  readonly start: number;
  /** Where the next file or the directory begins, at the latest. */
  readonly end: number;
}

/** How much of an archive is believed. */
export interface ZipLimits {
  /** Most files, folders counted too. */
  readonly files: number;
  /** Longest file, and all files together, unpacked bytes. */
  readonly fileBytes: number;
  readonly totalBytes: number;
}

/** Longest comment, and longest name: two bytes each. */
const longestText = 0xffff;

/** A deflated byte stands for at most 1032: a match of 258 in two bits. */
const mostInflation = 1032;

/** Bits of the flags that are read differently or not at all: encryption (0, 6, 13), patches (5). */
const refusedFlags = 0b10_0000_0110_0001;

/** Longest name that is read. */
const longestName = 1024;

/**
 * The files of an archive in the order of their places.
 *
 * @throws FileError naming the archive and the file: no ZIP, cut short, in parts, of more than 4 GiB, encrypted, more
 *                   or longer files than the limits allow, or files that lie on top of one another
 */
export async function readZipDirectory(source: ByteSource, limits: ZipLimits): Promise<ZipFile[]> {
  const { name, size } = source;
  const { directoryEnd } = zipRecords;
  const tailStart = Math.max(0, size - directoryEnd.bytes - longestText);
  const tail = await readExactly(source, tailStart, size);
  const found = endOf(tail);
  if (found === undefined) {
    const start = await readExactly(source, 0, Math.min(64, size));
    throw new FileError({
      where: name,
      rule: "must be a ZIP archive, which ends with a directory of its files",
      got: isZip(start) ? "one that is cut short" : (resemblance(start) ?? `${size} other bytes`),
    });
  }
  const view = new DataView(tail.buffer, tail.byteOffset + found, directoryEnd.bytes);
  const [count, length, start] = [
    view.getUint16(10, true),
    view.getUint32(12, true),
    view.getUint32(16, true),
  ];
  if (count === 0xffff || length === 0xffffffff || start === 0xffffffff)
    throw new FileError({ where: name, rule: "archives of more than 4 GiB or 65534 files are not read" });
  if (view.getUint16(4, true) !== 0 || view.getUint16(6, true) !== 0 || view.getUint16(8, true) !== count)
    throw new FileError({ where: name, rule: "must be a whole archive", got: "one of several parts" });
  if (count > limits.files)
    throw new FileError({ where: name, rule: `may hold ${limits.files} files`, got: String(count) });
  const most = count * (zipRecords.directoryFile.bytes + longestName + 2 * longestText);
  if (start + length !== tailStart + found || length > most)
    throw new FileError({
      where: `${name}, byte ${tailStart + found}`,
      rule: "the directory must end where its end is written",
      got: `${length} bytes from ${start} on for ${count} files`,
    });
  return inPlaces(
    filesOf(await readExactly(source, start, start + length), count, name),
    start,
    name,
    limits,
  );
}

/** Whether a file begins as an archive does, of which the beginning is whole. */
function isZip(start: Uint8Array): boolean {
  const { localFile } = zipRecords;
  return (
    start.length >= 4 &&
    new DataView(start.buffer, start.byteOffset).getUint32(0, true) === localFile.signature
  );
}

/** Where the end of the directory begins: the last place whose comment reaches exactly to the end. */
function endOf(tail: Uint8Array): number | undefined {
  const { signature, bytes } = zipRecords.directoryEnd;
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
  for (let at = tail.length - bytes; at >= 0; at--)
    if (view.getUint32(at, true) === signature && at + bytes + view.getUint16(at + 20, true) === tail.length)
      return at;
  return undefined;
}

/** A file before it is known where the next one begins. */
type Listed = Omit<ZipFile, "end">;

function filesOf(directory: Uint8Array, count: number, archive: string): Listed[] {
  const { signature, bytes } = zipRecords.directoryFile;
  const view = new DataView(directory.buffer, directory.byteOffset, directory.length);
  const files: Listed[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const where = `${archive}, directory, file ${i}`;
    if (at + bytes > directory.length || view.getUint32(at, true) !== signature)
      throw new FileError({ where, rule: `${count} files must be described` });
    const u16 = (offset: number) => view.getUint16(at + offset, true);
    const u32 = (offset: number) => view.getUint32(at + offset, true);
    const [nameBytes, extra, comment] = [u16(28), u16(30), u16(32)];
    const next = at + bytes + nameBytes + extra + comment;
    if (nameBytes > longestName || next > directory.length)
      throw new FileError({
        where,
        rule: `its name may be ${longestName} bytes long and must end before the directory`,
        got: `${nameBytes} bytes`,
      });
    const name = strictUtf8(directory.subarray(at + bytes, at + bytes + nameBytes), where);
    if ((u16(8) & refusedFlags) !== 0 || u16(34) !== 0)
      throw new FileError({
        where: `${archive}, ${JSON.stringify(name)}`,
        rule: "must be neither encrypted nor in parts",
      });
    files.push({
      ...{ name, method: u16(10), crc32: u32(16), packed: u32(20), unpacked: u32(24), start: u32(42) },
    });
    at = next;
  }
  if (at !== directory.length)
    throw new FileError({
      where: `${archive}, directory`,
      rule: `must hold ${count} files and nothing else`,
      got: `${directory.length - at} bytes more`,
    });
  return files;
}

/** The files by their places, which must not overlap, and whose sizes must be possible and allowed. */
function inPlaces(
  listed: readonly Listed[],
  directoryStart: number,
  archive: string,
  limits: ZipLimits,
): ZipFile[] {
  const sorted = listed.toSorted((a, b) => a.start - b.start);
  let total = 0;
  return sorted.map((file, i) => {
    const { name, method, packed, unpacked, start } = file;
    const where = `${archive}, ${JSON.stringify(name)}`;
    const end = sorted[i + 1]?.start ?? directoryStart;
    if (start + zipRecords.localFile.bytes + packed > end)
      throw new FileError({
        where,
        rule: "must lie before the next file and the directory",
        got: `${packed} bytes from ${start} on, and the next at ${end}`,
      });
    if (method !== zipMethods.stored && method !== zipMethods.deflated)
      throw new FileError({ where, rule: "must be stored or deflated", got: `method ${method}` });
    const most = method === zipMethods.stored ? packed : packed * mostInflation;
    if (unpacked > most || (method === zipMethods.stored && unpacked !== packed))
      throw new FileError({
        where,
        rule: `${packed} bytes cannot become as many`,
        got: String(unpacked),
      });
    if (unpacked > limits.fileBytes)
      throw new FileError({ where, rule: `may be ${limits.fileBytes} bytes long`, got: String(unpacked) });
    total += unpacked;
    if (total > limits.totalBytes)
      throw new FileError({
        where: archive,
        rule: `its files may be ${limits.totalBytes} bytes long together`,
        got: `more, up to ${JSON.stringify(name)}`,
      });
    return { ...file, end };
  });
}
