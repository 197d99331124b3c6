/** Bytes that can be read by range: a file, a blob, an answer of a server, or memory. */
import { ArgumentError, FileError } from "../base/errors.ts";

/** Something with a name and a size whose bytes are read piece by piece. */
export interface ByteSource {
  /** For messages, e.g. the path as the user gave it. */
  readonly name: string;
  /** Bytes in all, as known when it was opened. */
  readonly size: number;
  /**
   * The bytes from `start` up to, not including, `end`. The caller may keep and change them. Fewer come where the source
   * ends before, as a file does that shrank since it was opened: {@link readExactly} refuses that.
   *
   * @throws FileError if they cannot be read
   */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** A source over bytes in memory, copied at each reading. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return { name, size: bytes.length, read: async (start, end) => bytes.slice(start, end) };
}

/**
 * Exactly the bytes of a range.
 *
 * @throws FileError      if the source holds fewer, naming the byte at which it ended
 * @throws ArgumentError  for a range that is none
 */
export async function readExactly(source: ByteSource, start: number, end: number): Promise<Uint8Array> {
  const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end;
  if (!isRange)
    throw new ArgumentError({
      where: `${source.name}: range of bytes`,
      rule: "must be two whole numbers, the first not above the second",
      got: `${start} and ${end}`,
    });
  const bytes = await source.read(start, end);
  if (bytes.length === end - start) return bytes;
  throw new FileError({
    where: `${source.name}, byte ${start + bytes.length}`,
    rule: `the ${end - start} bytes from ${start} on must be there`,
    got: `${bytes.length} bytes`,
    wayOut: "The file is cut short, or was changed while it was read.",
  });
}
