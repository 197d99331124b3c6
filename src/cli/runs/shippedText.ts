/** The text that comes with Palimpsest: four books of the King James Bible, which are in the public domain. */
import { fileURLToPath } from "node:url";
import { decodeText } from "../../data/text/decodeText.ts";
import { readInput } from "../readInput.ts";

/** The shipped text, read and checked. */
export function shippedText(): string {
  const path = fileURLToPath(new URL("../fixtures/text/kingJames.txt", import.meta.url));
  return decodeText(readInput(path, { cwd: "/" }), path).text;
}
