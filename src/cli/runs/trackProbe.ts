/** The probe of `track`: sequences from a text, from numbers, from a task, or drawn where there is nothing else. */
import { ArgumentError, FileError } from "../../base/errors.ts";
import { heldOut } from "../../data/batches.ts";
import { taskNamed } from "../../data/registry.ts";
import { decodeText } from "../../data/text/decodeText.ts";
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import type { TextProbe } from "../../features/textFactors.ts";
import type { TokenTexts } from "../../features/tokenClasses.ts";
import type { ModelConfig } from "../../model/config.ts";
import { probeOf, randomProbe } from "../../studies/track/index.ts";
import type { TrackOptions } from "../commands/track.ts";
import { readInput } from "../readInput.ts";
import type { FoundSeries } from "./trackSeries.ts";

/** A probe and what it is. */
export interface NamedProbe {
  readonly probe: TextProbe;
  readonly name: string;
  readonly texts: TokenTexts;
}

/** Tokens in a sequence by default, at most. */
const usualPositions = 128;
/** Largest text that is read, in bytes. */
const textLimit = 2 ** 28;
/** Characters of a text that are looked at for each token wanted: more than any word has. */
const charactersPerToken = 16;

/**
 * The probe for series of one config.
 *
 * @throws FileError, ArgumentError  one sentence: no tokenizer, a file that is no text or too short, a token outside the
 *                                   vocabulary, more positions than the model has
 */
export async function trackProbe(
  series: FoundSeries,
  config: ModelConfig,
  options: Pick<TrackOptions, "text" | "tokens" | "positions" | "sequences">,
  cwd: string,
): Promise<NamedProbe> {
  const tokenizer = await series.tokenizer();
  const texts = textsOf(tokenizer, config.dVocab);
  const { positions } = options;
  if (positions !== null && positions > config.nCtx)
    throw new ArgumentError({
      where: "--positions",
      rule: `must be at most ${config.nCtx}, the context of ${series.name}`,
      got: String(positions),
    });
  const size = { nPos: positions ?? Math.min(usualPositions, config.nCtx), count: options.sequences };
  const { dVocab } = config;
  if (options.text !== null) {
    if (tokenizer === null)
      throw new FileError({
        where: "--text",
        rule: `${series.name} has no tokenizer.json`,
        wayOut: "Put it beside config.json, or give --tokens.",
      });
    const { text } = decodeText(readInput(options.text, { cwd, byteLimit: textLimit }), options.text);
    const rows = textRows(text, tokenizer, size);
    return { probe: probeOf(rows, dVocab), name: `text, ${shortName(options.text)}`, texts };
  }
  if (options.tokens !== null) {
    const rows = tokenRows(options.tokens, cwd).slice(0, size.count);
    const shortest = rows.reduce((least, row) => Math.min(least, row.length), size.nPos);
    const probe = probeOf(
      rows.map((row) => row.slice(0, shortest)),
      dVocab,
    );
    return { probe, name: `token numbers, ${shortName(options.tokens)}`, texts };
  }
  if (series.task !== null) {
    const task = taskNamed(series.task, { dVocab, nCtx: config.nCtx });
    const { inputs, nPos, count } = heldOut(task, ["track", "probe"], size.count);
    const rows = Array.from({ length: count }, (_, n) => inputs.subarray(n * nPos, (n + 1) * nPos));
    return { probe: probeOf(rows, dVocab), name: `held-out sequences of the task ${series.task}`, texts };
  }
  const probe = randomProbe({ dVocab, ...size });
  return {
    probe,
    name: "random tokens, since neither --text nor --tokens was given: nothing like what the model was trained on",
    texts,
  };
}

// the place of a file is no part of what was found
const shortName = (path: string) => path.split(/[/\\]/).pop() as string;

function textsOf(tokenizer: Tokenizer | null, dVocab: number): TokenTexts {
  const text = (token: number) => (tokenizer === null ? String(token) : tokenizer.tokenText(token));
  const special = new Set(tokenizer?.special.values() ?? []);
  // a vocabulary that was filled up to a round size has numbers without token
  for (let token = tokenizer?.size ?? dVocab; token < dVocab; token++) special.add(token);
  return { texts: Array.from({ length: dVocab }, (_, token) => text(token)), special };
}

/** Sequences from all over a text: one after the other where it is short, else spread evenly, each from a word's begin. */
function textRows(
  text: string,
  tokenizer: Tokenizer,
  { nPos, count }: { nPos: number; count: number },
): (readonly number[])[] {
  const encode = (part: string) => tokenizer.encode(part, { special: false }).ids;
  const piece = nPos * charactersPerToken;
  if (text.length <= count * piece) {
    const ids = encode(text);
    const whole = Math.floor(ids.length / nPos);
    const rows = Array.from({ length: Math.min(count, whole) }, (_, n) => n);
    return rows.map((n) => {
      const start = Math.floor((n * whole) / rows.length) * nPos;
      return ids.slice(start, start + nPos);
    });
  }
  const rows: (readonly number[])[] = [];
  for (let n = 0; n < count; n++) {
    const from = Math.floor((n * text.length) / count);
    const space = from === 0 ? 0 : text.slice(from, from + piece).search(/\s/);
    const start = from + Math.max(0, space);
    const ids = encode(
      text.slice(start, Math.min(start + piece, Math.floor(((n + 1) * text.length) / count))),
    );
    if (ids.length >= nPos) rows.push(ids.slice(0, nPos));
  }
  return rows;
}

function tokenRows(path: string, cwd: string): number[][] {
  const { text } = decodeText(readInput(path, { cwd, byteLimit: textLimit }), path);
  return text.split("\n").flatMap((line, at) => {
    const words = line.split(/[\s,]+/).filter((word) => word !== "");
    if (words.length === 0) return [];
    const strange = words.find((word) => !/^[0-9]{1,9}$/.test(word));
    if (strange !== undefined)
      throw new FileError({
        where: `${path}, line ${at + 1}`,
        rule: "must be numbers of tokens",
        got: JSON.stringify(strange.slice(0, 40)),
      });
    return [words.map(Number)];
  });
}
