import { expect, test } from "vitest";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import {
  assignment,
  cca,
  correlationMatrix,
  covarianceSpectrum,
  debiasedCka,
  effectiveDimension,
  effectiveRank,
  gaussianKernel,
  hsic,
  kernelAlignment,
  linearCka,
  linearFit,
  mean,
  pairDistances,
  participationRatio,
  pearson,
  procrustes,
  pwcca,
  representationalSimilarity,
  semiMatching,
  svcca,
  unbiasedHsic,
} from "../../src/stats/index.ts";
import { normals } from "./calibrate.ts";
import { expectClose, expectFields } from "./close.ts";
import reference from "./fixtures/representations.json" with { type: "json" };

const ITERATED = 1e-9; // singular values by iteration, against another iteration on squared matrices
const CLOSED_FORM = 1e-12;

function expectList(actual: ArrayLike<number>, expected: readonly number[], tolerance: number, what = "") {
  expect(actual.length, what).toBe(expected.length);
  for (const [i, value] of expected.entries()) expectClose(actual[i], value, tolerance, `${what}[${i}]`);
}

function noise(stream: RandomStream, samples: number, features: number): Float64Array[] {
  return Array.from({ length: samples }, () => normals(stream, features));
}

/** A representation times a matrix, plus a shift. */
function mapped(x: readonly ArrayLike<number>[], by: readonly ArrayLike<number>[], shift = 0): number[][] {
  return x.map((row) =>
    Array.from(by[0], (_, j) => by.reduce((total, line, i) => total + row[i] * line[j], shift)),
  );
}

const product = (x: readonly ArrayLike<number>[]) => x.map((a) => x.map((b) => inner(a, b)));
const inner = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((total, value, i) => total + value * b[i], 0);

test("CCA, SVCCA and PWCCA agree with the generalised eigenproblem", () => {
  for (const { x, y, cca: correlations, pwccaX, pwccaY, svcca: cuts } of reference.pairs) {
    const got = cca(x, y);
    expectList(got.correlations, correlations, ITERATED, "CCA");
    expectClose(got.mean, mean(correlations), ITERATED);
    for (const [a, b, want] of [
      [x, y, pwccaX],
      [y, x, pwccaY],
    ] as const) {
      const weighted = pwcca(a, b);
      expectClose(weighted.estimate, want.estimate, ITERATED, "PWCCA");
      expectList(weighted.weights, want.weights, ITERATED, "weights");
    }
    for (const { share, ranks, correlations: kept } of cuts) {
      const cut = svcca(x, y, { share });
      expect(cut.ranks).toEqual(ranks);
      expectList(cut.correlations, kept, ITERATED, `SVCCA ${share}`);
    }
  }
});

test("the worked examples have their published summaries", () => {
  const [small, large] = reference.pairs.map(({ x, y }) => cca(x, y));
  expectFields(
    small,
    { mean: 0.8125, meanSquare: 0.6953125, yanai: 0.567720278926 },
    ["mean", "meanSquare", "yanai"],
    1e-11,
  );
  expectFields(large, { mean: 0.715398066308, meanSquare: 0.539969961513 }, ["mean", "meanSquare"], 1e-11);
  expectList(large.angles, [0.488039419298, 0.9913720556], 1e-11, "principal angles");
  // five samples, ranks 3 and 2: 3 + 2 − 4 correlations are 1 of any such pair
  expect([small.trivial, large.trivial]).toEqual([1, 0]);
  expectClose(small.correlations[0], 1, CLOSED_FORM);
});

test("CCA is trivial where features are not few beside samples, and says so", () => {
  const stream = randomStream("cca", "trivial");
  for (const [samples, p, q] of [
    [8, 4, 5],
    [10, 6, 6],
    [6, 9, 2],
    [20, 3, 4],
  ]) {
    const { correlations, trivial, ranks } = cca(noise(stream, samples, p), noise(stream, samples, q));
    expect(ranks).toEqual([Math.min(p, samples - 1), Math.min(q, samples - 1)]);
    expect(correlations.filter((rho) => rho > 1 - 1e-10).length, `${samples}, ${p}, ${q}`).toBe(trivial);
  }
});

test("CCA ignores every invertible map, Procrustes rotations and scale alone, and both are symmetric", () => {
  const { x, y } = reference.pairs[1];
  const shear = mapped(
    x,
    [
      [2, 1],
      [-3, 0.5],
    ],
    4,
  );
  expectList(cca(shear, y).correlations, Array.from(cca(x, y).correlations), ITERATED);
  expectList(cca(y, x).correlations, Array.from(cca(x, y).correlations), ITERATED);
  const [c, s] = [3 * Math.cos(1), 3 * Math.sin(1)];
  const turned = mapped(
    x,
    [
      [c, s],
      [-s, c],
    ],
    4,
  );
  expectClose(procrustes(turned, y).similarity, procrustes(x, y).similarity, CLOSED_FORM);
  expectClose(procrustes(y, x).similarity, procrustes(x, y).similarity, CLOSED_FORM);
  expectClose(procrustes(turned, x).similarity, 1, CLOSED_FORM);
  expect(procrustes(shear, x).similarity).toBeLessThan(0.999);
  const distances = { correlation: "pearson" } as const; // of ranks, rounding would break the ties of whole numbers
  expectClose(
    representationalSimilarity(turned, y, distances),
    representationalSimilarity(x, y, distances),
    CLOSED_FORM,
  );
});

test("one feature each makes CCA the absolute correlation, and repeated or dead features change nothing", () => {
  const [x, y] = [
    [1, 4, 2, 8, 5],
    [3, -1, 4, -6, 0],
  ];
  const column = (values: number[]) => values.map((value) => [value]);
  expectClose(cca(column(x), column(y)).correlations[0], Math.abs(pearson(x, y)), CLOSED_FORM);
  expectClose(pwcca(column(x), column(y)).estimate, Math.abs(pearson(x, y)), CLOSED_FORM);
  const wide = x.map((value) => [value, 0.1, 3 * value]);
  const got = cca(wide, column(y));
  expect(got.ranks).toEqual([1, 1]);
  expectClose(got.correlations[0], Math.abs(pearson(x, y)), CLOSED_FORM);
});

test("SVCCA drops the directions that CCA would be misled by", () => {
  const stream = randomStream("svcca");
  const signal = noise(stream, 30, 2);
  const noisy = () =>
    signal.map((row) => [...Array.from(row, (v) => 10 * v), ...normals(stream, 20, 0, 0.1)]);
  const { ranks, mean: similarity } = svcca(noisy(), noisy());
  expect(ranks).toEqual([2, 2]);
  expect(similarity).toBeGreaterThan(0.99);
});

test("Procrustes distances agree with the best rotation found by SciPy", () => {
  for (const { x, y, procrustes: want } of reference.pairs)
    expectFields(procrustes(x, y), want, ["similarity", "squaredDistance", "angle"], ITERATED);
  expectClose(procrustes(reference.pairs[0].x, reference.pairs[0].y).angle, 0.854169628301, 1e-11);
});

test("the Procrustes angle is a metric: no detour is shorter", () => {
  const stream = randomStream("procrustes", "triangle");
  for (let run = 0; run < 200; run++) {
    const [a, b, c] = [2, 3, 4].map((features) => noise(stream, 6, features));
    const angle = (p: Float64Array[], q: Float64Array[]) => procrustes(p, q).angle;
    expect(angle(a, c)).toBeLessThanOrEqual(angle(a, b) + angle(b, c) + CLOSED_FORM);
  }
});

test("representational similarity agrees with SciPy's pairwise distances", () => {
  for (const { x, y, rsa } of reference.pairs) {
    expectClose(representationalSimilarity(x, y), rsa.spearman, CLOSED_FORM);
    expectClose(representationalSimilarity(x, y, { correlation: "pearson" }), rsa.pearson, CLOSED_FORM);
  }
  expect(
    Array.from(
      pairDistances([
        [0, 0],
        [3, 4],
        [0, 4],
      ]),
    ),
  ).toEqual([5, 4, 3]);
});

test("kernel alignment is CKA, in its plain and its debiased form, and unbiased HSIC the mean over quadruples", () => {
  for (const { x, y, linear, gaussian } of reference.pairs) {
    const [k, l] = [product(x), product(y)];
    expectClose(hsic(k, l), linear.hsic, CLOSED_FORM);
    expectClose(unbiasedHsic(k, l), linear.unbiasedHsic, CLOSED_FORM);
    expectClose(kernelAlignment(k, l), linear.alignment, CLOSED_FORM);
    expectClose(kernelAlignment(k, l), linearCka(x, y), CLOSED_FORM);
    expectClose(kernelAlignment(k, l, { debiased: true }), linear.debiased, CLOSED_FORM);
    expectClose(kernelAlignment(k, l, { debiased: true }), debiasedCka(x, y), CLOSED_FORM);
    const [gx, gy] = [gaussianKernel(x), gaussianKernel(y)];
    expectClose(kernelAlignment(gx, gy), gaussian.alignment, CLOSED_FORM);
    expectClose(unbiasedHsic(gx, gy), gaussian.unbiasedHsic, CLOSED_FORM);
    // a very wide Gaussian sees squared distances only, and is the linear kernel
    const wide = (rows: number[][]) => gaussianKernel(rows, { bandwidth: 1e4 });
    expectClose(kernelAlignment(wide(x), wide(y)), linear.alignment, 1e-6);
  }
  expectClose(hsic(product(reference.pairs[0].x), product(reference.pairs[0].y)), 1.6375, CLOSED_FORM);
  expectClose(reference.pairs[0].gaussian.alignment, 0.652085804344, 1e-11);
});

test("unbiased HSIC of unrelated samples averages 0, the biased one does not", () => {
  const stream = randomStream("hsic");
  const runs = 400;
  const [biased, unbiased] = [[] as number[], [] as number[]];
  for (let run = 0; run < runs; run++) {
    const [k, l] = [gaussianKernel(noise(stream, 10, 2)), gaussianKernel(noise(stream, 10, 3))];
    biased.push(hsic(k, l));
    unbiased.push(unbiasedHsic(k, l));
  }
  const spread = Math.sqrt(mean(unbiased.map((value) => value ** 2)) / runs);
  expect(Math.abs(mean(unbiased))).toBeLessThan(4 * spread);
  expect(mean(biased)).toBeGreaterThan(20 * spread);
});

test("linear fits agree with fitting again without each sample", () => {
  for (const { x, y, fits } of reference.pairs)
    for (const { ridge, r2Of, r2LeftOutOf, ...want } of fits) {
      const got = linearFit(x, y, { ridge });
      expectFields(got, want, ["r2", "r2LeftOut"], ITERATED);
      expectList(got.r2Of, r2Of, ITERATED);
      expectList(got.r2LeftOutOf, r2LeftOutOf, ITERATED);
    }
  const [{ x, y }] = reference.pairs;
  expectClose(linearFit(x, y).r2, 0.775, CLOSED_FORM);
  expect(linearFit(x, y).r2LeftOut).toBeNaN(); // one of the five samples alone decides a coefficient
  expectClose(linearFit(y, x).r2, 0.475308641975, 1e-11);
});

test("unrelated predictors fit p/(n − 1) in sample, and about nothing left out", () => {
  const stream = randomStream("linear fit");
  const runs = 400;
  const [samples, features] = [30, 6];
  const fits = Array.from({ length: runs }, () =>
    linearFit(noise(stream, samples, features), noise(stream, samples, 1)),
  );
  // R² is Beta(p/2, (n−1−p)/2): variance below p/(n−1)·(1−p/(n−1))·2/(n+1)
  const expected = features / (samples - 1);
  const spread = Math.sqrt((expected * (1 - expected) * 2) / (samples + 1) / runs);
  expect(Math.abs(mean(fits.map((fit) => fit.r2)) - expected)).toBeLessThan(4 * spread);
  expect(mean(fits.map((fit) => fit.r2LeftOut))).toBeLessThan(0);
  expect(fits[0].parameters).toBeCloseTo(features, 12);
  // as the ridge grows nothing is fitted, and both shares tend to 0
  const stiff = linearFit(noise(stream, 9, 3), noise(stream, 9, 1), { ridge: 1e12 });
  for (const value of [stiff.r2, stiff.r2LeftOut, stiff.parameters]) expectClose(value, 0, 1e-9);
});

test("spectra count directions: p equal variances are p, one direction is 1", () => {
  for (const {
    x,
    spectrum,
    participation,
    effectiveDimension: dimension,
    effectiveRank: rank,
  } of reference.pairs) {
    const got = covarianceSpectrum(x);
    expectList(got, spectrum, ITERATED);
    expectClose(participationRatio(got), participation, ITERATED);
    expectClose(effectiveDimension(got, 0.5), dimension, ITERATED);
    expectClose(effectiveRank(got.map(Math.sqrt)), rank, ITERATED);
  }
  for (const count of [participationRatio, effectiveRank]) {
    expectClose(count([2, 2, 2]), 3, CLOSED_FORM);
    expectClose(count([5, 0, 0]), 1, CLOSED_FORM);
    expect(count([0, 0])).toBeNaN();
  }
  expect(effectiveDimension([3, 3], 3)).toBe(1);
  expect(() => participationRatio([1, -1])).toThrow(
    "eigenvalue[1]: must be a finite number, at least 0; got -1.",
  );
  expect(() => effectiveDimension([1], 0)).toThrow("ridge");
});

test("semi-matching takes the best column of each row, and its mean bounds the assignment's", () => {
  for (const { matrix, columns, mean: best } of reference.semi) {
    const got = semiMatching(matrix);
    expect(Array.from(got.columns)).toEqual(columns);
    expectClose(got.mean, best, CLOSED_FORM);
  }
  const { matrix } = reference.semi[0];
  expectClose(semiMatching(matrix).mean * 4, 3.15, CLOSED_FORM);
  expectClose(assignment(matrix).sum, 2.75, CLOSED_FORM);
  expect(() => semiMatching([[1, Number.NaN]])).toThrow(
    "semi-matching, matrix[0][1]: must be finite; got NaN.",
  );
  expect(() => semiMatching([[1, 2], [3]])).toThrow("2 in row 0, 1 in row 1");
  expect(() => semiMatching([])).toThrow("at least 1 rows");
});

test("the correlation matrix is that of each pair, and a flat unit has none", () => {
  for (const { x, y, correlations } of reference.pairs) {
    const units = (rows: number[][]) => rows[0].map((_, j) => rows.map((row) => row[j]));
    const got = correlationMatrix(units(x), units(y));
    for (const [i, row] of correlations.entries()) expectList(got[i], row, CLOSED_FORM);
  }
  const [[a, b]] = correlationMatrix(
    [[1, 2, 4]],
    [
      [0.1, 0.1, 0.1],
      [2, 4, 8],
    ],
  );
  expect([Number.isNaN(a), b]).toEqual([true, 1]);
  expect(() => correlationMatrix([[1, 2]], [[1]])).toThrow(
    "second[0]: needs two lists of equal length; got 2 and 1.",
  );
});

test("no variance, too few samples or a NaN give NaN, and other samples an error", () => {
  const flat = [
    [1, 1],
    [1, 1],
    [1, 1],
  ];
  const line = [[1], [2], [4]];
  const broken = [[1], [Number.NaN], [4]];
  for (const empty of [flat, broken]) {
    const got = cca(empty, line);
    expect([got.ranks[0], got.correlations.length, got.mean]).toEqual([0, 0, Number.NaN]);
    expect(pwcca(empty, line).estimate).toBeNaN();
    expect(procrustes(empty, line).angle).toBeNaN();
    expect(representationalSimilarity(empty, line)).toBeNaN();
    expect(covarianceSpectrum(empty).length).toBe(0);
  }
  expect(linearFit(flat, line).r2).toBe(0);
  expect(linearFit(broken, line).r2).toBeNaN();
  expect(linearFit(line, flat).r2Of).toEqual(new Float64Array(2).fill(Number.NaN));
  expect(linearFit(line, broken).r2).toBeNaN();
  expect(
    linearFit(
      [
        [1, 0],
        [2, 5],
        [4, 1],
      ],
      line,
    ).r2LeftOut,
  ).toBeNaN();
  expect(hsic([[1]], [[1]])).toBeNaN();
  expect(kernelAlignment(product(flat), product(line))).toBeNaN();
  expect(unbiasedHsic(product(line), product(line))).toBeNaN();
  expect(() => cca(line, [[1]])).toThrow("CCA: both representations need the same samples; got 3 and 1.");
  expect(() => procrustes([[1], [1, 2]], [[1], [2]])).toThrow("Procrustes distance, first representation");
  expect(() => hsic([[1, 2]], [[1]])).toThrow("both kernels must be square");
  expect(() => gaussianKernel(flat)).toThrow(
    "Gaussian kernel, bandwidth: must be positive and finite; got 0.",
  );
  expect(() => svcca(line, line, { share: 1 })).toThrow("SVCCA, share");
  expect(() => linearFit(line, line, { ridge: -1 })).toThrow("linear fit, ridge");
});
