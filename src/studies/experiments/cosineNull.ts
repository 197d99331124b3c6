/** Cosines between random vectors: what a table of embeddings would show if nothing had shaped it. */
import { randomStream } from "../../base/random.ts";
import type { Band } from "../../figures/index.ts";
import { quantile } from "../../stats/quantile.ts";

/** Bins of a histogram of cosines, equal ones from −1 to 1. */
const BINS = 20;
/** Tables that are drawn. */
const DRAWS = 400;

/** Spread of a histogram of cosines over random tables, and of the largest cosine of a table. */
export interface CosineNull {
  /** Middle 95 % of the share of pairs in each bin. */
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** Largest |cosine| of a table: middle 95 % and median. */
  readonly largest: Band;
}

/** The null of `rows` vectors: normal ones of `dModel` dimensions. */
export function cosineNull(rows: number, dModel: number): CosineNull {
  const stream = randomStream("experiments", "report", "cosines", rows, dModel);
  const shares = Array.from({ length: BINS }, () => new Float64Array(DRAWS));
  const largest = new Float64Array(DRAWS);
  const pairs = (rows * (rows - 1)) / 2;
  for (let draw = 0; draw < DRAWS; draw++) {
    const unit = Array.from({ length: rows }, () => unitVector(dModel, () => stream.normal()));
    for (let a = 0; a < rows; a++)
      for (let b = a + 1; b < rows; b++) {
        let cosine = 0;
        for (let i = 0; i < dModel; i++) cosine += unit[a][i] * unit[b][i];
        const bin = Math.min(BINS - 1, Math.max(0, Math.floor(((cosine + 1) / 2) * BINS)));
        shares[bin][draw] += 1 / pairs;
        largest[draw] = Math.max(largest[draw], Math.abs(cosine));
      }
  }
  return {
    low: shares.map((values) => quantile(values, 0.025)),
    high: shares.map((values) => quantile(values, 0.975)),
    largest: {
      low: quantile(largest, 0.025),
      high: quantile(largest, 0.975),
      middle: quantile(largest, 0.5),
    },
  };
}

function unitVector(size: number, draw: () => number): Float64Array {
  const vector = Float64Array.from({ length: size }, draw);
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / norm);
}
