/** What a job of a sweep found, and the one form of it in bytes: two results of one job are equal to the byte. */
import { z } from "zod";
import { FileError, InternalError } from "../../base/errors.ts";
import { canonicalJson, parseJson } from "../../record/canonicalJson.ts";
import { sha256OfBytes } from "../../record/sha256.ts";
import { strictUtf8 } from "../../record/strictJson.ts";
import type { Verdict } from "../protocol/rule.ts";
import { jobKey, jobSchema, type SweepJob } from "./job.ts";

/** One statistic, a number for each seed of the job in their order; NaN for a network that diverged. */
export interface SweepSeries {
  readonly statistic: string;
  /** null for what belongs to the network as a whole. */
  readonly layer: number | null;
  /** What units are tuned to: `token`, `position`, or `all` cells; null where that means nothing. */
  readonly kind: string | null;
  readonly values: readonly number[];
}

/** A number of the job as a whole: over seeds, or of its configuration. */
export interface SweepOutcome {
  readonly statistic: string;
  readonly value: number;
  /** 95 % interval over seeds; NaN where there is none. */
  readonly low: number;
  readonly high: number;
}

/** What a rule of a study said; null in a quick run, which decides nothing. */
export interface SweepVerdict {
  readonly about: string;
  readonly statement: string;
  readonly verdict: Verdict | null;
}

/** A network of the job. */
export interface SweepModel {
  readonly seed: number;
  /** SHA-256 of the final weights. */
  readonly weights: string;
  /** Updates after which a loss or weight first was not finite; null if never. */
  readonly divergedAt: number | null;
}

/** Everything that a job found; plain data, without anything that depends on where or how fast it ran. */
export interface SweepFound {
  readonly series: readonly SweepSeries[];
  readonly outcomes: readonly SweepOutcome[];
  readonly verdicts: readonly SweepVerdict[];
  /** Empty where a study keeps no weights. */
  readonly models: readonly SweepModel[];
}

/** A job with what it found. */
export interface SweepResult extends SweepFound {
  readonly key: string;
  readonly job: SweepJob;
}

const encoder = new TextEncoder();

/**
 * The bytes of a result: canonical JSON with the SHA-256 of its own bytes without that field, so that a changed byte is
 * found, and a line feed.
 *
 * @throws InternalError if the key is not that of the job
 */
export function sweepResultBytes(result: SweepResult): Uint8Array {
  if (result.key !== jobKey(result.job))
    throw new InternalError({ where: `result ${result.key}`, rule: "has the key of another job" });
  const sha256 = sha256OfBytes(encoder.encode(canonicalJson(result)));
  return encoder.encode(`${canonicalJson({ ...result, sha256 })}\n`);
}

const text = z.string();
const anyNumber = z.custom<number>((value) => typeof value === "number", "must be a number");
const schema = z.strictObject({
  ...{ key: text, sha256: text },
  job: jobSchema,
  series: z.array(
    z.strictObject({
      ...{ statistic: text, layer: z.int().nullable(), kind: text.nullable(), values: z.array(anyNumber) },
    }),
  ),
  outcomes: z.array(z.strictObject({ statistic: text, value: anyNumber, low: anyNumber, high: anyNumber })),
  verdicts: z.array(
    z.strictObject({
      ...{ about: text, statement: text },
      verdict: z.enum(["supported", "refuted", "undecided"]).nullable(),
    }),
  ),
  models: z.array(z.strictObject({ seed: z.int(), weights: text, divergedAt: z.int().nullable() })),
});

/**
 * The result that bytes hold.
 *
 * @param file  its name, for messages
 * @param key   of the job that is asked for
 * @throws FileError  naming the file: not UTF-8, not JSON, a field that is missing or wrong, any changed byte, or the
 *                    result of another job
 */
export function readSweepResult(bytes: Uint8Array, file: string, key: string): SweepResult {
  const refuse = (rule: string, got?: string): never => {
    throw new FileError({ where: file, rule, got });
  };
  const parsed = schema.safeParse(parseJson(strictUtf8(bytes, file), { file }));
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    return refuse(`is no result of a sweep: field "${path.join(".")}" is wrong (${message})`);
  }
  const { sha256, ...result } = parsed.data as unknown as SweepResult & { sha256: string };
  if (result.key !== key) refuse(`must be the result of job ${key}`, result.key);
  if (jobKey(result.job) !== key) refuse("is damaged: its job is not the one of its name");
  const same = sweepResultBytes(result);
  if (same.length !== bytes.length || !same.every((byte, i) => byte === bytes[i]))
    refuse("is damaged: its bytes are not those of its SHA-256", sha256);
  return result;
}
