/** Balanced parentheses: next-token prediction where what may come depends on everything that is still open. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { log } from "../base/exact.ts";
import { checkedHalves } from "./checkedSize.ts";
import { shifted } from "./shifted.ts";
import type { BayesFloor, Task, TaskSize } from "./types.ts";

/**
 * Of all ways to close `height` open parentheses in `left` tokens, how many begin by opening another, as a fraction
 * `opening / all` of whole numbers.
 *
 *   P(open) = (left − height) (height + 2) / (2 left (height + 1))
 *
 * A quotient of two ballot numbers, in which all but these factors cancel.
 *
 * @source Arnold & Sleep 1980, "Uniform random generation of balanced parenthesis strings"
 */
function openingOdds(height: number, left: number): { opening: number; all: number } {
  return { opening: (left - height) * (height + 2), all: 2 * left * (height + 1) };
}

/** Where prefixes of one length stand: their share with `height` parentheses open, and what may follow them. */
interface Standing {
  share: number;
  /** Probability that any parenthesis opens; the others close the last one that is open. */
  opens: number;
}

/** Standings after 1 … nCtx − 1 tokens, [token − 1][height]; heights that cannot be have share 0. */
function standingsOf(nCtx: number): Standing[][] {
  const standings: Standing[][] = [];
  let shares = [0, 1]; // every sequence begins by opening
  for (let left = nCtx - 1; left > 0; left--) {
    const here = shares.map((share, height) => {
      const { opening, all } = openingOdds(height, left);
      return { share, opens: share > 0 ? opening / all : 0 };
    });
    standings.push(here);
    shares = Array.from(
      { length: here.length + 1 },
      (_, height) =>
        (height > 0 ? here[height - 1].share * here[height - 1].opens : 0) +
        (height + 1 < here.length ? here[height + 1].share * (1 - here[height + 1].opens) : 0),
    );
  }
  return standings;
}

const surprisal = (p: number) => (p > 0 ? -p * log(p) : 0);

function parenthesesFloor(kinds: number, nCtx: number): BayesFloor {
  const byPosition = standingsOf(nCtx).map((heights) =>
    heights.reduce(
      (sum, { share, opens }) => sum + share * (kinds * surprisal(opens / kinds) + surprisal(1 - opens)),
      0,
    ),
  );
  const nPos = nCtx - 1;
  const total = byPosition.reduce((sum, nats) => sum + nats, 0);
  const entropyOfFirst = log(kinds);
  return {
    byPosition,
    causal: total / nPos,
    leaky: 0,
    entropyOfFirst,
    entropyOfSequence: entropyOfFirst + total,
    sequenceSd: 0, // all sequences are equally likely, and so are their first tokens
  };
}

/**
 * Balanced parentheses of k = dVocab / 2 kinds: every balanced sequence of nCtx tokens is equally likely.
 *
 * Kind j opens with the token 2j and closes with 2j + 1. There are C_n kⁿ sequences, n = nCtx / 2 and C_n the Catalan
 * number. With h open and r tokens left, p = P(open) as in `openingOdds`:
 *
 *   each opening token  p / k,    the one token that closes the last open one  1 − p
 *   floor               E_h [ −p ln(p / k) − (1 − p) ln(1 − p) ]
 *   ceiling             E_h max(p / k, 1 − p)
 *
 * over the heights h that occur after t tokens. The loss counts at every position; its mean has the floor
 * (ln C_n kⁿ − ln k) / nPos. The last token is certain, so the floor of a model without a mask is 0.
 *
 * @param size  defaults to 10 tokens (5 kinds), sequences of 8
 * @throws ArgumentError unless dVocab and nCtx are even whole numbers of at least 2
 */
export function parentheses({ dVocab = 10, nCtx = 8 }: Partial<TaskSize> = {}): Task {
  const size = checkedHalves("parentheses", { dVocab, nCtx });
  if (dVocab % 2 !== 0)
    throw new ArgumentError({
      where: "parentheses",
      rule: "needs an even dVocab, two tokens for each kind",
      got: String(dVocab),
    });
  const kinds = dVocab / 2;
  const nPos = nCtx - 1;
  return {
    name: "parentheses",
    ...size,
    sample(stream, count) {
      integerIn("number of sequences", count, 1);
      const tokens = new Int32Array(count * nCtx);
      for (let n = 0; n < count; n++) {
        const awaited: number[] = []; // what closes each parenthesis that is open
        for (let i = 0; i < nCtx; i++) {
          const { opening, all } = openingOdds(awaited.length, nCtx - i);
          const kind = stream.integer(all) < opening ? stream.integer(kinds) : undefined;
          if (kind !== undefined) awaited.push(2 * kind + 1);
          tokens[n * nCtx + i] = kind === undefined ? awaited.pop()! : 2 * kind;
        }
      }
      return shifted(tokens, nCtx);
    },
    // of nPos targets nCtx / 2 close; the first token, which opens, is none
    targetMarginal: () =>
      Array.from(
        { length: dVocab },
        (_, token) => (token % 2 === 0 ? nCtx / 2 - 1 : nCtx / 2) / kinds / nPos,
      ),
    accuracyCeiling: () =>
      standingsOf(nCtx).map((heights) =>
        heights.reduce((sum, { share, opens }) => sum + share * Math.max(opens / kinds, 1 - opens), 0),
      ),
    bayesFloor: () => parenthesesFloor(kinds, nCtx),
    bayesLoss({ count, targets }) {
      const loss = new Float64Array(nPos);
      for (let n = 0; n < count; n++) {
        let height = 1;
        for (let pos = 0; pos < nPos; pos++) {
          const { opening, all } = openingOdds(height, nPos - pos);
          const opens = targets[n * nPos + pos] % 2 === 0;
          loss[pos] -= log(opens ? opening / all / kinds : 1 - opening / all) / count;
          height += opens ? 1 : -1;
        }
      }
      return loss;
    },
  };
}
