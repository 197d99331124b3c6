/** The geometry of token and position embeddings, and of their sums. */
import { cellEffects, squaredNorm } from "./cellEffects.ts";

/** Cosines of all pairs i < j of the rows of a table. */
export interface Cosines {
  readonly smallest: number;
  readonly largest: number;
  /** Mean |cosine|. */
  readonly meanAbsolute: number;
}

/** A table of row vectors, [row, dModel]. */
export interface VectorTable {
  readonly values: ArrayLike<number>;
  readonly dModel: number;
}

/** Cosines between rows; those with a zero vector are left out, and without a pair all are NaN. */
export function rowCosines(table: VectorTable): Cosines {
  const unit = unitRows(table);
  const rows = unit.length / table.dModel;
  let [smallest, largest, total, pairs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (let i = 0; i < rows; i++)
    for (let j = i + 1; j < rows; j++) {
      const cosine = rowProduct(unit, i, unit, j, table.dModel);
      if (Number.isNaN(cosine)) continue;
      smallest = Math.min(smallest, cosine);
      largest = Math.max(largest, cosine);
      total += Math.abs(cosine);
      pairs++;
    }
  return pairs === 0
    ? { smallest: Number.NaN, largest: Number.NaN, meanAbsolute: Number.NaN }
    : { smallest, largest, meanAbsolute: total / pairs };
}

/** Cosines of all rows with all rows, [row][row]; NaN with a zero vector. */
export function rowCosineMatrix(table: VectorTable): number[][] {
  const rows = table.values.length / table.dModel;
  const flat = crossCosines(table, table);
  return Array.from({ length: rows }, (_, i) => Array.from(flat.subarray(i * rows, (i + 1) * rows)));
}

/** Cosine of every pair of a row of one table and a row of another, [row, row of the other]; NaN with a zero vector. */
export function crossCosines(table: VectorTable, other: VectorTable): Float64Array {
  const { dModel } = table;
  const [a, b] = [unitRows(table), unitRows(other)];
  const columns = b.length / dModel;
  return Float64Array.from({ length: (a.length / dModel) * columns }, (_, at) =>
    rowProduct(a, Math.floor(at / columns), b, at % columns, dModel),
  );
}

/** What the sums of token and position embeddings look like. */
export interface EmbeddingSums {
  /** |W_E[t] + W_pos[s]|, [token, pos]. */
  readonly norms: Float64Array;
  /** Cosine of the angle between W_E[t] and W_pos[s], [token, pos]. */
  readonly cosines: Float64Array;
  /** Standard deviation of the norms over their mean. */
  readonly normSpread: number;
  /** Largest |cosine| of a token and a position. */
  readonly largestCosine: number;
  /**
   * Shares of the variance of the layer-normed sums over cells, all dimensions together: of the token, of the position,
   * and of their interaction. The sums themselves have none: what is there, the norm made.
   */
  readonly shares: { readonly token: number; readonly position: number; readonly interaction: number };
}

/**
 * Sums x = W_E[t] + W_pos[s] before and after a layer norm without weights, (x − mean x) / sqrt(var x + eps).
 *
 * @param tokens     [token, dModel]
 * @param positions  [pos, dModel]
 */
export function embeddingSums(tokens: VectorTable, positions: VectorTable, eps: number): EmbeddingSums {
  const { dModel } = tokens;
  const nPos = positions.values.length / dModel;
  const cells = (tokens.values.length / dModel) * nPos;
  const norms = new Float64Array(cells);
  const normed = new Float64Array(cells * dModel); // [dModel, cell]
  const x = new Float64Array(dModel);
  for (let cell = 0; cell < cells; cell++) {
    const [token, pos] = [Math.floor(cell / nPos) * dModel, (cell % nPos) * dModel];
    let mean = 0;
    for (let i = 0; i < dModel; i++) {
      x[i] = tokens.values[token + i] + positions.values[pos + i];
      mean += x[i] / dModel;
    }
    norms[cell] = Math.sqrt(squaredNorm(x));
    let variance = 0;
    for (let i = 0; i < dModel; i++) variance += (x[i] - mean) ** 2 / dModel;
    const scale = 1 / Math.sqrt(variance + eps);
    for (let i = 0; i < dModel; i++) normed[i * cells + cell] = (x[i] - mean) * scale;
  }
  const amounts = { token: 0, position: 0, interaction: 0 };
  for (let i = 0; i < dModel; i++) {
    const effects = cellEffects(normed.subarray(i * cells, (i + 1) * cells), nPos);
    amounts.token += nPos * squaredNorm(effects.token);
    amounts.position += (cells / nPos) * squaredNorm(effects.position);
    amounts.interaction += squaredNorm(effects.interaction);
  }
  const total = amounts.token + amounts.position + amounts.interaction;
  const meanNorm = norms.reduce((sum, norm) => sum + norm, 0) / cells;
  const spread = norms.reduce((sum, norm) => sum + (norm - meanNorm) ** 2, 0) / cells;
  const cosines = crossCosines(tokens, positions);
  return {
    ...{ norms, cosines, normSpread: Math.sqrt(spread) / meanNorm },
    largestCosine: cosines.reduce((most, cosine) => Math.max(most, Math.abs(cosine)), 0),
    shares: {
      token: amounts.token / total,
      position: amounts.position / total,
      interaction: amounts.interaction / total,
    },
  };
}

/** Root mean square of the entries. */
export function rootMeanSquare(values: ArrayLike<number>): number {
  return Math.sqrt(squaredNorm(values) / values.length);
}

/** Rows scaled to length 1; NaN for a row of zeros. */
function unitRows({ values, dModel }: VectorTable): Float64Array {
  const unit = Float64Array.from(values);
  for (let from = 0; from < unit.length; from += dModel) {
    const row = unit.subarray(from, from + dModel);
    const length = Math.sqrt(squaredNorm(row));
    row.forEach((value, i) => {
      row[i] = value / length;
    });
  }
  return unit;
}

function rowProduct(a: Float64Array, i: number, b: Float64Array, j: number, dModel: number): number {
  let total = 0;
  for (let k = 0; k < dModel; k++) total += a[i * dModel + k] * b[j * dModel + k];
  return total;
}
