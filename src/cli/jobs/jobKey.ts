/** What a job is known by: a hash of everything that decides what it tells. */
import { createHash, type Hash } from "node:crypto";
import { canonicalJson } from "../../record/canonicalJson.ts";
import { type AnyNumbers, dtypeOf, isAnyNumbers, littleEndianBytes } from "../../record/littleEndian.ts";
import type { Jobs } from "../workers/jobName.ts";

/** Hexadecimal digits of a key: half of a SHA-256, of which no two of a run's jobs share as much by chance. */
const DIGITS = 32;
/** Layout of what is kept of a job: parts of another one are not read. */
const FORMAT = 1;

/** Makes keys; hashes of arrays that several jobs share are made once. */
export interface JobKeys {
  /** 32 hexadecimal digits of the SHA-256 of the canonical JSON of the job, arrays by their hashes. */
  key<K extends keyof Jobs>(kind: K, job: Jobs[K]): string;
}

/** 32 hexadecimal digits for a text. */
export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, DIGITS);
}

function takeArray(hash: Hash, array: AnyNumbers): void {
  // type and length first: no two lists of arrays have the same bytes
  hash.update(`${dtypeOf(array)} ${array.length}\n`).update(littleEndianBytes(array));
}

/** Keys of jobs. An array must not change between two jobs that hold it. */
export function jobKeys(): JobKeys {
  const known = new WeakMap<object, { $sha256: string }>();
  const hashOf = (holder: object, arrays: readonly AnyNumbers[]) => {
    let found = known.get(holder);
    if (found === undefined) {
      const hash = createHash("sha256");
      for (const array of arrays) takeArray(hash, array);
      found = { $sha256: hash.digest("hex") };
      known.set(holder, found);
    }
    return found;
  };
  const hashed = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (isAnyNumbers(value)) return { $array: hashOf(value, [value]) };
    if (Array.isArray(value)) {
      // a text is held as thousands of runs of tokens, by all jobs that train on it
      if (value.length > 0 && value.every(isAnyNumbers)) return { $arrays: hashOf(value, value) };
      return value.map(hashed);
    }
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hashed(member)]));
  };
  return { key: (kind, job) => digestOf(canonicalJson({ format: FORMAT, kind, job: hashed(job) })) };
}
