/** The fields of a JSON object that came from elsewhere, each taken as what it must be. */
import { FileError, nearest } from "../base/errors.ts";
import type { StrictJson } from "../record/strictJson.ts";

/**
 * An object of a JSON file. A field that is missing or null has the fallback; without one it must be there. Every method
 * throws {@link FileError} naming the file, the field, the rule and the value.
 */
export interface JsonFields {
  /** The file, for messages. */
  readonly file: string;
  /** Whether a field is there and not null. */
  has(field: string): boolean;
  /** Whether a field is there, be it null. */
  names(field: string): boolean;
  /** Fields that are there, neither null nor false, and that no method has been asked about so far. */
  unread(): readonly string[];
  /** A whole number, written as one, within limits. */
  integer(field: string, limits: readonly [low: number, high: number], fallback?: number): number;
  /** A finite number within limits. */
  number(field: string, limits: readonly [low: number, high: number], fallback?: number): number;
  /** true or false. */
  flag(field: string, fallback?: boolean): boolean;
  /** What the table has under a text. */
  choice<T>(field: string, table: Readonly<Record<string, T>>, fallback?: string): T;
  /** A text. */
  text(field: string, fallback?: string): string;
  /** A list of texts. */
  texts(field: string, fallback?: readonly string[]): readonly string[];
  /** The names and values of an object of texts. */
  textMap(field: string): ReadonlyMap<string, string>;
  /** An object inside this one; undefined if it is missing or null. */
  object(field: string): JsonFields | undefined;
  /** Refuses a field with another value than the only one that is supported; it may be missing. */
  only(field: string, supported: boolean | number | string, why: string): void;
  /** Refuses a field that is there, and neither null nor false. */
  without(field: string, why: string): void;
  /** @throws FileError about a field, with its value */
  fail(field: string, rule: string, wayOut?: string): never;
}

function shown(value: StrictJson | undefined): string {
  if (value === undefined) return "nothing";
  if (value instanceof Map) return "an object";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** The fields of an object as `parseStrictJson` gives it. `path` stands before the names of fields in messages. */
export function jsonFields(
  file: string,
  members: ReadonlyMap<string, StrictJson>,
  path: readonly string[] = [],
): JsonFields {
  const asked = new Set<string>();
  const value = (field: string) => {
    asked.add(field);
    return members.get(field) ?? undefined;
  };
  function fail(field: string, rule: string, wayOut?: string): never {
    const where = `${file}, ${[...path, field].join(".")}`;
    throw new FileError({ where, rule, got: shown(value(field)), wayOut });
  }
  /** The value as `take` has it; the fallback where there is none. */
  function taken<T>(
    field: string,
    fallback: T | undefined,
    rule: string,
    take: (v: StrictJson) => T | undefined,
  ): T {
    const found = value(field);
    if (found === undefined && fallback !== undefined) return fallback;
    return (found === undefined ? undefined : take(found)) ?? fail(field, rule);
  }
  return {
    file,
    fail,
    has: (field) => value(field) !== undefined,
    names: (field) => members.has(field),
    unread: () =>
      [...members].flatMap(([name, one]) => (asked.has(name) || one === null || one === false ? [] : [name])),
    integer: (field, [low, high], fallback) =>
      taken(field, fallback, `must be a whole number, ${low} to ${high}`, (v) =>
        typeof v === "bigint" && v >= low && v <= high ? Number(v) : undefined,
      ),
    number: (field, [low, high], fallback) =>
      taken(field, fallback, `must be a number, ${low} to ${high}`, (v) => {
        const number = typeof v === "bigint" || typeof v === "number" ? Number(v) : Number.NaN;
        return number >= low && number <= high ? number : undefined;
      }),
    flag: (field, fallback) =>
      taken(field, fallback, "must be true or false", (v) => (typeof v === "boolean" ? v : undefined)),
    text: (field, fallback) =>
      taken(field, fallback, "must be a text", (v) => (typeof v === "string" ? v : undefined)),
    texts: (field, fallback) =>
      taken(field, fallback, "must be a list of texts", (v) =>
        Array.isArray(v) && v.every((item) => typeof item === "string") ? v : undefined,
      ),
    textMap: (field) =>
      taken<ReadonlyMap<string, string>>(field, undefined, "must be an object of texts", (v) =>
        v instanceof Map && [...v.values()].every((item) => typeof item === "string") ? v : undefined,
      ),
    choice: (field, table, fallback) => {
      const name = taken(field, fallback, `must be one of ${Object.keys(table).join(", ")}`, (v) =>
        typeof v === "string" ? v : undefined,
      );
      if (Object.hasOwn(table, name)) return table[name];
      const hint = name.length <= 80 ? `Nearest: "${nearest(name, Object.keys(table))}".` : undefined;
      return fail(field, `must be one of ${Object.keys(table).join(", ")}`, hint);
    },
    object: (field) => {
      const found = value(field);
      if (found === undefined) return undefined;
      return found instanceof Map
        ? jsonFields(file, found, [...path, field])
        : fail(field, "must be an object");
    },
    only: (field, supported, why) => {
      const found = value(field);
      const plain = typeof found === "bigint" ? Number(found) : found;
      if (plain !== undefined && plain !== supported)
        fail(field, `only ${JSON.stringify(supported)} is supported, ${why}`);
    },
    without: (field, why) => {
      if (value(field) !== undefined && value(field) !== false) fail(field, why);
    },
  };
}
