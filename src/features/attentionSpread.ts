/**
 * How far attention is from uniform, and whether what it does instead depends on the sequence.
 *
 * Of a query q that sees n keys, with attention A over them:
 *
 *   distance   ½ Σ |A_k − 1/n|, total variation from uniform attention, in [0, 1 − 1/n]
 *   entropy    −Σ A ln A / ln n, 1 for uniform attention
 *   deficit    ln n − entropy in nats, the divergence from uniform attention; for scores s = ln A of small spread it is
 *              half their variance over the keys, to second order
 *
 * Queries that see one key have no choice and are left out.
 */
import { ArgumentError } from "../base/errors.ts";
import type { TensorData } from "../graph/backend.ts";

/** What a head's attention is, by where its distance from uniform comes from. */
export type AttentionKind = "uniform" | "positional" | "contextual";

/** A mean distance up to this is uniform attention: one key in twenty gets what others should have. */
export const UNIFORM_DISTANCE = 0.05;
/** Attention is positional if its mean over sequences keeps at least this share of the distance from uniform. */
export const POSITIONAL_SHARE = 0.5;

/** Attention of one head over a probe. */
export interface AttentionSpread {
  /** Mean distance from uniform attention over queries and sequences. */
  readonly distance: number;
  /** Standard deviation over sequences of a sequence's mean distance, divisor n. */
  readonly distanceSd: number;
  /** Distance of the mean pattern over sequences, mean over queries: what is the same in every sequence. */
  readonly fixed: number;
  /** Mean entropy over that of uniform attention. */
  readonly entropy: number;
  /** Mean deficit, in nats. */
  readonly deficit: number;
  /** Half the mean variance of the scores over keys: the deficit to second order. Infinite where a key has no attention. */
  readonly secondOrder: number;
  readonly kind: AttentionKind;
  /** Mean over sequences, [queryPos, keyPos]. */
  readonly meanPattern: Float64Array;
}

/** Adds up patterns sequence by sequence. */
export interface AttentionTally {
  /** @param square  one pattern, [queryPos, keyPos] */
  add(square: TensorData): void;
  /** @throws ArgumentError if nothing was added */
  spread(): AttentionSpread;
}

/**
 * A tally of one head's patterns.
 *
 * @throws ArgumentError if there are fewer than 2 positions: then no query has a choice
 */
export function attentionTally(nPos: number, { causal }: { causal: boolean }): AttentionTally {
  if (!(nPos >= 2))
    throw new ArgumentError({
      where: "attention spread",
      rule: "needs at least 2 positions",
      got: String(nPos),
    });
  const sum = new Float64Array(nPos * nPos);
  const queries = Array.from({ length: nPos }, (_, query) => query).filter((query) => !causal || query > 0);
  const visible = (query: number) => (causal ? query + 1 : nPos);
  const distances: number[] = [];
  let [entropy, deficit, secondOrder] = [0, 0, 0];
  return {
    add(square) {
      let distance = 0;
      for (let at = 0; at < sum.length; at++) sum[at] += square[at];
      for (const query of queries) {
        const n = visible(query);
        const row = square.subarray(query * nPos, query * nPos + n);
        distance += fromUniform(row) / queries.length;
        let [own, mean, meanSquare] = [0, 0, 0];
        for (let key = 0; key < n; key++) {
          const score = Math.log(row[key]);
          if (row[key] > 0) own -= row[key] * score; // 0 log 0 is 0
          mean += score / n;
          meanSquare += (score * score) / n;
        }
        entropy += own / Math.log(n) / queries.length;
        deficit += (Math.log(n) - own) / queries.length;
        const variance = meanSquare - mean * mean;
        secondOrder += (Number.isNaN(variance) ? Number.POSITIVE_INFINITY : variance) / 2 / queries.length;
      }
      distances.push(distance);
    },
    spread() {
      const count = distances.length;
      if (count === 0)
        throw new ArgumentError({
          where: "attention spread",
          rule: "needs at least one pattern",
          got: "none",
        });
      const mean = distances.reduce((total, value) => total + value, 0) / count;
      const variance = distances.reduce((total, value) => total + (value - mean) ** 2, 0) / count;
      const meanPattern = sum.map((value) => value / count);
      const fixed = queries.reduce(
        (total, query) =>
          total +
          fromUniform(meanPattern.subarray(query * nPos, query * nPos + visible(query))) / queries.length,
        0,
      );
      return {
        ...{ distance: mean, distanceSd: Math.sqrt(variance), fixed },
        ...{ entropy: entropy / count, deficit: deficit / count, secondOrder: secondOrder / count },
        kind: kindOf(mean, fixed),
        meanPattern,
      };
    },
  };
}

function kindOf(distance: number, fixed: number): AttentionKind {
  if (distance <= UNIFORM_DISTANCE) return "uniform";
  return fixed >= POSITIONAL_SHARE * distance ? "positional" : "contextual";
}

/** Total variation of shares from equal ones. */
function fromUniform(shares: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < shares.length; i++) total += Math.abs(shares[i] - 1 / shares.length);
  return total / 2;
}
