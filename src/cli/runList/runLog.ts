/** The ends of a run's log: when it began and what was written last. Old logs, without check sums, are read too. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";

/** One line of a log. */
export interface LogLine {
  readonly time: string;
  readonly event: string;
  readonly [key: string]: unknown;
}

/** What is known of a log. */
export interface LogEnds {
  readonly first: LogLine;
  readonly last: LogLine;
}

/** Bytes that are read at either end. */
const endBytes = 2 ** 16;
/** A link is not followed, and a pipe does not keep one waiting. */
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

function lineOf(text: string): LogLine | null {
  try {
    const value = JSON.parse(text);
    const { seq, time, event } = value;
    const isTime = typeof time === "string" && !Number.isNaN(Date.parse(time));
    return Number.isSafeInteger(seq) && isTime && typeof event === "string" ? value : null;
  } catch {
    return null;
  }
}

/** The first line of `log.jsonl`, and the last one that is whole; null unless its beginning is that of a run's log. */
export function logEnds(folder: string): LogEnds | null {
  let file: number;
  try {
    file = openSync(join(folder, "log.jsonl"), flags);
  } catch {
    return null;
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return null;
    const textAt = (at: number) => {
      const buffer = Buffer.alloc(Math.min(endBytes, stats.size - at));
      return buffer.toString("utf8", 0, readSync(file, buffer, 0, buffer.length, at));
    };
    const first = lineOf(textAt(0).split("\n", 1)[0]);
    if (first?.seq !== 0 || first.event !== "started") return null;
    const lines = textAt(Math.max(0, stats.size - endBytes)).split("\n");
    const last = lines.findLast((line) => lineOf(line) !== null);
    return { first, last: (last === undefined ? null : lineOf(last)) ?? first };
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}
