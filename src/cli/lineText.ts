/** Text out of files and arguments that must stay within its line. */

import { readableJson } from "../record/canonicalJson.ts";

/** C0, DEL, C1, the separators that end a line, and the marks that turn the direction of writing. */
const unprintable = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** All of them are of the basic plane. */
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** The text with an escape such as \u000a in place of what would end the line or steer a terminal. */
export function lineText(text: string): string {
  return text.replace(unprintable, escaped);
}

/** A value as JSON on several lines that any parser reads back equal and any terminal shows without harm. */
export function jsonText(value: object): string {
  return readableJson(value).split("\n").map(lineText).join("\n");
}

/** A value as one line of JSON that any parser reads back equal and any terminal shows without harm. */
export function jsonLine(value: object): string {
  // JSON itself escapes only what is below the space
  return JSON.stringify(value).replace(unprintable, escaped);
}
