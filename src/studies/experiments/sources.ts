/**
 * Sources of structure: what a random network's regularities could come from, each beside random matrices.
 *
 * Embeddings that lie closer than random vectors, matrices worse conditioned than their entries in another order, and
 * norms that mix token and position.
 */

import { randomStream } from "../../base/random.ts";
import { rowCosineMatrix } from "../../features/embeddingGeometry.ts";
import { againstNetworks, type NetworkComparison } from "../../features/networkNull.ts";
import { randomProjectionNull, readsEmbeddingSum } from "../../features/randomProjectionNull.ts";
import { seedInterval } from "../../features/seedInterval.ts";
import { conditionNumber, edelmanCdf } from "../../features/singularValues.ts";
import { type Source, sources } from "../../features/varianceComponents.ts";
import { chi2Sf } from "../../stats/distributions.ts";
import type { Interval } from "../../stats/intervals.ts";
import { holm } from "../../stats/multiplicity.ts";
import type { ExperimentSetup, Section, Verdict } from "./section.ts";
import type { NormTuning, SourcesModel } from "./sourcesMeasure.ts";

export { measureSources, type SourcesModel } from "./sourcesMeasure.ts";

/** One statistic beside its random-matrix null. */
export interface SourceRow {
  readonly name: string;
  /** Mean over seeds. */
  readonly value: Interval;
  /** The null's median, 5 % and 95 % quantile, means over seeds. */
  readonly null: { readonly median: number; readonly low: number; readonly high: number };
  /** Two-sided rank p of every seed, combined by Fisher's method. */
  readonly p: number;
  /** The same, by Holm over all rows. */
  readonly adjusted: number;
  /** Whether it is beyond random: adjusted p ≤ 0.05. null where it cannot be told. */
  readonly beyond: boolean | null;
}

/** One weight's singular values. */
export interface SpectrumRow {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Largest over smallest: geometric mean over seeds, for a condition number has a tail too heavy for a mean. */
  readonly condition: Interval;
  /** Of a square matrix of normal entries, P(condition number as large or larger) as n grows; else NaN. Of the first seed. */
  readonly edelman: number;
  /** Of the first seed, largest first, with the mean and the 5 % and 95 % quantiles over shuffles of its entries. */
  readonly values: readonly number[];
  readonly mean: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** What norms do to the tuning of a layer's units; shares are means over units, intervals over seeds. */
export interface NormRow {
  readonly layer: number;
  readonly intact: Readonly<Record<Source, Interval>>;
  readonly frozen: Readonly<Record<Source, Interval>>;
  /** intact − frozen, by seed. */
  readonly difference: Readonly<Record<Source, Interval>>;
  /** Mean correlation of a unit's cell means with norms intact and frozen. */
  readonly r: Interval;
  readonly dead: Interval;
}

/** Numbers of the section. */
export interface SourcesNumbers {
  readonly seeds: readonly number[];
  readonly rows: readonly SourceRow[];
  readonly spectra: readonly SpectrumRow[];
  /** Of the first seed: cosines of all pairs of tokens, [token][token]; empty for more than {@link MOST_SHOWN}. */
  readonly tokenCosines: readonly (readonly number[])[];
  /** Token × position: of the first seed, [token][pos]; null in a model without positions. */
  readonly sums: {
    readonly norms: readonly (readonly number[])[];
    readonly cosines: readonly (readonly number[])[];
    readonly shares: Readonly<Record<"token" | "position" | "interaction", Interval>>;
  } | null;
  readonly norms: readonly NormRow[];
}

/** The nulls of the section; those of statistics and spectra stand in their rows. */
export interface SourcesNull {
  readonly draws: number;
  /** Difference that norms make to the interaction share, and the correlation with frozen norms, in random networks. */
  readonly norms: readonly {
    readonly layer: number;
    readonly interaction: NetworkComparison;
    readonly r: NetworkComparison;
  }[];
  /** Mean shares of units that read a random projection of random embeddings, with a norm and without; null without positions. */
  readonly projection: { readonly normed: Shares; readonly plain: Shares } | null;
}

/** Shares of variance. */
export type Shares = Readonly<Record<"token" | "position" | "interaction", number>>;

/** Most tokens whose cosines and sums are shown. */
export const MOST_SHOWN = 64;
const ALPHA = 0.05;
/** Embeddings drawn for the random projection, and units read off each. */
const [PROJECTIONS, PROJECTED_UNITS] = [200, 4];

/**
 * Sources of structure in a population, each beside its null.
 *
 * @param nulls  the same measured on random networks; may be empty
 */
export function summariseSources(
  models: readonly SourcesModel[],
  nulls: readonly SourcesModel[],
  setup: ExperimentSetup,
): Section<SourcesNumbers, SourcesNull> {
  const rows = sourceRows(models);
  const numbers: SourcesNumbers = {
    seeds: models.map(({ seed }) => seed),
    rows,
    spectra: spectrumRows(models),
    tokenCosines: shownCosines(models, setup),
    sums: shownSums(models, setup),
    norms: normRows(models),
  };
  const effect = (key: (norm: NormTuning) => number, layer: number) => (model: SourcesModel) =>
    key(model.norms[layer]);
  const compared = (key: (norm: NormTuning) => number, layer: number) =>
    againstNetworks(models.map(effect(key, layer)), nulls.map(effect(key, layer)));
  const drawn: SourcesNull = {
    draws: setup.draws,
    norms: numbers.norms.map(({ layer }, i) => ({
      layer,
      interaction: compared(({ intact, frozen }) => intact.interaction - frozen.interaction, i),
      r: compared(({ r }) => r, i),
    })),
    projection: projection(setup),
  };
  return {
    question:
      "Do embeddings and weights have structure that random ones of their shape and scale have not, and what do norms add?",
    numbers,
    null: drawn,
    verdict: verdictOf(numbers),
  };
}

function sourceRows(models: readonly SourcesModel[]): SourceRow[] {
  const rows = (models.at(0)?.statistics ?? []).map(({ name }, i) => {
    const own = models.map(({ statistics }) => statistics[i]);
    const mean = (key: "median" | "low" | "high") => seedInterval(own.map((one) => one[key])).estimate;
    return {
      name,
      value: seedInterval(own.map(({ value }) => value)),
      null: { median: mean("median"), low: mean("low"), high: mean("high") },
      p: fisher(own.map(({ p }) => p)),
    };
  });
  const known = rows.filter(({ p }) => !Number.isNaN(p));
  const adjusted = holm(known.map(({ p }) => p));
  return rows.map((row) => {
    const at = known.indexOf(row);
    if (at < 0) return { ...row, adjusted: Number.NaN, beyond: null };
    return { ...row, adjusted: adjusted[at], beyond: adjusted[at] <= ALPHA };
  });
}

/** Fisher's combination of independent p-values: −2 Σ ln p is χ² on 2n degrees of freedom. NaN without any. */
function fisher(pValues: readonly number[]): number {
  const known = pValues.filter((p) => !Number.isNaN(p));
  if (known.length === 0) return Number.NaN;
  return chi2Sf(-2 * known.reduce((sum, p) => sum + Math.log(p), 0), 2 * known.length);
}

function spectrumRows(models: readonly SourcesModel[]): SpectrumRow[] {
  return (models.at(0)?.spectra ?? []).map(({ name, rows, columns, values, mean, low, high }, i) => {
    const logs = seedInterval(models.map(({ spectra }) => Math.log(conditionNumber(spectra[i].values))));
    return {
      ...{ name, rows, columns },
      condition: {
        estimate: Math.exp(logs.estimate),
        low: Math.exp(logs.low),
        high: Math.exp(logs.high),
      },
      edelman: rows === columns && rows > 1 ? 1 - edelmanCdf(conditionNumber(values) / rows) : Number.NaN,
      ...{ values: Array.from(values), mean: Array.from(mean), low: Array.from(low), high: Array.from(high) },
    };
  });
}

function shownCosines(models: readonly SourcesModel[], { config }: ExperimentSetup): number[][] {
  const first = models.at(0);
  if (first === undefined || config.dVocab > MOST_SHOWN) return [];
  return rowCosineMatrix({ values: first.tokens, dModel: config.dModel });
}

function shownSums(
  models: readonly SourcesModel[],
  { config, nPos }: ExperimentSetup,
): SourcesNumbers["sums"] {
  const first = models.at(0)?.sums;
  if (first === undefined) return null;
  const shown = Math.min(config.dVocab, MOST_SHOWN);
  const table = (values: Float64Array) =>
    Array.from({ length: shown }, (_, token) =>
      Array.from(values.subarray(token * nPos, (token + 1) * nPos)),
    );
  const share = (key: keyof Shares) =>
    seedInterval(models.map(({ sums }) => sums?.shares[key] ?? Number.NaN));
  return {
    ...{ norms: table(first.norms), cosines: table(first.cosines) },
    shares: { token: share("token"), position: share("position"), interaction: share("interaction") },
  };
}

function normRows(models: readonly SourcesModel[]): NormRow[] {
  return (models.at(0)?.norms ?? []).map(({ layer }, i) => {
    const over = (of: (norm: NormTuning) => number) => seedInterval(models.map(({ norms }) => of(norms[i])));
    const bySource = (of: (norm: NormTuning, source: Source) => number) =>
      Object.fromEntries(sources.map((source) => [source, over((norm) => of(norm, source))])) as Record<
        Source,
        Interval
      >;
    return {
      layer,
      intact: bySource(({ intact }, source) => intact[source]),
      frozen: bySource(({ frozen }, source) => frozen[source]),
      difference: bySource(({ intact, frozen }, source) => intact[source] - frozen[source]),
      r: over(({ r }) => r),
      dead: over(({ dead }) => dead),
    };
  });
}

function projection({ config, nPos }: ExperimentSetup): SourcesNull["projection"] {
  const added = config.positions === "learned" || config.positions === "sinusoidal";
  if (!added || !readsEmbeddingSum(config) || config.attnOnly || nPos < 2) return null;
  const { dModel, dVocab, actFn } = config;
  const shares = (norm: boolean): Shares => {
    const { token, position } = randomProjectionNull({
      ...{ dModel, dVocab, nPos, actFn, norm, draws: PROJECTIONS, units: PROJECTED_UNITS },
      stream: randomStream("experiments", "sources", "projection"),
    });
    const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return { token: mean(token), position: mean(position), interaction: 1 - mean(token) - mean(position) };
  };
  return { normed: shares(true), plain: shares(false) };
}

function verdictOf({ rows, norms }: SourcesNumbers): Verdict {
  const statement =
    "Some embedding or weight has structure that random ones of its shape and scale have not.";
  const rule =
    "a statistic whose two-sided rank p among random matrices, combined over seeds (Fisher) and corrected over statistics (Holm), is ≤ 0.05";
  const known = rows.filter(({ beyond }) => beyond !== null);
  if (known.length === 0)
    return { holds: null, statement, rule, evidence: "No statistic could be compared." };
  const beyond = known.filter((row) => row.beyond);
  const first = known.reduce((least, row) => (row.p < least.p ? row : least));
  const clearest = `${first.name} ${first.value.estimate.toPrecision(3)} beside ${first.null.median.toPrecision(3)} [${first.null.low.toPrecision(3)}, ${first.null.high.toPrecision(3)}], p = ${first.adjusted.toPrecision(2)}`;
  const mixed = norms
    .map(
      ({ layer, intact, frozen }) =>
        `L${layer} ${intact.interaction.estimate.toFixed(2)} with norms, ${frozen.interaction.estimate.toFixed(2)} frozen`,
    )
    .join("; ");
  return {
    ...{ holds: beyond.length > 0, statement, rule },
    evidence: `${beyond.length} of ${known.length} statistics; clearest: ${clearest}.${mixed === "" ? "" : ` Interaction share of units: ${mixed}.`}`,
  };
}
