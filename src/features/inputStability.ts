/** Whether two independent samples agree on what activates a unit. */
import { ShapeError } from "../base/errors.ts";
import type { Probe } from "../data/probes.ts";
import { pearson } from "../stats/correlation.ts";
import { logGamma } from "../stats/gamma.ts";
import { mean, sum, sumOfSquares } from "../stats/moments.ts";
import { checkProbed } from "./cellContrasts.ts";
import { dot } from "./cellEffects.ts";
import { type TopInputs, topInputs } from "./topInputs.ts";

/** The strongest inputs of one sample, and its cells. */
export interface SampledInputs {
  readonly top: TopInputs;
  /** Largest activation in each cell, [unit, token, pos]; −Infinity where there is none. */
  readonly cellMaximum: Float64Array;
  /** Activations of a unit in each cell, [token, pos]. */
  readonly visits: Float64Array;
}

/** Which inputs of a probe are a sample, and how they are searched. */
export interface SampleOptions {
  units: number;
  /** Most inputs kept of a unit. */
  most: number;
  half: 0 | 1;
  /** The first position that counts. */
  from: number;
  /** Positions that a position can see, both ends included. */
  visible: (pos: number) => { from: number; to: number };
}

/**
 * One half of a probe as a sample.
 *
 * @param values  [sequence, pos, unit]
 * @throws ShapeError if the values do not fit the probe
 */
export function sampledInputs(
  values: ArrayLike<number>,
  probe: Probe,
  { units, most, half, from, visible }: SampleOptions,
): SampledInputs {
  checkProbed("sampled inputs", values, probe, units);
  const { tokens, nPos, dVocab, count } = probe;
  const search = topInputs({ units, most, nPos, visible });
  const counts = (sequence: number, pos: number) => probe.half[sequence] === half && pos >= from;
  search.offer({ tokens, nPos, first: 0, values, counts, source: 0 });
  const cells = dVocab * nPos;
  const cellMaximum = new Float64Array(units * cells).fill(Number.NEGATIVE_INFINITY);
  const visits = new Float64Array(cells);
  for (let sequence = 0; sequence < count; sequence++)
    for (let pos = from; pos < nPos; pos++) {
      if (!counts(sequence, pos)) continue;
      const cell = tokens[sequence * nPos + pos] * nPos + pos;
      const at = (sequence * nPos + pos) * units;
      visits[cell]++;
      for (let unit = 0; unit < units; unit++)
        if (values[at + unit] > cellMaximum[unit * cells + cell])
          cellMaximum[unit * cells + cell] = values[at + unit];
    }
  return { top: search.result(), cellMaximum, visits };
}

/** What {@link inputStability} returns. */
export interface InputStability {
  /** 1 if the strongest inputs of both samples have the same token and position, else 0; NaN without one, [unit]. */
  readonly sameCell: Float64Array;
  /** Share of the strongest inputs that find a partner in the same cell, in [0, 1]; NaN without any, [unit]. */
  readonly overlap: Float64Array;
  /** Correlation over cells of the largest activations; NaN where either is constant, [unit]. */
  readonly maximaR: Float64Array;
  /** Expectation of the first two with activations shuffled over the sample; that of `maximaR` is 0. */
  readonly shuffled: { readonly sameCell: number; readonly overlap: Float64Array };
  /** The three between different units, the mean over all ordered pairs; NaN where there is one unit. */
  readonly otherUnit: { readonly sameCell: number; readonly overlap: number; readonly maximaR: number };
}

/**
 * Agreement of two samples A and B on the strongest inputs of every unit, next to two nulls.
 *
 * With n_A(c) the number of strongest inputs in cell c, token and position, and k_A = Σ_c n_A(c):
 *
 *   overlap = Σ_c min(n_A(c), n_B(c)) / max(k_A, k_B)
 *
 * Shuffled: with activations shuffled over the m samples of each of C cells, N = mC in all, n(c) is hypergeometric and
 *
 *   E overlap = C Σ_{j ≥ 1} P(n_A(c) ≥ j) P(n_B(c) ≥ j) / max(k_A, k_B),     P(same cell) = 1/C.
 *
 * Other unit: what a unit's A shares with another one's B, which units have in common that read the same stream.
 * overlap between units is the ratio of the sums over pairs.
 *
 * Cells are those that both visit. Where cells are not visited equally often, the shuffled values hold for equal ones.
 *
 * @throws ShapeError if the samples are of different units or cells
 */
export function inputStability(a: SampledInputs, b: SampledInputs): InputStability {
  const { units, nPos } = a.top;
  const all = a.visits.length;
  if (b.top.units !== units || b.top.nPos !== nPos || b.visits.length !== all)
    throw new ShapeError({
      where: "input stability",
      rule: "both samples must be of the same units and cells",
      got: `${units} units, ${all} cells, ${nPos} positions and ${b.top.units}, ${b.visits.length}, ${b.top.nPos}`,
    });
  const visited = Array.from({ length: all }, (_, cell) => cell).filter(
    (cell) => a.visits[cell] > 0 && b.visits[cell] > 0,
  );
  const cells = visited.length;
  const [slotsA, slotsB] = [slotsOf(a.top), slotsOf(b.top)];
  const sameCell = new Float64Array(units).fill(Number.NaN);
  const overlap = new Float64Array(units).fill(Number.NaN);
  const chance = new Float64Array(units).fill(Number.NaN);
  for (let unit = 0; unit < units; unit++) {
    const [mine, yours] = [slotsA[unit], slotsB[unit]];
    if (mine.length === 0 || yours.length === 0) continue;
    sameCell[unit] = mine[0] === yours[0] ? 1 : 0;
    const most = Math.max(mine.length, yours.length);
    overlap[unit] = mine.filter((slot) => yours.includes(slot)).length / most;
    const [tailA, tailB] = [
      tails(sum(a.visits), cells, mine.length),
      tails(sum(b.visits), cells, yours.length),
    ];
    let expected = 0;
    for (let j = 1; j <= Math.min(mine.length, yours.length); j++) expected += tailA[j] * tailB[j];
    chance[unit] = (cells * expected) / most;
  }
  const maxima = ({ cellMaximum }: SampledInputs) =>
    Array.from({ length: units }, (_, unit) => visited.map((cell) => cellMaximum[unit * all + cell]));
  const [maximaA, maximaB] = [maxima(a), maxima(b)];
  return {
    sameCell,
    overlap,
    maximaR: Float64Array.from(maximaA, (values, unit) => pearson(values, maximaB[unit])),
    shuffled: { sameCell: ratio(1, cells), overlap: chance },
    otherUnit: {
      sameCell: firstsBetween(slotsA, slotsB),
      overlap: overlapBetween(slotsA, slotsB),
      maximaR: correlationBetween(maximaA, maximaB),
    },
  };
}

/**
 * The strongest inputs as cells that are told apart where they repeat: the jth input in cell c is slot c · most + j. Two
 * lists then share Σ_c min(n_A(c), n_B(c)) slots. [unit][rank]
 */
function slotsOf({ units, most, nPos, found, pos, tokens }: TopInputs): number[][] {
  return Array.from({ length: units }, (_, unit) => {
    const seen = new Map<number, number>();
    return Array.from({ length: found[unit] }, (_, rank) => {
      const at = unit * most + rank;
      const cell = tokens[at * nPos + pos[at]] * nPos + pos[at];
      const before = seen.get(cell) ?? 0;
      seen.set(cell, before + 1);
      return cell * most + before;
    });
  });
}

/** P(n ≥ j) for j = 0 … k, n the number of k draws without replacement that fall into one of equal cells. */
function tails(samples: number, cells: number, k: number): Float64Array {
  const inCell = samples / cells;
  const logChoose = (n: number, r: number) => logGamma(n + 1) - logGamma(r + 1) - logGamma(n - r + 1);
  const tail = new Float64Array(k + 2);
  for (let j = k; j >= 0; j--) {
    const possible = j <= inCell && k - j <= samples - inCell;
    const log = possible
      ? logChoose(inCell, j) + logChoose(samples - inCell, k - j) - logChoose(samples, k)
      : Number.NEGATIVE_INFINITY;
    tail[j] = tail[j + 1] + Math.exp(log);
  }
  return tail;
}

type Lists = readonly (readonly number[])[];
type Sized = readonly { readonly length: number }[];

/** Σ over ordered pairs u ≠ v of the number of entries that a_u and b_v share; entries of a list are distinct. */
function sharedBetween(a: Lists, b: Lists): number {
  const holders = new Map<number, number>();
  for (const list of a) for (const entry of list) holders.set(entry, (holders.get(entry) ?? 0) + 1);
  let total = 0;
  b.forEach((list, unit) => {
    for (const entry of list) total += (holders.get(entry) ?? 0) - (a[unit].includes(entry) ? 1 : 0);
  });
  return total;
}

/** Σ of f over ordered pairs u ≠ v of which neither list is empty. */
function overPairs(a: Sized, b: Sized, f: (a: number, b: number) => number): number {
  let total = 0;
  for (let u = 0; u < a.length; u++)
    for (let v = 0; v < b.length; v++)
      if (u !== v && a[u].length > 0 && b[v].length > 0) total += f(a[u].length, b[v].length);
  return total;
}

const ratio = (total: number, count: number) => (count > 0 ? total / count : Number.NaN);

function firstsBetween(a: Lists, b: Lists): number {
  const first = (lists: Lists) => lists.map((list) => list.slice(0, 1));
  return ratio(
    sharedBetween(first(a), first(b)),
    overPairs(a, b, () => 1),
  );
}

function overlapBetween(a: Lists, b: Lists): number {
  return ratio(sharedBetween(a, b), overPairs(a, b, Math.max));
}

/** Mean correlation over ordered pairs u ≠ v: the product of the sums of standardised values, less u = v. */
function correlationBetween(a: Lists, b: Lists): number {
  const [zA, zB] = [a.map(standardised), b.map(standardised)];
  const total = (lists: readonly Float64Array[]) =>
    lists.reduce(
      (sums, z) => sums.map((value, at) => value + (z[at] ?? 0)),
      new Float64Array(a[0]?.length ?? 0),
    );
  const own = zA.reduce((products, z, unit) => products + (zB[unit].length > 0 ? dot(z, zB[unit]) : 0), 0);
  return ratio(
    dot(total(zA), total(zB)) - own,
    overPairs(zA, zB, () => 1),
  );
}

/** Values about their mean with Σ of squares 1, so that products of two add up to a correlation; [] without variance. */
function standardised(values: readonly number[]): Float64Array {
  const centre = mean(values);
  const norm = Math.sqrt(sumOfSquares(values));
  return norm > 0 && Number.isFinite(norm)
    ? Float64Array.from(values, (value) => (value - centre) / norm)
    : new Float64Array(0);
}
