/**
 * How much of a unit's variance the token, the position, their interaction and the context explain.
 *
 * Amounts (activation units squared) and shares are reported together: a share can fall because its numerator shrank
 * or because another component grew, and only the amounts tell which.
 *
 * The "residual" of this analysis is no noise: a unit is a fixed function of its input, and what token and position
 * leave over is what the rest of the sequence, the context, does.
 */
import { numberIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { fLogSf } from "../stats/distributions.ts";
import { cellEffects, dot, squaredNorm } from "./cellEffects.ts";
import type { TuningCurves } from "./tuningCurves.ts";
import { unitMeans } from "./unitMeans.ts";

/** The three sources that the cell means show. */
export const cellSources = ["token", "position", "interaction"] as const;
export type CellSource = (typeof cellSources)[number];

/** All four sources of variance. */
export const sources = [...cellSources, "context"] as const;
export type Source = (typeof sources)[number];

/** What {@link varianceComponents} returns; every array is [model, unit]. */
export interface VarianceComponents {
  readonly models: number;
  readonly units: number;
  /** Sums of squares of the balanced table with `replicates` activations a cell. */
  readonly ss: Readonly<Record<Source, Float64Array>>;
  /** Degrees of freedom of each source. */
  readonly df: Readonly<Record<Source, number>>;
  /** Activations a cell: their number if all cells have the same, else the harmonic mean. */
  readonly replicates: number;
  /** Whether all cells have the same number of activations. */
  readonly balanced: boolean;
  /** Unbiased amounts, may be negative; see {@link varianceComponents}. */
  readonly amount: Readonly<Record<Source, Float64Array>>;
  /** Amounts from the product of two halves: unbiased whatever the law of the contexts, may be negative. */
  readonly crossValidated: Readonly<Record<CellSource, Float64Array>>;
  /** Plain share of the total sum of squares, in [0, 1]; the four sum to 1. */
  readonly eta2: Readonly<Record<Source, Float64Array>>;
  /** SS / (SS + SS_context), in [0, 1]; equals generalised eta² here. */
  readonly partialEta2: Readonly<Record<CellSource, Float64Array>>;
  /** (SS − df MS_context) / (SS_total + MS_context). */
  readonly omega2: Readonly<Record<CellSource, Float64Array>>;
  /** (SS − df MS_context) / (SS + (N − df) MS_context): omega² with the source and the context as all there is. */
  readonly partialOmega2: Readonly<Record<CellSource, Float64Array>>;
  /** (SS − df MS_context) / SS_total. */
  readonly epsilon2: Readonly<Record<CellSource, Float64Array>>;
  /** MS / MS_context; infinite where the context does nothing, NaN where neither does. */
  readonly f: Readonly<Record<CellSource, Float64Array>>;
  /** ln P(F > f), natural logarithm: how sure the sample is, not how strong the tuning. */
  readonly lnP: Readonly<Record<CellSource, Float64Array>>;
  /** 1 for a unit without variance or with numbers that are not finite; its shares, F and ln p are NaN. */
  readonly dead: Uint8Array;
}

/**
 * A total sum of squares below this share of the largest one of the layer, or of the unit's own Σ a², is a constant:
 * rounding of float32 cell means leaves about 1e-14 of Σ a².
 */
const deadShare = 1e-12;

/**
 * Two-way variance decomposition of tuning curves. With B activations in each of the V·T cells, N = VTB:
 *
 *   SS_token = B T Σ α_t²    SS_position = B V Σ β_s²    SS_interaction = B Σ γ_ts²    SS_context = Σ r_tsb²
 *   df:        V − 1                      T − 1                        (V − 1)(T − 1)                 VT(B − 1)
 *
 * Amounts estimate the means over cells of the squared true effects, and their sum the variance of the activation:
 *
 *   V_token = (1/V) Σ α_t² − (V − 1)/V · MS_context / (B T)    V_position, V_interaction likewise    V_context = MS_context
 *
 * and cross-validated, with the effects of one half times those of the other: V_token = (1/V) Σ α_t⁽⁰⁾ α_t⁽¹⁾.
 *
 * Unbalanced probes: every cell counts once, and B is the harmonic mean of the cell counts (the analysis of unweighted
 * means). The amounts stay unbiased if the context variance is the same in every cell; SS_context is MS_context · df of
 * the balanced table, so that shares answer what the unit would do if all cells were visited equally often. Sums of
 * squares are then not those of the sample; MS_context and its N − VT degrees of freedom in F are.
 *
 * Edges: one activation a cell leaves no context: amounts, omega², epsilon², F and ln p are NaN, eta² remains. On an
 * exhaustive probe nothing is sampled: SS/N are the exact amounts, and the corrections are below df/N of the context.
 * A half without one of the cells gives NaN for all cross-validated amounts. A dead unit keeps its amounts, of about 0,
 * and has no shares.
 *
 * @throws ArgumentError if a cell was never visited, or there are fewer than two tokens or two positions
 * @source Searle 1971, chapter 8 (unweighted means); Olejnik & Algina 2003 (effect sizes)
 */
export function varianceComponents(curves: TuningCurves): VarianceComponents {
  const { models, units, dVocab, nPos } = curves;
  const cells = dVocab * nPos;
  const { replicates, total, balanced } = replication(curves);
  const record = <K extends string>(keys: readonly K[]) =>
    Object.fromEntries(keys.map((key) => [key, new Float64Array(models * units)])) as Record<K, Float64Array>;
  const df: Record<Source, number> = {
    token: dVocab - 1,
    position: nPos - 1,
    interaction: (dVocab - 1) * (nPos - 1),
    context: cells * (replicates - 1),
  };
  const dfSample = total - cells;
  /** SS of a source is its Σ of squared effects times how many activations share an effect. */
  const sharing: Record<CellSource, number> = {
    token: replicates * nPos,
    position: replicates * dVocab,
    interaction: replicates,
  };
  const ss = record(sources);
  const amount = record(sources);
  const eta2 = record(sources);
  const [crossValidated, partialEta2, omega2] = [
    record(cellSources),
    record(cellSources),
    record(cellSources),
  ];
  const [partialOmega2, epsilon2] = [record(cellSources), record(cellSources)];
  const [f, lnP] = [record(cellSources), record(cellSources)];
  const dead = deadUnits(curves);

  for (let at = 0; at < models * units; at++) {
    const table = (means: Float64Array) => cellEffects(means.subarray(at * cells, (at + 1) * cells), nPos);
    const effects = table(curves.cellMean);
    const halves = [table(curves.halfMean[0]), table(curves.halfMean[1])];
    const msContext = dfSample > 0 ? curves.contextSS[at] / dfSample : Number.NaN;
    ss.context[at] = dfSample > 0 ? msContext * df.context : 0;
    for (const source of cellSources) ss[source][at] = sharing[source] * squaredNorm(effects[source]);
    amount.context[at] = msContext;
    const ssTotal = sources.reduce((sum, source) => sum + ss[source][at], 0);
    const share = (value: number) => (dead[at] ? Number.NaN : value);
    eta2.context[at] = share(ss.context[at] / ssTotal);
    for (const source of cellSources) {
      const own = ss[source][at];
      const beyondContext = own - df[source] * msContext;
      amount[source][at] = beyondContext / (replicates * cells);
      crossValidated[source][at] =
        (sharing[source] / (replicates * cells)) * dot(halves[0][source], halves[1][source]);
      eta2[source][at] = share(own / ssTotal);
      partialEta2[source][at] = share(own / (own + ss.context[at]));
      omega2[source][at] = share(beyondContext / (ssTotal + msContext));
      partialOmega2[source][at] = share(beyondContext / (beyondContext + replicates * cells * msContext));
      epsilon2[source][at] = share(beyondContext / ssTotal);
      // what rounding leaves of a missing effect must not be infinitely significant beside a missing context
      const tested = own > deadShare * ssTotal ? own : 0;
      f[source][at] = share(tested / df[source] / msContext);
      lnP[source][at] = Number.isNaN(f[source][at])
        ? Number.NaN
        : fLogSf(f[source][at], df[source], dfSample);
    }
  }
  return {
    ...{ models, units, ss, df, replicates, balanced, amount, crossValidated },
    ...{ eta2, partialEta2, omega2, partialOmega2, epsilon2, f, lnP, dead },
  };
}

function replication({ counts, dVocab, nPos, site }: TuningCurves) {
  const refuse = (rule: string, got: string, wayOut?: string) =>
    new ArgumentError({ where: `variance components of "${site}"`, rule, got, wayOut });
  if (!(dVocab >= 2 && nPos >= 2))
    throw refuse("needs at least two tokens and two positions", `${dVocab} and ${nPos}`);
  let total = 0;
  let inverse = 0;
  let balanced = true;
  const first = counts[0][0] + counts[1][0];
  for (let cell = 0; cell < counts[0].length; cell++) {
    const n = counts[0][cell] + counts[1][cell];
    if (n === 0)
      throw refuse(
        "every cell must be visited",
        `no activation of token ${Math.floor(cell / nPos)} at position ${cell % nPos}`,
        "Take a longer probe, or Latin blocks.",
      );
    balanced &&= n === first;
    total += n;
    inverse += 1 / n;
  }
  return { total, balanced, replicates: balanced ? first : counts[0].length / inverse };
}

/** 1 for every unit that is constant or not finite, [model, unit]; see {@link VarianceComponents.dead}. */
export function deadUnits({ models, units, totalSS, squares }: TuningCurves): Uint8Array {
  const dead = new Uint8Array(models * units);
  for (let model = 0; model < models; model++) {
    let largest = 0;
    for (let at = model * units; at < (model + 1) * units; at++)
      if (totalSS[at] > largest && Number.isFinite(totalSS[at])) largest = totalSS[at];
    for (let at = model * units; at < (model + 1) * units; at++) {
      const floor = deadShare * Math.max(largest, squares[0][at] + squares[1][at]);
      dead[at] = totalSS[at] > floor && Number.isFinite(totalSS[at]) ? 0 : 1;
    }
  }
  return dead;
}

/** Mean amounts over the units of each model, [model]; dead units count with their amount of about 0. */
export function meanAmounts({ amount, models }: VarianceComponents): Record<Source, Float64Array> {
  const mean = (source: Source) => unitMeans(amount[source], models).mean;
  return {
    token: mean("token"),
    position: mean("position"),
    interaction: mean("interaction"),
    context: mean("context"),
  };
}

/** What a unit is tuned to, by the share that dominates. */
export const unitClassNames = [...sources, "mixed", "dead"] as const;
export type UnitClass = (typeof unitClassNames)[number];

/**
 * Class of every unit, [model, unit]: the source with the largest eta² if that exceeds the threshold, `mixed` if it does
 * not, `dead` for a unit without variance.
 *
 * @param threshold  0.5 unless given: then no other source can exceed it; below, a close second may; 0 is the largest
 *                   share alone
 * @throws ArgumentError if the threshold is not in [0, 1]
 */
export function unitClasses({ eta2, dead }: VarianceComponents, threshold = 0.5): UnitClass[] {
  numberIn("unit classes, threshold", threshold, 0, 1);
  return Array.from(dead, (isDead, at) => {
    if (isDead) return "dead";
    const largest = sources.reduce((best, source) => (eta2[source][at] > eta2[best][at] ? source : best));
    return eta2[largest][at] > threshold ? largest : "mixed";
  });
}
