/**
 * Head classes: what kind of head each head is, or that the evidence does not say.
 *
 * A head has a class if its corrected score reaches `threshold` and its p value against random initialisations is at most
 * α / m, where m is the number of scores tested in its network: heads × scores that some query has. That is: it exceeds
 * the 1 − α/m quantile of its null. Of several such scores the largest names the class; a head without any abstains.
 *
 * By Bonferroni a network of random weights gets any label at all with probability at most α. The largest is sought among
 * the scores that pass, not before they are tested: nearly every head has more entropy than anything else, and a head
 * that pays 60% of its attention to the previous token is no less a previous-token head for it.
 */
import { numberIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { fraction } from "../stats/arguments.ts";
import { bootstrap } from "../stats/bootstrap.ts";
import type { Interval } from "../stats/intervals.ts";
import { type HeadScoreNull, headPlaces } from "./headNull.ts";
import {
  type ByHeadScore,
  byHeadScore,
  correctedScore,
  type HeadScoreName,
  type HeadScores,
  headScoreNames,
} from "./headScores.ts";

/** A score of one head with what it has to be read against. */
export interface JudgedScore {
  /** Corrected score with its bootstrap interval over sequences; NaN where no query has the score. */
  readonly corrected: Interval;
  /** Resamples without any query that has the score, left out of the interval. */
  readonly undefinedResamples: number;
  /** Share of random initialisations below, in [0, 1]. */
  readonly percentile: number;
  /** P value against random initialisations, of this score alone. */
  readonly p: number;
}

/** One head, classified. */
export interface HeadClass {
  readonly model: number;
  readonly layer: number;
  readonly head: number;
  /** Highest of the scores that reach the threshold and exceed their null; `abstain` if there is none. */
  readonly class: HeadScoreName | "abstain";
  readonly scores: ByHeadScore<JudgedScore>;
}

/** All heads of a population, classified. */
export interface HeadClassification {
  /** In the order model, layer, head. */
  readonly heads: readonly HeadClass[];
  /** Largest chance that a network of random weights gets any label. */
  readonly alpha: number;
  /** Smallest corrected score that makes a class. */
  readonly threshold: number;
  /** Scores tested in each network, m. */
  readonly tests: number;
  /** Level of the intervals. */
  readonly level: number;
}

/** Options of {@link headClasses}. */
export interface HeadClassOptions {
  /** For the resamples of the intervals. */
  stream: RandomStream;
  /** Default 0.05. */
  alpha?: number;
  /** Default 0.5: half-way from uniform attention to the pure kind. */
  threshold?: number;
  /** Of the intervals, default 1000. */
  resamples?: number;
  /** Of the intervals, default 0.95. */
  level?: number;
}

/**
 * The class of every head, with intervals.
 *
 * Intervals are percentile bootstraps over sequences: they say how far a score hangs on the sequences at hand, not on the
 * seed of the network. One sequence gives (−∞, ∞).
 *
 * @param drawn  of the same config and tokens; with at least m/α − 1 draws, or no score could pass
 * @throws ArgumentError  for too few draws, a null of another setting, or an option outside its range
 */
export function headClasses(
  scores: HeadScores,
  drawn: HeadScoreNull,
  { stream, alpha = 0.05, threshold = 0.5, resamples = 1000, level = 0.95 }: HeadClassOptions,
): HeadClassification {
  numberIn("head classes, threshold", threshold, 0, 1);
  fraction("head classes, alpha", alpha);
  const places = headPlaces(scores, drawn);
  const { models, layers, heads } = scores;
  const defined = headScoreNames.filter((name) => scores.scores[name].queries.data[0] > 0);
  const tests = layers * heads * defined.length;
  requireDraws(drawn.draws, tests, alpha);
  const classify = (index: number): HeadClass => {
    const model = Math.floor(index / (layers * heads));
    const layer = Math.floor(index / heads) % layers;
    const head = index % heads;
    const judged = byHeadScore((name): JudgedScore => {
      const place = { percentile: places[name].percentile.data[index], p: places[name].p.data[index] };
      if (!defined.includes(name)) return { ...nowhere, ...place };
      const { percentile, undefinedResamples } = bootstrap(
        sequencesOf(scores, name, index),
        (sample) => correctedOf(name, sample),
        // the same child for every score: all of them see the same resamples
        { stream: stream.child(model, layer, head), resamples, level },
      );
      return { corrected: percentile, undefinedResamples, ...place };
    });
    // an undefined score is NaN, which passes neither comparison
    const passed = headScoreNames.filter(
      (name) =>
        judged[name].corrected.estimate >= threshold && judged[name].p * tests <= alpha * (1 + ROUNDING),
    );
    const best = passed.reduce<HeadScoreName | undefined>(
      (a, b) => (a !== undefined && judged[a].corrected.estimate >= judged[b].corrected.estimate ? a : b),
      undefined,
    );
    return { model, layer, head, class: best ?? "abstain", scores: judged };
  };
  return {
    heads: Array.from({ length: models * layers * heads }, (_, index) => classify(index)),
    alpha,
    threshold,
    tests,
    level,
  };
}

/** p · m and α are products and quotients of small numbers: they may miss each other by some ulps where they are equal. */
const ROUNDING = 1e-12;

/** A score that no query of the tokens has. */
const nowhere = {
  corrected: { estimate: Number.NaN, low: Number.NaN, high: Number.NaN },
  undefinedResamples: 0,
};

interface SequenceSums {
  raw: number;
  uniform: number;
  queries: number;
}

/** Sums of one head by sequence: the units of the bootstrap. */
function sequencesOf(
  { scores, layers, heads, tokens }: HeadScores,
  name: HeadScoreName,
  index: number,
): SequenceSums[] {
  const { raw, uniform, queries } = scores[name].bySequence;
  const model = Math.floor(index / (layers * heads));
  return Array.from({ length: tokens.batch }, (_, row) => ({
    raw: raw.data[index * tokens.batch + row],
    uniform: uniform.data[model * tokens.batch + row],
    queries: queries.data[model * tokens.batch + row],
  }));
}

function correctedOf(name: HeadScoreName, sequences: readonly SequenceSums[]): number {
  let [raw, uniform, queries] = [0, 0, 0];
  for (const sequence of sequences) {
    raw += sequence.raw;
    uniform += sequence.uniform;
    queries += sequence.queries;
  }
  return correctedScore(name, raw, uniform, queries);
}

function requireDraws(draws: number, tests: number, alpha: number): void {
  const needed = Math.ceil((tests / alpha) * (1 - ROUNDING)) - 1;
  if (draws >= needed) return;
  throw new ArgumentError({
    where: "head classes",
    rule: `${tests} tests at alpha ${alpha} need a null of at least ${needed} draws, or no head could have a class`,
    got: String(draws),
    wayOut: "Draw more, or test fewer heads at once.",
  });
}
