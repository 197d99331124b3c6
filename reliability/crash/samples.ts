/** Small real runs that are killed, filled up, damaged and gone on with. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomStream } from "../../src/base/random.ts";
import { readLog } from "../../src/record/logLine.ts";
import { hashesOf, lastingFolder } from "../folderBytes.ts";
import type { Ended } from "../startChild.ts";
import { type CommandOptions, startCommand, type TracedCall, tracedCalls } from "./commandLine.ts";

/** Name of the run folder inside the working directory, so that every run of a sample prints the same. */
export const runName = "run";

/** A command that makes a run in a second or two. */
export interface Sample {
  readonly name: string;
  /** Without `--out`. */
  readonly words: readonly string[];
}

const textName = "text.txt";

const smallTraining = [
  ...["train", "--text", textName, "--layers", "1", "--d-model", "8", "--heads", "1", "--ctx", "8"],
  ...["--batch", "2", "--seeds", "2", "--sample", "1", "--sample-tokens", "8", "--workers", "2"],
];

/** The smallest study and the smallest training there are, and trainings that take a second or two; a job a worker. */
export const samples = {
  study: {
    name: "study persistence",
    words: [
      ...["study", "persistence", "--preset", "original", "--seeds", "2", "--sequences", "32"],
      ...["--epochs", "2", "--workers", "2"],
    ],
  },
  train: { name: "train", words: [...smallTraining, "--steps", "40"] },
  longTrain: { name: "a longer train", words: [...smallTraining, "--steps", "1500"] },
  longestTrain: { name: "the longest train", words: [...smallTraining, "--steps", "4000"] },
} as const satisfies Record<string, Sample>;

/** Makes a working directory for runs of samples. */
export function makeWorkshop(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const stream = randomStream("words of a sample");
  const words = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "two", "dogs", "run", "by"];
  const sentence = () => Array.from({ length: 9 }, () => words[stream.integer(words.length)]).join(" ");
  writeFileSync(join(folder, textName), Array.from({ length: 60 }, () => `${sentence()}.\n`).join(""));
  return folder;
}

/** Starts a sample in a working directory. */
export function startSample({ words }: Sample, cwd: string, options: CommandOptions = {}) {
  return startCommand([...words, "--out", runName, ...(options.onSaid ? [] : ["--quiet"])], {
    cwd,
    ...options,
  });
}

/** Starts going on with the run of a working directory. */
export function startResume(cwd: string, options: CommandOptions = {}) {
  return startCommand(["resume", runName, ...(options.onSaid ? [] : ["--quiet"])], { cwd, ...options });
}

/** Files that say how a run came about, and differ between runs of one command. */
export const history = ["log.jsonl"];

/** What an undisturbed run of a sample left. */
export interface Reference {
  readonly sample: Sample;
  /** Absolute path of its run folder. */
  readonly run: string;
  /** SHA-256 of every file but its log. */
  readonly hashes: ReadonlyMap<string, string>;
  readonly stdout: string;
  /** Seconds from the start of the process to the first record of the log, and to the end. */
  readonly firstCommit: number;
  readonly seconds: number;
}

/** Runs a sample undisturbed. */
async function makeReference(sample: Sample, folder: string, options: CommandOptions): Promise<Reference> {
  const cwd = makeWorkshop(folder);
  const started = Date.now();
  const ended = await startSample(sample, cwd, options).ended;
  if (ended.code !== 0) throw new Error(`${sample.name} could not be run: ${ended.stderr}`);
  const run = join(cwd, runName);
  const { records } = readLog(readFileSync(join(run, "log.jsonl")), "log.jsonl");
  return {
    ...{ sample, run, hashes: hashesOf(run, history), stdout: ended.stdout, seconds: ended.seconds },
    firstCommit: (Date.parse(records[0].time) - started) / 1000,
  };
}

const references = new Map<Sample, Promise<Reference>>();
const traces = new Map<Sample, Promise<readonly TracedCall[]>>();

/** What the undisturbed run of a sample left; made once, for all checks of this process. Whoever damages it takes a copy. */
export function referenceOf(sample: Sample, build: string): Promise<Reference> {
  const known = references.get(sample) ?? makeReference(sample, lastingFolder(), { build });
  references.set(sample, known);
  return known;
}

/** Every call that a sample's main thread makes to its run folder, of whatever kind, in order; asked for once. */
export function callsOf(sample: Sample, build: string): Promise<readonly TracedCall[]> {
  const traced = async () => {
    const cwd = makeWorkshop(lastingFolder());
    const trace = join(cwd, "trace.jsonl");
    const ended = await startSample(sample, cwd, { build, plan: { under: join(cwd, runName), trace } }).ended;
    if (ended.code !== 0) throw new Error(`${sample.name} could not be traced: ${ended.stderr}`);
    return tracedCalls(trace).filter(({ n }) => n > 0);
  };
  const known = traces.get(sample) ?? traced();
  traces.set(sample, known);
  return known;
}

/** What an ended process said, on one line, for the text of a failure. */
export function said({ code, signal, stderr }: Ended): string {
  return `it ended with ${code ?? signal}: ${stderr.trim().split("\n").slice(-3).join(" / ")}`;
}
