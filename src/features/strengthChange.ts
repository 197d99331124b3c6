/** How much the strength of tuning changed, unit by unit, whatever became of its shape. */
import { ShapeError } from "../base/errors.ts";
import { counterparts } from "./compareUnits.ts";
import { ownModel, type PairingOptions } from "./pairing.ts";
import { type Source, sources, type VarianceComponents } from "./varianceComponents.ts";

/** What {@link strengthChange} returns, [model, unit] of the first population, by source of variance. */
export interface StrengthChange {
  /** |eta²₁ − eta²₀|, in [0, 1]; NaN for a unit that is dead in one of the two. */
  readonly eta2: Readonly<Record<Source, Float64Array>>;
  /** V₁ / V₀ of the unbiased amounts: 4 where tuning doubled; NaN unless V₀ is above 0. */
  readonly amountRatio: Readonly<Record<Source, Float64Array>>;
}

/**
 * Change of share and of amount of every source of variance.
 *
 * The two can disagree: a share falls where another source grew, though the amount stayed.
 *
 * @throws ShapeError if the numbers of units differ
 */
export function strengthChange(
  before: VarianceComponents,
  after: VarianceComponents,
  { partner = ownModel }: PairingOptions = {},
): StrengthChange {
  if (before.units !== after.units)
    throw new ShapeError({
      where: "strength change",
      rule: "both must be of the same units",
      got: `${before.units} and ${after.units} units`,
    });
  const pairs = counterparts(before, after, partner);
  // a partner that does not exist is at NaN, where there is nothing
  const compare = (of: (at: number, other: number) => number) =>
    pairs.map((other, at) => (Number.isNaN(other) ? Number.NaN : of(at, other)));
  const bySource = (of: (source: Source) => Float64Array) =>
    Object.fromEntries(sources.map((source) => [source, of(source)])) as Record<Source, Float64Array>;
  return {
    eta2: bySource((source) =>
      compare((at, other) => Math.abs(after.eta2[source][other] - before.eta2[source][at])),
    ),
    amountRatio: bySource((source) =>
      compare((at, other) => {
        const first = before.amount[source][at];
        return first > 0 ? after.amount[source][other] / first : Number.NaN;
      }),
    ),
  };
}
