import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { neighbourModel } from "../../src/features/pairing.ts";
import {
  cellRepresentation,
  nullNormalised,
  populationSimilarity,
  representationSimilarity,
  similarityMeasures,
} from "../../src/features/representationSimilarity.ts";
import type { CellMeans } from "../../src/features/unitCurves.ts";
import { matchingExcess, unitMatching } from "../../src/features/unitMatching.ts";
import { orthogonalMatrix } from "../../src/model/orthogonal.ts";
import reference from "./fixtures/similarity.json" with { type: "json" };

const { likeness } = reference;
/** Singular values by iteration, against eigenvalues of squared matrices. */
const ITERATED = 1e-9;

/** A population of layers given as [model][unit][cell]. */
function layers(models: readonly (readonly ArrayLike<number>[])[], nPos = 4): CellMeans {
  const units = models[0].length;
  const cells = models[0][0].length;
  const cellMean = Float64Array.from(models.flat().flatMap((unit) => Array.from(unit)));
  return { site: "planted", models: models.length, units, dVocab: cells / nPos, nPos, cellMean };
}

const noise = (label: string, units: number, cells: number) => {
  const stream = randomStream("similarity", label);
  return Array.from({ length: units }, () => Float64Array.from({ length: cells }, () => stream.normal()));
};
const stream = (model: number) => randomStream("similarity", "draws", model);

test("every measure of two layers is that of numpy and scipy", () => {
  const similarity = populationSimilarity(layers([likeness.first]), layers([likeness.second]));
  for (const measure of similarityMeasures)
    expect(Math.abs(similarity[measure][0] - likeness[measure]), measure).toBeLessThan(ITERATED);
});

test("both matchings are those of scipy", () => {
  const { oneToOne, semi } = unitMatching(layers([likeness.first]), layers([likeness.second]));
  expect(oneToOne[0]).toBeCloseTo(likeness.oneToOne, 12);
  expect(semi[0]).toBeCloseTo(likeness.semi, 12);
});

test("a rotated layer is the same to every measure of the population, and strange to a matching of units", () => {
  const units = 8;
  const own = noise("own", units, 80);
  const rotation = orthogonalMatrix(units, units, randomStream("similarity", "rotation"));
  const turned = own.map((_, j) =>
    Float64Array.from({ length: 80 }, (_, cell) =>
      own.reduce((sum, unit, i) => sum + rotation[i * units + j] * unit[cell], 0),
    ),
  );
  const [before, after] = [layers([own]), layers([turned])];
  const similarity = populationSimilarity(before, after);
  for (const measure of similarityMeasures) expect(similarity[measure][0], measure).toBeCloseTo(1, 9);
  const { excess } = matchingExcess(before, after, { stream, draws: 16 });
  expect(Math.abs(excess.rotated.oneToOne[0])).toBeLessThan(0.1);
});

test("two strangers have no null-normalised similarity, a layer and itself all of it", () => {
  const population = Array.from({ length: 12 }, (_, model) => noise(`model ${model}`, 6, 80));
  const curves = layers(population);
  const strangers = populationSimilarity(curves, curves, { partner: neighbourModel(12) }).cka;
  const others = populationSimilarity(curves, curves, { partner: neighbourModel(12, 5) }).cka;
  expect(Math.min(...strangers)).toBeGreaterThan(0.01); // CKA's floor
  const mean = nullNormalised(strangers, others).reduce((sum, value) => sum + value, 0) / 12;
  expect(Math.abs(mean)).toBeLessThan(0.03); // its standard error is about 0.01
  const own = populationSimilarity(curves, curves).cka;
  for (const value of nullNormalised(own, others)) expect(value).toBeCloseTo(1, 12);
});

test("PWCCA is not a number where it would be 1 of any two layers", () => {
  const [x, y] = [noise("x", 40, 60), noise("y", 40, 60)].map((units) =>
    cellRepresentation(layers([units]), 0),
  );
  const { pwcca, cka } = representationSimilarity(x, y);
  expect(pwcca).toBeNaN();
  expect(cka).toBeLessThan(1);
});

test("planted twins exceed every null, and what has nothing in common exceeds none", () => {
  const own = noise("twin", 16, 80);
  const order = randomStream("similarity", "order").permutation(16);
  const twin = Array.from(order, (unit) => own[unit].map((value) => 3 * value + 1));
  const related = matchingExcess(layers([own]), layers([twin]), { stream });
  expect(related.matched.oneToOne[0]).toBeCloseTo(1, 12);
  expect(related.excess.rotated.oneToOne[0]).toBeGreaterThan(0.5);
  expect(related.excess.shuffled.oneToOne[0]).toBeGreaterThan(0.5);
  const unrelated = matchingExcess(layers([own]), layers([noise("other", 16, 80)]), { stream, draws: 16 });
  for (const { oneToOne, semi } of [unrelated.excess.rotated, unrelated.excess.shuffled])
    for (const value of [oneToOne[0], semi[0]]) expect(Math.abs(value)).toBeLessThan(0.05);
  expect(unrelated.matched.semi[0]).toBeGreaterThan(unrelated.matched.oneToOne[0]); // may share partners
});

test("dead units are left out of a matching and counted, and a model without a partner gives NaN", () => {
  const own = noise("dead", 5, 20);
  const hurt = own.map((unit, i) => (i === 2 ? unit.map(() => 0.5) : unit));
  const { matched, compared } = matchingExcess(layers([own]), layers([hurt]), { stream });
  expect([...compared]).toEqual([4]);
  expect(matched.oneToOne[0]).toBeCloseTo(1, 12);
  const alone = unitMatching(layers([own]), layers([own]), { partner: neighbourModel(1) });
  expect(alone.oneToOne[0]).toBeNaN();
  expect(populationSimilarity(layers([own]), layers([own]), { partner: () => Number.NaN }).cka[0]).toBeNaN();
});

test("the draws of a model are the same alone and in company", () => {
  const [a, b] = [noise("a", 6, 20), noise("b", 6, 20)];
  const together = matchingExcess(layers([a, b]), layers([b, a]), { stream });
  const alone = matchingExcess(layers([b]), layers([a]), { stream: () => stream(1) });
  expect(alone.excess.rotated.oneToOne[0]).toBe(together.excess.rotated.oneToOne[1]);
});
