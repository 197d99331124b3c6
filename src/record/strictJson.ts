/**
 * JSON read strictly: what `JSON.parse` hides is refused or kept.
 *
 * `JSON.parse` lets the last of two equal keys win, rounds 2^53 + 1, makes Infinity of 1e400, and follows any depth.
 * Files that come from elsewhere are read with this reader instead: equal keys are refused, whole numbers stay exact,
 * the depth and the number of values are bounded, objects are Maps (so `__proto__` is a name like any other), and every
 * complaint names the byte.
 */
import { FileError } from "../base/errors.ts";
import { jsonScanner, type ScanOptions } from "./jsonScanner.ts";

/** A value as it was written: whole numbers are bigint, all other numbers float64, objects Maps. */
export type StrictJson =
  | null
  | boolean
  | string
  | bigint
  | number
  | readonly StrictJson[]
  | ReadonlyMap<string, StrictJson>;

/** Where the text comes from, and what it may hold. */
export interface StrictJsonOptions extends ScanOptions {
  /** Most values in all, those inside others counted too; as many as there are by default. */
  readonly maxValues?: number;
}

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
 * @throws FileError  naming the byte: not JSON, equal keys in one object, too deep, too many values, a number beyond
 *                    float64, half a surrogate pair
 */
export function parseStrictJson(text: string, options: StrictJsonOptions): StrictJson {
  const { maxValues = Number.POSITIVE_INFINITY } = options;
  const json = jsonScanner(text, options);
  let values = 0;

  function object(): Map<string, StrictJson> {
    const members = new Map<string, StrictJson>();
    json.object((key, position) => {
      if (members.has(key)) json.fail("the same key twice in one object", position);
      members.set(key, value());
    });
    return members;
  }
  function list(): StrictJson[] {
    const items: StrictJson[] = [];
    json.list(() => items.push(value()));
    return items;
  }
  function value(): StrictJson {
    const first = json.next();
    if (++values > maxValues) json.fail(`at most ${maxValues} values are read`);
    if (first === "{") return object();
    if (first === "[") return list();
    if (first === '"') return json.string();
    return /[tfn]/.test(first) ? json.word() : json.number();
  }

  const whole = value();
  json.end();
  return whole;
}
