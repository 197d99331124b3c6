/** Correlated and opposed units of one network, beyond label permutations. */
import { randomStream } from "../../../../src/base/random.ts";
import {
  correlationStrength,
  effectiveInputs,
  pairCorrelations,
  pairsOf,
  permutedPairs,
} from "../../../../src/features/unitPairs.ts";
import { unitTables } from "../../../../src/features/unitTables.ts";
import type { Network } from "../../../../src/interp/index.ts";
import { quantile } from "../../../../src/stats/quantile.ts";

/** What is asked of one network. */
export interface UnitPairsRequest {
  /** Cell means on the tuning probe, [unit, token, pos], layer after layer. */
  readonly cells: Float32Array;
  readonly dVocab: number;
  readonly nPos: number;
  /** Of the permutations: the seed of the network. */
  readonly seed: number;
  /** |r| from which on a pair counts as strong. */
  readonly threshold: number;
}

/** A pair of units. */
export interface UnitPair {
  /** Places in the list of all units. */
  readonly a: number;
  readonly b: number;
  readonly r: number;
  /** Effectively distinct inputs behind r. */
  readonly nEff: number;
  /** P value of a pair this strong, corrected for all pairs, in [1/(1 + draws), 1]. */
  readonly p: number;
}

/** What is seen. */
export interface UnitPairsSeen {
  readonly pairs: number;
  readonly draws: number;
  /** Pairs beyond the strongest of all pairs in 95 % of permutations, the strongest first. */
  readonly beyond: readonly UnitPair[];
  /** The strongest correlated and opposed pairs, beyond chance or not. */
  readonly together: readonly UnitPair[];
  readonly against: readonly UnitPair[];
  /** How many are beyond, of which opposed; {@link beyond} ends at some hundred. */
  readonly count: number;
  readonly opposed: number;
  /** Pairs with |r| above the threshold; with labels permuted: mean, and middle 95 %. */
  readonly strong: number;
  readonly expected: { readonly mean: number; readonly low: number; readonly high: number };
  /** Median over pairs. */
  readonly nEff: number;
}

/** Permutations of all labels: p is at least 1/100. */
const DRAWS = 99;
/** Multiplications of all draws at most; wide networks get fewer draws, down to the fewest that 0.05 takes. */
const [MOST_WORK, FEWEST_DRAWS] = [1.5e9, 39];
const ALPHA = 0.05;
/** Pairs that are told one by one: beyond the permutations, and the strongest of each sign. */
const [TOLD, STRONGEST] = [400, 10];

export async function unitPairs(
  _network: Network,
  { cells, dVocab, nPos, seed, threshold }: UnitPairsRequest,
): Promise<UnitPairsSeen> {
  const tables = unitTables(cells, { dVocab, nPos });
  const r = pairCorrelations(tables);
  const nEff = effectiveInputs(tables);
  const { first, second } = pairsOf(tables.units);
  const work = r.length * dVocab * nPos;
  const draws = Math.max(FEWEST_DRAWS, Math.min(DRAWS, Math.floor(MOST_WORK / Math.max(1, work))));
  const permuted = permutedPairs(tables, {
    ...{ draws, threshold },
    stream: randomStream("experiments", "circuits", seed),
  });
  const strength = r.map((value, pair) => correlationStrength(value, nEff[pair]));
  const rank = (value: number) =>
    (1 + draws - permuted.largest.filter((other) => other < value).length) / (1 + draws);
  const told = (pair: number): UnitPair => ({
    ...{ a: first[pair], b: second[pair], r: r[pair], nEff: nEff[pair] },
    p: rank(strength[pair]),
  });
  const order = Array.from(r.keys())
    .filter((pair) => strength[pair] > 0)
    .sort((x, y) => strength[y] - strength[x]);
  const beyond = order.filter((pair) => rank(strength[pair]) <= ALPHA);
  const strongest = (of: readonly number[]) => of.slice(0, STRONGEST).map(told);
  const known = nEff.filter((value) => !Number.isNaN(value));
  return {
    ...{ pairs: r.length, draws },
    beyond: beyond.slice(0, TOLD).map(told),
    together: strongest(order.filter((pair) => r[pair] > 0)),
    against: strongest(order.filter((pair) => r[pair] < 0)),
    count: beyond.length,
    opposed: beyond.filter((pair) => r[pair] < 0).length,
    strong: r.filter((value) => Math.abs(value) > threshold).length,
    expected: {
      mean: permuted.above[0],
      low: quantile(permuted.counts, 0.025),
      high: quantile(permuted.counts, 0.975),
    },
    nEff: known.length === 0 ? Number.NaN : quantile(known, 0.5),
  };
}
