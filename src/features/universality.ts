/** Universal units: those that other networks, grown from other initialisations, have as well. */
import { integerIn } from "../base/check.ts";
import type { RandomStream } from "../base/random.ts";
import { correlationMatrix } from "../stats/correlationMatrix.ts";
import { type CellMeans, curveOf, unitCurves } from "./unitCurves.ts";
import { rotatedUnits } from "./unitMatching.ts";

/** What {@link universality} returns; [model, unit], NaN for a unit without tuning, or where no other network has any. */
export interface Universality {
  /** Correlation with the best unit of another network, mean over the other networks. */
  readonly best: Float64Array;
  /** The same with the units of each other network mixed by a random rotation. */
  readonly rotated: Float64Array;
  /** best − rotated: what is special about the other networks' own axes. */
  readonly excess: Float64Array;
}

/**
 * How well the units of other networks predict each unit, beyond what as many random directions of their space do.
 *
 *   excess_i = (1/(M−1)) Σ_{m' ≠ m} [ max_j corr(c_i, c_j⁽ᵐ'⁾) − max_j corr(c_i, (Q c⁽ᵐ'⁾)_j) ]
 *
 * c are cell means and Q a random rotation, over whose draws the second term is a mean. About 0 where networks share a
 * space but no units; units are universal one by one where it is well above. Units of a network are not independent, and
 * neither are pairs of networks: over seeds use one mean a network.
 *
 * @param curves  of one site of a population of M networks
 * @param stream  of the rotations of a network
 * @param draws   rotations of each network, default 4
 * @throws ArgumentError unless draws is a whole number of at least 1
 * @source Gurnee et al. 2024 (arXiv 2401.12181; they correlate activations on text, we cell means)
 */
export function universality(
  curves: CellMeans,
  { stream, draws = 4 }: { stream: (model: number) => RandomStream; draws?: number },
): Universality {
  integerIn("universality, draws", draws, 1);
  const { models, units } = curves;
  const { all } = unitCurves(curves);
  const tuned = Array.from({ length: models }, (_, model) =>
    Array.from({ length: units }, (_, unit) => model * units + unit).filter((at) => all.flat[at] === 0),
  );
  const own = tuned.map((places) => places.map((at) => curveOf(all, at)));
  const mixed = own.map((of, model) => {
    const source = stream(model);
    return Array.from({ length: of.length === 0 ? 0 : draws }, () => rotatedUnits(of, source));
  });
  const [best, rotated] = [0, 1].map(() => new Float64Array(models * units).fill(Number.NaN));
  for (let model = 0; model < models; model++) {
    const others = tuned.flatMap((places, other) => (other === model || places.length === 0 ? [] : [other]));
    if (tuned[model].length === 0 || others.length === 0) continue;
    const ofOwn = meanOfBest(
      own[model],
      others.map((other) => own[other]),
    );
    const ofMixed = meanOfBest(
      own[model],
      others.flatMap((other) => mixed[other]),
    );
    tuned[model].forEach((at, i) => {
      best[at] = ofOwn[i];
      rotated[at] = ofMixed[i];
    });
  }
  return { best, rotated, excess: best.map((value, at) => value - rotated[at]) };
}

/** Largest correlation of each unit with one of a set, mean over the sets. */
function meanOfBest(
  units: readonly Float64Array[],
  sets: readonly (readonly Float64Array[])[],
): Float64Array {
  const total = new Float64Array(units.length);
  for (const set of sets)
    correlationMatrix(units, set).forEach((row, i) => {
      total[i] += Math.max(...row) / sets.length;
    });
  return total;
}
