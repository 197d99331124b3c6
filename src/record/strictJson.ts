/**
 * JSON read strictly: what `JSON.parse` hides is refused or kept.
 *
 * `JSON.parse` lets the last of two equal keys win, rounds 2^53 + 1, and follows any depth. Files that come from
 * elsewhere are read with this scanner instead: equal keys are refused, whole numbers stay exact, the depth is bounded,
 * objects are Maps (so `__proto__` is a name like any other), and every complaint names the byte.
 */
import { FileError } from "../base/errors.ts";

/** A value as it was written: whole numbers are bigint, all other numbers float64, objects Maps. */
export type StrictJson =
  | null
  | boolean
  | string
  | bigint
  | number
  | readonly StrictJson[]
  | ReadonlyMap<string, StrictJson>;

/** Where the text comes from, and how deep it may go. */
export interface StrictJsonOptions {
  /** The file, for messages. */
  readonly file: string;
  /** Deepest nesting of lists and objects; 64 by default. */
  readonly maxDepth?: number;
  /** Byte of the file at which the text begins; 0 by default. */
  readonly startByte?: number;
}

const whitespace = /[ \t\n\r]*/y;
/** All from the space on, but for the quote and the backslash. */
const plainCharacters = /[ !#-[\]-\uffff]*/y;
const numberLiteral = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const words: readonly (readonly [string, StrictJson])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
];
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
/** 2^64 has 20 digits. A longer literal becomes a float64: BigInt takes quadratic time in the number of digits. */
const longestInteger = 21;

/**
 * The text of UTF-8 bytes, a byte order mark kept as the character it is.
 *
 * @throws FileError if they are not UTF-8
 */
export function strictUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FileError({ where: file, rule: "must be UTF-8 text; other bytes were found" });
  }
}

/**
 * The value of a JSON text (RFC 8259).
 *
 * @throws FileError  naming the byte: not JSON, equal keys in one object, too deep, half a surrogate pair
 */
export function parseStrictJson(text: string, options: StrictJsonOptions): StrictJson {
  const { file, maxDepth = 64, startByte = 0 } = options;
  let at = 0;

  function fail(rule: string, position = at): never {
    const byte = startByte + new TextEncoder().encode(text.slice(0, position)).length;
    const got = position < text.length ? JSON.stringify(text.slice(position, position + 12)) : "the end";
    throw new FileError({ where: `${file}, byte ${byte}`, rule, got });
  }
  function match(pattern: RegExp): string {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? "";
    at += found.length;
    return found;
  }
  function take(character: string): boolean {
    if (text[at] !== character) return false;
    at++;
    return true;
  }
  function escaped(): string {
    const letter = text[at] ?? "";
    if (letter === "u") {
      const digits = text.slice(at + 1, at + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) fail("\\u needs four hexadecimal digits");
      at += 5;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    if (!Object.hasOwn(escapes, letter)) fail("no such escape in a string");
    at++;
    return escapes[letter];
  }
  function string(): string {
    const start = at;
    if (!take('"')) fail("expected a string in double quotes");
    const parts = [match(plainCharacters)];
    while (!take('"')) {
      if (!take("\\")) fail("a string must end with a quote and hold no control characters");
      parts.push(escaped(), match(plainCharacters));
    }
    const whole = parts.length === 1 ? parts[0] : parts.join("");
    if (/\p{Surrogate}/u.test(whole)) fail("a string must not hold half a surrogate pair", start);
    return whole;
  }
  function number(): bigint | number {
    const start = at;
    const literal = match(numberLiteral);
    if (literal === "") fail("expected a JSON value");
    if (/[0-9.]/.test(text[at] ?? "")) fail("a number must not have leading zeros or a bare point", start);
    // -0 is not a whole number that anything here could count with
    const whole = /^-?[0-9]+$/.test(literal) && literal !== "-0" && literal.length <= longestInteger;
    return whole ? BigInt(literal) : Number(literal);
  }
  function list(depth: number): StrictJson[] {
    const items: StrictJson[] = [];
    match(whitespace);
    if (take("]")) return items;
    do {
      items.push(value(depth));
    } while (take(","));
    if (!take("]")) fail("expected a comma or the end of the list");
    return items;
  }
  function object(depth: number): Map<string, StrictJson> {
    const members = new Map<string, StrictJson>();
    match(whitespace);
    if (take("}")) return members;
    do {
      match(whitespace);
      const start = at;
      const key = string();
      if (members.has(key)) fail("the same key twice in one object", start);
      match(whitespace);
      if (!take(":")) fail("expected a colon after the key");
      members.set(key, value(depth));
    } while (take(","));
    if (!take("}")) fail("expected a comma or the end of the object");
    return members;
  }
  function bare(depth: number): StrictJson {
    if (text[at] === '"') return string();
    const start = at;
    if (take("{") || take("[")) {
      if (depth >= maxDepth) fail(`lists and objects may be nested ${maxDepth} deep`, start);
      return text[start] === "{" ? object(depth + 1) : list(depth + 1);
    }
    for (const [word, meaning] of words) {
      if (!text.startsWith(word, at)) continue;
      at += word.length;
      return meaning;
    }
    return number();
  }
  function value(depth: number): StrictJson {
    match(whitespace);
    const found = bare(depth);
    match(whitespace);
    return found;
  }

  const whole = value(0);
  if (at < text.length) fail("nothing may follow the JSON value");
  return whole;
}
