/** Reading minimal pairs from the disk: files, and folders of files. */
import { join, resolve } from "node:path";
import { FileError } from "../../base/errors.ts";
import { decodeText } from "../../data/text/decodeText.ts";
import { type MinimalPair, type PairSource, readMinimalPairs } from "../../data/text/minimalPairs.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import { entriesOf } from "../models/fileSource.ts";
import { readInput } from "../readInput.ts";
import { isFolder } from "./isFolder.ts";

/** Pairs with what they came from. */
export interface PairInput {
  readonly pairs: readonly MinimalPair[];
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
}

/** Largest amount of text in bytes; BLiMP has 20 MB. */
const byteLimit = 2 ** 28;

/** The files that a path means: itself, or those of a folder whose names end in .jsonl, in the order of their names. */
async function filesAt(path: string, cwd: string): Promise<string[]> {
  const absolute = resolve(cwd, path);
  if (!isFolder(absolute)) return [path];
  const entries = await entriesOf(absolute, path);
  const names = entries.filter((entry) => !entry.isDirectory() && entry.name.endsWith(".jsonl"));
  if (names.length > 0) return names.map(({ name }) => join(path, name));
  throw new FileError({
    where: path,
    rule: "must hold files whose names end in .jsonl",
    got: "none",
    wayOut: "Name a file instead of the folder.",
  });
}

/**
 * Reads the pairs of files and folders; folders in folders are not looked into.
 *
 * @param paths  as the user gave them, relative to `cwd` or absolute
 * @throws FileError  one sentence: no such file, none in a folder, not UTF-8, above 256 MiB, or as readMinimalPairs
 */
export async function readPairs(paths: readonly string[], cwd: string): Promise<PairInput> {
  const sources: PairSource[] = [];
  const files: PairInput["files"][number][] = [];
  let total = 0;
  for (const path of paths)
    for (const name of await filesAt(path, cwd)) {
      const bytes = readInput(name, { cwd, byteLimit });
      total += bytes.length;
      if (total > byteLimit)
        throw new FileError({ where: name, rule: `all files may be ${byteLimit} bytes long`, got: "more" });
      sources.push({ name, text: decodeText(bytes, name).text });
      files.push({ path: name, bytes: bytes.length, sha256: sha256OfBytes(bytes) });
    }
  return { pairs: readMinimalPairs(sources), files };
}
