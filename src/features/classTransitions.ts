/** What units were tuned to before training against what they are tuned to after it, as classes. */
import { sameLength } from "../base/check.ts";
import { adjustedRand } from "../stats/adjustedRand.ts";
import { cohenKappa, type Kappa } from "../stats/agreement.ts";
import { type ContingencyTable, crossTabulate } from "../stats/contingencyTable.ts";
import { type CramersV, cramersV } from "../stats/cramersV.ts";
import { type StuartMaxwell, stuartMaxwell } from "../stats/stuartMaxwell.ts";
import { type UnitClass, unitClassNames } from "./varianceComponents.ts";

/** What {@link classTransitions} returns; classes are in the order of {@link unitClassNames}. */
export interface ClassTransitions {
  /** Units by class, [before][after]. */
  readonly counts: readonly Float64Array[];
  /** P(after | before), [before][after]; a class that no unit had before is NaN. */
  readonly probability: readonly Float64Array[];
  /** Entropy of each row of `probability`, nats: 0 where all units of a class end in one; NaN as above. */
  readonly entropy: Float64Array;
  /** Cohen's kappa: identity of class beyond what the class sizes alone give. */
  readonly kappa: Kappa;
  /** Adjusted Rand index: the same whatever the classes are called. */
  readonly adjustedRand: number;
  readonly cramersV: CramersV;
  /** Whether the class sizes changed, whoever is in them. */
  readonly drift: StuartMaxwell;
}

/**
 * Counts of units by class before and after, [before][after], in the order of {@link unitClassNames}.
 *
 * @param before  class of each unit
 * @param after   of the same units after training; or those of another network, whose table is the product of its
 *                margins on average
 * @throws ArgumentError if the lengths differ
 */
export function transitionCounts(
  before: readonly UnitClass[],
  after: readonly UnitClass[],
): readonly Float64Array[] {
  sameLength("class transitions", before, after);
  const numbered = (classes: readonly UnitClass[]) => classes.map((name) => unitClassNames.indexOf(name));
  return crossTabulate(numbered(before), numbered(after), unitClassNames.length);
}

/**
 * Every statistic of a table of class transitions.
 *
 * Units of one network share its embeddings and its data: standard errors and p-values, which take units as
 * independent, describe one network. Over networks use one kappa a network.
 *
 * Edges: everything in one class gives kappa, the Rand index and V NaN; an empty table gives NaN everywhere.
 *
 * @param counts  [before][after], in the order of {@link unitClassNames}
 * @throws ShapeError if the table is not square, ArgumentError if a count is negative or not finite
 */
export function classTransitions(counts: ContingencyTable): ClassTransitions {
  const probability = counts.map((row) => {
    const total = Array.from(row).reduce((sum, count) => sum + count, 0);
    return Float64Array.from(row, (count) => count / total);
  });
  const entropy = Float64Array.from(probability, (row) =>
    row.reduce((sum, p) => (p === 0 ? sum : sum - p * Math.log(p)), 0),
  );
  return {
    counts: counts.map((row) => Float64Array.from(row)),
    probability,
    entropy,
    kappa: cohenKappa(counts),
    adjustedRand: adjustedRand(counts),
    cramersV: cramersV(counts),
    drift: stuartMaxwell(counts),
  };
}
