/** Minimal pairs: two sentences of which one is acceptable, in the file format of BLiMP. */
import { FileError } from "../../base/errors.ts";
import { type JsonObject, jsonReader } from "../tokenizerJson.ts";

/** A pair of sentences that differ in one point of grammar. */
export interface MinimalPair {
  /** Where it stands, for messages: `agreement.jsonl, line 3`. */
  readonly where: string;
  readonly good: string;
  readonly bad: string;
  /** The paradigm: what its pairs differ in. */
  readonly uid: string;
  /** Part of grammar, such as `morphology`; null if the file does not say. */
  readonly field: string | null;
  /** Phenomenon, such as `subject_verb_agreement`; null if the file does not say. */
  readonly term: string | null;
  /** Number within the paradigm; null if the file does not say. */
  readonly pairId: string | null;
  /** Whether the probabilities of whole sentences are to be compared; false where the file says so. */
  readonly wholeSentence: boolean;
}

/** The text of a file. */
export interface PairSource {
  /** Its name, for messages. */
  readonly name: string;
  /** With line feeds, see decodeText.ts. */
  readonly text: string;
}

/** Longest line, sentence and name, in UTF-16 units, and most pairs of all files; BLiMP has 67 000. */
const [longestLine, longestSentence, longestName] = [16384, 4096, 200];
const mostPairs = 1_000_000;

function parseLine(line: string, where: string): JsonObject {
  const read = jsonReader(where);
  if (line.length > longestLine)
    return read.fail(`a line may be ${longestLine} characters long`, line.length);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // the engine's message quotes the line, which may hold anything
    return read.fail("must be a JSON object on one line", line);
  }
  return read.object(value, "a line");
}

function pairOf(line: string, where: string): MinimalPair {
  const read = jsonReader(where);
  const values = parseLine(line, where);
  const text = (name: string, most: number): string => {
    const found = read.text(values[name], name, most);
    return found === "" ? read.fail(`${name} must not be empty`) : found;
  };
  const optional = (name: string) =>
    values[name] === undefined || values[name] === null ? null : read.text(values[name], name, longestName);
  const { pairID } = values;
  return {
    where,
    good: text("sentence_good", longestSentence),
    bad: text("sentence_bad", longestSentence),
    uid: text("UID", longestName),
    field: optional("field"),
    term: optional("linguistics_term"),
    pairId:
      typeof pairID === "number"
        ? String(read.whole(pairID, "pairID", Number.MAX_SAFE_INTEGER))
        : optional("pairID"),
    wholeSentence: read.flag(values.simple_LM_method, "simple_LM_method", true),
  };
}

/**
 * The pairs of some files, a JSON object a line:
 *
 *   {"sentence_good": "The cat sleeps.", "sentence_bad": "The cat sleep.", "UID": "agreement", …}
 *
 * `sentence_good`, `sentence_bad` and `UID` must be there; `field`, `linguistics_term`, `pairID` and `simple_LM_method`
 * are read where they are, all other keys are passed over. Empty lines are skipped. Of a key that a line has twice the
 * last counts.
 *
 * @returns  in the order of the files and their lines
 * @throws FileError  one sentence with file and line: no JSON object, a key that is missing, of another type or too long,
 *                    a paradigm in two fields, a pairID twice in one paradigm; or no pair at all, or more than 10⁶
 * @source Warstadt et al. 2020, BLiMP: The Benchmark of Linguistic Minimal Pairs for English
 */
export function readMinimalPairs(sources: readonly PairSource[]): MinimalPair[] {
  const pairs: MinimalPair[] = [];
  const firstOf = new Map<string, MinimalPair>();
  const placeOf = new Map<string, string>();
  for (const { name, text } of sources)
    text.split("\n").forEach((line, at) => {
      if (line.trim() === "") return;
      const pair = pairOf(line, `${name}, line ${at + 1}`);
      if (pairs.length === mostPairs)
        throw new FileError({ where: pair.where, rule: `at most ${mostPairs} pairs are read`, got: "more" });
      checkAgainst(pair, firstOf, placeOf);
      pairs.push(pair);
    });
  if (pairs.length > 0) return pairs;
  throw new FileError({
    where: sources.map(({ name }) => name).join(", ") || "minimal pairs",
    rule: "must hold pairs of sentences, a JSON object a line",
    got: "none",
  });
}

/** Refuses a paradigm that changes its field on the way, and a pair that was there before. */
function checkAgainst(
  pair: MinimalPair,
  firstOf: Map<string, MinimalPair>,
  placeOf: Map<string, string>,
): void {
  const { uid, where, pairId } = pair;
  const first = firstOf.get(uid) ?? pair;
  firstOf.set(uid, first);
  const names = { field: "field", term: "linguistics_term" } as const;
  for (const key of ["field", "term"] as const)
    if (pair[key] !== first[key])
      throw new FileError({
        where,
        rule: `the pairs of UID ${JSON.stringify(uid)} must agree in ${names[key]}`,
        got: `${JSON.stringify(pair[key])}, and ${JSON.stringify(first[key])} at ${first.where}`,
      });
  if (pairId === null) return;
  const key = JSON.stringify([uid, pairId]);
  const before = placeOf.get(key);
  if (before !== undefined)
    throw new FileError({
      where,
      rule: `pair ${JSON.stringify(pairId)} of UID ${JSON.stringify(uid)} must be there once`,
      got: `it at ${before} too`,
    });
  placeOf.set(key, where);
}
