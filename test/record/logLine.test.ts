import fc from "fast-check";
import { expect, test } from "vitest";
import { ArgumentError, FileError } from "../../src/base/errors.ts";
import type { JsonValue } from "../../src/record/canonicalJson.ts";
import { crc32, crc32c } from "../../src/record/crc32.ts";
import { type LogRecord, logLine, readLog } from "../../src/record/logLine.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const time = "2025-01-02T03:04:05.678Z";
const record = (seq: number, rest: Record<string, JsonValue> = {}, epoch = 1): LogRecord => ({
  ...{ seq, epoch, time, event: "kept" },
  ...rest,
});
const logOf = (records: readonly LogRecord[]) => utf8(records.map(logLine).join(""));

/** A log of a given number of lines, each as long as its number says. */
const log = (lines: number, payload: (seq: number) => number, letter = "é") =>
  logOf(Array.from({ length: lines }, (_, seq) => record(seq, { text: letter.repeat(payload(seq)) })));

test("check sums are those of the standards", () => {
  const digits = utf8("123456789");
  expect(crc32(digits)).toBe(0xcbf43926); // check value of CRC-32/ISO-HDLC in the catalogue of Cook
  expect(crc32c(digits)).toBe(0xe3069283); // check value of CRC-32/ISCSI there
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa); // RFC 3720, B.4
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

test("a line is a JSON object with its check sum last", () => {
  const line = logLine({ event: "started", time, epoch: 2, seq: 0, loss: Number.NaN });
  expect(line).toBe(
    `{"seq":0,"epoch":2,"time":"${time}","event":"started","loss":{"$number":"NaN"},"crc":"${crc32c(
      utf8(line.slice(0, line.indexOf(',"crc"'))),
    )
      .toString(16)
      .padStart(8, "0")}"}\n`,
  );
  expect(JSON.parse(line).event).toBe("started");
  expect(() => logLine(record(0, { crc: "00000000" }))).toThrow(ArgumentError);
});

test("whatever is logged is read back", () => {
  const json = fc.dictionary(
    fc
      .string()
      .filter((key) => !["crc", "seq", "epoch", "time", "event", "$number", "__proto__"].includes(key)),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const usable = json.filter(
    (value) => !/\\ud[89a-f]|\$number|__proto__|-0|e[+-]?\d/i.test(JSON.stringify(value)),
  );
  fc.assert(
    fc.property(fc.array(usable, { maxLength: 5 }), (contents) => {
      const records = contents.map((content, seq) =>
        record(seq, content as Record<string, JsonValue>, 1 + seq),
      );
      const bytes = logOf(records);
      expect(readLog(bytes, "log")).toEqual({ records, validBytes: bytes.length, tornBytes: 0 });
    }),
    { seed: 6, numRuns: 200 },
  );
});

test("a log cut at any of its 65,536 bytes gives the records that are whole, and the rest is torn", () => {
  // short records and one that is most of the log: what is whole is read anew each time
  const bytes = log(60, (seq) => (seq === 30 ? 56_000 : 3 * seq), "x");
  const size = 65_536;
  expect(bytes.length).toBeGreaterThan(size);
  const ends = [0];
  bytes.forEach((byte, at) => {
    if (byte === 0x0a) ends.push(at + 1);
  });
  for (let length = 0; length <= size; length++) {
    const { records, validBytes, tornBytes } = readLog(bytes.subarray(0, length), "log");
    const whole = ends.findLastIndex((end) => end <= length);
    if (records.length !== whole || validBytes !== ends[whole] || tornBytes !== length - ends[whole])
      expect.fail(`cut at ${length}: ${records.length} records of ${whole}, ${tornBytes} bytes torn`);
  }
});

test("NUL bytes in the place of what did not reach the disk are torn, wherever they begin", () => {
  const bytes = log(4, () => 30);
  const last = bytes.lastIndexOf(0x0a, bytes.length - 2) + 1;
  for (let from = last; from < bytes.length; from++) {
    const lost = bytes.slice();
    lost.fill(0, from);
    expect(readLog(lost, "log")).toMatchObject({ validBytes: last, tornBytes: bytes.length - last });
  }
  const longer = new Uint8Array(bytes.length + 4096);
  longer.set(bytes);
  expect(readLog(longer, "log")).toMatchObject({ validBytes: bytes.length, tornBytes: 4096 });
});

test("every single flipped bit is found: in the last record as torn, before it as damage with its byte", () => {
  const bytes = log(6, (seq) => seq);
  const last = bytes.lastIndexOf(0x0a, bytes.length - 2) + 1;
  const outcomes = { torn: 0, damaged: 0 };
  for (let at = 0; at < bytes.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << bit;
      try {
        const { validBytes, tornBytes } = readLog(flipped, "log");
        expect({ validBytes, tornBytes }).toEqual({ validBytes: last, tornBytes: bytes.length - last });
        expect(at).toBeGreaterThanOrEqual(last);
        outcomes.torn++;
      } catch (error) {
        expect(error).toBeInstanceOf(FileError);
        const line = bytes.subarray(0, at).lastIndexOf(0x0a) + 1;
        expect((error as Error).message).toContain(`log, byte ${line}, record `);
        outcomes.damaged++;
      }
    }
  expect(outcomes.torn + outcomes.damaged).toBe(8 * bytes.length);
  expect(outcomes.damaged).toBeGreaterThanOrEqual(8 * last);
});

test("what no crash leaves is an error and not a torn end", () => {
  const bytes = log(3, () => 5);
  const text = new TextDecoder().decode(bytes);
  const lines = text.trimEnd().split("\n");
  const refused = (changed: string) => {
    let message = "";
    try {
      readLog(utf8(changed), "run/log.jsonl");
    } catch (error) {
      expect(error).toBeInstanceOf(FileError);
      message = (error as Error).message;
    }
    return message;
  };
  expect(refused(text.replaceAll("\n", "\r\n"))).toBe(
    "run/log.jsonl, byte 0, record 0: every line must agree with its check sum; got several damaged ones.",
  );
  expect(refused(`\uFEFF${text}`)).toContain("got a damaged one, and a whole one at byte 3");
  expect(refused([lines[0], lines[2], ""].join("\n"))).toContain(
    "numbered one after the other; got record 2",
  );
  expect(refused([lines[1], lines[2], ""].join("\n"))).toContain("byte 0, record 0");
  expect(refused(text + text)).toContain("got record 0");
  expect(refused(logLine(record(0, {}, 2)) + logLine(record(1, {}, 1)))).toContain(
    "never falls below 2; got 1",
  );
});

test("a line that is longer than any record is refused, and is not parsed", () => {
  const nested = "[".repeat(2 ** 21);
  const signed = (body: string) => `${body},"crc":"${crc32c(utf8(body)).toString(16).padStart(8, "0")}"}\n`;
  for (const line of [nested, `${nested}\n`, signed(`{"seq":0,"epoch":1,"time":"","event":${nested}`)])
    expect(() => readLog(utf8(line), "log.jsonl")).toThrow(/a record has at most 1048576 bytes; got [0-9]+/);
  expect(() => logLine({ ...record(0), text: "x".repeat(2 ** 20) })).toThrow(
    /must have at most 1048576 bytes/,
  );
});

test("an end that begins like a record at every other byte is looked through once", () => {
  // searched from each beginning anew, the end of this line would be 2 · 10^11 bytes away in all
  const torn = utf8('{"seq":'.repeat(2 ** 18));
  const bytes = new Uint8Array(torn.length + 2 ** 20);
  bytes.set(torn, 2 ** 20);
  expect(() => readLog(bytes, "log")).toThrow(/a record has at most 1048576 bytes/);
});
