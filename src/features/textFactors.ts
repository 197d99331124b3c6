/**
 * What can be said of each position of a text: the class of its token, where it stands, what came before it.
 *
 * A text is no balanced design: classes differ in frequency and depend on each other. So cells are counted, cells with
 * few observations are left out, and effects are taken from cell means that each count once (textCurves.ts).
 */
import { integerIn, sameLength } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";

/** Sequences cut from a text, the same for all networks and checkpoints. */
export interface TextProbe {
  /** [sequence, pos] */
  readonly tokens: Int32Array;
  readonly count: number;
  readonly nPos: number;
  readonly dVocab: number;
  /** 0 or 1 for each sequence: two halves for cross-validated statistics, [sequence]. */
  readonly half: Uint8Array;
}

/** A way to sort the positions of a probe. */
export interface Factor {
  readonly name: string;
  /** Names of the levels. */
  readonly levels: readonly string[];
  /** Level of every position, [sequence, pos]; −1 where there is none, and the position is left out. */
  readonly of: Int32Array;
}

/** Positions sorted by two factors at once. Cells count `row · columns + column`. */
export interface FactorTable {
  readonly name: string;
  readonly rows: Factor;
  readonly columns: Factor;
}

/** Classes of tokens: a name for each class, and the class of each token. */
export interface TokenClasses {
  readonly levels: readonly string[];
  /** [token]; −1 for a token of no class. */
  readonly of: Int32Array;
}

/**
 * The class of the token at each position.
 *
 * @throws ArgumentError if there is not a class for each token
 */
export function tokenFactor(probe: TextProbe, { levels, of }: TokenClasses, name = "class"): Factor {
  if (of.length !== probe.dVocab)
    throw new ArgumentError({
      where: "classes of tokens",
      rule: `must be one for each of the ${probe.dVocab} tokens`,
      got: String(of.length),
    });
  return { name, levels, of: probe.tokens.map((token) => of[token]) };
}

/** The class of the token before; the first position of a sequence has none, since the network sees no token there. */
export function contextFactor(probe: TextProbe, classes: TokenClasses, name = "token before"): Factor {
  const own = tokenFactor(probe, classes).of;
  const of = own.map((_, at) => (at % probe.nPos === 0 ? -1 : own[at - 1]));
  return { name, levels: classes.levels, of };
}

/** Most positions that are levels of their own; more are binned. */
const mostPositions = 16;

/**
 * The position in a sequence: by itself up to `mostPositions`, in bins 0, 1, 2–3, 4–7 … of a longer one, since the
 * context that a position has seen grows by factors.
 */
export function positionFactor({ count, nPos }: TextProbe, name = "position"): Factor {
  const starts = [0];
  for (let start = 1; start < nPos; start = nPos <= mostPositions ? start + 1 : 2 * start) starts.push(start);
  const levels = starts.map((start, bin) => {
    const last = (starts[bin + 1] ?? nPos) - 1;
    return last === start ? String(start) : `${start}–${last}`;
  });
  const binOf = Int32Array.from(
    { length: nPos },
    (_, pos) => starts.filter((start) => start <= pos).length - 1,
  );
  return { name, levels, of: Int32Array.from({ length: count * nPos }, (_, at) => binOf[at % nPos]) };
}

/**
 * Labels that somebody else gave, such as parts of speech.
 *
 * @param of  level of every position, [sequence, pos]; −1 for none
 * @throws ArgumentError for another number of labels, or one that is no level
 */
export function labelFactor(
  probe: TextProbe,
  name: string,
  levels: readonly string[],
  of: Int32Array,
): Factor {
  sameLength(`labels ${JSON.stringify(name)}`, of, probe.tokens);
  for (const level of of) integerIn(`labels ${JSON.stringify(name)}`, level, -1, levels.length - 1);
  return { name, levels, of };
}

/** Cell of every position, −1 where a factor has no level, and how many each half has in each. */
export interface TableCells {
  readonly cells: number;
  /** [sequence, pos] */
  readonly of: Int32Array;
  /** [half][cell] */
  readonly counts: readonly [Float64Array, Float64Array];
}

/** The cells of a table on a probe. */
export function cellsOf(probe: TextProbe, { rows, columns }: FactorTable): TableCells {
  const cells = rows.levels.length * columns.levels.length;
  const of = rows.of.map((row, at) => {
    const column = columns.of[at];
    return row < 0 || column < 0 ? -1 : row * columns.levels.length + column;
  });
  const counts: [Float64Array, Float64Array] = [new Float64Array(cells), new Float64Array(cells)];
  of.forEach((cell, at) => {
    if (cell >= 0) counts[probe.half[Math.floor(at / probe.nPos)]][cell]++;
  });
  return { cells, of, counts };
}
