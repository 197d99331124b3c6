/** A few parts of speech for the many tags of the usual tag sets: classes with enough observations to measure on. */

/** Parts of speech in the order in which they are shown. */
export const partsOfSpeech = [
  "noun",
  "verb",
  "adjective",
  "adverb",
  "pronoun",
  "determiner",
  "preposition",
  "conjunction",
  "numeral",
  "particle",
  "punctuation",
  "other",
] as const;

/** One of {@link partsOfSpeech}. */
export type PartOfSpeech = (typeof partsOfSpeech)[number];

/**
 * How tags begin, in capitals, the first that fits counts: those of the Brown corpus, of the Penn Treebank, and the
 * universal ones. `TO` is a particle in both of the first two, whether a verb follows or not; Penn's `IN` holds
 * subordinating conjunctions too, which Brown has as `CS`.
 */
const beginnings: readonly (readonly [RegExp, PartOfSpeech])[] = [
  [/^(?:N[NPR]|NOUN|PROPN)/, "noun"], // Brown NR: home, Tuesday
  [/^(?:V|MD|AUX|BE|DO|HV)/, "verb"],
  [/^(?:JJ|ADJ)/, "adjective"],
  [/^(?:RB|RN|ADV|W?QL|WRB|\*)/, "adverb"], // Brown QL: very; *: not
  [/^(?:PN|PP|PRP|PRON|WP|EX)/, "pronoun"],
  [/^(?:DT|DET|PDT|WDT|AT|AP|AB[LNX])/, "determiner"],
  [/^(?:IN$|ADP)/, "preposition"],
  [/^(?:CC|CS|CONJ|SCONJ)/, "conjunction"],
  [/^(?:CD|OD|NUM)/, "numeral"], // Brown OD: first
  [/^(?:RP|TO|POS|PART|PRT)/, "particle"],
  [/^(?:PUNCT|HYPH|NFP|[LR][RCS]B|[^A-Z0-9]+$)/, "punctuation"],
];

/**
 * The part of speech of a tag.
 *
 * Case does not count. Of a tag put together from several (`ppss+bem`, `nn-hl`, Brown's title and headline marks) the first
 * counts; a word of another language (`fw-nn`) and whatever begins like no tag of the table is `other`.
 */
export function partOfSpeech(tag: string): PartOfSpeech {
  const [first] = tag.toUpperCase().split(/(?<=.)[+-](?=[A-Z])/);
  const bare = first.replace(/^-(?=[A-Z])/, ""); // Penn's -LRB-
  return beginnings.find(([begins]) => begins.test(bare))?.[1] ?? "other";
}
