/** What a program is called in the keys of its jobs. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256OfBytes } from "../../record/sha256.ts";

/** Files that a built file starts or imports from its own folder, by name. */
const neighbour = /["'`]\.\/([\w.-]+\.js)["'`]/g;

/** Digits of the hash: jobs of a few hundred builds are told apart. */
const shownDigits = 12;

/**
 * The version of a program whose jobs `entry` computes: that of its package and, in a checkout, where sources are edited
 * under one version, 12 digits of the SHA-256 of what was built from them, as in `0.1.0+4f3a9c0b12de`.
 *
 * The hash is of the entry and of all files that lead from it, so that neither a page nor the rest of the command line
 * changes it. An installed package is never edited, and has its version alone.
 *
 * @param entry  the built file that computes jobs, absolute; where it is not there, as in sources that run unbuilt, the
 *               version stands alone
 */
export function programVersion(version: string, entry: string): string {
  const folder = dirname(entry);
  if (!existsSync(entry) || !existsSync(join(folder, "..", ".git"))) return version;
  const names = new Set([entry.slice(folder.length + 1)]);
  const hashes: string[] = [];
  // a set is walked through what is added to it meanwhile, too
  for (const name of names) {
    const bytes = readFileSync(join(folder, name));
    hashes.push(`${name} ${sha256OfBytes(bytes)}`);
    for (const [, next] of bytes.toString("utf8").matchAll(neighbour))
      if (existsSync(join(folder, next))) names.add(next);
  }
  const all = new TextEncoder().encode(hashes.sort().join("\n"));
  return `${version}+${sha256OfBytes(all).slice(0, shownDigits)}`;
}
