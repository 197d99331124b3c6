/**
 * Correlated and opposed units, and how many independent inputs a correlation of two units really rests on.
 *
 * A network sees thousands of activations of a unit, but a unit that only knows the token has as many different values
 * as there are tokens, and two such units correlate like two lists of ten numbers. The inputs that count are the cells
 * (token, position), each once, and even they are not independent: a unit tuned to the token repeats itself at every
 * position.
 *
 * The null is that the two units have nothing to do with each other: the labels of the tokens, and those of the
 * positions, are permuted in one of them. That keeps what each is tuned to and how sharply, and forgets only to which
 * tokens and positions. Under it the correlation has mean 0 and exactly the variance
 *
 *   Var r = T_i T_j / (V − 1) + P_i P_j / (S − 1) + I_i I_j / ((V − 1)(S − 1))
 *
 * with T, P, I the shares of token, position and interaction in the variance of a unit's cells, V tokens and S
 * positions. (The three kinds of curve are irreducible under the permutations, so they do not mix, and each spreads its
 * square evenly over its V − 1, S − 1 or (V − 1)(S − 1) dimensions.) A correlation of n independent pairs has variance
 * 1 / (n − 1): n_eff = 1 + 1 / Var r inputs are behind this one. Two units that only know the token have n_eff = V.
 *
 * Permuting whole sequences instead would leave thousands of them, and refute a hypothesis that nobody holds: units are
 * fixed functions of their input.
 */
import { integerIn } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import type { UnitTables } from "./unitTables.ts";

/** Number of pairs among units, and the order they are kept in: (0, 1), (0, 2) … (1, 2) …. */
export function pairCount(units: number): number {
  return (units * (units - 1)) / 2;
}

/** The units of every pair, in order. */
export function pairsOf(units: number): { first: Int32Array; second: Int32Array } {
  const first = new Int32Array(pairCount(units));
  const second = new Int32Array(pairCount(units));
  for (let i = 0, pair = 0; i < units; i++)
    for (let j = i + 1; j < units; j++, pair++) [first[pair], second[pair]] = [i, j];
  return { first, second };
}

/**
 * Correlations over cells of all pairs i < j, unit i in one network and unit j in the other.
 *
 * @param other  the same tables for the pairs of one network, another network's for a null
 * @returns      [pair]; NaN where one of the two is flat
 * @throws ShapeError if the tables differ in units or cells
 */
export function pairCorrelations(tables: UnitTables, other: UnitTables = tables): Float64Array {
  const { units, dVocab, nPos } = tables;
  if (other.units !== units || other.dVocab !== dVocab || other.nPos !== nPos)
    throw new ShapeError({
      where: "correlations of units",
      rule: `both networks must have ${units} units on ${dVocab} tokens and ${nPos} positions`,
      got: `${other.units} units on ${other.dVocab} tokens and ${other.nPos} positions`,
    });
  const r = products(tables.values, other.values, units, new Float64Array(pairCount(units)));
  for (let i = 0, pair = 0; i < units; i++)
    for (let j = i + 1; j < units; j++, pair++) if (tables.flat[i] || other.flat[j]) r[pair] = Number.NaN;
  return r;
}

/** Products of row i of x with row j of y for all i < j, into `out`, within [−1, 1]. */
function products(x: Float64Array, y: Float64Array, units: number, out: Float64Array): Float64Array {
  const length = x.length / units;
  for (let i = 0, pair = 0; i < units; i++) {
    const own = x.subarray(i * length, (i + 1) * length);
    let j = i + 1;
    // four rows at a time: each number of row i is then read once for four products
    for (; j + 3 < units; j += 4) {
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let k = 0, at = j * length; k < length; k++, at++) {
        const value = own[k];
        a += value * y[at];
        b += value * y[at + length];
        c += value * y[at + 2 * length];
        d += value * y[at + 3 * length];
      }
      out[pair++] = within(a);
      out[pair++] = within(b);
      out[pair++] = within(c);
      out[pair++] = within(d);
    }
    for (; j < units; j++) {
      let total = 0;
      for (let k = 0; k < length; k++) total += own[k] * y[j * length + k];
      out[pair++] = within(total);
    }
  }
  return out;
}

/** Rounding may carry a correlation past 1. */
function within(r: number): number {
  return r > 1 ? 1 : r < -1 ? -1 : r;
}

/**
 * Effective number of distinct inputs behind the correlation of every pair; see the head of this file.
 *
 * @returns  [pair], at least 2; NaN where a unit is flat
 */
export function effectiveInputs(tables: UnitTables, other: UnitTables = tables): Float64Array {
  const { units, dVocab, nPos } = tables;
  const per = {
    token: 1 / (dVocab - 1),
    position: nPos > 1 ? 1 / (nPos - 1) : 0,
    interaction: nPos > 1 ? 1 / ((dVocab - 1) * (nPos - 1)) : 0,
  };
  const n = new Float64Array(pairCount(units));
  for (let i = 0, pair = 0; i < units; i++)
    for (let j = i + 1; j < units; j++, pair++) {
      const variance =
        tables.shares.token[i] * other.shares.token[j] * per.token +
        tables.shares.position[i] * other.shares.position[j] * per.position +
        tables.shares.interaction[i] * other.shares.interaction[j] * per.interaction;
      n[pair] = tables.flat[i] || other.flat[j] ? Number.NaN : 1 + 1 / variance;
    }
  return n;
}

/** 1 − r² below this is rounding: duplicates tie with duplicates. */
const SAME = 1e-12;

/**
 * Strength of a correlation, comparable between pairs of different n_eff.
 *
 *   strength = −(n_eff − 2) ln(1 − r²)
 *
 * Of n independent normal pairs P(|r| > x) falls as (1 − x²)^((n − 2)/2), so this is about −2 ln p. It is 0 where
 * n_eff = 2 (two points always lie on a line) and at most 28 (n_eff − 2). NaN gives 0.
 */
export function correlationStrength(r: number, nEff: number): number {
  const strength = -(nEff - 2) * Math.log(Math.max(SAME, 1 - r * r));
  return strength > 0 ? strength : 0;
}

/** What label permutation gives. */
export interface PermutedPairs {
  /** Largest {@link correlationStrength} of any pair, ascending, [draw]. */
  readonly largest: Float64Array;
  /** Mean number of pairs with |r| above the threshold, [group]. */
  readonly above: Float64Array;
  /** Number of pairs with |r| above the threshold, ascending, [draw]. */
  readonly counts: Float64Array;
}

/**
 * The label-permuted null of all pairs of a network at once: in every draw each unit's tokens and positions are
 * permuted independently of every other unit's. The largest strength of a draw controls the family of all pairs,
 * however they depend on each other.
 *
 * @param threshold  |r| beyond which pairs are counted
 * @param group      group of each pair, [pair], and number of groups; one for all unless given
 * @throws ArgumentError if draws is not a whole number of at least 1
 */
export function permutedPairs(
  tables: UnitTables,
  {
    draws,
    stream,
    threshold,
    group,
  }: {
    draws: number;
    stream: RandomStream;
    threshold: number;
    group?: { of: ArrayLike<number>; count: number };
  },
): PermutedPairs {
  integerIn("label permutation of units, draws", draws, 1);
  const { units, dVocab, nPos, values } = tables;
  const nEff = effectiveInputs(tables);
  const above = new Float64Array(group?.count ?? 1);
  const counts = new Float64Array(draws);
  const largest = new Float64Array(draws);
  const permuted = new Float64Array(values.length);
  const r = new Float64Array(nEff.length);
  for (let draw = 0; draw < draws; draw++) {
    for (let unit = 0; unit < units; unit++)
      relabelled(values, permuted, { at: unit * dVocab * nPos, dVocab, nPos }, stream);
    products(permuted, permuted, units, r);
    let most = 0;
    for (let pair = 0; pair < r.length; pair++) {
      // −ln(1 − x) ≤ x / (1 − x): most pairs are too weak to need the logarithm
      const square = r[pair] * r[pair];
      if ((nEff[pair] - 2) * square > most * (1 - square))
        most = Math.max(most, correlationStrength(r[pair], nEff[pair]));
      if (!(Math.abs(r[pair]) > threshold)) continue;
      counts[draw]++;
      above[group?.of[pair] ?? 0] += 1 / draws;
    }
    largest[draw] = most;
  }
  return { largest: largest.sort(), above, counts: counts.sort() };
}

/** One table with its tokens and its positions permuted. */
function relabelled(
  from: Float64Array,
  to: Float64Array,
  { at, dVocab, nPos }: { at: number; dVocab: number; nPos: number },
  stream: RandomStream,
): void {
  const tokens = stream.permutation(dVocab);
  const positions = stream.permutation(nPos);
  for (let token = 0, cell = at; token < dVocab; token++) {
    const row = at + tokens[token] * nPos;
    for (let pos = 0; pos < nPos; pos++, cell++) to[cell] = from[row + positions[pos]];
  }
}
