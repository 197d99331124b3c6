/** A tokenizer file as text: its limits, and how its values are read. */
import { FileError } from "../base/errors.ts";

/** A JSON object. */
export type JsonObject = { readonly [name: string]: unknown };

/** Reads values of one file; whatever is not as it must be is a FileError that names the file. */
export interface JsonReader {
  readonly fail: (rule: string, got?: unknown) => never;
  readonly object: (value: unknown, name: string) => JsonObject;
  readonly list: (value: unknown, name: string, most: number) => readonly unknown[];
  /** A text of at most `most` UTF-16 units. */
  readonly text: (value: unknown, name: string, most: number) => string;
  readonly whole: (value: unknown, name: string, most: number) => number;
  /** `standard` where it is absent or null. */
  readonly flag: (value: unknown, name: string, standard: boolean) => boolean;
}

/** Largest file that is read, bytes. */
const longestFile = 64 * 2 ** 20;
/** Deepest nesting of lists and objects: a published file has about 8. */
const deepest = 32;
/** Most values of one list, as merges are, and of one object, as a vocabulary is. */
const [mostItems, mostMembers] = [2_000_000, 1_000_000];

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/** A value, short enough for a message. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** How values of a file are read. @param file its name, for messages */
export function jsonReader(file: string): JsonReader {
  const fail = (rule: string, got?: unknown): never => {
    throw new FileError({ where: file, rule, got: got === undefined ? undefined : shown(got) });
  };
  return {
    fail,
    object: (value, name) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? (value as JsonObject)
        : fail(`${name} must be an object`, value ?? null),
    list: (value, name, most) =>
      Array.isArray(value) && value.length <= most
        ? value
        : fail(`${name} must be a list of at most ${most}`, value ?? null),
    text: (value, name, most) =>
      typeof value === "string" && value.length <= most
        ? value
        : fail(`${name} must be a text of at most ${most} characters`, value ?? null),
    whole: (value, name, most) =>
      Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most
        ? (value as number)
        : fail(`${name} must be a whole number, 0 to ${most}`, value ?? null),
    flag: (value, name, standard) => {
      if (value === undefined || value === null) return standard;
      return typeof value === "boolean" ? value : fail(`${name} must be true or false`, value);
    },
  };
}

/** Where a string ends that begins at a quote: the index of its closing quote; the text's end if it has none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

/** Why `JSON.parse`, which follows any depth and builds all before anybody can look, is not given a text. */
function excessOf(text: string): string | null {
  const open: { commas: number; isList: boolean }[] = [];
  for (let at = 0; at < text.length; at++) {
    const mark = text.charCodeAt(at);
    if (mark === quote) at = endOfString(text, at);
    else if (mark === comma) {
      const inside = open.at(-1);
      if (inside === undefined) return null; // no JSON, as it will be told
      const most = inside.isList ? mostItems : mostMembers;
      if (++inside.commas >= most) return `${inside.isList ? "a list" : "an object"} may hold ${most} values`;
    } else if (mark === openBracket || mark === openBrace) {
      if (open.push({ commas: 0, isList: mark === openBracket }) > deepest)
        return `lists and objects may be nested ${deepest} deep`;
    } else if (mark === closeBracket || mark === closeBrace) open.pop();
  }
  return null;
}

/**
 * The object that a JSON file holds.
 *
 * @param source  the file's bytes or text
 * @throws FileError  longer than 64 MiB, no UTF-8, no JSON, nested deeper than 32, a list of more than 2 × 10^6 values or
 *                    an object of more than 10^6, or no object
 */
export function parseTokenizerJson(source: Uint8Array | string, file: string): JsonObject {
  const reader = jsonReader(file);
  if (source.length > longestFile) reader.fail(`may be ${longestFile} bytes long`, source.length);
  let text: string;
  try {
    text = typeof source === "string" ? source : new TextDecoder("utf-8", { fatal: true }).decode(source);
  } catch {
    return reader.fail("must be UTF-8 text; other bytes were found");
  }
  const excess = excessOf(text);
  if (excess !== null) reader.fail(excess);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // the engine's message quotes the file, which may be long or hold control characters
    const at = /position ([0-9]+)/.exec((error as Error).message)?.[1];
    return reader.fail(at === undefined ? "must be JSON" : `must be JSON; it is none at character ${at}`);
  }
  return reader.object(value, "the whole file");
}
