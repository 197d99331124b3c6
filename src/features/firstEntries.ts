/**
 * The original study's search for circuits, and what is wrong with it.
 *
 * It flattened activations [sequence, pos, unit] to [sequence, pos · unit] and correlated the first 32 columns over
 * sequences. Those are units 0 to 31 at position 0, and under a causal mask a unit at position 0 knows one token: the
 * hundreds of samples are copies of as many distinct inputs as there are tokens.
 */
import { correlationP } from "../stats/correlation.ts";
import { median } from "../stats/quantile.ts";

/** The original's numbers, beside what chance alone gives. */
export interface FirstEntries {
  /** Units that were correlated, at most 32; those without variance are among them. */
  readonly units: number;
  /** units · (units − 1) / 2 */
  readonly pairs: number;
  /** Pairs with |r| above the threshold: what the original calls connected. */
  readonly called: number;
  /** Different rows of activations among the samples. */
  readonly distinctInputs: number;
  /** Median over pairs of the effective number of inputs; NaN without a pair. */
  readonly nEff: number;
  /** Pairs that unrelated units with these effective numbers are expected to have above the threshold. */
  readonly expected: number;
}

/** Columns of the flattened activations that the original took. */
export const ENTRIES = 32;

/**
 * Correlates units over samples as the original did, and counts what n_eff predicts.
 *
 *   Var r = E_i E_j / (V − 1) + (1 − E_i)(1 − E_j) / (N − V),   n_eff = 1 + 1 / Var r,   expected = Σ P(|r| > threshold)
 *
 * E is the share of a unit's variance that its own token explains, V the number of tokens, N of samples; P is that of
 * n_eff normal pairs. Under a causal mask E = 1 and n_eff = V: of 496 pairs 2.7 exceed 0.8 by chance.
 *
 * @param activations  at position 0, [sample, unit]
 * @param tokens       at position 0, [sample]
 */
export function firstEntries(
  activations: Float64Array,
  tokens: ArrayLike<number>,
  { units, threshold }: { units: number; threshold: number },
): FirstEntries {
  const samples = tokens.length;
  const kinds = [...new Set(Array.from(tokens))];
  const columns = Array.from({ length: units }, (_, unit) =>
    centred(Float64Array.from({ length: samples }, (_, sample) => activations[sample * units + unit])),
  );
  const shares = columns.map(({ values, total }) => {
    let between = 0;
    for (const kind of kinds) {
      const own = values.filter((_, sample) => tokens[sample] === kind);
      between += own.reduce((sum, value) => sum + value, 0) ** 2 / own.length;
    }
    return between / total;
  });
  const nEffs: number[] = [];
  let called = 0;
  let expected = 0;
  for (let i = 0; i < units; i++)
    for (let j = i + 1; j < units; j++) {
      const [a, b] = [columns[i], columns[j]];
      if (!(a.total > 0 && b.total > 0)) continue;
      let product = 0;
      for (let sample = 0; sample < samples; sample++) product += a.values[sample] * b.values[sample];
      if (Math.abs(product) > threshold * Math.sqrt(a.total) * Math.sqrt(b.total)) called++;
      const within = samples > kinds.length ? 1 / (samples - kinds.length) : 0;
      const nEff =
        1 + 1 / ((shares[i] * shares[j]) / (kinds.length - 1) + (1 - shares[i]) * (1 - shares[j]) * within);
      nEffs.push(nEff);
      expected += nEff > 2 ? correlationP(threshold, nEff) : 1; // two points always lie on a line
    }
  const rows = new Set(
    Array.from({ length: samples }, (_, sample) =>
      activations.subarray(sample * units, (sample + 1) * units).join(),
    ),
  );
  return {
    ...{ units, pairs: (units * (units - 1)) / 2, called, distinctInputs: rows.size },
    ...{ nEff: nEffs.length === 0 ? Number.NaN : median(nEffs), expected },
  };
}

/** A column of variance below this share of Σ of its squares is a constant. */
const FLAT = 1e-12;

function centred(column: Float64Array): { values: Float64Array; total: number } {
  const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
  let [total, raw] = [0, 0];
  const values = column.map((value) => {
    total += (value - mean) ** 2;
    raw += value * value;
    return value - mean;
  });
  return { values, total: total > FLAT * raw ? total : 0 };
}
