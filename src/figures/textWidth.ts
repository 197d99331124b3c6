/** How long a text is, where nothing can measure it. */
import { showInvisible } from "./escapeHtml.ts";

/** Mean width of a character of a label, em: many are digits and capitals, and some systems have wide typefaces. */
const characterWidth = 0.6;

/** First of the characters that are as wide as high: East Asian scripts and pictures. */
const firstWide = 0x1100;

const charactersOf = (text: string) => Array.from(text);

/** Estimated width of a text, px. */
export function textWidth(text: string, size: number): number {
  let em = 0;
  for (const character of charactersOf(text))
    em +=
      (character.codePointAt(0) as number) >= firstWide && !/[\u2000-\u22ff]/.test(character)
        ? 1
        : characterWidth;
  return em * size;
}

/**
 * A label in one line: line ends and tabs become signs, invisible characters their code, and what is longer than
 * `width` ends in an ellipsis.
 *
 * @param width  px; at least one character is always left
 * @param size   of the font, px
 */
export function shortLabel(label: string, width: number, size: number): string {
  const text = showInvisible(label.replace(/\n/g, "↵").replace(/\t/g, "⇥"));
  if (textWidth(text, size) <= width) return text;
  const characters = charactersOf(text);
  let count = characters.length - 1;
  while (count > 1 && textWidth(`${characters.slice(0, count).join("")}…`, size) > width) count--;
  return `${characters.slice(0, count).join("")}…`;
}

/** Width of the longest of some labels, px; 0 if there are none. */
export function longestLabel(labels: readonly string[], size: number): number {
  return labels.reduce((longest, label) => Math.max(longest, textWidth(label, size)), 0);
}
