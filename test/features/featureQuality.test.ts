import { expect, test } from "vitest";
import { ArgumentError, ShapeError } from "../../src/base/errors.ts";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import {
  featureDimension,
  kernelTargetAlignment,
  learnedAdvantage,
  linearQuality,
  targetAlignment,
  unigramResiduals,
  unitQuality,
} from "../../src/features/featureQuality.ts";
import { logisticProbe, probeLoss } from "../../src/features/logisticProbe.ts";
import reference from "./fixtures/similarity.json" with { type: "json" };

const { quality } = reference;
const { fitted, heldOut, classes, ridge } = quality;
/** Both solvers stop where the objective can fall by no more than this, nats. */
const SOLVED = 1e-9;
/** Losses on other samples move with the square root of what the objective lacks. */
const NEAR_OPTIMUM = 1e-5;
const CLOSED_FORM = 1e-10;

const draws = (stream: RandomStream, samples: number, features: number) =>
  Array.from({ length: samples }, () => Float64Array.from({ length: features }, () => stream.normal()));

test("the probe reaches the optimum that scikit-learn finds, on features of very different scales", () => {
  const probe = logisticProbe(fitted, { classes, ridge, tolerance: 1e-13 });
  expect(probe.converged).toBe(true);
  expect(Math.abs(probe.objective - quality.objective)).toBeLessThan(SOLVED);
  expect(Math.abs(probeLoss(probe, heldOut) - quality.loss)).toBeLessThan(NEAR_OPTIMUM);
  const dead = probe.weights.subarray(5 * classes); // the feature that never changes
  expect([...dead]).toEqual([0, 0, 0, 0]);
});

test("linear quality is the share of the way from the unigram loss to the Bayes loss", () => {
  const bayes = 0.4;
  const found = linearQuality(fitted, heldOut, { classes, ridge, bayes, tolerance: 1e-13 });
  expect(found.unigram).toBeCloseTo(quality.unigram, 12);
  const expected = (quality.unigram - quality.loss) / (quality.unigram - bayes);
  expect(Math.abs(found.quality - expected)).toBeLessThan(NEAR_OPTIMUM);
});

test("a layer times ten has the same quality and dimension", () => {
  const tenfold = (samples: typeof fitted) => ({
    ...samples,
    features: samples.features.map((row) => row.map((value) => 10 * value)),
  });
  const options = { classes, bayes: 0 };
  const [one, ten] = [
    linearQuality(fitted, heldOut, options),
    linearQuality(tenfold(fitted), tenfold(heldOut), options),
  ];
  expect(ten.quality).toBeCloseTo(one.quality, 9);
  expect(featureDimension(tenfold(fitted).features).effective).toBeCloseTo(quality.effective, 9);
});

test("labels that the features know have quality near 1, labels that they do not know at most 0", () => {
  const stream = randomStream("feature quality", "planted");
  const sample = (count: number) => {
    const labels = Array.from({ length: count }, () => stream.integer(3));
    return {
      knowing: labels.map((label) => [0, 1, 2].map((c) => (c === label ? 1 : 0))),
      ignorant: draws(stream, count, 3),
      labels,
    };
  };
  const [first, second] = [sample(400), sample(400)];
  const of = (kind: "knowing" | "ignorant") =>
    linearQuality(
      { features: first[kind], labels: first.labels },
      { features: second[kind], labels: second.labels },
      { classes: 3, bayes: 0, ridge: 1e-4 },
    ).quality;
  expect(of("knowing")).toBeGreaterThan(0.95);
  expect(of("ignorant")).toBeLessThanOrEqual(0);
  expect(of("ignorant")).toBeGreaterThan(-0.1); // 9 weights of 400 samples overfit by about 9/400/2 nats
});

test("alignment with the targets is CKA with one-hot labels, and about 0 without bias for unrelated features", () => {
  expect(Math.abs(targetAlignment(fitted, classes).cka - quality.cka)).toBeLessThan(CLOSED_FORM);
  const stream = randomStream("feature quality", "alignment");
  const labels = Array.from({ length: 80 }, () => stream.integer(4));
  const { cka, debiased } = targetAlignment({ features: draws(stream, 80, 60), labels }, 4);
  expect(Math.abs(debiased)).toBeLessThan(0.05);
  expect(cka).toBeGreaterThan(0.1); // the floor that the debiased one has not
});

test("participation ratio and effective dimension are those of numpy's eigenvalues", () => {
  const { participation, effective } = featureDimension(fitted.features);
  expect(participation).toBeCloseTo(quality.participation, 9);
  expect(effective).toBeCloseTo(quality.effective, 9);
  expect(
    featureDimension([
      [1, 1],
      [1, 1],
    ]).participation,
  ).toBeNaN();
});

test("quality of single units is the held-out share of scikit-learn's lines, NaN for a dead unit", () => {
  const found = unitQuality(
    { features: fitted.features, residuals: unigramResiduals(fitted.labels, classes) },
    { features: heldOut.features, residuals: unigramResiduals(heldOut.labels, classes, fitted.labels) },
  );
  for (const [unit, expected] of quality.unit.entries())
    expect(Math.abs(found[unit] - expected)).toBeLessThan(CLOSED_FORM);
  expect(found[5]).toBeNaN();
});

test("samples that do not fit are refused", () => {
  expect(() => logisticProbe({ features: [[1], [2]], labels: [0, 2] }, { classes: 2 })).toThrow(
    "label of sample 1",
  );
  expect(() => logisticProbe({ features: [], labels: [] }, { classes: 2 })).toThrow(ArgumentError);
  expect(() => logisticProbe({ features: [[1], [Number.NaN]], labels: [0, 1] }, { classes: 2 })).toThrow(
    "must be finite",
  );
  expect(() =>
    unitQuality({ features: [[1]], residuals: [[1]] }, { features: [[1, 2]], residuals: [[1]] }),
  ).toThrow(ShapeError);
});

test("alignment by kernel is alignment by features, for the kernel of the features", () => {
  const { features, labels } = heldOut;
  const kernel = features.map((a) =>
    features.map((b) => a.reduce((sum: number, value: number, i: number) => sum + value * b[i], 0)),
  );
  const [byFeatures, byKernel] = [targetAlignment(heldOut, classes), kernelTargetAlignment(kernel, labels)];
  expect(Math.abs(byKernel.cka - byFeatures.cka)).toBeLessThan(CLOSED_FORM);
  expect(Math.abs(byKernel.debiased - byFeatures.debiased)).toBeLessThan(CLOSED_FORM);
  expect(
    kernelTargetAlignment(
      kernel,
      labels.map(() => 1),
    ).cka,
  ).toBeNaN();
  expect(() => kernelTargetAlignment(kernel.slice(1), labels)).toThrow(ShapeError);
});

test("learned advantage is the loss of the readout less that of the trained network", () => {
  const found = learnedAdvantage(fitted, heldOut, { classes, ridge, trained: 0.3, tolerance: 1e-13 });
  expect(Math.abs(found.readout - quality.loss)).toBeLessThan(NEAR_OPTIMUM);
  expect(found.advantage).toBe(found.readout - 0.3);
});
