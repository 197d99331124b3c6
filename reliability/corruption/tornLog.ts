/** B4: a log that ends early is read as far as it is whole; one that is damaged before its end is refused. */
import { FileError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { crc32c } from "../../src/record/crc32.ts";
import { type LogRecord, logLine, readLog } from "../../src/record/logLine.ts";
import type { Check } from "../check.ts";

const logBytes = 65_536;
const name = "run/log.jsonl";

/** A log of about `size` bytes, whose records are of every length, and where each ends. */
function drawLog(size: number, seed: number): { bytes: Uint8Array; records: LogRecord[]; ends: number[] } {
  const stream = randomStream("torn log", seed);
  const records: LogRecord[] = [];
  const ends: number[] = [];
  let text = "";
  while (text.length < size) {
    // text that looks like the end of a record, and like the beginning of one, must not mislead a reader
    const filler = ['"}', '{"seq":1', ',"crc":"00000000"}', "x".repeat(stream.integer(700))];
    const record: LogRecord = {
      ...{
        seq: records.length,
        epoch: 1 + Math.floor(records.length / 20),
        time: "2025-01-31T23:59:59.000Z",
      },
      ...{ event: "kept", note: filler[stream.integer(filler.length)] },
    };
    text += logLine(record);
    records.push(record);
    ends.push(text.length);
  }
  return { bytes: new TextEncoder().encode(text), records, ends };
}

/** What is wrong with the reading of a log of which `whole` records are whole; null if nothing is. */
function complaint(bytes: Uint8Array, whole: number, validBytes: number): string | null {
  try {
    const read = readLog(bytes, name);
    if (read.records.length !== whole) return `${read.records.length} records in place of ${whole}`;
    if (read.validBytes !== validBytes) return `${read.validBytes} valid bytes in place of ${validBytes}`;
    if (read.tornBytes !== bytes.length - validBytes) return `${read.tornBytes} torn bytes`;
    return read.records.every(({ seq }, i) => seq === i) ? null : "records out of order";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Gives a damaged line the check sum of what it says now, as if nobody looked at it. */
function repair(bytes: Uint8Array, at: number): void {
  const start = bytes.lastIndexOf(0x0a, at - 1) + 1;
  const end = bytes.indexOf(0x0a, at);
  const sum = end - ',"crc":"89abcdef"}'.length;
  if (end === -1 || at >= sum) return;
  const digits = crc32c(bytes.subarray(start, sum)).toString(16).padStart(8, "0");
  bytes.set(new TextEncoder().encode(digits), sum + ',"crc":"'.length);
}

export const tornLog: Check = {
  id: "B4",
  promise:
    "A torn log is cut at its last whole record; damage before that is an error with its place, never a cut.",
  weakenings: ["check-sum"],
  async run(form, { seed, say, without }) {
    const failures: string[] = [];
    const { bytes, ends } = drawLog(logBytes, seed);
    const beforeLast = ends.at(-2) as number;

    const stride = form === "short" ? 23 : 1;
    let prefixes = 0;
    let whole = 0;
    for (let length = 0; length <= bytes.length; length++) {
      while (ends[whole] <= length) whole++;
      const valid = whole === 0 ? 0 : ends[whole - 1];
      const nearEnd = length - valid <= 2 || length === ends[whole] - 1;
      if (length % stride !== 0 && !nearEnd) continue;
      prefixes++;
      const found = complaint(bytes.subarray(0, length), whole, valid);
      if (found !== null) failures.push(`the first ${length} bytes: ${found}`);
    }
    say(`${prefixes} lengths`);

    // a file that had grown when the power failed, and whose last sectors are zeros
    let zeroed = 0;
    for (let k = 0; k < ends.length; k++) {
      const from = k === 0 ? 0 : ends[k - 1];
      const cut = from + ((k * 37) % (ends[k] - from));
      const grown = new Uint8Array(Math.ceil((cut + 1) / 512) * 512);
      grown.set(bytes.subarray(0, cut));
      zeroed++;
      const found = complaint(grown, k, from);
      if (found !== null) failures.push(`zeros after ${cut} bytes: ${found}`);
    }

    const stream = randomStream("damaged log", seed);
    const flips = form === "short" ? 1_000 : 20_000;
    let refused = 0;
    let tornByFlip = 0;
    for (let k = 0; k < flips; k++) {
      const at = stream.integer(bytes.length);
      const damaged = bytes.slice();
      damaged[at] ^= 1 << stream.integer(8);
      if (without === "check-sum") repair(damaged, at);
      const broken = ends.findIndex((end) => at < end);
      const start = broken === 0 ? 0 : ends[broken - 1];
      if (at >= beforeLast) {
        tornByFlip++;
        const found = complaint(damaged, ends.length - 1, beforeLast);
        if (found !== null) failures.push(`byte ${at} of the last record: ${found}`);
        continue;
      }
      try {
        readLog(damaged, name);
        failures.push(`byte ${at}: damage before the end was read as if it were none`);
      } catch (error) {
        refused++;
        const message = error instanceof Error ? error.message : String(error);
        const placed = error instanceof FileError && message.includes(`byte ${start}, record ${broken}`);
        if (!placed) failures.push(`byte ${at}, in the record at byte ${start}: ${message}`);
      }
    }
    return {
      figure: `${prefixes} lengths of a log of ${bytes.length} bytes read as far as whole, ${refused} damages before the end refused with their place`,
      count: prefixes + zeroed + flips,
      coverage: { lengths: prefixes, zeroedTails: zeroed, damaged: refused, damagedLast: tornByFlip },
      failures,
    };
  },
};
