/** The inputs that activate each unit most. */
import { integerIn } from "../base/check.ts";

/** What {@link topInputs} found; rows beyond `found` hold NaN and −1. An input is a sequence and a position in it. */
export interface TopInputs {
  readonly units: number;
  /** Most inputs kept of a unit. */
  readonly most: number;
  readonly nPos: number;
  /** Inputs kept, at most `most`: only those that activate the unit more than its weakest input does, [unit]. */
  readonly found: Int32Array;
  /** Strongest first, [unit, rank]. */
  readonly activation: Float64Array;
  /** Position, [unit, rank]. */
  readonly pos: Int32Array;
  /** Tokens that the position can see, −1 where it cannot, [unit, rank, pos]. */
  readonly tokens: Int32Array;
  /** Which search it comes from, as numbered by {@link Offer.source}, [unit, rank]. */
  readonly source: Int8Array;
}

/** Inputs that are offered to a search. */
export interface Offer {
  /** [sequence, pos of this offer] */
  readonly tokens: Int32Array;
  /** Positions of a sequence here, at most those of the search. */
  readonly nPos: number;
  /** Sequence of the first row of `values`. */
  readonly first: number;
  /** [sequence − first, pos, unit] */
  readonly values: ArrayLike<number>;
  /** Which of them count; all unless given. */
  readonly counts?: (sequence: number, pos: number) => boolean;
  /** Number of the search, kept with each input. */
  readonly source: number;
}

/** A search that is under way. */
export interface TopInputSearch {
  offer(offer: Offer): void;
  /** What was found so far. */
  result(): TopInputs;
}

/**
 * Starts a search for the strongest inputs of every unit.
 *
 * An input counts once, however often it is offered: two with the same position and the same visible tokens are one.
 * Ties are kept in the order in which they came. NaN never counts. A unit that all inputs leave at one value has no
 * strongest input, and neither do inputs that leave a rectifier at its floor.
 *
 * @param visible  positions that a position can see, both ends included
 */
export function topInputs({
  units,
  most,
  nPos,
  visible,
}: {
  units: number;
  most: number;
  nPos: number;
  visible: (pos: number) => { from: number; to: number };
}): TopInputSearch {
  integerIn("top inputs, most", most, 1);
  const found = new Int32Array(units);
  const activation = new Float64Array(units * most).fill(Number.NaN);
  const positions = new Int32Array(units * most).fill(-1);
  const kept = new Int32Array(units * most * nPos).fill(-1);
  const sources = new Int8Array(units * most).fill(-1);
  const bar = new Float64Array(units).fill(Number.NEGATIVE_INFINITY);
  const least = new Float64Array(units).fill(Number.POSITIVE_INFINITY);
  const ranges = Array.from({ length: nPos }, (_, pos) => visible(pos));

  /** Moves the inputs from `rank` on one place down; the last one falls out of a full list. */
  const makeRoom = (unit: number, rank: number) => {
    const [from, to] = [unit * most + rank, unit * most + Math.min(found[unit], most - 1)];
    activation.copyWithin(from + 1, from, to);
    positions.copyWithin(from + 1, from, to);
    sources.copyWithin(from + 1, from, to);
    kept.copyWithin((from + 1) * nPos, from * nPos, to * nPos);
  };
  const insert = (unit: number, value: number, pos: number, seen: Int32Array, source: number) => {
    let rank = found[unit];
    for (let at = 0; at < found[unit]; at++) {
      const here = unit * most + at;
      if (positions[here] === pos && sameTokens(kept.subarray(here * nPos, (here + 1) * nPos), seen)) return;
      if (rank === found[unit] && value > activation[here]) rank = at;
    }
    makeRoom(unit, rank);
    const here = unit * most + rank;
    activation[here] = value;
    positions[here] = pos;
    sources[here] = source;
    kept.set(seen, here * nPos);
    if (found[unit] < most) found[unit]++;
    if (found[unit] === most) bar[unit] = activation[unit * most + most - 1];
  };

  const seen = new Int32Array(nPos);
  const offer = ({ tokens, nPos: length, first, values, counts = () => true, source }: Offer) => {
    const rows = values.length / (length * units);
    for (let row = 0; row < rows; row++)
      for (let pos = 0; pos < length; pos++) {
        const sequence = first + row;
        if (!counts(sequence, pos)) continue;
        seen.fill(-1);
        for (let at = ranges[pos].from; at <= ranges[pos].to; at++) seen[at] = tokens[sequence * length + at];
        const start = (row * length + pos) * units;
        for (let unit = 0; unit < units; unit++) {
          const value = values[start + unit];
          if (value < least[unit]) least[unit] = value;
          if (value > bar[unit]) insert(unit, value, pos, seen, source);
        }
      }
  };

  const result = (): TopInputs => {
    const above = found.map((count, unit) => {
      let n = count;
      while (n > 0 && !(activation[unit * most + n - 1] > least[unit])) n--;
      return n;
    });
    const keep = (at: number) => at % most < above[Math.floor(at / most)];
    return {
      units,
      most,
      nPos,
      found: above,
      activation: activation.map((value, at) => (keep(at) ? value : Number.NaN)),
      pos: positions.map((value, at) => (keep(at) ? value : -1)),
      tokens: kept.map((value, at) => (keep(Math.floor(at / nPos)) ? value : -1)),
      source: sources.map((value, at) => (keep(at) ? value : -1)),
    };
  };
  return { offer, result };
}

function sameTokens(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
