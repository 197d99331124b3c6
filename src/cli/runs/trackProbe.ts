/** The probe of `track`: sequences from a text, from numbers, from a task, or drawn where there is nothing else. */
import { ArgumentError, FileError } from "../../base/errors.ts";
import { heldOut } from "../../data/batches.ts";
import { taskNamed } from "../../data/registry.ts";
import { templateStart } from "../../data/templateStart.ts";
import { decodeText } from "../../data/text/decodeText.ts";
import { classedTokens, readTagged, wordClasses } from "../../data/text/tagged.ts";
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import { type Factor, labelFactor, type TextProbe } from "../../features/textFactors.ts";
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
  /** The class of each position, where words have tags. */
  readonly classes?: Factor;
  /** Tokens of the tokenizer's own at the beginning of every sequence. */
  readonly begins: number;
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
  options: Pick<TrackOptions, "text" | "tagged" | "bos" | "tokens" | "positions" | "sequences">,
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
    return { ...textProbe({ ...options, text: options.text }, tokenizer, { ...size, dVocab }, cwd), texts };
  }
  if (options.tokens !== null) {
    const rows = tokenRows(options.tokens, cwd).slice(0, size.count);
    const shortest = rows.reduce((least, row) => Math.min(least, row.length), size.nPos);
    const probe = probeOf(
      rows.map((row) => row.slice(0, shortest)),
      dVocab,
    );
    return { probe, name: `token numbers, ${shortName(options.tokens)}`, texts, begins: 0 };
  }
  if (series.task !== null) {
    const task = taskNamed(series.task, { dVocab, nCtx: config.nCtx });
    const { inputs, nPos, count } = heldOut(task, ["track", "probe"], size.count);
    const rows = Array.from({ length: count }, (_, n) => inputs.subarray(n * nPos, (n + 1) * nPos));
    const name = `held-out sequences of the task ${series.task}`;
    return { probe: probeOf(rows, dVocab), name, texts, begins: 0 };
  }
  const probe = randomProbe({ dVocab, ...size });
  return {
    probe,
    name: "random tokens, since neither --text nor --tokens was given: nothing like what the model was trained on",
    texts,
    begins: 0,
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

type TextOptions = Pick<TrackOptions, "tagged" | "bos"> & { readonly text: string };

/** The probe of a text, with the classes of its words if these have tags. */
function textProbe(
  { text: path, tagged, bos }: TextOptions,
  tokenizer: Tokenizer,
  { nPos, count, dVocab }: { nPos: number; count: number; dVocab: number },
  cwd: string,
): Omit<NamedProbe, "texts"> {
  const { text: read } = decodeText(readInput(path, { cwd, byteLimit: textLimit }), path);
  const words = tagged === null ? null : readTagged([{ text: read, file: path }]);
  const classes = words === null || tagged === null ? null : wordClasses(words, tagged);
  const text = words?.text ?? read;
  const begin = bos === "no" ? [] : beginOf(tokenizer, text, bos === "yes");
  if (begin.length >= nPos)
    throw new ArgumentError({
      where: "--positions",
      rule: `must leave room for text after the ${begin.length} tokens that every sequence begins with`,
      got: String(nPos),
    });
  const encode = (part: string, from: number): Row =>
    classes === null
      ? { ids: tokenizer.encode(part, { special: false }).ids, classes: new Int32Array() }
      : classedTokens(part, from, tokenizer, classes);
  const rows = textRows(text, encode, { nPos: nPos - begin.length, count });
  const probe = probeOf(
    rows.map(({ ids }) => [...begin, ...ids]),
    dVocab,
  );
  const name = `text, ${shortName(path)}${tagged === null ? "" : ", without its tags"}${begin.length === 0 ? "" : `; every sequence begins with ${begin.map((id) => tokenizer.tokenText(id)).join("")}`}`;
  const named = { probe, name, begins: begin.length };
  if (classes === null) return named;
  const of = Int32Array.from(rows.flatMap((row) => [...begin.map(() => -1), ...row.classes]));
  return { ...named, classes: labelFactor(probe, classes.name, classes.levels, of) };
}

/** What sequences of a text begin with: what the tokenizer's template adds, else, where it must be, its token for that. */
function beginOf(tokenizer: Tokenizer, text: string, must: boolean): readonly number[] {
  const template = templateStart(tokenizer, text.slice(0, charactersPerToken));
  if (template.length > 0 || !must) return template;
  const { bos } = tokenizer.roles;
  if (bos !== undefined) return [bos];
  throw new ArgumentError({
    where: "--bos",
    rule: "needs a tokenizer with a token for the beginning, in its template or named in tokenizer_config.json",
    got: "none",
  });
}

/** Tokens of a text, and the class of each; no classes where words have none. */
interface Row {
  readonly ids: readonly number[];
  readonly classes: Int32Array;
}

/** Sequences from all over a text: one after the other where it is short, else spread evenly, each from a word's begin. */
function textRows(
  text: string,
  encode: (part: string, from: number) => Row,
  { nPos, count }: { nPos: number; count: number },
): Row[] {
  const piece = nPos * charactersPerToken;
  const cut = ({ ids, classes }: Row, start: number): Row => ({
    ids: ids.slice(start, start + nPos),
    classes: classes.slice(start, start + nPos),
  });
  if (text.length <= count * piece) {
    const all = encode(text, 0);
    const whole = Math.floor(all.ids.length / nPos);
    const rows = Array.from({ length: Math.min(count, whole) }, (_, n) => n);
    return rows.map((n) => cut(all, Math.floor((n * whole) / rows.length) * nPos));
  }
  const rows: Row[] = [];
  for (let n = 0; n < count; n++) {
    const from = Math.floor((n * text.length) / count);
    const space = from === 0 ? 0 : text.slice(from, from + piece).search(/\s/);
    const start = from + Math.max(0, space);
    const end = Math.min(start + piece, Math.floor(((n + 1) * text.length) / count));
    const part = encode(text.slice(start, end), start);
    if (part.ids.length >= nPos) rows.push(cut(part, 0));
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
