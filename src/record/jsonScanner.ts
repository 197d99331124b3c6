/**
 * JSON taken piece by piece (RFC 8259), so that a reader keeps only what it looks for and counts as it goes.
 *
 * The scanner stands at a place in the text. Each method takes what stands there and moves on; a reader of an object
 * must take or skip the value of every key that it is given. Whole numbers are exact, the depth is bounded, and every
 * complaint names the byte.
 */
import { FileError } from "../base/errors.ts";

/** Where the text comes from, and how deep it may go. */
export interface ScanOptions {
  /** The file, for messages. */
  readonly file: string;
  /** Deepest nesting of lists and objects; 64 by default. */
  readonly maxDepth?: number;
  /** Byte of the file at which the text begins; 0 by default. */
  readonly startByte?: number;
}

/** A place in a JSON text, and what can be taken there. */
export interface JsonScanner {
  /** The character at which the next value begins, white space skipped; "" at the end. */
  next(): string;
  /** Index in the text of where the scanner stands. */
  position(): number;
  /** Takes a string. */
  string(): string;
  /** Takes a number: bigint if written as a whole number, −0 and other numbers as float64. */
  number(): bigint | number;
  /** Takes one of true, false and null. */
  word(): boolean | null;
  /** Takes an object. `member` is given each key, and the key's position, and must take the value. */
  object(member: (key: string, position: number) => void): void;
  /** Takes a list. `item` must take one value each time. */
  list(item: () => void): void;
  /** Takes any value and keeps nothing of it. Equal keys inside it are let pass: nobody reads them. */
  skip(): void;
  /** Checks that nothing but white space follows. */
  end(): void;
  /** @throws FileError naming the byte of the position, by default where the scanner stands, and what stands there */
  fail(rule: string, position?: number): never;
}

const words: readonly (readonly [string, boolean | null])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
];
/** 2^64 has 20 digits. A longer literal becomes a float64: BigInt takes quadratic time in the number of digits. */
const longestInteger = 21;

const isDigit = (code: number) => code >= 0x30 && code <= 0x39;
const isSpace = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
const quote = 0x22;
const backslash = 0x5c;

/** Bytes of the text before a position, counted without writing them: a message must not cost what a file does. */
function utf8Length(text: string, position: number): number {
  let bytes = 0;
  for (let i = 0; i < position; i++) {
    const code = text.charCodeAt(i);
    const surrogate = code >= 0xd800 && code <= 0xdfff; // half of a pair, which has four bytes
    bytes += code < 0x80 ? 1 : code < 0x800 || surrogate ? 2 : 3;
  }
  return bytes;
}

/** A scanner at the beginning of a text. All its methods throw {@link FileError} for what is not JSON. */
export function jsonScanner(text: string, { file, maxDepth = 64, startByte = 0 }: ScanOptions): JsonScanner {
  let at = 0;
  let depth = 0;

  // character codes rather than patterns: a file of millions of numbers is scanned in a second
  const code = () => text.charCodeAt(at);

  function fail(rule: string, position = at): never {
    const byte = startByte + utf8Length(text, position);
    const got = position < text.length ? JSON.stringify(text.slice(position, position + 12)) : "the end";
    throw new FileError({ where: `${file}, byte ${byte}`, rule, got });
  }
  function next(): string {
    while (isSpace(code())) at++;
    return text.charAt(at);
  }
  function take(character: string): boolean {
    if (next() !== character) return false;
    at++;
    return true;
  }
  function string(): string {
    if (!take('"')) fail("expected a string in double quotes");
    const start = at;
    let plain = true;
    for (; code() !== quote; at++) {
      if (!(code() >= 0x20)) fail("a string must end with a quote and hold no control characters");
      // surrogates begin at d800
      if (code() === backslash || code() >= 0xd800) plain = false;
      if (code() === backslash) at++;
    }
    const written = text.slice(start, at++);
    return plain ? written : unescaped(written, start - 1);
  }
  /** What a string stands for. The platform's reader does it in one piece, however many escapes there are. */
  function unescaped(written: string, start: number): string {
    let meant: string;
    try {
      meant = JSON.parse(`"${written}"`);
    } catch {
      return fail("a string must hold only the escapes of JSON, and no control characters", start);
    }
    if (/\p{Surrogate}/u.test(meant)) fail("a string must not hold half a surrogate pair", start);
    return meant;
  }
  /** Moves past digits, of which there must be at least one. */
  function digits(start: number): void {
    if (!isDigit(code())) fail("a number must have digits on both sides of its point and after its e", start);
    while (isDigit(code())) at++;
  }
  /** Takes the characters of a number. */
  function literal(): string {
    next();
    const start = at;
    if (text[at] === "-") at++;
    if (!isDigit(code())) fail("expected a JSON value", start);
    if (text[at] === "0") at++;
    else digits(start);
    if (isDigit(code())) fail("a number must not have leading zeros", start);
    if (text[at] === ".") {
      at++;
      digits(start);
    }
    if (text[at] === "e" || text[at] === "E") {
      at++;
      if (text[at] === "+" || text[at] === "-") at++;
      digits(start);
    }
    return text.slice(start, at);
  }
  function number(): bigint | number {
    const written = literal();
    // -0 is not a whole number that anything here could count with
    const whole = written.length <= longestInteger && written !== "-0" && !/[.eE]/.test(written);
    if (whole) return BigInt(written);
    const value = Number(written);
    if (Number.isFinite(value)) return value;
    return fail("a number must be within the range of float64", at - written.length);
  }
  function word(): boolean | null {
    next();
    const found = words.find(([name]) => text.startsWith(name, at));
    if (found === undefined) return fail("expected a JSON value");
    at += found[0].length;
    return found[1];
  }
  /** What stands between two brackets, one level deeper. */
  function nested(open: string, close: string, complaint: string, item: () => void): void {
    if (!take(open)) fail(complaint);
    if (++depth > maxDepth) fail(`lists and objects may be nested ${maxDepth} deep`, at - 1);
    if (!take(close)) {
      do item();
      while (take(","));
      if (!take(close)) fail(`expected a comma or the end of the ${open === "{" ? "object" : "list"}`);
    }
    depth--;
  }
  function object(member: (key: string, position: number) => void): void {
    nested("{", "}", "expected an object", () => {
      next();
      const start = at;
      const key = string();
      if (!take(":")) fail("expected a colon after the key");
      member(key, start);
    });
  }
  const list = (item: () => void) => nested("[", "]", "expected a list", item);
  function skip(): void {
    const first = next();
    if (first === "{") object(skip);
    else if (first === "[") list(skip);
    else if (first === '"') string();
    else if (/[tfn]/.test(first)) word();
    else if (!Number.isFinite(Number(literal()))) fail("a number must be within the range of float64");
  }
  function end(): void {
    if (next() !== "") fail("nothing may follow the JSON value");
  }
  return { next, position: () => at, string, number, word, object, list, skip, end, fail };
}
