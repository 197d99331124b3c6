/** How persistence is distributed over seeds: what only a study with many of them can say. */
import { type RandomStream, randomStream } from "../../base/random.ts";
import { betaBinomialFit, betaBinomialPmf } from "../../stats/betaBinomial.ts";
import { betaBinomialTest, expectedTable, successTable } from "../../stats/betaBinomialTest.ts";
import { tQuantile } from "../../stats/betaQuantile.ts";
import { binomialPmf, binomialQuantile } from "../../stats/binomial.ts";
import { bootstrap } from "../../stats/bootstrap.ts";
import { fisherZ, spearman } from "../../stats/correlation.ts";
import { dipTest } from "../../stats/dip.ts";
import { clopperPearson } from "../../stats/intervals.ts";
import { mean, sd } from "../../stats/moments.ts";
import { holm } from "../../stats/multiplicity.ts";
import { type GroupedCounts, intraclassCorrelation, overdispersionTest } from "../../stats/overdispersion.ts";
import { precisionSampleSize } from "../../stats/precision.ts";
import { quantileInterval } from "../../stats/quantileInterval.ts";
import { skewness } from "../../stats/skewness.ts";
import type { ArmResult } from "../population/gather.ts";
import type { GroupBySeed, PresetBySeed } from "./analyse.ts";
import { finite, intervalOverSeeds } from "./overSeeds.ts";
import type { BetaShape, CellDistribution, SeedMeasure, SeedSpread } from "./result.ts";

/** Seeds from which on the distribution is described: below, its tails and its shape are not seen. */
export const leastSeeds = 100;
/** Seeds of the ordinary study: 0 to 29. */
export const ordinarySeeds = 30;

const LEVELS = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
const HALF_WIDTHS = [0.01, 0.02, 0.05];
const MEASURES: readonly SeedMeasure[] = ["maintained", "excess", "kappa", "r"];
/** How many draws the numbers rest on. */
export interface Draws {
  /** Of the null of overdispersion. */
  deals: number;
  /** Of a null whose every draw is fitted anew, and of each bootstrap over seeds. */
  resamples: number;
  /** Drawn studies of {@link ordinarySeeds} seeds. */
  studies: number;
}

/** Ends of intervals and p of 0.05 then move by less than a tenth of themselves; p of overdispersion is at least 1 in 5000. */
const usualDraws: Draws = { deals: 4999, resamples: 1999, studies: 10_000 };

/** What the distribution is made from: the seeds of a preset and their numbers. */
export type SeedGroups = Pick<PresetBySeed, "preset" | "groups" | "lossProgress"> & {
  main: Pick<ArmResult, "models">;
};

/**
 * The distribution over seeds of every layer and kind, by preset; null for a preset with fewer than {@link leastSeeds}.
 *
 * The p values of overdispersion are one family over all presets, and so are those of the fit and of the dip: corrected by
 * Holm's method.
 */
export function seedDistributions(
  analyses: readonly SeedGroups[],
  draws: Draws = usualDraws,
): (CellDistribution[] | null)[] {
  const found = analyses.map((analysis) =>
    analysis.main.models.length < leastSeeds
      ? null
      : analysis.groups.map((group) => cellDistribution(analysis, group, draws)),
  );
  const cells = found.flatMap((of) => of ?? []);
  for (const test of ["overdispersion", "betaBinomial", "dip"] as const) {
    const tested = cells.filter((cell) => Number.isFinite(cell[test].p));
    const adjusted = holm(tested.map((cell) => cell[test].p));
    for (const [i, cell] of tested.entries()) cell[test].holm = adjusted[i];
  }
  return found;
}

function cellDistribution(
  { preset, main, lossProgress }: SeedGroups,
  group: GroupBySeed,
  draws: Draws,
): CellDistribution {
  const { layer, kind } = group;
  const stream = (purpose: string) =>
    randomStream("persistence", "distribution", preset, layer, kind, purpose);
  const seeds = main.models.map(({ init }) => init);
  const counts = countsOf(group);
  const below = finite(group.excess).filter((excess) => excess < 0).length;
  const { estimate, low, high } = clopperPearson(below, finite(group.excess).length);
  return {
    layer,
    kind,
    spreads: MEASURES.map((measure) => ({
      ...spreadOf(measure, group[measure], seeds, stream(measure), draws),
      ...progressOf(group[measure], lossProgress),
    })),
    belowChance: estimate,
    belowChanceCi: [low, high],
    ...describeCounts(counts, stream, draws),
    dip: dipOf(finite(group.r), stream("dip"), draws),
  };
}

/** A p value before it is corrected. */
const bothOf = (p: number) => ({ p, holm: p });

/**
 * How a number goes over seeds with what the networks learned. The interval is Fisher's with the variance of Spearman's
 * coefficient, 1.06/(n − 3).
 *
 * @source Fieller, Hartley & Pearson 1957
 */
function progressOf(
  bySeed: Float64Array,
  progress: ArrayLike<number>,
): Pick<SeedSpread, "withProgress" | "withProgressCi"> {
  const kept = [...bySeed.keys()].filter((seed) => Number.isFinite(bySeed[seed] + progress[seed]));
  if (kept.length < 4) return { withProgress: none, withProgressCi: [none, none] };
  const rho = spearman(
    kept.map((seed) => bySeed[seed]),
    kept.map((seed) => progress[seed]),
  );
  const { low, high } = fisherZ(rho, 3 + (kept.length - 3) / 1.06);
  return { withProgress: rho, withProgressCi: [low, high] };
}

/** Units that each seed follows and maintains; seeds without any are left out. */
function countsOf({ tracked, maintained }: GroupBySeed): GroupedCounts {
  const kept = [...maintained.keys()].filter(
    (seed) => tracked[seed] > 0 && Number.isFinite(maintained[seed]),
  );
  return {
    successes: kept.map((seed) => Math.round(maintained[seed] * tracked[seed])),
    trials: kept.map((seed) => tracked[seed]),
  };
}

function describeCounts(
  counts: GroupedCounts,
  stream: (purpose: string) => RandomStream,
  { deals, resamples }: Draws,
): Pick<CellDistribution, "counts" | "overdispersion" | "betaBinomial"> {
  const trials = Array.from(counts.trials);
  if (trials.length < 2) return noCounts;
  const seeds = successTable(counts);
  const total = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
  const common = total(counts.successes) / total(trials);
  const independent = expectedTable(trials, (n) => binomialPmf(n, common));
  const range = (q: number) =>
    Array.from(independent, (expected) =>
      binomialQuantile(q, trials.length, Math.min(1, expected / trials.length)),
    );
  const { estimate: rho, p } = overdispersionTest(counts, {
    stream: stream("overdispersion"),
    resamples: deals,
  });
  const pairs = trials.map((n, seed) => [counts.successes[seed], n] as const);
  const resampled = bootstrap(
    pairs,
    (sample) =>
      intraclassCorrelation({ successes: sample.map(([k]) => k), trials: sample.map(([, n]) => n) }),
    { stream: stream("intraclass correlation"), resamples },
  );
  const fit = betaBinomialFit(counts);
  const fitted = Number.isNaN(fit.rho) ? { mean: fit.mean, rho: 0 } : fit;
  return {
    counts: {
      seeds: [...seeds],
      independent: [...independent],
      independentLow: range(0.025),
      independentHigh: range(0.975),
      betaBinomial: [...expectedTable(trials, (n) => betaBinomialPmf(n, fitted))],
    },
    overdispersion: {
      ...{ rho, ci: [resampled.bca.low, resampled.bca.high], p, holm: p },
      // the variance of a seed's probability is ρ μ (1 − μ), that of its share of n units the (1 + (n − 1) ρ)/(n ρ)-fold
      seedSd: Math.sqrt(Math.max(0, rho) * common * (1 - common)),
      seedShare: Math.max(0, rho) / (rho + (1 - rho) * inverseMean(trials)),
    },
    betaBinomial: {
      ...{ mean: fit.mean, rho: fit.rho, shape: shapeOf(fit) },
      ...bothOf(betaBinomialTest(counts, { stream: stream("beta-binomial"), resamples }).p),
    },
  };
}

/** Mean of 1/n: the variance of a share of n trials is that of one trial times 1/n. */
const inverseMean = (trials: readonly number[]) => mean(trials.map((n) => 1 / n));

const none = Number.NaN;
const noCounts = {
  counts: { seeds: [], independent: [], independentLow: [], independentHigh: [], betaBinomial: [] },
  overdispersion: { rho: none, ci: [none, none], p: none, holm: none, seedSd: none, seedShare: none },
  betaBinomial: { mean: none, rho: none, shape: "one point", p: none, holm: none },
} satisfies Pick<CellDistribution, "counts" | "overdispersion" | "betaBinomial">;

/** Shape of Beta(α, β), α = μ(1 − ρ)/ρ, β = (1 − μ)(1 − ρ)/ρ: an end with a parameter below 1 is a peak. */
export function shapeOf({ mean, rho }: { mean: number; rho: number }): BetaShape {
  if (!(rho > 0)) return "one point";
  const size = (1 - rho) / rho;
  const peaks = [mean * size, (1 - mean) * size].filter((parameter) => parameter < 1).length;
  return (["one bump", "slope", "two ends"] as const)[peaks];
}

function dipOf(
  values: readonly number[],
  stream: RandomStream,
  { resamples }: Draws,
): CellDistribution["dip"] {
  if (values.length < 4) return { value: none, p: none, holm: none };
  const { estimate, p } = dipTest(values, { stream, resamples });
  return { value: estimate, p, holm: p };
}

function spreadOf(
  measure: SeedMeasure,
  bySeed: Float64Array,
  seeds: readonly number[],
  stream: RandomStream,
  { resamples, studies }: Draws,
): Omit<SeedSpread, "withProgress" | "withProgressCi"> {
  const values = finite(bySeed);
  const spread = sd(values);
  const lopsided =
    values.length < 3
      ? { estimate: none, bca: { low: none, high: none } }
      : bootstrap(values, skewness, { stream: stream.child("skewness"), resamples });
  return {
    measure,
    seeds: values.length,
    mean: values.length === 0 ? none : mean(values),
    ci: intervalOverSeeds(values),
    sd: spread,
    quantiles:
      values.length === 0
        ? []
        : LEVELS.map((p) => {
            const { estimate, low, high } = quantileInterval(values, p);
            return { p, value: estimate, ci: [low, high] };
          }),
    skewness: lopsided.estimate,
    skewnessCi: [lopsided.bca.low, lopsided.bca.high],
    seedsFor: HALF_WIDTHS.map((halfWidth) => ({ halfWidth, seeds: precisionSampleSize(spread, halfWidth) })),
    ordinary: ordinaryAmong(values, ordinaryOf(bySeed, seeds), stream.child("ordinary"), studies),
  };
}

/** The numbers of the seeds 0 to 29; undefined if one is not among the seeds or has none. */
function ordinaryOf(bySeed: Float64Array, seeds: readonly number[]): number[] | undefined {
  const values = Array.from({ length: ordinarySeeds }, (_, seed) => bySeed[seeds.indexOf(seed)]);
  return values.every(Number.isFinite) ? values : undefined;
}

/** Where the mean of the ordinary study lies among those of studies with seeds drawn from all, with replacement. */
function ordinaryAmong(
  all: readonly number[],
  ordinary: readonly number[] | undefined,
  stream: RandomStream,
  studies: number,
): SeedSpread["ordinary"] {
  if (ordinary === undefined) return null;
  const [truth, own] = [mean(all), mean(ordinary)];
  const factor = tQuantile(0.975, ordinarySeeds - 1) / Math.sqrt(ordinarySeeds);
  const drawn = new Float64Array(ordinarySeeds);
  let [lower, covering] = [0, 0];
  for (let study = 0; study < studies; study++) {
    for (let i = 0; i < ordinarySeeds; i++) drawn[i] = all[stream.integer(all.length)];
    const estimate = mean(drawn);
    // sums of the same numbers in another order differ in their last bits
    const apart = Math.abs(estimate - own) < 1e-12 ? 0 : estimate - own;
    lower += apart < 0 ? 1 : apart === 0 ? 0.5 : 0;
    if (Math.abs(estimate - truth) <= factor * sd(drawn)) covering++;
  }
  return {
    mean: own,
    ci: intervalOverSeeds(ordinary),
    percentile: lower / studies,
    coverage: covering / studies,
  };
}
