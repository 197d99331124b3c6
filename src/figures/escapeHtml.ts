/** What stands between a foreign string and a page. */

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Shows as U+XXXX what a reader would not see: controls (they are no legal XML) and the marks that turn the writing
 * direction (they can make a page show other than it says). Line feeds and tabs stay.
 */
export function showInvisible(text: string): string {
  return text.replace(
    /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]|\p{Cs}/gu,
    (character) =>
      character === "\n" || character === "\t"
        ? character
        : `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`,
  );
}

/** A string as the text of an HTML or SVG element or of a quoted attribute; with `showInvisible`. */
export function escapeHtml(text: string): string {
  return showInvisible(text).replace(/[&<>"']/g, (character) => entities[character]);
}
