/** B6: twelve things that a file can be in place of what it should be, for every kind of file, through the real commands. */
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { randomStream } from "../../src/base/random.ts";
import type { Handlers } from "../../src/cli/program.ts";
import { createRunFolder } from "../../src/cli/runFolder.ts";
import { runExperiments } from "../../src/cli/runs/experiments.ts";
import { runInspect } from "../../src/cli/runs/inspect.ts";
import { runResume } from "../../src/cli/runs/resume.ts";
import { runTrain } from "../../src/cli/runs/train.ts";
import { runSweep } from "../../src/cli/sweep/runSweep.ts";
import { runVerify } from "../../src/cli/verify/verify.ts";
import { presets } from "../../src/model/config.ts";
import { type Answer, palimpsest } from "../../test/cli/harness.ts";
import type { Check } from "../check.ts";
import { withProgram } from "../crash/commandLine.ts";
import { makeWorkshop, referenceOf, runName, samples } from "../crash/samples.ts";

const handlers = {
  experiments: runExperiments,
  verify: runVerify,
  resume: runResume,
  inspect: runInspect,
  train: runTrain,
  sweep: runSweep,
};

/** Commands that fail as programs do that never thought of it. */
const wordless = Object.fromEntries(
  Object.entries(handlers).map(([name, handler]) => [
    name,
    (...given: never[]) =>
      (handler as unknown as (...words: never[]) => Promise<never>)(...given).catch((error) => {
        throw new TypeError(`Cannot read properties of undefined (${error.name})`);
      }),
  ]),
) as Partial<Handlers>;

/** What stands in a file's place: other bytes, or something that is made at its path. */
type Instead = (bytes: Uint8Array) => Uint8Array | ((path: string) => void);

const lineEnds = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from([...bytes].flatMap((byte) => (byte === 0x0a ? [0x0d, 0x0a] : [byte])));

const cases: Readonly<Record<string, Instead>> = {
  empty: () => new Uint8Array(),
  "filled with NULs": (bytes) => new Uint8Array(bytes.length),
  "NULs in its second half": (bytes) => bytes.map((byte, i) => (2 * i < bytes.length ? byte : 0)),
  "cut in half": (bytes) => bytes.slice(0, bytes.length >> 1),
  "with other line ends": lineEnds,
  "with a byte order mark": (bytes) => Uint8Array.from([0xef, 0xbb, 0xbf, ...bytes]),
  "in UTF-16": (bytes) =>
    new Uint8Array(Buffer.from(`\ufeff${Buffer.from(bytes).toString("latin1")}`, "utf16le")),
  compressed: (bytes) => new Uint8Array(gzipSync(bytes)),
  noise: (bytes) => {
    const stream = randomStream("noise");
    return bytes.map(() => stream.integer(256));
  },
  "a folder": () => (path) => mkdirSync(path),
  "a link in a circle": () => (path) => symlinkSync(basename(path), path),
  "without permission": (bytes) => (path) => {
    writeFileSync(path, bytes);
    chmodSync(path, 0);
  },
};

/** A file with the commands that read it. */
interface Target {
  readonly file: string;
  /** Words of the commands, with the exit codes that say that the file is bad. */
  readonly commands: readonly (readonly [words: readonly string[], codes: readonly number[]])[];
  /** Cases that are as good as what should be there, or nearly so. */
  readonly harmless?: readonly string[];
}

const text = [
  "--layers",
  "1",
  "--d-model",
  "8",
  "--heads",
  "1",
  "--ctx",
  "8",
  "--steps",
  "1",
  "--seeds",
  "2",
];
const verify = [
  ["verify", runName],
  [2, 3],
] as const;
const resume = [["resume", runName], [2]] as const;
/** A run that has not ended, and a state that it keeps. */
const stoppedName = "stopped";
const partName = "work/one/1.state.safetensors";
const verifyStopped = [["verify", stoppedName], [3]] as const;
/** What a kill or a power failure leaves of its log, which going on mends. */
const torn = ["cut in half", "NULs in its second half"];

/** Makes a run that was stopped in the middle. */
function makeStopped(cwd: string): void {
  const folder = createRunFolder({
    ...{ study: "small", out: stoppedName, cwd, date: () => new Date(0) },
    started: { cwd, workers: 1 },
    manifest: {
      ...{ study: "small", command: ["study", "small"], config: { seeds: [1] }, engine: null },
      versions: { palimpsest: "0.1.0" },
    },
  });
  folder.journal.keep(partName, new TextEncoder().encode("a state\nof two lines\n"));
  for (let step = 0; step < 4; step++) folder.log({ event: "step", step });
  folder.release();
}
const inspect = [["inspect", runName, "heads"], [2]] as const;

const targets: readonly Target[] = [
  { file: `${runName}/manifest.json`, commands: [verify, resume, inspect] },
  { file: `${runName}/log.jsonl`, commands: [verify] },
  { file: `${runName}/checkpoints/original-step-000002.safetensors`, commands: [verify, inspect] },
  { file: `${runName}/measurements/original-step-000002.parquet`, commands: [verify] },
  { file: `${runName}/report.html`, commands: [verify] },
  { file: `${stoppedName}/log.jsonl`, commands: [verifyStopped], harmless: torn },
  { file: `${stoppedName}/${partName}`, commands: [verifyStopped] },
  { file: `${runName}/result.json`, commands: [verify, resume] },
  { file: `${runName}/summary.txt`, commands: [verify, resume] },
  {
    file: "text.txt",
    commands: [[["train", "--text", "text.txt", ...text, "--out", "trained"], [2]]],
    // text all the same
    harmless: [
      "filled with NULs",
      "NULs in its second half",
      "cut in half",
      "with other line ends",
      "with a byte order mark",
    ],
  },
  {
    file: "sweep.json",
    commands: [[["sweep", "sweep.json", "--dry-run"], [2]]],
    harmless: ["with other line ends", "with a byte order mark"],
  },
  {
    file: "model.json",
    commands: [[["experiments", "--config", "model.json", "--seeds", "2", "--out", "experiments"], [2]]],
    harmless: ["with other line ends", "with a byte order mark"],
  },
];

/** Does something as a user whom permissions bind. */
async function asUser<T>(work: () => Promise<T>): Promise<T> {
  const isRoot = process.geteuid?.() === 0;
  if (!isRoot) return work();
  process.seteuid?.("nobody");
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

/** What is wrong with the answer of a command to a bad file; null if nothing is. */
function complaint({ exitCode, stderr }: Answer, file: string, codes: readonly number[]): string | null {
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
  if (!codes.includes(exitCode)) return `it ended with ${exitCode}: ${lines.join(" / ")}`;
  if (/^\s+at /m.test(stderr) || stderr.includes("a defect of Palimpsest"))
    return `it shows a defect: ${lines.join(" / ")}`;
  const [sentence] = lines;
  if (lines.length !== 1) return `it says ${lines.length} lines: ${lines.join(" / ")}`;
  return sentence.includes(basename(file)) ? null : `it does not name the file: ${sentence}`;
}

export const badFiles: Check = {
  id: "B6",
  promise:
    "Whatever stands in place of a file: one sentence that names it, no stack, and the exit code of a bad input.",
  weakenings: ["refusal-in-words"],
  run: (_form, { say, without }) =>
    withProgram([], {}, async (build, top) => {
      makeWorkshop(top);
      cpSync((await referenceOf(samples.study, build)).run, join(top, runName), { recursive: true });
      chmodSync(top, 0o755);
      writeFileSync(
        join(top, "sweep.json"),
        '{"sweep":"one","seeds":2,"base":{"steps":2},\n"grid":{"lr":[0.1,0.2]}}\n',
      );
      writeFileSync(join(top, "model.json"), `${JSON.stringify(presets.original, null, 2)}\n`);
      makeStopped(top);
      const failures: string[] = [];
      let count = 0;
      for (const { file, commands, harmless = [] } of targets) {
        const path = join(top, file);
        const bytes = new Uint8Array(readFileSync(path));
        for (const [name, make] of Object.entries(cases)) {
          if (harmless.includes(name)) continue;
          renameSync(path, `${top}.aside`);
          const instead = make(bytes);
          if (typeof instead === "function") instead(path);
          else writeFileSync(path, instead);
          for (const [words, codes] of commands) {
            count++;
            const ask = () =>
              palimpsest(words, { handlers: without === undefined ? handlers : wordless, io: { cwd: top } });
            const answer = await (name === "without permission" ? asUser(ask) : ask());
            const found = complaint(answer, file, codes);
            if (found !== null) failures.push(`${file}, ${name}, ${words[0]}: ${found}`);
          }
          rmSync(path, { recursive: lstatSync(path).isDirectory(), force: true });
          renameSync(`${top}.aside`, path);
        }
        say(`${file}: ${count} so far`);
      }
      return {
        figure: `${count - failures.length} of ${count} bad files refused in one sentence`,
        count,
        coverage: { cases: Object.keys(cases).length, kindsOfFile: targets.length },
        failures,
      };
    }),
};
