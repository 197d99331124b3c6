/** A kind of file that comes from elsewhere, how it is damaged, and what reads it. */
import type { RandomStream } from "../../src/base/random.ts";

/** What a reader made of a file that it accepted: what differs when it is written and read again, null if nothing. */
export type Difference = string | null;

/** A kind of file. */
export interface Target {
  readonly kind: string;
  /** A damaged file. */
  mutant(stream: RandomStream): Uint8Array;
  /** Reads a file as the program does, and what was read once more from what it says; throws what the reader throws. */
  accept(bytes: Uint8Array): Difference | Promise<Difference>;
}

/** Says where two texts differ; null where they do not. */
export function difference(what: string, first: string, second: string): Difference {
  if (first === second) return null;
  let at = 0;
  while (first[at] === second[at]) at++;
  const part = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 10), at + 30));
  return `${what} differs when it is written again: ${part(first)} became ${part(second)}`;
}
