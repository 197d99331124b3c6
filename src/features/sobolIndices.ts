/**
 * Sobol indices: which tokens of its input a unit listens to, exactly, on all V^T sequences.
 *
 * With every sequence equally likely the tokens are independent, and a unit's variance falls apart without remainder
 * into what each set of tokens does together that no part of it does (Hoeffding). "Previous-token unit" and "first-token
 * unit" then are definitions, not impressions.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { integerPower } from "../base/exact.ts";
import type { Probe } from "../data/probes.ts";

/**
 * A variance below this share of the mean square is a constant: float32 activations are good to 1e-7, whose square is
 * 1e-14.
 */
const constantShare = 1e-12;

/** What {@link varianceBySubset} returns. */
export interface SubsetVariance {
  /** Variance over all sequences, in squared units of the values. */
  readonly variance: number;
  /**
   * Share of each set of positions, [set]; bit p of the index says that position p is in the set. They sum to 1; that of
   * the empty set is 0. NaN of a constant.
   */
  readonly shares: Float64Array;
}

/**
 * Hoeffding decomposition of a function of T independent uniform tokens.
 *
 *   f = Σ_u f_u,  f_u = Σ_{w ⊆ u} (−1)^{|u|−|w|} E[f | x_w];   shares[u] = E f_u² / Var f
 *
 * In O((V + 1)^T): every axis in turn is split into its mean and what is left.
 *
 * @param values  of all V^T sequences in lexicographic order, the last position fastest
 * @throws ShapeError if there are not V^T values, ArgumentError unless dVocab ≥ 2 and 1 ≤ nPos ≤ 16 are whole numbers
 * @source Hoeffding 1948; Sobol 1993, section 3
 */
export function varianceBySubset(
  values: ArrayLike<number>,
  { dVocab, nPos }: { dVocab: number; nPos: number },
): SubsetVariance {
  integerIn("Sobol indices, dVocab", dVocab, 2);
  integerIn("Sobol indices, nPos", nPos, 1, 16);
  if (values.length !== integerPower(dVocab, nPos))
    throw new ShapeError({
      where: "Sobol indices",
      rule: "needs one value for each sequence",
      got: `${values.length} values for ${dVocab}^${nPos} sequences`,
      wayOut: "Measure on the exhaustive probe.",
    });
  const shares = new Float64Array(2 ** nPos);
  /** Splits the axes from `pos` on of an array [rows, token at pos, …]; `set` holds the positions kept so far. */
  const split = (part: Float64Array, rows: number, pos: number, set: number) => {
    if (pos === nPos) {
      for (const value of part) shares[set] += (value * value) / part.length;
      return;
    }
    const rest = part.length / (rows * dVocab);
    const mean = new Float64Array(rows * rest);
    const deviation = part.slice();
    for (let row = 0; row < rows; row++)
      for (let i = 0; i < rest; i++) {
        const first = row * dVocab * rest + i;
        const at = row * rest + i;
        for (let token = 0; token < dVocab; token++) mean[at] += part[first + token * rest] / dVocab;
        for (let token = 0; token < dVocab; token++) deviation[first + token * rest] -= mean[at];
      }
    split(mean, rows, pos + 1, set);
    split(deviation, rows * dVocab, pos + 1, set | (1 << pos));
  };
  split(Float64Array.from(values), 1, 0, 0);
  const square = shares[0];
  shares[0] = 0;
  const variance = shares.reduce((sum, share) => sum + share, 0);
  const constant = !(variance > constantShare * (square + variance));
  return { variance, shares: shares.map((share) => (constant ? Number.NaN : share / variance)) };
}

/** Closed index of a group of positions: Var(E[f | x_g]) / Var f, what the group does by itself. */
export function closedIndex(shares: ArrayLike<number>, group: number): number {
  let total = 0;
  for (let set = 1; set < shares.length; set++) if ((set & ~group) === 0) total += shares[set];
  return total;
}

/** Total index of a group of positions: 1 − Var(E[f | x_not g]) / Var f, what cannot be had without it. */
export function totalIndex(shares: ArrayLike<number>, group: number): number {
  let total = 0;
  for (let set = 1; set < shares.length; set++) if ((set & group) !== 0) total += shares[set];
  return total;
}

/**
 * Tokens as a unit at position s sees them: its `own` x_s, the `previous` x_{s−1}, the `first` x_0 (from s = 2 on: at
 * s = 1 it is the previous), the `other` ones between those two, and all `later` ones, which a causal mask hides.
 */
export const tokenRoles = ["own", "previous", "first", "other", "later"] as const;
/** One of {@link tokenRoles}. */
export type TokenRole = (typeof tokenRoles)[number];

/**
 * The positions of a role as bits, seen from a position; 0 where no token has that role.
 *
 * @param pos  from 0
 */
export function rolePositions(role: TokenRole, pos: number, nPos: number): number {
  const before = (end: number) => 2 ** end - 1; // positions 0 … end − 1
  switch (role) {
    case "own":
      return 1 << pos;
    case "previous":
      return pos >= 1 ? 1 << (pos - 1) : 0;
    case "first":
      return pos >= 2 ? 1 : 0;
    case "other":
      return pos >= 3 ? before(pos - 1) - 1 : 0;
    case "later":
      return before(nPos) - before(pos + 1);
  }
}

/** What {@link sobolIndices} returns; every array is [pos, unit]. */
export interface SobolIndices {
  readonly nPos: number;
  readonly units: number;
  /** Variance of the activation over all sequences. */
  readonly variance: Float64Array;
  /** What a role does by itself, in [0, 1]; NaN where no token has it, and for a constant unit. */
  readonly alone: Readonly<Record<TokenRole, Float64Array>>;
  /** What cannot be had without a role, in [0, 1] and at least `alone`; NaN likewise. */
  readonly total: Readonly<Record<TokenRole, Float64Array>>;
  /** What tokens of different roles do only together: 1 − Σ alone. */
  readonly interaction: Float64Array;
}

/**
 * Sobol indices of every unit at every position.
 *
 *   alone_g = Var(E[a | x_g]) / Var a        total_g = 1 − Var(E[a | x_not g]) / Var a        g: the positions of a role
 *
 * Population values: all V^T inputs are there, nothing is sampled and nothing is tested.
 *
 * @param activations  of one model, [sequence, pos, unit], in the order of the probe
 * @param probe        the exhaustive one
 * @throws ArgumentError if the probe is not exhaustive, ShapeError if the activations do not fit it
 * @source Sobol 1993; Homma & Saltelli 1996 for the total index
 */
export function sobolIndices(
  activations: ArrayLike<number>,
  { probe, units }: { probe: Probe; units: number },
): SobolIndices {
  const { design, dVocab, nPos, count } = probe;
  if (design !== "exhaustive")
    throw new ArgumentError({
      where: "Sobol indices",
      rule: "need all sequences, so that tokens are independent",
      got: `a probe of design "${design}"`,
      wayOut: "Use the exhaustive probe.",
    });
  if (activations.length !== count * nPos * units)
    throw new ShapeError({
      where: "Sobol indices",
      rule: `activations must be [${count}, ${nPos}, ${units}]`,
      got: `${activations.length} numbers`,
    });
  const empty = () => new Float64Array(nPos * units);
  const byRole = () =>
    Object.fromEntries(tokenRoles.map((role) => [role, empty().fill(Number.NaN)])) as Record<
      TokenRole,
      Float64Array
    >;
  const [variance, interaction, alone, total] = [empty(), empty(), byRole(), byRole()];
  const values = new Float64Array(count);
  for (let pos = 0; pos < nPos; pos++)
    for (let unit = 0; unit < units; unit++) {
      const at = pos * units + unit;
      for (let n = 0; n < count; n++) values[n] = activations[(n * nPos + pos) * units + unit];
      const { variance: all, shares } = varianceBySubset(values, { dVocab, nPos });
      variance[at] = all;
      interaction[at] = 1;
      for (const role of tokenRoles) {
        const group = rolePositions(role, pos, nPos);
        if (group === 0) continue;
        alone[role][at] = closedIndex(shares, group);
        total[role][at] = totalIndex(shares, group);
        interaction[at] -= alone[role][at];
      }
    }
  return { nPos, units, variance, alone, total, interaction };
}
