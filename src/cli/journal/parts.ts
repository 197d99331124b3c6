/** Which parts a journal has, by what its log says. */
import { createHash } from "node:crypto";
import { FileError } from "../../base/errors.ts";
import type { LogRecord } from "../../record/logLine.ts";
import { type FileEntry, isRunPath } from "../../record/manifest.ts";

/** The parts that are kept, as record follows record. */
export interface KeptParts {
  /** By path, in the order in which they were kept. */
  readonly live: ReadonlyMap<string, FileEntry>;
  /** Takes the next record into account. */
  follow(record: LogRecord): void;
}

/** Path, length and hash of bytes. */
export function entryOf(path: string, bytes: Uint8Array): FileEntry {
  // that of the platform: parts are large and many
  return { path, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

function partOf({ seq, path, bytes, sha256 }: LogRecord, file: string): FileEntry {
  if (typeof path === "string" && isRunPath(path) && typeof bytes === "number" && typeof sha256 === "string")
    return { path, bytes, sha256 };
  throw new FileError({
    where: `${file}, record ${seq}`,
    rule: "must name a part by path, bytes and sha256",
    got: JSON.stringify({ path, bytes, sha256 }),
  });
}

/**
 * Follows a log: `kept` adds a part, `dropped` takes some away, `cleared` all, and `closed` all where the run is
 * complete; any other record leaves them as they are.
 *
 * @param file  the log's name, for messages
 * @throws FileError  for a record that does not name its part
 */
export function keptBy(records: readonly LogRecord[], file: string): KeptParts {
  const live = new Map<string, FileEntry>();
  const follow = (record: LogRecord) => {
    const { event, paths, status } = record;
    if (event === "kept") {
      const part = partOf(record, file);
      live.set(part.path, part);
    }
    if (event === "dropped" && Array.isArray(paths)) for (const path of paths) live.delete(path);
    if (event === "cleared" || (event === "closed" && status === "complete")) live.clear();
  };
  records.forEach(follow);
  return { live, follow };
}
