/** Representations: the same samples described by the features of two layers, [sample][feature]. */
import { ShapeError } from "../base/errors.ts";
import { mean } from "./moments.ts";

/** Activations as rows, [sample][feature]. */
export type Representation = readonly ArrayLike<number>[];

/**
 * A copy of a representation, [sample][feature].
 *
 * @throws ShapeError if the rows differ in length
 */
export function rectangular(where: string, rows: Representation): Float64Array[] {
  const width = rows.length === 0 ? 0 : rows[0].length;
  return rows.map((row, i) => {
    if (row.length !== width)
      throw new ShapeError({
        where,
        rule: "every sample must have the same number of features",
        got: `${width} in sample 0, ${row.length} in sample ${i}`,
      });
    return Float64Array.from(row);
  });
}

/**
 * A copy whose columns have mean 0, [sample][feature].
 *
 * @throws ShapeError if the rows differ in length
 */
export function centred(where: string, rows: Representation): Float64Array[] {
  const copy = rectangular(where, rows);
  for (const [j] of copy[0]?.entries() ?? []) {
    const centre = mean(copy.map((row) => row[j]));
    for (const row of copy) row[j] -= centre;
  }
  return copy;
}

/** Throws {@link ShapeError} unless both representations have as many samples. */
export function sameSamples(where: string, x: Representation, y: Representation): void {
  if (x.length !== y.length)
    throw new ShapeError({
      where,
      rule: "both representations need the same samples",
      got: `${x.length} and ${y.length}`,
    });
}

/**
 * Both representations with centred columns.
 *
 * @throws ShapeError if the numbers of samples differ or rows are ragged
 */
export function centredPair(where: string, x: Representation, y: Representation) {
  sameSamples(where, x, y);
  return [
    centred(`${where}, first representation`, x),
    centred(`${where}, second representation`, y),
  ] as const;
}
