/** The studio's address in a file that only its owner can read. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { FileError } from "../../base/errors.ts";
import { diskError, systemCode } from "../disk/diskError.ts";

/** Reading and writing for the owner, nothing for others. */
const ownersOnly = 0o600;

/**
 * Makes a file with the address in it. Nothing that is there already is overwritten, and no link is followed.
 *
 * @param path  as the user gave it
 * @returns     removes the file again
 * @throws FileError  if something of that name is there, or it cannot be written
 */
export function writeTokenFile(path: string, cwd: string, address: string): () => void {
  const absolute = resolve(cwd, path);
  try {
    const file = openSync(absolute, "wx", ownersOnly);
    try {
      writeSync(file, `${address}\n`);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (systemCode(error) === "EEXIST")
      throw new FileError({
        where: `--token-file ${path}`,
        rule: "must be a new file",
        got: "one that is there already",
        wayOut: "Remove it, or name another.",
      });
    throw diskError(error, absolute, `--token-file ${path}`, "cannot be written");
  }
  return () => rmSync(absolute, { force: true });
}
