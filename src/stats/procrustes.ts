/** Procrustes distance: how far two representations remain after the best rotation. */
import { centredPair, type Representation } from "./representation.ts";
import { dot, singular } from "./singular.ts";

/** What {@link procrustes} returns. */
export interface Procrustes {
  /** ‖XᵀY‖_*, the nuclear norm, in [0, 1]: the cosine of the angle between the two after the best rotation. */
  similarity: number;
  /** d² = 2 − 2 ‖XᵀY‖_*, in [0, 2]; below 1e-15 it is rounding. */
  squaredDistance: number;
  /** arccos ‖XᵀY‖_*, in radians, in [0, π/2]: a metric; below 1e-8 it is rounding. */
  angle: number;
}

/**
 * Orthogonal Procrustes distance of two representations, centred and scaled to Frobenius norm 1.
 *
 *   min over orthogonal Q of ‖X Q − Y‖²_F = 2 − 2 ‖XᵀY‖_*
 *
 * Ignores shifts, rotations and one common scale. The narrower representation counts as padded with zeros.
 *
 * Edges: a representation without variance, or with an entry that is not finite, gives NaN.
 *
 * @param x  [sample][feature]
 * @param y  [sample][feature], the same samples, any number of features
 * @throws ShapeError if the numbers of samples differ or rows are ragged
 * @source Schönemann 1966; Williams, Kunz, Kornblith & Linderman 2021, for the angle
 */
export function procrustes(x: Representation, y: Representation): Procrustes {
  const [xc, yc] = centredPair("Procrustes distance", x, y);
  const columns = (rows: Float64Array[]) =>
    Array.from({ length: rows[0]?.length ?? 0 }, (_, j) => rows.map((row) => row[j]));
  const norm = (rows: Float64Array[]) => Math.sqrt(rows.reduce((total, row) => total + dot(row, row), 0));
  const scale = norm(xc) * norm(yc);
  const yColumns = columns(yc);
  const cross = columns(xc).map((a) => yColumns.map((b) => dot(a, b)));
  const nuclear = singular(cross).values.reduce((total, value) => total + value, 0);
  const similarity =
    scale > 0 && scale < Number.POSITIVE_INFINITY ? Math.min(1, nuclear / scale) : Number.NaN;
  return { similarity, squaredDistance: 2 - 2 * similarity, angle: Math.acos(similarity) };
}
