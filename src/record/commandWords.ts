/** The command that makes a run again: as the list of words that a manifest holds, and as the line that a reader copies. */

/** A word that every shell takes as it stands. */
const plain = /^[\w./,:@+-][\w./,:@=+-]*$/;

/** A word as a shell of POSIX kind takes it for one. */
export function shellWord(word: string): string {
  return plain.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The line for a shell of POSIX kind: `npx palimpsest train --text 'my book.txt'`. */
export function commandText(words: readonly string[]): string {
  return `npx palimpsest ${words.map(shellWord).join(" ")}`;
}

/**
 * Options as words: `["steps", 160]` is `--steps 160`, `["relaxed", true]` is `--relaxed`; null and false leave the option
 * out.
 */
export function optionWords(
  options: readonly (readonly [flag: string, value: string | number | boolean | null])[],
): string[] {
  return options.flatMap(([flag, value]) => {
    if (value === null || value === false) return [];
    return value === true ? [`--${flag}`] : [`--${flag}`, String(value)];
  });
}

/** Options with what is named without one; a name that begins with a dash is kept from being taken for an option. */
export function withNames(names: readonly string[], options: readonly string[]): string[] {
  const dashed = names.some((name) => name.startsWith("-"));
  return dashed ? [...options, "--", ...names] : [...names, ...options];
}

/** Seeds as `--seeds` takes them: the count n of 0 … n − 1, else a list. */
export function seedsWord(seeds: readonly number[]): string {
  return seeds.every((seed, i) => seed === i) ? String(seeds.length) : seeds.join(",");
}

/** An initialisation as `--init` takes it: `gpt2`, or `gpt2:0.1` with a factor for the embeddings. */
export function initWord({
  scheme,
  embeddingScale = 1,
}: {
  readonly scheme: string;
  readonly embeddingScale?: number;
}): string {
  return embeddingScale === 1 ? scheme : `${scheme}:${embeddingScale}`;
}
