/** What the system says when a file cannot be used, in words. */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { FileError } from "../../base/errors.ts";

const meanings: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be larger than allowed",
  EROFS: "the file system is read-only",
  EACCES: "no permission",
  EPERM: "not permitted",
  EIO: "the disk reported an error",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open on this machine",
  ENOTDIR: "a file stands where a folder is needed",
  EISDIR: "it is a folder",
  ENOENT: "no such file or folder",
  EEXIST: "it already exists",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "the name is too long",
  EBUSY: "it is in use",
  ENOTEMPTY: "the folder is not empty",
};

const outOfSpace = new Set(["ENOSPC", "EDQUOT"]);

/** Free bytes where a file was to be written: in its folder or the nearest one above that exists. */
function freeBytes(path: string): number | null {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    } catch {
      if (folder === dirname(folder)) return null;
    }
  }
}

/** The system's code of an error, e.g. ENOSPC; undefined if it has none. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return typeof code === "string" ? code : undefined;
}

/**
 * One sentence for an error of the file system; an error of another kind is given back as it is.
 *
 * @param path  absolute path of what was to be used
 * @param shown its name for the reader
 * @param rule  what was tried, e.g. `cannot be written`
 */
export function diskError(error: unknown, path: string, shown: string, rule: string): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const free = outOfSpace.has(code) ? freeBytes(path) : null;
  const meaning = Object.hasOwn(meanings, code) ? `${meanings[code]} (${code})` : code;
  return new FileError({
    where: shown,
    rule,
    got: free === null ? meaning : `${meaning}, ${free} bytes free`,
    wayOut: outOfSpace.has(code) ? "Free some space or choose another folder with --out." : undefined,
  });
}
