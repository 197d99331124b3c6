import { crc32c } from "../../../src/record/crc32.ts";
import { type LogRecord, logLine, readLog } from "../../../src/record/logLine.ts";
import { pick } from "../../../test/record/mutants.ts";
import { byteMutant, jsonMutant } from "../jsonMutants.ts";
import { difference, type Target } from "../target.ts";

const time = "2025-01-02T03:04:05.678Z";
const records: readonly LogRecord[] = [
  { seq: 0, epoch: 1, time, event: "started", cwd: "/home/ada", workers: 2, pid: 7, host: "analytical" },
  {
    seq: 1,
    epoch: 1,
    time,
    event: "kept",
    path: "work/ab/0.told.safetensors",
    bytes: 12,
    sha256: "0".repeat(64),
  },
  { seq: 2, epoch: 2, time, event: "kept", path: "work/ab/1.state.safetensors", bytes: 0, loss: Number.NaN },
  { seq: 3, epoch: 2, time, event: "dropped", paths: ["work/ab/0.told.safetensors"] },
  { seq: 4, epoch: 2, time, event: "closed", status: "complete", manifest: "1".repeat(64) },
];
const lines = records.map(logLine);
const own = [
  '"started"',
  '"kept"',
  '"closed"',
  '"../../x"',
  "0",
  "1",
  "2",
  "3",
  "-1",
  '"work/ab/0.told.safetensors"',
];

const encoder = new TextEncoder();

/** A line with the check sum of what it says. */
function summed(line: string): string {
  const body = line.replace(/,"crc":"[^"]*"\}\n?$/, "");
  return `${body},"crc":"${crc32c(encoder.encode(body)).toString(16).padStart(8, "0")}"}\n`;
}

/** A run's log; two in three are changed in one line, of which most have the right check sum again. */
export const log: Target = {
  kind: "log",
  mutant(stream) {
    if (stream.integer(3) === 0) return byteMutant(encoder.encode(lines.join("")), stream);
    const at = stream.integer(lines.length);
    const isSummed = stream.integer(4) > 0;
    // the sum is left out while the line is changed: its text is none of the JSON's that are worth changing
    const bare = `${lines[at].replace(/,"crc":"[^"]*"\}\n?$/, "")}}`;
    const changed = jsonMutant(bare, stream, own).replace(/\}$/, "");
    const line = isSummed ? summed(changed) : `${changed},"crc":"00000000"}\n`;
    const rest = pick([lines.slice(at + 1), [], lines.slice(at)], stream);
    return encoder.encode([...lines.slice(0, at), line, ...rest].join(""));
  },
  accept(bytes) {
    const { records: read, validBytes, tornBytes } = readLog(bytes, "run/log.jsonl");
    if (validBytes + tornBytes !== bytes.length)
      return `${validBytes} and ${tornBytes} of ${bytes.length} bytes`;
    const written = read.map(logLine).join("");
    const again = readLog(encoder.encode(written), "again");
    // a line of somebody who made its check sum right may say a number that this writer writes otherwise, and deeper
    const isOurs = written === new TextDecoder().decode(bytes.subarray(0, validBytes));
    if (again.tornBytes > 0) return isOurs ? `${again.tornBytes} bytes of what was written are torn` : null;
    return difference("a log", written, again.records.map(logLine).join(""));
  },
};
