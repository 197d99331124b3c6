/** Names that come from a hub or go into a path: checked before either happens. */
import { ArgumentError, FileError } from "../../base/errors.ts";

/** A repository, a revision of it, and the names of files in it. */
const repoPart = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?$/;
const filePart = /^[A-Za-z0-9_.+=@-]{1,200}$/;
/** Names that Windows gives to devices in every folder, with or without an extension. */
const devices = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;
const longestPath = 512;
const commitHash = /^[0-9a-f]{40}$/;

/** Whether a part may stand between two slashes of a path, on any system. */
function safePart(part: string, shape: RegExp): boolean {
  return shape.test(part) && !part.includes("..") && !/^\.$|[. ]$/.test(part) && !devices.test(part);
}

/** Whether a text can be a repository: `name` or `organisation/name`. */
export function isRepo(text: string): boolean {
  const parts = text.split("/");
  return parts.length <= 2 && parts.every((part) => safePart(part, repoPart) && !part.includes("--"));
}

/**
 * Returns the name of a repository, such as `EleutherAI/pythia-70m` or `gpt2`.
 *
 * @throws ArgumentError if it is no such name: other characters, `..`, `--`, a name that Windows gives to a device
 */
export function checkRepo(text: string): string {
  if (isRepo(text)) return text;
  throw new ArgumentError({
    where: "repository",
    rule: "must be NAME or ORGANISATION/NAME in letters, digits, dots, dashes and underscores",
    got: JSON.stringify(text.slice(0, 200)),
  });
}

/** Whether a text is the full hash of a commit: 40 hexadecimal digits. */
export function isCommit(text: string): boolean {
  return commitHash.test(text);
}

/**
 * Returns the name of a revision: a branch, a tag, `refs/pr/N` or the hash of a commit.
 *
 * @throws ArgumentError if it could not be a name in git or would leave its folder
 */
export function checkRevision(text: string): string {
  const parts = text.split("/");
  const fine = text.length <= longestPath && parts.every((part) => safePart(part, filePart));
  if (fine && !/^[-.]|\/[-.]|\.lock$|@\{/.test(text)) return text;
  throw new ArgumentError({
    where: "--revision",
    rule: "must be a branch, a tag or a commit in letters, digits, dots, dashes, underscores and slashes",
    got: JSON.stringify(text.slice(0, 200)),
  });
}

/** Why a file of a repository may not be stored under its name; null if it may. */
export function fileNameFault(name: string): string | null {
  if (name === "" || name.length > longestPath) return `its name must be 1 to ${longestPath} characters long`;
  for (const part of name.split("/"))
    if (!safePart(part, filePart))
      return `${JSON.stringify(part.slice(0, 80))} is no name of a file that every system can hold`;
  return null;
}

/**
 * Checks names that are to become paths, all of one repository.
 *
 * @throws FileError if one may not be stored, or two differ only in case (some file systems hold one of them)
 */
export function checkFileNames(repo: string, names: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const fault = fileNameFault(name);
    if (fault !== null) throw new FileError({ where: `${repo}, file ${JSON.stringify(name)}`, rule: fault });
    const folded = name.toLowerCase();
    const twin = seen.get(folded);
    if (twin !== undefined)
      throw new FileError({ where: repo, rule: "two names differ only in case", got: `${twin} and ${name}` });
    seen.set(folded, name);
  }
}
