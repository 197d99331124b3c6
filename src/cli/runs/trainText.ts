/** Reading the text that `palimpsest train` was given: a file, or a folder of files. */
import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { FileError } from "../../base/errors.ts";
import { decodeText } from "../../data/text/decodeText.ts";
import { readTagged, type Tagging, type WordClasses, wordClasses } from "../../data/text/tagged.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import type { TextFacts } from "../../studies/text/result.ts";
import { diskError } from "../disk/diskError.ts";
import { readInput } from "../readInput.ts";

/** A text with what it came from. */
export interface TextInput extends Pick<TextFacts, "files" | "lineEndsChanged"> {
  readonly text: string;
  /** Files that began with a byte order mark. */
  readonly marks: number;
  /** Classes of the words, where these have tags. */
  readonly classes: WordClasses | null;
}

/** Largest text in bytes; a population holds its tokens several times over. */
const byteLimit = 64 * 2 ** 20;

/** Names of the text files in a folder, sorted by code unit, so that every system joins them alike. */
function textFiles(folder: string, shown: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));
  if (names.length > 0) return names.sort();
  throw new FileError({
    where: shown,
    rule: "must hold files whose names end in .txt",
    got: "none",
    wayOut: "Name a file instead of the folder.",
  });
}

function isFolder(path: string, shown: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw diskError(error, path, shown, "cannot be read");
  }
}

/**
 * Reads a text. The files of a folder, those whose names end in .txt and not those in folders inside it, are joined in
 * the order of their names, each ending with a line feed.
 *
 * @param path     as the user gave it, relative to `cwd` or absolute
 * @param tagging  what the tags of words are as classes, where each word has one; null for plain text
 * @throws FileError  one sentence: no such file, no text in a folder, not UTF-8 (with the byte), empty, above 64 MiB, a
 *                    word without tag (with its line)
 */
export function readText(path: string, cwd: string, tagging: Tagging | null = null): TextInput {
  const absolute = resolve(cwd, path);
  let names: string[] | null;
  try {
    names = isFolder(absolute, path) ? textFiles(absolute, path) : null;
  } catch (error) {
    throw diskError(error, absolute, path, "cannot be read");
  }
  const files: { path: string; bytes: number; sha256: string }[] = [];
  const texts: { text: string; file: string }[] = [];
  let total = 0;
  let marks = 0;
  let lineEndsChanged = 0;
  for (const name of names ?? [null]) {
    const shown = name === null ? path : join(path, name);
    const bytes = readInput(shown, { cwd, byteLimit });
    total += bytes.length;
    if (total > byteLimit)
      throw new FileError({ where: path, rule: `may hold ${byteLimit} bytes of text`, got: "more" });
    const decoded = decodeText(bytes, shown);
    marks += decoded.hadMark ? 1 : 0;
    lineEndsChanged += decoded.lineEndsChanged;
    const text = names !== null && !decoded.text.endsWith("\n") ? `${decoded.text}\n` : decoded.text;
    texts.push({ text, file: shown });
    // the place of the text is no part of what was found
    const own = name ?? (path.split(/[/\\]/).pop() as string);
    files.push({ path: own, bytes: bytes.length, sha256: sha256OfBytes(bytes) });
  }
  const facts = { files, lineEndsChanged, marks };
  if (tagging === null) return { ...facts, text: texts.map(({ text }) => text).join(""), classes: null };
  const tagged = readTagged(texts);
  return { ...facts, text: tagged.text, classes: wordClasses(tagged, tagging) };
}
