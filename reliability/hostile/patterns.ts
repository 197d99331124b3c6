import { UserError } from "../../src/base/errors.ts";
import { tokenizerOf } from "../../src/data/tokenizer.ts";
import { isSimplePattern } from "../../src/data/tokenizerPatterns.ts";
import { evil } from "../../test/data/evilPatterns.ts";
import type { Check } from "../check.ts";
import { inParallel, startChild } from "../startChild.ts";

/** Texts of 100,000 characters on which patterns that nest repeats go back and forth. */
const texts: readonly string[] = [
  "a".repeat(100_000),
  " ".repeat(100_000),
  `${"a ".repeat(50_000)}`,
  `${"aab1".repeat(25_000)}!`,
  `${"0".repeat(99_999)}x`,
];
/** Patterns that are run, to see that time stays linear: two characters at least, a repeat at the end. */
const simple = [
  "[0-9][0-9][0-9]",
  " ?\\p{L}+|\\s+",
  "a?b?c+",
  "x{2,}|[^\\s\\p{P}]+",
  "\\p{N}{1,3}|a",
  "\\s+|\\S",
];
/** Most processor time for all texts of a pattern, ms; and silence after which a process has hung. */
const [longest, silence] = [2000, 8000];
/** The same where it is certain to hang. */
const [weakenedPatterns, weakenedSilence] = [4, 3000];

const fileOf = (pattern: string) =>
  JSON.stringify({
    pre_tokenizer: { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false },
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", vocab: { a: 0, b: 1, ab: 2, c: 3 }, merges: ["a b"] },
  });

/** Patterns, and whether they are run without being looked at. */
export interface PatternTask {
  readonly patterns: readonly string[];
  readonly without?: string;
}

/** Tells, pattern by pattern, whether it was run and how long the longest text took. */
export async function runPatterns({ patterns, without }: PatternTask): Promise<void> {
  for (const pattern of patterns) {
    process.stderr.write(`@${pattern}\n`);
    const before = process.cpuUsage();
    let outcome = "run";
    try {
      const encode =
        without === undefined
          ? tokenizerOf(fileOf(pattern)).encode
          : (text: string) => text.match(new RegExp(pattern, "gu"));
      for (const text of texts) encode(text);
    } catch (error) {
      outcome = error instanceof UserError ? "refused" : `threw ${error}`;
    }
    const { user, system } = process.cpuUsage(before);
    process.stdout.write(`${JSON.stringify({ pattern, outcome, milliseconds: (user + system) / 1000 })}\n`);
  }
}

/** C7: patterns that would keep an engine busy for ever. */
export const patterns: Check = {
  id: "C7",
  promise: "A pattern of a tokenizer's file is refused before it is run, or ends soon on any text.",
  weakenings: ["pattern-rules"],
  async run(_, { without }) {
    const all = without === undefined ? [...evil, ...simple] : evil.slice(0, weakenedPatterns);
    const half = Math.ceil(all.length / 2);
    const parts = await inParallel([all.slice(0, half), all.slice(half)], 2, async (some) => {
      const { code, silent, stdout, stderr } = await startChild(
        "patterns",
        { patterns: some, without },
        { silence: without === undefined ? silence : weakenedSilence },
      ).ended;
      const told = stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
      const last = stderr.slice(stderr.lastIndexOf("@") + 1).trim();
      return {
        told,
        ended: code === 0 ? null : `${last}: the process ${silent ? "hung" : `exited with ${code}`}`,
      };
    });
    const told = parts.flatMap((part) => part.told) as {
      pattern: string;
      outcome: string;
      milliseconds: number;
    }[];
    const failures = parts.flatMap(({ ended }) => ended ?? []);
    for (const { pattern, outcome, milliseconds } of told) {
      if (outcome !== (isSimplePattern(pattern) ? "run" : "refused")) failures.push(`${pattern}: ${outcome}`);
      if (milliseconds > longest) failures.push(`${pattern}: took ${Math.round(milliseconds)} ms`);
    }
    const slowest = Math.max(0, ...told.map(({ milliseconds }) => milliseconds));
    const refused = told.filter(({ outcome }) => outcome === "refused").length;
    return {
      figure: `${refused} of ${evil.length} evil patterns refused; the slowest of all took ${slowest.toFixed(0)} ms for ${texts.length} texts of 100,000 characters`,
      count: told.length,
      coverage: { refused, run: told.length - refused },
      failures,
    };
  },
};
