/**
 * Lines of a log that says itself whether it is whole.
 *
 * A line is one JSON object that ends with `,"crc":"89abcdef"}`: the CRC-32C of the line's bytes up to there. Lines are
 * numbered from 0, and each is on the disk before the next is begun, so a crash can spoil the last one and no other:
 * a log that ends in part of a line is torn, any other deviation is damage.
 */
import { ArgumentError, FileError } from "../base/errors.ts";
import { type JsonValue, parseJson, readableJson } from "./canonicalJson.ts";
import { crc32c } from "./crc32.ts";

/** A line of a log, without its check sum. */
export interface LogRecord {
  /** Number of the line, from 0. */
  readonly seq: number;
  /** Number of the opening of the log that wrote the line, from 1. */
  readonly epoch: number;
  /** When, ISO 8601 in UTC; tells people, orders nothing. */
  readonly time: string;
  /** What happened. */
  readonly event: string;
  readonly [key: string]: JsonValue | undefined;
}

/** What was read of a log. */
export interface LogRead {
  readonly records: LogRecord[];
  /** Bytes of the whole records. */
  readonly validBytes: number;
  /** Bytes behind them: what a crash left of a record that was never acknowledged. */
  readonly tornBytes: number;
}

/** Most bytes of a line: a record names a part or a few, and none that is longer is read. */
const lineLimit = 2 ** 20;
const lineFeed = 0x0a;
const beginning = '{"seq":';
/** `,"crc":"89abcdef"}` */
const endBytes = 18;

const text = new TextEncoder();

function endOf(bytes: Uint8Array): string {
  return `,"crc":"${crc32c(bytes).toString(16).padStart(8, "0")}"}`;
}

/**
 * The line of a record, with its check sum and a line feed.
 *
 * @throws ArgumentError  for a record that has a `crc` of its own, holds what JSON cannot, or is longer than 1 MiB
 */
export function logLine(record: LogRecord): string {
  if (Object.hasOwn(record, "crc"))
    throw new ArgumentError({ where: "log record", rule: "crc is the name of the check sum" });
  const { seq, epoch, time, event, ...rest } = record;
  const body = readableJson({ seq, epoch, time, event, ...rest }, { indent: 0 }).slice(0, -1);
  const bytes = text.encode(body);
  if (bytes.length + endBytes > lineLimit)
    throw new ArgumentError({
      where: `log record "${event}"`,
      rule: `must have at most ${lineLimit} bytes`,
      got: String(bytes.length + endBytes),
    });
  return `${body}${endOf(bytes)}\n`;
}

/** The record of a line without its line feed; null unless its check sum is right. */
function recordOf(line: Uint8Array, file: string): LogRecord | null {
  const end = line.length - endBytes;
  if (end <= 0 || line.length > lineLimit) return null;
  const body = line.subarray(0, end);
  const expected = endOf(body);
  for (let i = 0; i < endBytes; i++) if (line[end + i] !== expected.charCodeAt(i)) return null;
  // the check sum says that these are the bytes of logLine, which writes no equal keys and rounds no number
  const written = `${new TextDecoder().decode(body)}}`;
  try {
    const value = written.includes('"$number"') ? parseJson(written, { file }) : JSON.parse(written);
    return isRecord(value) ? value : null;
  } catch {
    // whoever made the check sum of these bytes was not logLine
    return null;
  }
}

function isRecord(value: unknown): value is LogRecord {
  if (value === null || typeof value !== "object") return false;
  const { seq, epoch, time, event } = value as Record<string, unknown>;
  return (
    Number.isInteger(seq) && Number.isInteger(epoch) && typeof time === "string" && typeof event === "string"
  );
}

/** Where a whole record stands in bytes that do not begin with one; −1 if there is none. */
function findRecord(bytes: Uint8Array, file: string): number {
  const pattern = text.encode(beginning);
  let end = -1;
  for (let at = bytes.indexOf(pattern[0]); at !== -1; at = bytes.indexOf(pattern[0], at + 1)) {
    if (!pattern.every((byte, i) => bytes[at + i] === byte)) continue;
    if (end < at) end = bytes.indexOf(lineFeed, at);
    if (end === -1) return -1;
    if (recordOf(bytes.subarray(at, end), file) !== null) return at;
  }
  return -1;
}

/** The whole records that a log begins with, the bytes that they fill, and how the next breaks the rules, if it is one. */
function beginningOf(bytes: Uint8Array, file: string) {
  const records: LogRecord[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf(lineFeed, at);
    const record = end === -1 ? null : recordOf(bytes.subarray(at, end), file);
    if (record === null) return { records, at, wrong: null };
    const { seq, epoch } = record;
    const last = records.at(-1)?.epoch ?? 1;
    if (seq !== records.length)
      return {
        ...{ records, at },
        wrong: { rule: "records are numbered one after the other", got: `record ${seq}` },
      };
    if (epoch < last)
      return { records, at, wrong: { rule: `the epoch never falls below ${last}`, got: String(epoch) } };
    records.push(record);
    at = end + 1;
  }
}

/** The records of a log before the first that is damaged; all of one that is not. */
export function recordsBeforeDamage(bytes: Uint8Array, file: string): LogRecord[] {
  return beginningOf(bytes, file).records;
}

/**
 * Reads a log as far as it is whole.
 *
 * Torn is what one unfinished line can leave at the end: part of a line, NUL bytes in the place of what did not reach
 * the disk, or one line whose check sum is wrong.
 *
 * @param file  its name, for messages
 * @throws FileError  naming byte and line: a whole record after something that is none, several lines at the end that
 *                    are none (as after a change of the line ends), numbers that do not follow each other
 */
export function readLog(bytes: Uint8Array, file: string): LogRead {
  const { records, at, wrong } = beginningOf(bytes, file);
  const fail = (rule: string, got: string): never => {
    throw new FileError({ where: `${file}, byte ${at}, record ${records.length}`, rule, got });
  };
  if (wrong !== null) fail(wrong.rule, wrong.got);
  const rest = bytes.subarray(at);
  const next = findRecord(rest, file);
  if (next !== -1)
    fail("every line must agree with its check sum", `a damaged one, and a whole one at byte ${at + next}`);
  const lineEnd = rest.indexOf(lineFeed);
  const length = lineEnd === -1 ? rest.length : lineEnd;
  if (length > lineLimit && rest.subarray(lineLimit).some((byte) => byte !== 0))
    fail(`a record has at most ${lineLimit} bytes`, String(length));
  if (lineEnd !== -1 && rest.subarray(lineEnd + 1).some((byte) => byte !== 0))
    fail("every line must agree with its check sum", "several damaged ones");
  return { records, validBytes: at, tornBytes: rest.length };
}
