/** The task that induction heads solve: a random segment comes back, and what followed a token follows it again. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { integerPower, log } from "../base/exact.ts";
import { checkedSize } from "./checkedSize.ts";
import { shifted } from "./shifted.ts";
import type { BayesFloor, Task, TaskSize } from "./types.ts";

/** Size of the task, and the lengths that its segment may have. */
export interface InductionSize extends TaskSize {
  /**
   * Lengths of the segment, each with equal probability; whole numbers from 1 to min(nCtx − 1, dVocab), each once. Of a
   * single one the positions alone say what to copy, and no network needs to look at tokens.
   */
  readonly periods: readonly number[];
}

/** ⌈nCtx / 4⌉ … ⌊nCtx / 2⌋, as far as there are enough different tokens. */
function standardPeriods({ dVocab, nCtx }: TaskSize): number[] {
  const low = Math.ceil(nCtx / 4);
  const high = Math.min(Math.floor(nCtx / 2), dVocab);
  if (high < low)
    throw new ArgumentError({
      where: "induction",
      rule: `needs segments of ${low} different tokens in sequences of ${nCtx}`,
      got: `dVocab ${dVocab}`,
      wayOut: "Use more tokens, shorter sequences, or shorter periods.",
    });
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

function checkedPeriods(periods: readonly number[], { dVocab, nCtx }: TaskSize): readonly number[] {
  const limit = Math.min(nCtx - 1, dVocab);
  for (const period of periods) integerIn("induction, period", period, 1, limit);
  if (periods.length > 0 && new Set(periods).size === periods.length) return periods;
  throw new ArgumentError({
    where: "induction, periods",
    rule: "needs one or more lengths, each once",
    got: `[${periods.join(", ")}]`,
  });
}

/**
 * What follows `t` different tokens: with probability `again` the segment begins anew, with the first of them; otherwise
 * one of V − t others follows, each with probability `other`.
 */
interface Fork {
  /** P(segment of t tokens or more), that t tokens are all different. */
  reached: number;
  again: number;
  other: number;
}

/** The forks after 1 … nCtx − 1 different tokens. */
function forksOf({ dVocab, nCtx, periods }: InductionSize): Fork[] {
  return Array.from({ length: nCtx - 1 }, (_, i) => {
    const t = i + 1;
    const longer = periods.filter((period) => period >= t).length;
    if (longer === 0) return { reached: 0, again: 1, other: 0 };
    const again = periods.includes(t) ? 1 / longer : 0;
    // with all tokens used, the segment cannot go on
    return {
      reached: longer / periods.length,
      again,
      other: t < dVocab ? (1 - again) / (dVocab - t) : 0,
    };
  });
}

function inductionFloor(size: InductionSize): BayesFloor {
  const { dVocab, nCtx, periods } = size;
  const nPos = nCtx - 1;
  const surprisal = (p: number) => (p > 0 ? -p * log(p) : 0);
  const byPosition = forksOf(size).map(
    ({ reached, again, other }, i) => reached * (surprisal(again) + (dVocab - i - 1) * surprisal(other)),
  );
  // −ln p of a segment, given its length: ln V (V − 1) … (V − L + 1)
  const segments = periods.map((period) =>
    Array.from({ length: period }, (_, i) => log(dVocab - i)).reduce((sum, nats) => sum + nats),
  );
  const mean = segments.reduce((sum, nats) => sum + nats / periods.length, 0);
  const variance = segments.reduce((sum, nats) => sum + integerPower(nats - mean, 2) / periods.length, 0);
  const entropyOfFirst = log(dVocab);
  const entropyOfSequence = log(periods.length) + mean;
  return {
    byPosition,
    causal: (entropyOfSequence - entropyOfFirst) / nPos,
    leaky: byPosition[nPos - 1] / nPos,
    entropyOfFirst,
    entropyOfSequence,
    sequenceSd: Math.sqrt(variance) / nPos,
  };
}

/**
 * Induction: a segment of different random tokens, repeated to the end of the sequence.
 *
 * Its length L is uniform over `periods`, its tokens are L different ones in random order: x_i = x_{i−L} for i > L. All
 * tokens before a repetition differ, so once one has come back, what followed it before is certain to follow.
 * With s_t = P(L ≥ t) and h_t = P(L = t | L ≥ t), after t tokens:
 *
 *   floor    s_t [ −h_t ln h_t − (1 − h_t) ln((1 − h_t) / (V − t)) ]
 *   ceiling  s_t max(h_t, (1 − h_t) / (V − t)) + 1 − s_t
 *
 * The loss counts at every position. Its floor is (ln |periods| + E ln(V! / (V − L)!) − ln V) / nPos.
 *
 * @param size  defaults to 10 tokens, sequences of 8, and periods from a quarter to half of the sequence
 * @throws ArgumentError unless dVocab and nCtx are whole numbers of at least 2 and every period fits them
 * @source the behaviour: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Olsson et al. 2022,
 *         arXiv 2209.11895. Periods that vary are ours, so that no fixed distance solves the task
 */
export function induction({ dVocab = 10, nCtx = 8, periods }: Partial<InductionSize> = {}): Task {
  const basic = checkedSize({ dVocab, nCtx });
  const size = { ...basic, periods: checkedPeriods(periods ?? standardPeriods(basic), basic) };
  const forks = forksOf(size);
  const nPos = nCtx - 1;
  return {
    name: "induction",
    ...basic,
    sample(stream, count) {
      integerIn("number of sequences", count, 1);
      const tokens = new Int32Array(count * nCtx);
      for (let n = 0; n < count; n++) {
        const period = size.periods[stream.integer(size.periods.length)];
        const order = stream.permutation(dVocab); // its first tokens are the segment
        for (let i = 0; i < nCtx; i++) tokens[n * nCtx + i] = order[i % period];
      }
      return shifted(tokens, nCtx);
    },
    // renaming tokens changes no probability
    targetMarginal: () => new Array<number>(dVocab).fill(1 / dVocab),
    accuracyCeiling: () =>
      forks.map(({ reached, again, other }) => reached * Math.max(again, other) + 1 - reached),
    bayesFloor: () => inductionFloor(size),
    bayesLoss({ count, inputs, targets }) {
      const loss = new Float64Array(nPos);
      for (let n = 0; n < count; n++) {
        const first = inputs[n * nPos];
        for (let pos = 0; pos < nPos; pos++) {
          const repeats = targets[n * nPos + pos] === first;
          loss[pos] -= log(repeats ? forks[pos].again : forks[pos].other) / count;
          if (repeats) break; // everything after it is certain
        }
      }
      return loss;
    },
  };
}
