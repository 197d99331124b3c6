/** Text that a terminal may safely be given. */
import { stripVTControlCharacters } from "node:util";

/** C0 but for tab and line feed, DEL, C1, and the marks that turn the direction of writing. */
const unprintable = /[^\P{Cc}\t\n]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The text without escape sequences, control characters and direction marks: a name out of a file or an argument
 * must not move the cursor, change the title of the window or reorder what is shown.
 */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(unprintable, "");
}
