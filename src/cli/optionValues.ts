/** Option values: from the text on the command line to a checked value, or one sentence. */
import { ArgumentError, unknownName } from "../base/errors.ts";

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
