/** Tokens as a reader sees them in a table: their text where there is a tokenizer, else their number. */
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import { lineText } from "../lineText.ts";
import { type Subject, tokenizerOfSubject } from "./inspected.ts";

/** Longest text of a token in a table. */
const longest = 16;

/**
 * A token in quotes, ` Mary` as `" Mary"`, so that its spaces are seen; `5` without a tokenizer. Nothing in it ends a
 * line or steers a terminal.
 */
export function tokenShown(tokenizer: Tokenizer | null, token: number): string {
  if (tokenizer === null) return String(token);
  const whole = tokenizer.tokenText(token);
  const characters = [...whole];
  const text = characters.length > longest ? `${characters.slice(0, longest).join("")}…` : whole;
  return lineText(JSON.stringify(text));
}

/** A token within a sentence: its text where there is a tokenizer, else `token 5`. */
export function tokenName(subject: Subject, token: number): string {
  const tokenizer = tokenizerOfSubject(subject);
  return tokenizer === null ? `token ${token}` : tokenShown(tokenizer, token);
}
