/**
 * Do strongly tuned units persist more? Asked so that selecting them by their strength cannot answer for them.
 *
 * What is chosen for being large comes out smaller the second time: measurement noise does that, and so does every
 * change that is not proportional. Here strength is measured on one half of the probe and its fate on the other, and the
 * strongest units are compared with what the line through all others predicts of them.
 */
import { integerIn } from "../base/check.ts";
import { pearson, spearman } from "../stats/correlation.ts";
import { mean } from "../stats/moments.ts";
import { blomqvist, leaveTopOut, oldham } from "../stats/regressionToMean.ts";
import { disattenuated } from "../stats/reliability.ts";
import { ownModel, type PairingOptions } from "./pairing.ts";
import { tuningCorrelation } from "./persistence.ts";
import { halfOf, type TuningCurves } from "./tuningCurves.ts";
import { checkComparable } from "./unitCurves.ts";
import { varianceComponents } from "./varianceComponents.ts";

/** What {@link strengthRegression} returns, [model]; NaN where too few units have a number. */
export interface StrengthRegression {
  /** Mean share of variance of the strongest units: before (half 0), after (half 1). */
  readonly topBefore: Float64Array;
  readonly topAfter: Float64Array;
  /** What the line through the other units predicts for `topAfter`. */
  readonly predicted: Float64Array;
  /** topAfter − predicted. */
  readonly difference: Float64Array;
  /** Mean share of all units, before and after. */
  readonly allBefore: Float64Array;
  readonly allAfter: Float64Array;
  /** Spearman correlation over units of share before (half 0) and corrected tuning correlation (half 1). */
  readonly spearman: Float64Array;
  /** Oldham's correlation of change of share with mean of both shares. */
  readonly oldham: Float64Array;
  /** Blomqvist's slope of change on share before, corrected for the reliability of the latter. */
  readonly blomqvist: Float64Array;
  /** Correlation over units of the share before, measured on either half. */
  readonly reliability: Float64Array;
  /** Units that were left out: dead, flat, or without a partner. */
  readonly excluded: Int32Array;
}

/** Kinds of tuning whose strength is a share of variance. */
const kinds = ["token", "position"] as const;

/**
 * The recipe for "does initial selectivity predict persistence", model by model, for tokens and for positions.
 *
 *   x_i = eta² before on half 0,   y_i = eta² after on half 1
 *   difference = ȳ_top − (intercept + slope · x̄_top), the line fitted to the units outside the top
 *   r_i = corr(curve before, curve after) on half 1, divided by √(corr of the halves before · corr of the halves after)
 *
 * Halves that share no sequence share no noise. What context does to a unit is averaged over fewer sequences in a half,
 * so that r is corrected with the correlation of the halves and not with the Spearman–Brown reliability of the whole.
 *
 * @param before  e.g. curves at initialisation
 * @param after   of the same site on the same probe, e.g. after training
 * @param options `top` strongest units, 5 unless given; `partner` pairs each model with another's `after`: the null, in
 *                which nothing persists
 * @throws ShapeError if units or cells differ, ArgumentError if `top` is not at least 1 or a half lacks a cell
 */
export function strengthRegression(
  before: TuningCurves,
  after: TuningCurves,
  { top = 5, partner = ownModel }: PairingOptions & { top?: number } = {},
): Record<(typeof kinds)[number], StrengthRegression> {
  checkComparable("strength regression", before, after);
  integerIn("strength regression, top", top, 1);
  const [before0, before1, after0, after1] = [before, after].flatMap((curves) => [
    halfOf(curves, 0),
    halfOf(curves, 1),
  ]);
  const shares = [before0, before1, after1].map((curves) => varianceComponents(curves).eta2);
  const of = (kind: (typeof kinds)[number]): StrengthRegression => {
    const [strength, again, fate] = shares.map((eta2) => eta2[kind]);
    const kept = tuningCorrelation(before1, after1, { kind, partner });
    const steadyBefore = tuningCorrelation(before0, before1, { kind });
    const steadyAfter = tuningCorrelation(after0, after1, { kind });
    const { models, units } = before;
    const rowOf = (own: number, its: number): UnitRow => {
      const r = disattenuated(kept[own], steadyBefore[own], steadyAfter[its]);
      return { x: strength[own], again: again[own], y: fate[its], r };
    };
    const result = emptyResult(models);
    for (let model = 0; model < models; model++) {
      const rows = Array.from({ length: units }, (_, unit) =>
        rowOf(model * units + unit, partner(model) * units + unit),
      ).filter((row) => Number.isFinite(row.x + row.again + row.y + row.r));
      result.excluded[model] = units - rows.length;
      // a line needs three units besides the top
      if (rows.length > top + 2)
        Object.entries(regress(rows, top)).forEach(([name, value]) => {
          result[name as keyof Regressed][model] = value;
        });
    }
    return result;
  };
  return { token: of("token"), position: of("position") };
}

/** A unit with all its numbers. */
interface UnitRow {
  /** Share before on half 0, and again on half 1. */
  x: number;
  again: number;
  /** Share after on half 1. */
  y: number;
  /** Corrected tuning correlation. */
  r: number;
}

type Regressed = Omit<StrengthRegression, "excluded">;

/** Every statistic of the units of one model. */
function regress(rows: readonly UnitRow[], top: number): { [K in keyof Regressed]: number } {
  const column = (name: keyof UnitRow) => Float64Array.from(rows, (row) => row[name]);
  const [x, y] = [column("x"), column("y")];
  const { observed, predicted, estimate } = leaveTopOut(x, y, { top });
  const reliability = pearson(x, column("again"));
  return {
    topBefore: mean(x.slice().sort().subarray(-top)),
    topAfter: observed,
    predicted,
    difference: estimate,
    allBefore: mean(x),
    allAfter: mean(y),
    spearman: spearman(x, column("r")),
    oldham: oldham(x, y).r,
    blomqvist: reliability > 0 ? blomqvist(x, y, { reliability }).estimate : Number.NaN,
    reliability,
  };
}

function emptyResult(models: number): StrengthRegression {
  const none = () => new Float64Array(models).fill(Number.NaN);
  return {
    ...{ topBefore: none(), topAfter: none(), predicted: none(), difference: none() },
    ...{ allBefore: none(), allAfter: none() },
    ...{ spearman: none(), oldham: none(), blomqvist: none(), reliability: none() },
    excluded: new Int32Array(models),
  };
}
