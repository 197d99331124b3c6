/** Correlations of all pairs of units, then against now, of every network. */
import { pairCorrelations } from "../../../../src/features/unitPairs.ts";
import { unitTables } from "../../../../src/features/unitTables.ts";
import type { Network } from "../../../../src/interp/index.ts";
import { pearson } from "../../../../src/stats/correlation.ts";

/** What is asked. */
export interface PairMapRequest {
  /** Cell means of every network, [model][unit, token, pos], layer after layer: now, and before training. */
  readonly now: readonly Float32Array[];
  readonly before: readonly Float32Array[];
  readonly dVocab: number;
  readonly nPos: number;
  /** The model whose pairs are counted. */
  readonly model: number;
  readonly bins: number;
}

/** What is seen. */
export interface PairMapSeen {
  /** [bin of r now][bin of r then], equal bins from −1 to 1. */
  readonly counts: Float64Array;
  /** Correlation over pairs of r then with r now, [model]. */
  readonly kept: readonly number[];
  /** The same with r then of another network, [pair of models]. */
  readonly others: readonly number[];
}

/** Pairs of models at most that others are taken from: neighbours first. */
const MOST_OTHERS = 120;

/** Correlation over the pairs that both have; NaN where fewer than two. */
function agreement(a: Float64Array, b: Float64Array): number {
  const both = Array.from(a.keys()).filter((pair) => !Number.isNaN(a[pair] + b[pair]));
  if (both.length < 2) return Number.NaN;
  return pearson(
    both.map((pair) => a[pair]),
    both.map((pair) => b[pair]),
  );
}

export async function pairMap(
  _network: Network,
  { now, before, dVocab, nPos, model, bins }: PairMapRequest,
): Promise<PairMapSeen> {
  const correlationsOf = (cells: Float32Array) => pairCorrelations(unitTables(cells, { dVocab, nPos }));
  const [after, first] = [now.map(correlationsOf), before.map(correlationsOf)];
  const binOf = (r: number) => Math.min(bins - 1, Math.floor(((r + 1) / 2) * bins));
  const counts = new Float64Array(bins * bins);
  after[model].forEach((r, pair) => {
    const then = first[model][pair];
    if (!Number.isNaN(r + then)) counts[binOf(r) * bins + binOf(then)]++;
  });
  const models = now.length;
  const others: number[] = [];
  for (let step = 1; step < models; step++)
    for (let from = 0; from < models && others.length < MOST_OTHERS; from++)
      others.push(agreement(first[from], after[(from + step) % models]));
  return { counts, kept: after.map((of, index) => agreement(first[index], of)), others };
}
