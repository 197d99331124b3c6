/** Option values: from the text on the command line to a checked value, or one sentence. */
import { ArgumentError, unknownName } from "../base/errors.ts";
import type { InitOptions } from "../model/init.ts";
import { initSchemeNames } from "../model/initSchemeNames.ts";

/** Names of initialisation schemes. */
export const schemeNames = initSchemeNames;

/** Reads the text of an option. `flag` is its name, for messages. */
export type ValueParser<T> = (flag: string) => (text: string) => T;

function refuse(flag: string, rule: string, text: string, wayOut?: string): never {
  throw new ArgumentError({ where: flag, rule, got: JSON.stringify(text), wayOut });
}

/** A whole number in decimal digits, from `low` to `high`. */
export function wholeNumber(low: number, high: number): ValueParser<number> {
  return (flag) => (text) => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= low && value <= high) return value;
    return refuse(flag, `must be a whole number, ${low} to ${high}`, text);
  };
}

const decimal = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/;

/** A decimal number above 0 that float64 can hold. */
export const positiveNumber: ValueParser<number> = (flag) => (text) => {
  const value = Number(text);
  if (decimal.test(text) && value > 0 && Number.isFinite(value)) return value;
  return refuse(flag, "must be a number above 0, such as 0.001 or 1e-3", text);
};

/** One of a list of names. */
export function nameAmong<T extends string>(names: readonly T[]): ValueParser<T> {
  return (flag) => (text) => {
    const found = names.find((name) => name === text);
    if (found === undefined) throw unknownName(flag, text, names);
    return found;
  };
}

/** Names, separated by commas; a repeated option adds to them, so the parser takes what was read before. */
export function namesAmong<T extends string>(names: readonly T[]) {
  return (flag: string) => {
    const one = nameAmong(names)(flag);
    return (text: string, before: readonly T[] = []): readonly T[] => {
      const all = [...before, ...text.split(",").map(one)];
      const twice = all.find((name, i) => all.indexOf(name) !== i);
      if (twice !== undefined) refuse(flag, "each may be named once", twice);
      return all;
    };
  };
}

/** Most seeds of one run. */
const seedLimit = 10_000;

/** Seeds: a count n, which stands for 0 … n − 1, or a list of at least two different ones. */
export const seedList: ValueParser<readonly number[]> = (flag) => (text) => {
  const rule = "must be a whole number at least 2 or a list such as 1,2,5";
  if (!/^[0-9]+(,[0-9]+)*$/.test(text)) refuse(flag, rule, text);
  const numbers = text.split(",").map(Number);
  if (!numbers.every(Number.isSafeInteger)) refuse(flag, "a seed must be below 2^53", text);
  const [count] = numbers;
  if (numbers.length === 1 && count < 2) refuse(flag, rule, text);
  const total = numbers.length === 1 ? count : numbers.length;
  if (total > seedLimit) refuse(flag, `at most ${seedLimit} seeds fit one run`, String(total));
  if (numbers.length === 1) return Array.from({ length: count }, (_, seed) => seed);
  const twice = numbers.find((seed, i) => numbers.indexOf(seed) !== i);
  if (twice !== undefined) refuse(flag, "each seed may be listed once", String(twice));
  return numbers;
};

/** A path that is not empty. */
export const path: ValueParser<string> = (flag) => (text) => {
  if (text !== "" && !text.includes("\0")) return text;
  return refuse(flag, "must be a path", text);
};

/** `7` or `0-9`. */
const seedItem = /^([0-9]+)(?:-([0-9]+))?$/;

/** Seeds of networks that are there: one, a list, ranges, or `all`. */
export const seedChoice: ValueParser<readonly number[] | "all"> = (flag) => (text) => {
  if (text === "all") return text;
  const seeds = text.split(",").flatMap((item) => {
    const match = seedItem.exec(item);
    const [low, high] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (match === null || high < low || !Number.isSafeInteger(high))
      return refuse(flag, "must be a seed, a list such as 1,2,5, a range such as 0-9, or all", text);
    if (high - low >= seedLimit) return refuse(flag, `at most ${seedLimit} seeds fit one run`, text);
    return Array.from({ length: high - low + 1 }, (_, i) => low + i);
  });
  if (seeds.length > seedLimit) refuse(flag, `at most ${seedLimit} seeds fit one run`, String(seeds.length));
  if (new Set(seeds).size < seeds.length) refuse(flag, "each seed may be named once", text);
  return seeds;
};

/** Seeds of networks: a count n, which stands for 0 … n − 1, a list, or `all` of those that are there. */
export const seedCount: ValueParser<readonly number[] | "all"> = (flag) => (text) => {
  if (text === "all") return text;
  if (/^[1-9][0-9]{0,15}$/.test(text)) {
    const count = Number(text);
    if (count > seedLimit) refuse(flag, `at most ${seedLimit} seeds fit one run`, text);
    return Array.from({ length: count }, (_, seed) => seed);
  }
  if (!/^[0-9]+(,[0-9]+)+$/.test(text))
    refuse(flag, "must be a whole number at least 1 or a list such as 1,2,5", text);
  return seedChoice(flag)(text);
};

/** Token numbers with commas or spaces between; a repeated option adds a sequence. */
export const tokenLists =
  (flag: string) =>
  (text: string, before: readonly (readonly number[])[] = []): readonly (readonly number[])[] => {
    if (!/^[0-9]+([ ,]+[0-9]+)*$/.test(text) || text.length > 1e6)
      refuse(flag, "must be token numbers such as 0,1,2,3", text.slice(0, 80));
    return [...before, text.split(/[ ,]+/).map(Number)];
  };

/** A sequence: token numbers with commas or spaces between, or else a text; a repeated option adds one. */
export const prompts =
  (flag: string) =>
  (value: string, before: readonly (readonly number[] | string)[] = []) => {
    const isNumbers = /^[0-9]+([ ,]+[0-9]+)*$/.test(value);
    return isNumbers ? [...before, ...tokenLists(flag)(value)] : texts(flag)(value, before);
  };

/** A text; a repeated option adds one. */
export const texts =
  (flag: string) =>
  <T>(value: string, before: readonly (T | string)[] = []): readonly (T | string)[] => [
    ...before,
    text(flag)(value),
  ];

/** A token: its number, or its text, which is not all digits. */
export const tokenGiven: ValueParser<number | string> = (flag) => (value) =>
  /^[0-9]+$/.test(value) ? wholeNumber(0, tokenLimit)(flag)(value) : text(flag)(value);

/** Larger than any vocabulary; the model's own size is checked when it is known. */
const tokenLimit = 2 ** 31 - 1;

/** Rows of token numbers, `1,2,3;4,5,6`; a repeated option adds rows. */
export const tokenRows =
  (flag: string) =>
  (text: string, before: readonly (readonly number[])[] = []): readonly (readonly number[])[] =>
    text.split(";").reduce((rows, row) => tokenLists(flag)(row.trim(), rows), before);

/** Texts with commas between, each once; none may be empty. */
export const textList: ValueParser<readonly string[]> = (flag) => (text) => {
  const items = text.split(",");
  if (items.some((item) => item === "")) refuse(flag, "must be names with commas between", text);
  const twice = items.find((item, i) => items.indexOf(item) !== i);
  if (twice !== undefined) refuse(flag, "each may be named once", twice);
  return items;
};

/** A text that is not empty. */
export const text: ValueParser<string> = (flag) => (value) =>
  value === "" ? refuse(flag, "must not be empty", value) : value;

/** A position: its number from 0, or one of some words. */
export function position<W extends string>(words: readonly W[]): ValueParser<number | W> {
  return (flag) => (text) => {
    const word = words.find((known) => known === text);
    if (word !== undefined) return word;
    if (/^[0-9]{1,9}$/.test(text)) return Number(text);
    return refuse(flag, `must be a position counted from 0, or ${words.join(" or ")}`, text);
  };
}

/** `gpt2` or `gpt2:0.1`: a scheme, and a factor for the embeddings. */
export const initOption: ValueParser<Required<InitOptions>> = (flag) => (text) => {
  const colon = text.indexOf(":");
  const scheme = nameAmong(schemeNames)(flag)(colon < 0 ? text : text.slice(0, colon));
  if (colon < 0) return { scheme, embeddingScale: 1 };
  return { scheme, embeddingScale: positiveNumber(`${flag}, embedding scale`)(text.slice(colon + 1)) };
};
