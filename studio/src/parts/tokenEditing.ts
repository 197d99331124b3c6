/** What typing, pasting and presets make of a sequence of tokens. */
import { randomStream } from "../../../src/base/random.ts";
import type { ArmSpec } from "../../../src/studies/population/arm.ts";
import { unseenSequences } from "../../../src/studies/population/arm.ts";

/** What a sequence may be. */
export interface SequenceLimits {
  /** Tokens are 0 … dVocab − 1. */
  readonly dVocab: number;
  /** Longest sequence. */
  readonly nPos: number;
}

/**
 * The token that stands in a field after typing: the longest end of what was typed that is a token, so that a new digit
 * replaces an old one where both together would be too large.
 *
 * @example typedToken("12", { dVocab: 10 })   // 2
 * @example typedToken("12", { dVocab: 24 })   // 12
 * @returns undefined without a digit
 */
export function typedToken(text: string, { dVocab }: Pick<SequenceLimits, "dVocab">): number | undefined {
  const digits = text.replace(/\D/g, "");
  for (let from = 0; from < digits.length; from++) {
    const token = Number(digits.slice(from));
    if (token < dVocab) return token;
  }
  return undefined;
}

/**
 * The tokens of a text such as `0, 1,2` or `0 1 2`.
 *
 * @returns a sentence where they are none that the networks can read
 */
export function parsedTokens(text: string, { dVocab, nPos }: SequenceLimits): readonly number[] | string {
  const parts = text.split(/[\s,;[\]()]+/).filter((part) => part !== "");
  if (parts.length === 0) return "There is no token in it.";
  const wrong = parts.find((part) => !/^\d+$/.test(part) || Number(part) >= dVocab);
  if (wrong !== undefined)
    return `${JSON.stringify(wrong.slice(0, 20))} is no token; these networks know 0 to ${dVocab - 1}.`;
  if (parts.length > nPos) return `${parts.length} tokens are too many; these networks read ${nPos}.`;
  return parts.map(Number);
}

/** The sequence cut and changed to what networks can read. */
export function fittedTokens(tokens: readonly number[], { dVocab, nPos }: SequenceLimits): readonly number[] {
  const cut = tokens.slice(0, nPos);
  return cut.length === tokens.length && cut.every((token) => token < dVocab)
    ? tokens
    : cut.map((token) => token % dVocab);
}

/** Names of the sequences that a button gives. */
export const sequencePresets = ["held-out", "repeated", "random"] as const;
export type SequencePreset = (typeof sequencePresets)[number];

/**
 * Number `index` of a kind of sequences: of the arm's held-out ones, of random halves that come twice, or of random
 * tokens.
 */
export function presetTokens(preset: SequencePreset, arm: ArmSpec, index: number): readonly number[] {
  const { dVocab, nCtx } = arm.config;
  const nPos = nCtx - 1; // inputs of the task are a sequence without its last token
  if (preset === "held-out") {
    const { inputs, count, nPos: length } = unseenSequences(arm);
    const row = index % count;
    return Array.from(inputs.subarray(row * length, (row + 1) * length));
  }
  const stream = randomStream("studio", "tokens", preset, index);
  const draw = (count: number) => Array.from({ length: count }, () => stream.integer(dVocab));
  if (preset === "random") return draw(nPos);
  const half = draw(Math.max(1, Math.floor(nPos / 2)));
  return [...half, ...half].slice(0, nPos);
}
