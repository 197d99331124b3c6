/** The distribution over seeds. Oracles: planted populations whose parameters are known. */
import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import type { GroupBySeed } from "../../src/studies/persistence/analyse.ts";
import {
  leastSeeds,
  type SeedGroups,
  seedDistributions,
  shapeOf,
} from "../../src/studies/persistence/distribution.ts";
import type { CellDistribution, SeedMeasure } from "../../src/studies/persistence/result.ts";

/** Enough to see what is planted. */
const FEW = { deals: 499, resamples: 199, studies: 4000 };

interface Planted {
  seeds: number;
  first?: number;
  /** Probability of a seed's units, drawn for every seed. */
  own: (uniform: number) => number;
  chance?: number;
  /** Tuning r of a seed, from a standard normal number. */
  r?: (normal: number, seed: number) => number;
  kind?: "token" | "position";
}

/** One cell of seeds that follow five units each. */
function cell({ seeds, own, chance = 0.4, r = (z) => 0.8 + 0.02 * z, kind = "token" }: Planted): GroupBySeed {
  const stream = randomStream("planted seeds", kind, seeds);
  const column = (draw: (seed: number) => number) => Float64Array.from({ length: seeds }, (_, i) => draw(i));
  const maintained = column(() => {
    const p = own(stream.uniform());
    let kept = 0;
    for (let unit = 0; unit < 5; unit++) if (stream.uniform() < p) kept++;
    return kept / 5;
  });
  const excess = maintained.map((share) => share - chance);
  const [zero, level] = [column(() => 0), column(() => chance)];
  return {
    ...{
      layer: 0,
      kind,
      maintained,
      excess,
      tracked: column(() => 5),
      nullShuffle: level,
      nullOtherInit: level,
    },
    ...{ kappa: excess.map((value) => value / (1 - chance)), r: column((seed) => r(stream.normal(), seed)) },
    ...{ nullR: zero, ceilingR: zero, preferred: zero, preferredNull: zero, varianceRatio: zero },
  };
}

function presetOf(groups: GroupBySeed[], first = 0): SeedGroups {
  const models = Array.from({ length: groups[0].r.length }, (_, i) => ({ init: first + i, data: first + i }));
  const lossProgress = groups[0].r.map((r, seed) => (seed % 10 === 0 ? Number.NaN : -r));
  return { preset: "planted", main: { models }, groups, lossProgress };
}

const distributionOf = (planted: Planted) =>
  (seedDistributions([presetOf([cell(planted)], planted.first)], FEW)[0] as CellDistribution[])[0];

const spread = (of: CellDistribution, measure: SeedMeasure) =>
  of.spreads.find((each) => each.measure === measure) as CellDistribution["spreads"][number];

/** Two kinds of seeds, with probabilities 0.6 ± 0.25: ρ = 0.25² / (0.6 · 0.4) = 0.26. */
const twoKinds = (uniform: number) => (uniform < 0.5 ? 0.35 : 0.85);
const RHO = 0.0625 / 0.24;

test("with few seeds nothing is said, and from a hundred on everything", () => {
  const few = presetOf([cell({ seeds: leastSeeds - 1, own: () => 0.6 })]);
  const enough = presetOf([cell({ seeds: leastSeeds, own: () => 0.6 })]);
  const [nothing, something] = seedDistributions([few, enough], FEW);
  expect(nothing).toBeNull();
  expect(something?.length).toBe(1);
});

test("seeds with one common probability show no overdispersion, seeds of two kinds the planted one", () => {
  const common = distributionOf({ seeds: 300, own: () => 0.6 });
  expect(common.overdispersion.ci[0]).toBeLessThan(0);
  expect(common.overdispersion.p).toBeGreaterThan(0.05);
  expect(common.overdispersion.seedShare).toBeLessThan(0.1);
  const two = distributionOf({ seeds: 400, own: twoKinds });
  expect(two.overdispersion.p).toBe(1 / 500);
  expect(two.overdispersion.ci[0]).toBeLessThan(RHO);
  expect(two.overdispersion.ci[1]).toBeGreaterThan(RHO);
  // 0.25 is the planted deviation of the seeds' own probabilities
  expect(Math.abs(two.overdispersion.seedSd - 0.25)).toBeLessThan(0.04);
  const observed = spread(two, "maintained").sd;
  expect(two.overdispersion.seedShare).toBeCloseTo((two.overdispersion.seedSd / observed) ** 2, 2);
});

test("the counts add up to the seeds, in what is seen as in what is expected", () => {
  const { counts } = distributionOf({ seeds: 300, own: twoKinds });
  for (const table of [counts.seeds, counts.independent, counts.betaBinomial])
    expect(table.reduce((a, b) => a + b, 0)).toBeCloseTo(300, 8);
  counts.independent.forEach((expected, k) => {
    expect(counts.independentLow[k]).toBeLessThanOrEqual(Math.ceil(expected));
    expect(counts.independentHigh[k]).toBeGreaterThanOrEqual(Math.floor(expected));
  });
});

test("quantiles, skewness and the seeds that a width needs are those of the planted normal", () => {
  const r = spread(distributionOf({ seeds: 500, own: () => 0.6 }), "r");
  const normal = { 0.01: -2.326, 0.05: -1.645, 0.25: -0.674, 0.5: 0, 0.75: 0.674, 0.95: 1.645, 0.99: 2.326 };
  expect(r.quantiles.map(({ p }) => p)).toEqual(Object.keys(normal).map(Number));
  for (const { p, ci } of r.quantiles) {
    const truth = 0.8 + 0.02 * normal[p as keyof typeof normal];
    expect(ci[0]).toBeLessThan(truth);
    expect(ci[1]).toBeGreaterThan(truth);
  }
  expect(r.skewnessCi[0]).toBeLessThan(0);
  expect(r.skewnessCi[1]).toBeGreaterThan(0);
  // (1.96 · 0.02 / 0.01)² = 15.4, and a little more for t; the wider ones need fewer
  const [narrow, , wide] = r.seedsFor;
  expect(narrow.seeds).toBeGreaterThan(14);
  expect(narrow.seeds).toBeLessThan(22);
  expect([3, 4]).toContain(wide.seeds);
});

test("the ordinary study is found where it lies, and its interval holds the mean as often as it says", () => {
  // the seeds 0 to 29 are all lower than the others: no drawn study is as low
  const low = distributionOf({
    seeds: 300,
    own: () => 0.6,
    r: (z, seed) => (seed < 30 ? 0.5 : 0.8) + 0.02 * z,
  });
  expect(spread(low, "r").ordinary?.percentile).toBeLessThan(0.001);
  const usual = spread(distributionOf({ seeds: 300, own: () => 0.6 }), "r").ordinary;
  expect(Math.abs((usual?.coverage ?? 0) - 0.95)).toBeLessThan(0.015);
  expect(usual?.mean).toBeCloseTo(0.8, 1);
  // other seeds than the ordinary study's
  expect(spread(distributionOf({ seeds: 120, own: () => 0.6, first: 1 }), "r").ordinary).toBeNull();
});

test("tuning of two kinds has two bumps, and Holm's correction counts all cells of the run", () => {
  const groups = [
    cell({ seeds: 200, own: () => 0.6, r: (z, seed) => (seed % 2 === 0 ? 0.5 : 0.8) + 0.02 * z }),
    cell({ seeds: 200, own: twoKinds, kind: "position" }),
  ];
  const cells = seedDistributions([presetOf(groups), presetOf(groups)], FEW).flatMap((of) => of ?? []);
  expect(cells.map(({ dip }) => dip.p < 0.01)).toEqual([true, false, true, false]);
  expect(cells[0].dip.holm).toBeCloseTo(4 * cells[0].dip.p, 12);
  expect(cells[1].overdispersion.holm).toBeCloseTo(4 * cells[1].overdispersion.p, 12);
});

test("a network that diverged is left out, and seeds that are all alike have no spread to speak of", () => {
  const group = cell({ seeds: 150, own: () => 1 });
  for (const values of [group.maintained, group.excess, group.kappa, group.r]) values[3] = Number.NaN;
  const [[of]] = seedDistributions([presetOf([group])], FEW) as [CellDistribution[]];
  expect(of.spreads.map(({ seeds }) => seeds)).toEqual([149, 149, 149, 149]);
  expect(of.counts.seeds).toEqual([0, 0, 0, 0, 0, 149]);
  expect(of.overdispersion.rho).toBeNaN();
  expect(of.betaBinomial.shape).toBe("one point");
  expect(spread(of, "maintained").ordinary).toBeNull();
  expect(of.belowChance).toBe(0);
});

test("what goes with learning is seen, over the seeds that have both numbers", () => {
  const of = distributionOf({ seeds: 300, own: () => 0.6 });
  // progress is planted as −r, and survival has nothing to do with it
  expect(spread(of, "r").withProgress).toBe(-1);
  const [low, high] = spread(of, "maintained").withProgressCi;
  expect(low).toBeLessThan(0);
  expect(high).toBeGreaterThan(0);
});

test("the share below chance counts seeds below their own null", () => {
  const of = distributionOf({ seeds: 400, own: () => 0.6, chance: 0.5 });
  // two of five or fewer: P = 0.317
  expect(of.belowChanceCi[0]).toBeLessThan(0.317);
  expect(of.belowChanceCi[1]).toBeGreaterThan(0.317);
});

test("the shape of a beta distribution is told by its two parameters", () => {
  // α + β = (1 − ρ)/ρ: 1 at ρ = 0.5, so both are below 1; 9 at ρ = 0.1
  expect(shapeOf({ mean: 0.5, rho: 0.5 })).toBe("two ends");
  expect(shapeOf({ mean: 0.5, rho: 0.1 })).toBe("one bump");
  expect(shapeOf({ mean: 0.95, rho: 0.1 })).toBe("slope");
  expect(shapeOf({ mean: 0.5, rho: 0 })).toBe("one point");
});
