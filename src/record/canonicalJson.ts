/**
 * One text for one value, so that it can be hashed and compared.
 *
 * Keys are sorted by UTF-16 code units and numbers have their shortest decimal form, as RFC 8785 orders it. JSON has no
 * NaN and no infinities, and `JSON.stringify` writes null in their place without a word: here they are typed,
 * `{"$number": "NaN"}`, `{"$number": "Infinity"}`, `{"$number": "-Infinity"}`, and null always means "there is none".
 * −0 is written 0. A member that is undefined is left out.
 */
import { ArgumentError, FileError } from "../base/errors.ts";
import { parseStrictJson, type StrictJson, type StrictJsonOptions } from "./strictJson.ts";

/** What can be written: JSON, and numbers that are not finite. */
export type JsonValue =
  | null
  | boolean
  | string
  | number
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

const marker = "$number";
const unfinished = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

function refuse(path: string, rule: string, got: string): never {
  throw new ArgumentError({ where: `JSON value at ${path}`, rule, got });
}

/**
 * The same value with every number that is not finite as `{"$number": …}`, and lists in place of number arrays.
 *
 * @throws ArgumentError for what JSON cannot hold (functions, bigint, Maps, an undefined list item, a cycle) and for a
 *                       key `$number`, which would be read back as a number
 */
function typed(value: unknown, path = "$", above: readonly object[] = []): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : { [marker]: String(value) };
  if (typeof value !== "object") refuse(path, "must be JSON", typeof value);
  if (above.includes(value)) refuse(path, "must not hold itself", "a cycle");
  const inside = [...above, value];
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView)))
    return Array.from(value as ArrayLike<unknown>, (item, i) => typed(item, `${path}[${i}]`, inside));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    refuse(path, "must be a plain object", value.constructor?.name ?? "an object");
  if (Object.hasOwn(value, marker)) refuse(path, `must not have the key ${marker}`, marker);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, typed(member, `${path}.${key}`, inside)]));
}

/** The text with sorted keys; `JSON.stringify` could not write it, because it moves keys like "10" to the front. */
function sorted(value: unknown, indent: string, depth = 0): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const colon = indent === "" ? ":" : ": ";
  const list = Array.isArray(value);
  const items = list
    ? value.map((item) => sorted(item, indent, depth + 1))
    : Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, member]) => `${JSON.stringify(key)}${colon}${sorted(member, indent, depth + 1)}`);
  const [open, close] = list ? "[]" : "{}";
  if (indent === "" || items.length === 0) return `${open}${items.join(",")}${close}`;
  const line = `\n${indent.repeat(depth + 1)}`;
  return `${open}${line}${items.join(`,${line}`)}\n${indent.repeat(depth)}${close}`;
}

/** How a value is written. */
export interface JsonOptions {
  /** Spaces a level; 0, the default, writes one line. */
  readonly indent?: number;
}

/**
 * The canonical text of a value; with `indent` the same tokens on several lines.
 *
 * @throws ArgumentError naming the place of what JSON cannot hold
 * @source RFC 8785, extended by typed non-finite numbers
 */
export function canonicalJson(value: unknown, { indent = 0 }: JsonOptions = {}): string {
  return sorted(typed(value), " ".repeat(indent));
}

/**
 * The same encoding in the order in which the value was built, for readers: what the command line prints.
 *
 * @throws ArgumentError naming the place of what JSON cannot hold
 */
export function readableJson(value: unknown, { indent = 2 }: JsonOptions = {}): string {
  return JSON.stringify(typed(value), null, indent);
}

/** The numbers behind the text: whole numbers as float64, typed numbers as what they stand for. */
function untyped(value: StrictJson, file: string): JsonValue {
  if (typeof value === "bigint") {
    const number = Number(value);
    // beyond 2^53 the shortest digits of a float64 need not be its exact value
    if (BigInt(number) === value || String(number) === String(value)) return number;
    throw new FileError({ where: file, rule: "a whole number must fit a float64", got: String(value) });
  }
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Map) {
    if (!value.has(marker))
      return Object.fromEntries([...value].map(([key, item]) => [key, untyped(item, file)]));
    const name = value.get(marker);
    const number = typeof name === "string" ? unfinished.get(name) : undefined;
    if (number !== undefined && value.size === 1) return number;
    throw new FileError({
      where: file,
      rule: `${marker} must be the only key and one of ${[...unfinished.keys()].join(", ")}`,
      got: typeof name === "string" ? JSON.stringify(name.slice(0, 80)) : typeof name,
    });
  }
  return (value as readonly StrictJson[]).map((item) => untyped(item, file));
}

/**
 * The value of a text that {@link canonicalJson} or {@link readableJson} wrote.
 *
 * @throws FileError as {@link parseStrictJson}; or for a whole number that float64 would round
 */
export function parseJson(text: string, options: StrictJsonOptions): JsonValue {
  return untyped(parseStrictJson(text, options), options.file);
}
