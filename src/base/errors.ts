/**
 * Errors that a reader can act on: `where: rule; got facts. way out.`
 *
 * Everything a user can cause is a {@link UserError} (the command line prints its one sentence and exits with 2);
 * an {@link InternalError} means that Palimpsest itself is wrong.
 */

/** The four parts of a message. `got` are the facts as they were, `wayOut` what to do next. */
export interface Complaint {
  /** What was being done, e.g. `hook "blocks.4.attn.hook_pattern"` or `--steps`. */
  where: string;
  /** The rule that was broken, e.g. `no such site`. */
  rule: string;
  /** What was found instead; omitted where the rule says it all. */
  got?: string;
  /** What the reader can do; omitted where the rule says it all. */
  wayOut?: string;
}

function sentence({ where, rule, got, wayOut }: Complaint): string {
  const facts = got === undefined ? "" : `; got ${got}`;
  return `${where}: ${rule}${facts}.${wayOut === undefined ? "" : ` ${wayOut}`}`;
}

/** Something the user gave is wrong. Base of all errors that end a command with exit code 2. */
export class UserError extends Error {
  constructor(complaint: Complaint) {
    super(sentence(complaint));
    this.name = new.target.name;
  }
}

/** Shapes that do not fit; `where` names the op or site, `got` every operand with its shape. */
export class ShapeError extends UserError {}
/** A name that does not exist; `wayOut` holds the nearest match. */
export class NameError extends UserError {}
/** A value outside its range or of the wrong kind. */
export class ArgumentError extends UserError {}
/** A file or folder that cannot be read, written or believed. */
export class FileError extends UserError {}
/** An impossible state: a defect of Palimpsest, not of its input. */
export class InternalError extends Error {
  constructor(complaint: Complaint) {
    super(sentence(complaint));
    this.name = "InternalError";
  }
}

/**
 * Levenshtein distance between two strings, in edits.
 *
 * @source Wagner & Fischer 1974
 */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(previous[j] + 1, row[j - 1] + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length];
}

/** The candidate with the smallest edit distance to `name` (the first of equals); undefined if there is none. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = editDistance(name, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Longest name that a message shows and that a match is sought for, UTF-16 units: it may come out of a file. */
const longestName = 120;

/**
 * The error for a name that is not among the candidates, with the nearest match. A name too long to be a mistake is cut.
 *
 * @param where  what the name was given to, e.g. `--preset`
 */
export function unknownName(where: string, name: string, candidates: Iterable<string>): NameError {
  const known = [...candidates];
  const isLong = name.length > longestName;
  const hint = isLong ? undefined : nearest(name, known);
  return new NameError({
    where,
    rule: `no such name among ${known.length <= 12 ? known.join(", ") : `${known.length} known`}`,
    got: isLong ? `${JSON.stringify(name.slice(0, longestName))}…` : JSON.stringify(name),
    wayOut: hint === undefined ? undefined : `Nearest: ${JSON.stringify(hint)}.`,
  });
}
