/**
 * The original study's criterion of persistence, and what it is worth: its base rate under two nulls.
 *
 * A unit counts as maintained if its share of variance is still above a floor and above half of what it was. It says
 * nothing about what the unit is tuned to, and most units of a layer pass it from any start; only the excess over the
 * base rate is evidence.
 */
import { integerIn, numberIn, sameLength } from "../base/check.ts";
import { ShapeError } from "../base/errors.ts";
import { oneWayAnova } from "../stats/anova.ts";
import { neighbourModel, type Pairing } from "./pairing.ts";

/** The thresholds; the defaults are the original's. */
export interface CriterionOptions {
  /** Units followed: the most selective at initialisation. 5 unless given. */
  topK?: number;
  /** Share of variance that a maintained unit must exceed, 0.05 unless given. */
  floor?: number;
  /** Share of its initial value that a maintained unit must exceed, 0.5 unless given. */
  ratio?: number;
  /** The other model of the null by another initialisation; the next one unless given. */
  partner?: Pairing;
}

/** The criterion for every model of a population; arrays are [model] where nothing else is said. */
export interface Criterion {
  /** Units followed, most selective first, [model][k]; fewer than k where fewer are alive. */
  tracked: readonly Int32Array[];
  /** Share of them that is maintained; NaN where none is followed. */
  maintained: Float64Array;
  /** The same expected of any unit of the trained layer: null (a), the identity shuffle in closed form. */
  nullShuffle: Float64Array;
  /** The same of the unit with that index in another trained model: null (b). NaN where there is no other. */
  nullOtherModel: Float64Array;
  /** maintained − nullShuffle. */
  excess: Float64Array;
  /** excess / (1 − nullShuffle). */
  kappa: Float64Array;
  /** Share of all units that pass the floor after training: if it is near 1, the floor tests nothing. */
  aboveFloor: Float64Array;
}

/**
 * The original criterion with its chance levels.
 *
 *   maintained_i = [ final_i > max(floor, ratio · initial_i) ]        for the topK units with the largest initial share
 *   nullShuffle  = mean_i [ 1 − F_final( max(floor, ratio · initial_i) ) ],  F_final the ECDF over the layer's units
 *
 * The closed form is the exact expectation over all permutations of the trained layer's units. A tie in the initial
 * share goes to the lower index, as in the original's stable sort. A dead unit (NaN) is never followed, and one that
 * died is not maintained, neither in the observed share nor in the null.
 *
 * @param initial  eta² before training, [model, unit]
 * @param final    eta² after training, [model, unit]
 * @throws ArgumentError if the lengths differ or an option is out of range, ShapeError if they do not divide into models
 */
export function originalCriterion(
  initial: ArrayLike<number>,
  final: ArrayLike<number>,
  models: number,
  { topK = 5, floor = 0.05, ratio = 0.5, partner = neighbourModel(models) }: CriterionOptions = {},
): Criterion {
  sameLength("original criterion", initial, final);
  const units = initial.length / models;
  if (!Number.isInteger(units))
    throw new ShapeError({
      where: "original criterion",
      rule: "shares must be [model, unit]",
      got: `${initial.length} values for ${models} models`,
    });
  integerIn("original criterion, topK", topK, 1);
  numberIn("original criterion, floor", floor, 0, 1);
  numberIn("original criterion, ratio", ratio, 0);

  const tracked = Array.from({ length: models }, (_, model) => topUnits(initial, model * units, units, topK));
  const bar = (model: number, unit: number) => Math.max(floor, ratio * initial[model * units + unit]);
  /** Mean over the followed units of a verdict on each; NaN of none. */
  const share = (verdict: (model: number, unit: number) => number) =>
    Float64Array.from(tracked, (followed, model) => {
      const total = followed.reduce((sum, unit) => sum + verdict(model, unit), 0);
      return total / followed.length;
    });
  const passes = (model: number, unit: number, over: number) => (final[model * units + unit] > over ? 1 : 0);
  const passing = (model: number, over: number) => {
    let count = 0;
    for (let unit = 0; unit < units; unit++) count += passes(model, unit, over);
    return count / units;
  };
  const maintained = share((model, unit) => passes(model, unit, bar(model, unit)));
  const nullShuffle = share((model, unit) => passing(model, bar(model, unit)));
  const nullOtherModel = share((model, unit) => {
    const other = partner(model);
    return other >= 0 && other < models ? passes(other, unit, bar(model, unit)) : Number.NaN;
  });
  const corrected = Array.from(maintained, (same, model) => chanceCorrected(same, nullShuffle[model]));
  return {
    tracked,
    maintained,
    nullShuffle,
    nullOtherModel,
    excess: Float64Array.from(corrected, ({ excess }) => excess),
    kappa: Float64Array.from(corrected, ({ kappa }) => kappa),
    aboveFloor: Float64Array.from({ length: models }, (_, model) => passing(model, floor)),
  };
}

/** The k units with the largest values, largest first, lower index first among equals; NaN is never among them. */
function topUnits(values: ArrayLike<number>, start: number, units: number, k: number): Int32Array {
  const alive = Array.from({ length: units }, (_, unit) => unit).filter(
    (unit) => !Number.isNaN(values[start + unit]),
  );
  return Int32Array.from(alive.sort((a, b) => values[start + b] - values[start + a]).slice(0, k)); // sort is stable
}

/**
 * A success rate against its chance level.
 *
 *   excess = same − chance,  kappa = excess / (1 − chance)
 *
 * Edges: chance = 1 leaves nothing to exceed and gives kappa NaN.
 */
export function chanceCorrected(same: number, chance: number): { excess: number; kappa: number } {
  const excess = same - chance;
  return { excess, kappa: chance === 1 ? Number.NaN : excess / (1 - chance) };
}

/**
 * The original study's eta²: the share of a unit's variance that one label explains, on its own probe.
 *
 *   eta² = SS_between / SS_total,  all activations taken as independent samples
 *
 * @param activations  [sample, unit]; the original's samples are all positions of all probe sequences
 * @param labels       [sample]: token numbers, or positions
 * @returns            [unit]; NaN for a unit without variance
 * @throws ArgumentError if there are fewer than two different labels, ShapeError if the lengths do not fit
 */
export function originalEta2(activations: ArrayLike<number>, labels: ArrayLike<number>): Float64Array {
  const units = unitsOfSamples("original eta²", activations, labels);
  const samples = new Map<number, number[]>();
  for (let sample = 0; sample < labels.length; sample++) {
    const known = samples.get(labels[sample]);
    if (known === undefined) samples.set(labels[sample], [sample]);
    else known.push(sample);
  }
  return Float64Array.from({ length: units }, (_, unit) => {
    const values = (group: number[]) => group.map((sample) => activations[sample * units + unit]);
    return oneWayAnova([...samples.values()].map(values)).between.eta2;
  });
}

/**
 * Number of units of activations [sample, unit].
 *
 * @throws ShapeError if they do not divide into the samples that were labelled
 */
export function unitsOfSamples(
  where: string,
  activations: ArrayLike<number>,
  labels: ArrayLike<number>,
): number {
  const units = activations.length / labels.length;
  if (Number.isInteger(units) && units >= 1) return units;
  throw new ShapeError({
    where,
    rule: "activations must be [sample, unit] with one label a sample",
    got: `${activations.length} values and ${labels.length} labels`,
  });
}
