/**
 * Which regular expressions of a tokenizer file are run.
 *
 * A pattern comes from whoever made the file, the engine's expressions backtrack, and nothing can interrupt one: a
 * pattern such as `(a+)+b` would hang on forty letters. So only these are run: the patterns that published tokenizers
 * have, by their exact text, and such as cannot backtrack far whatever the text ({@link isSimplePattern}).
 */

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const upper = "\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}";
const lower = "\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}";
const gap = "\\s+(?!\\S)|\\s+";
const word = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const signs = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
const signsOrSlash = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*";
const lines = "\\s*[\\r\\n]+";
const cased = (ending: string) =>
  `[^\\r\\n\\p{L}\\p{N}]?[${upper}]*[${lower}]+${ending}|[^\\r\\n\\p{L}\\p{N}]?[${upper}]+[${lower}]*${ending}`;

/** GPT-2's, which the byte-level pre-tokenizer has built in. */
export const gpt2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|${gap}`;

/** Patterns of published tokenizers, as their files write them. Each was read for its worst text: none nests repeats. */
const published: ReadonlySet<string> = new Set([
  gpt2Pattern,
  `'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|${gap}`,
  // cl100k as Llama 3 and OLMo 2 write it, and as it came first
  `${contractions}|${word}|\\p{N}{1,3}|${signs}|${lines}|${gap}`,
  `${contractions}|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|${gap}`,
  // Qwen 2 and 3
  `${contractions}|${word}|\\p{N}|${signs}|${lines}|${gap}`,
  // o200k, and Mistral's, which has single digits and no contractions
  `${cased(`${contractions}?`)}|\\p{N}{1,3}|${signsOrSlash}|${lines}|${gap}`,
  `${cased("")}|\\p{N}|${signsOrSlash}|${lines}|${gap}`,
]);

const escaped = String.raw`\\(?:[dDsSwW]|[pP]\{[A-Za-z_]{1,32}\}|[rnt]|x\{[0-9A-Fa-f]{1,6}\}|u[0-9A-Fa-f]{4}|[^A-Za-z0-9])`;
const classItem = String.raw`(?:${escaped}|[^\\[\]&^])`;
/** One character: an escape, a class without classes in it, or itself. */
const atom = new RegExp(String.raw`(?:${escaped}|\[\^?${classItem}{1,64}\]|[^\\[\](){}.*+?|^$])`, "uy");
const unbounded = /[+*]|\{[0-9],\}/y;
const bounded = /\?|\{[0-9](?:,[0-9])?\}/y;

const longestPattern = 256;
const mostAtoms = 8;
const mostRanges = 2;

/** Whether an alternative is a row of single characters of which only the last may repeat without end. */
function isSimpleAlternative(pattern: string, start: number): number | null {
  let at = start;
  const take = (sticky: RegExp): boolean => {
    sticky.lastIndex = at;
    const found = sticky.exec(pattern)?.[0] ?? "";
    at += found.length;
    return found !== "";
  };
  let ranges = 0;
  for (let atoms = 0; atoms < mostAtoms && take(atom); atoms++) {
    if (take(unbounded)) return at;
    if (take(bounded) && ++ranges > mostRanges) return null;
  }
  return at > start ? at : null;
}

/**
 * Whether a pattern cannot backtrack far: alternatives without groups, each at most 8 single characters or classes, of
 * which two may be optional and only the last may repeat without end. So an attempt that fails has read at most some
 * dozens of characters, and one that reads many succeeds and moves on by as many: the time is linear in the text.
 */
export function isSimplePattern(pattern: string): boolean {
  if (pattern.length > longestPattern) return false;
  let at: number | null = 0;
  for (;;) {
    at = isSimpleAlternative(pattern, at);
    if (at === null) return false;
    if (at === pattern.length) return true;
    if (pattern[at++] !== "|") return false;
  }
}

/** Whether a pattern of a tokenizer file is run. */
export function isAcceptedPattern(pattern: string): boolean {
  return published.has(pattern) || isSimplePattern(pattern);
}
