/** Main effects of a table with empty cells: the additive model fitted to cell means that each count once. */
import { ArgumentError } from "../base/errors.ts";

/** A table taken apart. */
export interface AdditiveParts {
  /** Mean of the kept cells, each counted once. */
  readonly mean: number;
  /** The kept cells about their mean, [kept cell]. */
  readonly all: Float64Array;
  /** Effect of each kept row, about the mean of the rows' effects, [kept row]. */
  readonly rows: Float64Array;
  /** Likewise of each kept column. */
  readonly columns: Float64Array;
  /** What is left of each cell, [kept cell]. */
  readonly interaction: Float64Array;
}

/** The decomposition of tables that have the same cells. */
export interface AdditiveFit {
  /** Cells that are kept, ascending: `row · columns + column` of the whole table. */
  readonly cells: Int32Array;
  /** Rows and columns that have a kept cell, ascending. */
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  /** @param table  [row, column], finite in the kept cells */
  parts(table: ArrayLike<number>): AdditiveParts;
}

/**
 * Prepares the decomposition of tables of cell means.
 *
 *   μ_rc ≈ μ + α_r + β_c over the kept cells, each with weight 1;  γ_rc what is left
 *
 * This is the unweighted means analysis: effects are those of a world in which all cells are equally frequent, which is
 * what effects of type III ask about. Where no cell is missing, α and β are the plain marginal means, as cellEffects.ts
 * has them. Cells that no chain of shared rows and columns joins to the largest group are left out: between groups no
 * effect can be compared.
 *
 * @param keep  1 for each cell that may be used, else 0, [row, column]
 * @throws ArgumentError if no cell may be used
 * @source Searle 1987, Linear Models for Unbalanced Data, section 4.9 (unweighted means) and 5.3 (connectedness)
 */
export function additiveFit(keep: ArrayLike<number>, columnCount: number): AdditiveFit {
  const cells = connected(keep, columnCount);
  if (cells.length === 0)
    throw new ArgumentError({
      where: "effects of a table",
      rule: "needs a cell with enough observations in both halves",
      got: "none",
      wayOut: "Take a longer text or fewer classes, or ask for fewer observations in a cell.",
    });
  const rowOf = cells.map((cell) => Math.floor(cell / columnCount));
  const columnOf = cells.map((cell) => cell % columnCount);
  const rows = Int32Array.from(new Set(rowOf)).sort();
  const columns = Int32Array.from(new Set(columnOf)).sort();
  const rowIndex = new Map([...rows].map((row, i) => [row, i]));
  const columnIndex = new Map([...columns].map((column, i) => [column, i]));
  const r = rowOf.map((row) => rowIndex.get(row) as number);
  const c = columnOf.map((column) => columnIndex.get(column) as number);
  const inRow = new Float64Array(rows.length);
  for (const row of r) inRow[row]++;
  const inverse = inverseOfColumns(r, c, inRow, columns.length);

  return {
    cells,
    rows,
    columns,
    parts: (table) => {
      // about the first cell, so that a constant table has parts of exactly 0
      const origin = table[cells[0]];
      let offset = 0;
      for (const cell of cells) offset += (table[cell] - origin) / cells.length;
      const all = Float64Array.from(cells, (cell) => table[cell] - origin - offset);
      const rowMean = new Float64Array(rows.length);
      all.forEach((value, i) => {
        rowMean[r[i]] += value / inRow[r[i]];
      });
      const right = new Float64Array(columns.length);
      all.forEach((value, i) => {
        right[c[i]] += value - rowMean[r[i]];
      });
      const beta = times(inverse, right); // [column]
      const alpha = Float64Array.from(rowMean);
      r.forEach((row, i) => {
        alpha[row] -= beta[c[i]] / inRow[row];
      });
      const interaction = all.map((value, i) => value - alpha[r[i]] - beta[c[i]]);
      return { mean: origin + offset, all, rows: centred(alpha), columns: centred(beta), interaction };
    },
  };
}

function centred(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

function times(matrix: readonly Float64Array[], vector: Float64Array): Float64Array {
  return Float64Array.from(matrix, (row) => row.reduce((sum, value, i) => sum + value * vector[i], 0));
}

/** The cells of the largest group that rows and columns join. */
function connected(keep: ArrayLike<number>, columnCount: number): Int32Array {
  const rowCount = keep.length / columnCount;
  const parent = Int32Array.from({ length: rowCount + columnCount }, (_, i) => i);
  const root = (i: number): number => {
    let at = i;
    while (parent[at] !== at) at = parent[at];
    return at;
  };
  const kept = Array.from({ length: keep.length }, (_, cell) => cell).filter((cell) => keep[cell] > 0);
  for (const cell of kept)
    parent[root(Math.floor(cell / columnCount))] = root(rowCount + (cell % columnCount));
  const groups = new Map<number, number[]>();
  for (const cell of kept) {
    const group = root(rowCount + (cell % columnCount));
    groups.set(group, [...(groups.get(group) ?? []), cell]);
  }
  const largest = [...groups.values()].reduce<number[]>((a, b) => (b.length > a.length ? b : a), []);
  return Int32Array.from(largest);
}

/**
 * Inverse of the normal equations of the columns after the rows were taken out, with the effects' sum set to 0:
 * (D_c − Nᵀ D_r⁻¹ N + 1 1ᵀ / C)⁻¹, N the table of kept cells. Positive definite for connected cells.
 */
function inverseOfColumns(
  r: Int32Array,
  c: Int32Array,
  inRow: Float64Array,
  columns: number,
): Float64Array[] {
  const matrix = Array.from({ length: columns }, () => new Float64Array(columns).fill(1 / columns));
  const byRow: number[][] = Array.from(inRow, () => []);
  r.forEach((row, i) => {
    byRow[row].push(c[i]);
    matrix[c[i]][c[i]]++;
  });
  byRow.forEach((own, row) => {
    for (const a of own) for (const b of own) matrix[a][b] -= 1 / inRow[row];
  });
  return inverted(matrix);
}

/** Gauss–Jordan with the diagonal as pivots, which a positive definite matrix allows. */
function inverted(matrix: Float64Array[]): Float64Array[] {
  const n = matrix.length;
  const inverse = Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: n }, (__, j) => (i === j ? 1 : 0)),
  );
  for (let p = 0; p < n; p++) {
    const pivot = matrix[p][p];
    for (let j = 0; j < n; j++) {
      matrix[p][j] /= pivot;
      inverse[p][j] /= pivot;
    }
    for (let i = 0; i < n; i++) {
      const factor = matrix[i][p];
      if (i === p || factor === 0) continue;
      for (let j = 0; j < n; j++) {
        matrix[i][j] -= factor * matrix[p][j];
        inverse[i][j] -= factor * inverse[p][j];
      }
    }
  }
  return inverse;
}
