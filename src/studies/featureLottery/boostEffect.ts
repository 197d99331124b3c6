/** What a boost changed: a network against its twin. */
import type { FourierSpectrum, FrequencyShares } from "../../features/fourierFrequencies.ts";
import { spearman } from "../../stats/correlation.ts";
import { mean } from "../../stats/moments.ts";
import type { WatchedFrequency } from "./boost.ts";
import { type Picture, rankOf } from "./lottery.ts";

/** Boosts of frequencies in units; shares of units that are awake after training in both networks. */
export interface UnitBoost {
  /** In a random half of the units, each its own frequency, or in a single unit. */
  readonly kind: "units" | "unit";
  /** By what the boost multiplied the amplitudes of the boosted frequencies, mean; over a, over b and over the outputs. */
  readonly amplified: readonly number[];
  /** Share of boosted frequencies that lead their unit after the boost, before training. */
  readonly leads: number;
  /** Share of boosted frequencies that win their unit: without the boost, and with it. */
  readonly plain: number;
  readonly boosted: number;
  /** The difference of both: boosted − plain. */
  readonly effect: number;
  /** The same of the frequencies that are watched and not boosted, in the other units: what the twin changes otherwise. */
  readonly placebo: number;
  /** Boosted frequencies by their rank before the boost, and those that won without and with it, [rank]. */
  readonly offered: Float64Array;
  readonly wonPlain: Float64Array;
  readonly wonBoosted: Float64Array;
}

/** The boost of a frequency of the embedding; shares of the units that are awake. */
export interface EmbeddingBoost {
  readonly kind: "embedding";
  /** Share of units that the boosted frequency wins, without the boost and with it. */
  readonly plain: number;
  readonly boosted: number;
  readonly effect: number;
  /** Spearman over frequencies, without a boost: share of the embedding's variance at the start against units won. */
  readonly lottery: number;
}

/** A network, or its twin, before training and after it. */
export interface FirstAndLast {
  readonly first: Picture;
  /** Spectra of the curves over a, over b and over the outputs before training. */
  readonly spectra: readonly FourierSpectrum[];
  readonly last: Picture;
}

/** Compares the units of a network with those of its twin. */
export function unitBoost(
  kind: UnitBoost["kind"],
  plainNetwork: FirstAndLast,
  twinNetwork: FirstAndLast,
  watched: readonly WatchedFrequency[],
): UnitBoost {
  const { first: start, last: plain } = plainNetwork;
  const twin = twinNetwork.last;
  const offered = new Float64Array(start.frequencies);
  const wonPlain = new Float64Array(start.frequencies);
  const wonBoosted = new Float64Array(start.frequencies);
  const outcomes = watched
    .filter(({ unit }) => plain.awake[unit] === 1 && twin.awake[unit] === 1)
    .map(({ unit, frequency, boosted }) => ({
      ...{ boosted, rank: rankOf(start, unit, frequency) },
      without: plain.leading[unit] === frequency ? 1 : 0,
      with: twin.leading[unit] === frequency ? 1 : 0,
    }));
  for (const outcome of outcomes) {
    if (!outcome.boosted) continue;
    offered[outcome.rank]++;
    wonPlain[outcome.rank] += outcome.without;
    wonBoosted[outcome.rank] += outcome.with;
  }
  const rate = (boosted: boolean, which: "without" | "with") =>
    mean(outcomes.filter((outcome) => outcome.boosted === boosted).map((outcome) => outcome[which]));
  const [without, withBoost] = [rate(true, "without"), rate(true, "with")];
  const made = watched.filter(({ boosted }) => boosted);
  return {
    ...{ kind, amplified: amplification(plainNetwork.spectra, twinNetwork.spectra, made) },
    leads: mean(made.map(({ unit, frequency }) => (twinNetwork.first.leading[unit] === frequency ? 1 : 0))),
    ...{ plain: without, boosted: withBoost, effect: withBoost - without },
    placebo: rate(false, "with") - rate(false, "without"),
    ...{ offered, wonPlain, wonBoosted },
  };
}

/** Mean ratio of the amplitudes of frequencies, [curve]. */
function amplification(
  before: readonly FourierSpectrum[],
  after: readonly FourierSpectrum[],
  made: readonly WatchedFrequency[],
): number[] {
  const amplitude = ({ real, imaginary }: FourierSpectrum, at: number) => Math.hypot(real[at], imaginary[at]);
  return before.map((spectrum, curve) =>
    mean(
      made.map(({ unit, frequency }) => {
        const at = unit * spectrum.frequencies + frequency;
        return amplitude(after[curve], at) / amplitude(spectrum, at);
      }),
    ),
  );
}

/** Compares the units that frequencies win in a network with those in its twin, whose embedding has one boosted. */
export function embeddingBoost(
  { share }: FrequencyShares,
  plain: Picture,
  twin: Picture,
  frequency: number,
): EmbeddingBoost {
  const [without, withBoost] = [plain, twin].map(unitsWon);
  return {
    ...{ kind: "embedding", plain: without[frequency], boosted: withBoost[frequency] },
    effect: withBoost[frequency] - without[frequency],
    lottery: spearman(share, without),
  };
}

/** Share of the units that are awake which each frequency leads, [frequency]. */
function unitsWon({ leading, awake, frequencies }: Picture): number[] {
  const alive = Array.from(leading).filter((_, unit) => awake[unit] === 1);
  return Array.from({ length: frequencies }, (_, k) => mean(alive.map((own) => (own === k ? 1 : 0))));
}
