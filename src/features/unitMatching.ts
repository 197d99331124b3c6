/**
 * How well the units of two layers pair up, beyond what pairing up units gains by itself.
 *
 * A matching is a maximum over very many candidates and finds mean correlations around 0.44 between layers that have
 * nothing in common. What counts is its excess over the same maximum where the kinship was destroyed.
 */
import { integerIn } from "../base/check.ts";
import type { RandomStream } from "../base/random.ts";
import { orthogonalMatrix } from "../model/orthogonal.ts";
import { assignment } from "../stats/assignment.ts";
import { correlationMatrix } from "../stats/correlationMatrix.ts";
import { semiMatching } from "../stats/semiMatching.ts";
import { ownModel, type PairingOptions } from "./pairing.ts";
import { type CellMeans, checkComparable, curveOf, type UnitCurves, unitCurves } from "./unitCurves.ts";

/** Mean correlations of matched units, [model]; NaN where nothing could be matched. */
export interface Matching {
  /** Every unit with one of its own: the best one-to-one matching. */
  oneToOne: Float64Array;
  /** Every unit of the first with its best in the second, which several may share. */
  semi: Float64Array;
}

/** What {@link matchingExcess} returns. */
export interface MatchingExcess {
  readonly matched: Matching;
  /**
   * The same matching under each null: `rotated`, the second layer's units mixed by a random rotation (the space stays,
   * the axes are lost); `shuffled`, its cells in another order, the same for all its units (the axes stay, what they
   * are tuned to is lost).
   */
  readonly nulls: Readonly<Record<"rotated" | "shuffled", Matching>>;
  /** matched − null. */
  readonly excess: Readonly<Record<"rotated" | "shuffled", Matching>>;
  /** Units that were matched: those whose curve is flat in neither, [model]. */
  readonly compared: Int32Array;
}

/** Options of {@link matchingExcess}. */
export interface MatchingOptions extends PairingOptions {
  /** The stream of a model's draws. */
  stream: (model: number) => RandomStream;
  /** Rotations and orders that each null is the mean of, default 4: 64 units average within one draw already. */
  draws?: number;
}

/**
 * Matches the units of two populations by the correlation of their cell means, model by model, and does the same under
 * two nulls. The third null, another seed, is {@link unitMatching} of a stranger.
 *
 *   R_ij = corr over cells (unit i before, unit j after);  oneToOne = max over π of mean_i R_{i,π(i)},  semi = mean_i max_j R_ij
 *
 * @throws ShapeError if units or cells differ, ArgumentError unless draws is a whole number of at least 1
 * @source Li et al. 2016 (arXiv 1511.07543) for the matchings; Gurnee et al. 2024 (arXiv 2401.12181) for the rotation
 */
export function matchingExcess(
  before: CellMeans,
  after: CellMeans,
  { stream, draws = 4, partner = ownModel }: MatchingOptions,
): MatchingExcess {
  integerIn("matching excess, draws", draws, 1);
  const pairs = pairedUnits("matching excess", before, after, partner);
  const matched = matchingsOf(pairs.map((pair) => (pair === undefined ? [] : [pair])));
  const under = (destroy: (second: readonly Float64Array[], source: RandomStream) => Float64Array[]) =>
    matchingsOf(
      pairs.map((pair, model) => {
        if (pair === undefined) return [];
        const source = stream(model);
        return Array.from({ length: draws }, () => ({ ...pair, second: destroy(pair.second, source) }));
      }),
    );
  const nulls = { rotated: under(rotatedUnits), shuffled: under(shuffled) };
  const minus = (a: Float64Array, b: Float64Array) => a.map((value, model) => value - b[model]);
  const beyond = ({ oneToOne, semi }: Matching): Matching => ({
    oneToOne: minus(matched.oneToOne, oneToOne),
    semi: minus(matched.semi, semi),
  });
  return {
    matched,
    nulls,
    excess: { rotated: beyond(nulls.rotated), shuffled: beyond(nulls.shuffled) },
    compared: Int32Array.from(pairs, (pair) => pair?.first.length ?? 0),
  };
}

/**
 * Mean correlations of the matched units of two populations, model by model, without a null.
 *
 * @param partner  which model of the second population each model of the first is matched with: itself unless given
 * @throws ShapeError if units or cells differ
 */
export function unitMatching(
  before: CellMeans,
  after: CellMeans,
  { partner = ownModel }: PairingOptions = {},
): Matching {
  const pairs = pairedUnits("unit matching", before, after, partner);
  return matchingsOf(pairs.map((pair) => (pair === undefined ? [] : [pair])));
}

/** The units of two layers that have tuning in both, [unit][cell]. */
interface UnitPair {
  first: Float64Array[];
  second: Float64Array[];
}

function pairedUnits(
  where: string,
  before: CellMeans,
  after: CellMeans,
  partner: (model: number) => number,
): (UnitPair | undefined)[] {
  checkComparable(where, before, after);
  const { models, units } = before;
  const [early, late]: UnitCurves[] = [unitCurves(before).all, unitCurves(after).all];
  return Array.from({ length: models }, (_, model) => {
    const other = partner(model);
    const alive = Array.from({ length: units }, (_, unit) => unit).filter(
      (unit) => early.flat[model * units + unit] === 0 && late.flat[other * units + unit] === 0,
    );
    if (alive.length === 0) return undefined;
    return {
      first: alive.map((unit) => curveOf(early, model * units + unit)),
      second: alive.map((unit) => curveOf(late, other * units + unit)),
    };
  });
}

/** Both matchings of every model, each the mean over its pairs of layers. */
function matchingsOf(pairsByModel: readonly (readonly UnitPair[])[]): Matching {
  const models = pairsByModel.map((pairs) => {
    let [oneToOne, semi] = [0, 0];
    for (const { first, second } of pairs) {
      const correlations = correlationMatrix(first, second);
      oneToOne += assignment(correlations).sum / first.length;
      semi += semiMatching(correlations).mean;
    }
    return { oneToOne: oneToOne / pairs.length, semi: semi / pairs.length }; // 0 / 0: nothing to match
  });
  return {
    oneToOne: Float64Array.from(models, (each) => each.oneToOne),
    semi: Float64Array.from(models, (each) => each.semi),
  };
}

/** The units mixed by a random rotation, uniform among all: unit j becomes Σ_i Q_ij unit_i; [unit][cell]. */
export function rotatedUnits(units: readonly Float64Array[], source: RandomStream): Float64Array[] {
  const n = units.length;
  const rotation = orthogonalMatrix(n, n, source);
  return units.map((_, j) => {
    const mixed = new Float64Array(units[0].length);
    for (let i = 0; i < n; i++)
      for (let cell = 0; cell < mixed.length; cell++) mixed[cell] += rotation[i * n + j] * units[i][cell];
    return mixed;
  });
}

function shuffled(units: readonly Float64Array[], source: RandomStream): Float64Array[] {
  const order = source.permutation(units[0].length);
  return units.map((unit) => Float64Array.from(order, (cell) => unit[cell]));
}
