/**
 * Damaged files of one kind, one after the other, in a process of its own.
 *
 * Before each case its number goes to stderr, written before anything is read, so that whoever waits knows which case a
 * crash or a hang belongs to. At the end one line of JSON tells what was found.
 */
import { writeSync } from "node:fs";
import { UserError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import type { Target } from "./target.ts";
import { targets } from "./targets.ts";
import { weakened } from "./weakened.ts";

/** Which cases. */
export interface FuzzTask {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly without?: string;
}

/** What came of them. */
export interface FuzzResult {
  /** Cases that were read. */
  readonly tried: number;
  readonly accepted: number;
  /** Sentences with which files were refused, without the parts that differ from file to file. */
  readonly reasons: readonly string[];
  readonly slowest: number;
  /** Growth of the resident memory over all cases after the first, MiB. */
  readonly growth: number;
  readonly failures: readonly string[];
}

/** Most processor time that one file may take, ms. */
export const longest = 1000;
const [mebibyte, growthLimit] = [2 ** 20, 64];
/** Cases after which memory is measured from: what is compiled and cached by then stays. */
const warmUp = 100;
const longestSentence = 1000;

const resident = () => process.memoryUsage.rss() / mebibyte;

/** The sentence without names, numbers and quoted texts. */
const reasonOf = (message: string) =>
  message
    .replace(/"(?:[^"\\]|\\.)*"/g, '"…"')
    .replace(/; got .*$/s, "")
    .replace(/^[^:]*: /, "")
    .replace(/[0-9a-f]{64}|-?\d[\d.e+]*/g, "N")
    .slice(0, 160);

/** What is wrong with what a reader threw; null for one sentence to the user. */
function complaintAbout(error: unknown): string | null {
  if (!(error instanceof UserError)) {
    const { name, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
    const at = stack.split("\n").find((line) => line.trimStart().startsWith("at ")) ?? "";
    return `threw ${name}: ${message.slice(0, 300)} ${at.trim()}`;
  }
  if (error.message.length > longestSentence) return `said ${error.message.length} characters`;
  if (error.message.includes("\n"))
    return `said several lines: ${JSON.stringify(error.message.slice(0, 200))}`;
  return null;
}

/** Runs the cases and tells the result on stdout. */
export async function fuzz({ target: name, seed, from, to, without }: FuzzTask): Promise<void> {
  const whole = await targets[name]();
  const target: Target = without === undefined ? whole : weakened(whole, without);
  const failures: string[] = [];
  const reasons = new Set<string>();
  let [accepted, slowest, tried, base, k] = [0, 0, 0, 0, from];
  const fail = (bytes: Uint8Array | null, what: string) => {
    const shown = bytes === null ? "" : `: ${Buffer.from(bytes.subarray(0, 4096)).toString("base64")}`;
    failures.push(`${target.kind}, seed ${seed}, case ${k}: ${what}${shown}`);
  };
  process.on("unhandledRejection", (error) => fail(null, `left a rejection that nobody handles: ${error}`));
  for (; k < to; k++) {
    const bytes = target.mutant(randomStream("hostile", name, seed, k));
    writeSync(2, `@${k}\n`);
    const before = resident();
    const started = process.cpuUsage();
    try {
      const difference = await target.accept(bytes);
      if (difference !== null) fail(bytes, difference);
      accepted++;
    } catch (error) {
      const complaint = complaintAbout(error);
      if (complaint !== null) fail(bytes, complaint);
      else reasons.add(reasonOf((error as Error).message));
    }
    const { user, system } = process.cpuUsage(started);
    const took = (user + system) / 1000;
    slowest = Math.max(slowest, took);
    if (took > longest) fail(bytes, `took ${Math.round(took)} ms`);
    const grown = resident() - before;
    if (grown > 32 + (8 * bytes.length) / mebibyte) fail(bytes, `took ${Math.round(grown)} MiB`);
    tried++;
    // a rejection that nobody handled is told after the turn in which it happened
    await new Promise((resolve) => setImmediate(resolve));
    if (tried === warmUp) {
      globalThis.gc?.();
      base = resident();
    }
  }
  globalThis.gc?.();
  const growth = tried > warmUp ? resident() - base : 0;
  if (growth > growthLimit) fail(null, `memory grew by ${Math.round(growth)} MiB over ${tried} files`);
  const result: FuzzResult = { tried, accepted, reasons: [...reasons], slowest, growth, failures };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
