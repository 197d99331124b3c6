/** Who won in one network: from its pictures through training to what the study counts. */
import {
  type FourierSpectrum,
  frequencyShares,
  phaseMisalignment,
  shareGrowth,
} from "../../features/fourierFrequencies.ts";
import { conditionalLogit } from "../../stats/conditionalLogit.ts";
import { crossTabulate } from "../../stats/contingencyTable.ts";
import { spearman } from "../../stats/correlation.ts";
import { mean, sd } from "../../stats/moments.ts";
import { mutualInformation } from "../../stats/mutualInformation.ts";
import type { Portrait } from "./training.ts";

/** One network at one step. */
export interface Picture {
  readonly accuracy: number;
  readonly frequencies: number;
  /** [unit, frequency]. */
  readonly share: Float64Array;
  /** Index of the leading frequency, [unit]. */
  readonly leading: Int32Array;
  readonly purity: Float64Array;
  /** 1 for a unit that some pair wakes, [unit]. */
  readonly awake: Uint8Array;
  /** [unit, frequency], radians. */
  readonly misalignment: Float64Array;
  /** Growth of the share under gradient descent, [unit, frequency]. */
  readonly growth: Float64Array;
}

/** The part of spectra that is of one model of a population. */
export function spectraOf(
  spectra: readonly FourierSpectrum[],
  model: number,
  units: number,
): FourierSpectrum[] {
  return spectra.map(({ frequencies, real, imaginary }) => {
    const [from, to] = [model * units * frequencies, (model + 1) * units * frequencies];
    return {
      ...{ curves: units, frequencies },
      ...{ real: real.subarray(from, to), imaginary: imaginary.subarray(from, to) },
    };
  });
}

/** The picture of one model of a population. */
export function pictureOf(
  { spectra, slopes, active, accuracy }: Portrait,
  model: number,
  units: number,
): Picture {
  const { frequencies } = spectra[0];
  const own = spectraOf(spectra, model, units);
  const { share, leading, purity } = frequencyShares(own);
  return {
    ...{ accuracy: accuracy[model], frequencies, share, leading, purity },
    awake: Uint8Array.from({ length: units }, (_, unit) => (active[model * units + unit] > 0 ? 1 : 0)),
    misalignment: phaseMisalignment(own[0], own[1], own[2]),
    growth: shareGrowth(own, spectraOf(slopes, model, units)),
  };
}

/** What is known of an alternative before training, in the order of the logit's coefficients. */
export const predictors = ["amplitude", "misalignment", "growth"] as const;

/** Bins of misalignment on [0, π]. */
export const phaseBins = 6;

/** What one network tells; shares in [0, 1] of the units that are awake after training. */
export interface Draw {
  /** Units that are awake after training, and all. */
  readonly awake: number;
  readonly units: number;
  /** Leading frequency at the start and at the end, [unit]; −1 at the end for a unit that sleeps. */
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** Share whose leading frequency is that of the start. */
  readonly match: number;
  /** The same if units were shuffled: exact. */
  readonly shuffled: number;
  /** Share with purity above a half after training, and how many of those match; NaN for none. */
  readonly specialised: number;
  readonly matchSpecialised: number;
  /** Mean rank that the winner had at the start, 0 for the strongest. */
  readonly rank: number;
  /** Share of units whose winner had each rank at the start, [rank]. */
  readonly wonByRank: Float64Array;
  /** Alternatives by initial rank and misalignment, and those that won, [rank, bin]. */
  readonly offered: Float64Array;
  readonly won: Float64Array;
  /** Mutual information of first and last frequency less its expectation under shuffling, nats; and the expectation. */
  readonly information: number;
  readonly informationByChance: number;
  /** Of the conditional logit, per standard deviation, [predictor]. */
  readonly coefficients: Float64Array;
  /** Share of winners that all predictors name, and that the growth alone names. */
  readonly hitRate: number;
  readonly hitRateOfGrowth: number;
  /** Spearman over frequencies: mean initial share of all units against units won. */
  readonly networkLottery: number;
  /** [checkpoint]: share with the leading frequency of the start, with that of the end, mean purity, accuracy. */
  readonly course: Readonly<Record<"asAtStart" | "asAtEnd" | "purity" | "accuracy", Float64Array>>;
  /** Shares of frequencies of the first units that are awake at the end, [unit][checkpoint, frequency]. */
  readonly examples: readonly { readonly unit: number; readonly share: Float64Array }[];
}

/** Units whose course is told. */
const EXAMPLES = 6;

/** Counts what became of a network's units; `pictures` are those of its checkpoints, the first at step 0. */
export function drawOf(pictures: readonly Picture[]): Draw {
  const [start, end] = [pictures[0], pictures[pictures.length - 1]];
  const { frequencies } = start;
  const units = start.leading.length;
  const last = end.leading.map((leading, unit) => (end.awake[unit] === 1 ? leading : -1));
  const alive = Array.from(last.keys()).filter((unit) => last[unit] >= 0);
  const shareOf = (chosen: readonly number[], holds: (unit: number) => boolean) =>
    chosen.filter(holds).length / chosen.length; // NaN of none
  const matches = (unit: number) => start.leading[unit] === last[unit];
  const special = alive.filter((unit) => end.purity[unit] > 0.5);
  const table = crossTabulate(pick(start.leading, alive), pick(last, alive), frequencies);
  const { excess, expected } = mutualInformation(table);
  const ranks = alive.map((unit) => rankOf(start, unit, last[unit]));
  const wonByRank = new Float64Array(frequencies);
  for (const rank of ranks) wonByRank[rank] += 1 / alive.length;
  return {
    ...{ awake: alive.length, units, first: start.leading, last },
    match: shareOf(alive, matches),
    shuffled:
      table.reduce((sum, row, k) => sum + total(row) * total(table.map((other) => other[k])), 0) /
      alive.length ** 2,
    specialised: special.length / alive.length,
    matchSpecialised: shareOf(special, matches),
    ...{ rank: mean(ranks), wonByRank, ...byRankAndPhase(start, last, alive) },
    ...{ information: excess, informationByChance: expected, ...whatDecides(start, last, alive) },
    networkLottery: networkLottery(start, last, alive),
    course: {
      asAtStart: Float64Array.from(pictures, ({ leading }) =>
        shareOf(alive, (unit) => leading[unit] === start.leading[unit]),
      ),
      asAtEnd: Float64Array.from(pictures, ({ leading }) =>
        shareOf(alive, (unit) => leading[unit] === last[unit]),
      ),
      purity: Float64Array.from(pictures, ({ purity }) => mean(pick(purity, alive))),
      accuracy: Float64Array.from(pictures, ({ accuracy }) => accuracy),
    },
    examples: alive.slice(0, EXAMPLES).map((unit) => ({
      unit,
      share: Float64Array.from(pictures.flatMap(({ share }) => Array.from(rowOf(share, unit, frequencies)))),
    })),
  };
}

/** Number of frequencies of a unit that are stronger than one of them. */
export function rankOf({ share, frequencies }: Picture, unit: number, frequency: number): number {
  const own = rowOf(share, unit, frequencies);
  return own.filter((value) => value > own[frequency]).length;
}

/** Alternatives, and winners, by initial rank and misalignment. */
function byRankAndPhase(start: Picture, last: Int32Array, alive: readonly number[]) {
  const { frequencies, misalignment } = start;
  const offered = new Float64Array(frequencies * phaseBins);
  const won = new Float64Array(offered.length);
  for (const unit of alive)
    for (let k = 0; k < frequencies; k++) {
      const bin = Math.floor((misalignment[unit * frequencies + k] / Math.PI) * phaseBins);
      const cell = rankOf(start, unit, k) * phaseBins + Math.min(phaseBins - 1, bin); // π itself is in the last bin
      offered[cell]++;
      if (last[unit] === k) won[cell]++;
    }
  return { offered, won };
}

/** The conditional logit of the winner on what was there at the start, every predictor in its standard deviations. */
function whatDecides(start: Picture, last: Int32Array, alive: readonly number[]) {
  const { frequencies } = start;
  const columns = [start.share.map(Math.sqrt), start.misalignment, start.growth].map((values) => {
    const own = alive.flatMap((unit) => Array.from(rowOf(values, unit, frequencies)));
    const spread = sd(own);
    return own.map((value) => value / spread);
  });
  const logitOf = (chosen: readonly (readonly number[])[]) =>
    conditionalLogit({
      predictors: chosen[0].flatMap((_, i) => chosen.map((column) => column[i])),
      ...{ chosen: pick(last, alive), alternatives: frequencies },
    });
  if (alive.length === 0 || !columns.flat().every(Number.isFinite))
    return {
      coefficients: new Float64Array(predictors.length).fill(Number.NaN),
      ...{ hitRate: Number.NaN, hitRateOfGrowth: Number.NaN },
    };
  const { coefficients, hitRate } = logitOf(columns);
  return { coefficients, hitRate, hitRateOfGrowth: logitOf(columns.slice(-1)).hitRate };
}

/** Whether the frequencies that were strong in all units together are those that won most units. */
function networkLottery({ share, frequencies }: Picture, last: Int32Array, alive: readonly number[]): number {
  const strength = Array.from({ length: frequencies }, (_, k) =>
    mean(alive.map((unit) => share[unit * frequencies + k])),
  );
  const won = Array.from({ length: frequencies }, (_, k) => alive.filter((unit) => last[unit] === k).length);
  return spearman(strength, won);
}

/** Values of some units. */
function pick(values: ArrayLike<number>, units: readonly number[]): number[] {
  return units.map((unit) => values[unit]);
}

function rowOf(values: Float64Array, unit: number, size: number): Float64Array {
  return values.subarray(unit * size, (unit + 1) * size);
}

function total(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0);
}
