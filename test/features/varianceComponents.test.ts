import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { exhaustive, latinBlocks, type Probe } from "../../src/data/probes.ts";
import { cellEffects } from "../../src/features/cellEffects.ts";
import {
  cellSources,
  meanAmounts,
  sources,
  unitClasses,
  varianceComponents,
} from "../../src/features/varianceComponents.ts";
import { twoWayAnova } from "../../src/stats/anova.ts";
import { plantedActivations, plantedCurves, randomLookUp, smallProbe, type Unit } from "./planted.ts";

/** Closed-form sums of a few hundred float64 numbers. */
const CLOSED_FORM = 1e-11;

test("the hand-worked 2 × 3 × 2 table comes out exactly", () => {
  // cell means [[5, 8, 3], [4, 13, 7]], two replicates each
  const table = [
    [
      [4, 6],
      [7, 9],
      [2, 4],
    ],
    [
      [5, 3],
      [12, 14],
      [8, 6],
    ],
  ];
  const probe: Probe = {
    ...{ count: 4, nPos: 3, dVocab: 2, design: "latin" },
    tokens: Int32Array.from([0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1]),
    half: Uint8Array.from([0, 0, 1, 1]),
  };
  const unit: Unit = ({ token, pos, sequence }) => table[token][pos][sequence < 2 ? 0 : 1];
  const { ss, df, f, lnP, eta2, partialEta2, omega2, epsilon2 } = varianceComponents(
    plantedCurves(probe, [[unit]]),
  );
  expect(sources.map((source) => df[source])).toEqual([1, 2, 2, 6]);
  const wanted = {
    token: {
      ss: 64 / 3,
      f: 32 / 3,
      p: 0.01712,
      eta2: 16 / 107,
      partial: 16 / 25,
      omega2: 0.133640552995,
      epsilon2: 0.135514018692,
    },
    position: {
      ss: 266 / 3,
      f: 133 / 6,
      p: 0.00169389573072634,
      eta2: 0.621495327103,
      partial: 0.880794701987,
      omega2: 0.585253456221,
      epsilon2: 0.593457943925,
    },
    interaction: {
      ss: 62 / 3,
      f: 31 / 6,
      p: 0.0495711820754957,
      eta2: 0.144859813084,
      partial: 0.632653061224,
      omega2: 0.115207373272,
      epsilon2: 0.116822429907,
    },
  };
  for (const source of cellSources) {
    expect(ss[source][0]).toBeCloseTo(wanted[source].ss, 11);
    expect(f[source][0]).toBeCloseTo(wanted[source].f, 11);
    expect(Math.exp(lnP[source][0])).toBeCloseTo(wanted[source].p, 11);
    expect(eta2[source][0]).toBeCloseTo(wanted[source].eta2, 11);
    expect(partialEta2[source][0]).toBeCloseTo(wanted[source].partial, 11);
    expect(omega2[source][0]).toBeCloseTo(wanted[source].omega2, 11);
    expect(epsilon2[source][0]).toBeCloseTo(wanted[source].epsilon2, 11);
  }
  expect(ss.context[0]).toBeCloseTo(12, 11);
});

test("sums of squares are those of a two-way analysis of variance of the raw activations", () => {
  const stream = randomStream("two-way");
  const probe = smallProbe(stream);
  const unit: Unit = ({ token, pos }) => token + 0.3 * pos * token - pos + stream.normal();
  const activations = plantedActivations(probe, [unit]);
  const remembered: Unit = ({ sequence, pos }) => activations[sequence * 4 + pos];
  const components = varianceComponents(plantedCurves(probe, [[remembered]]));
  const byCell = Array.from({ length: 20 }, () => [] as number[]);
  for (const [at, value] of activations.entries()) byCell[probe.tokens[at] * 4 + (at % 4)].push(value);
  const direct = twoWayAnova(byCell.flat(), [5, 4, 6]);
  const effects = { token: direct.a, position: direct.b, interaction: direct.interaction };
  for (const source of cellSources) {
    expect(components.ss[source][0]).toBeCloseTo(effects[source].ss, 9);
    expect(components.eta2[source][0]).toBeCloseTo(effects[source].eta2, 11);
    expect(components.omega2[source][0]).toBeCloseTo(effects[source].omega2, 11);
    expect(components.epsilon2[source][0]).toBeCloseTo(effects[source].epsilon2, 11);
    expect(components.lnP[source][0]).toBeCloseTo(effects[source].logP, 8);
  }
  expect(components.ss.context[0]).toBeCloseTo(direct.residual.ss, 9);
  expect(components.balanced).toBe(true);
});

test("a token indicator is all token, a ramp over positions all position, a product of contrasts all interaction", () => {
  const probe = smallProbe(randomStream("pure"));
  const units: Unit[] = [
    ({ token }) => (token === 2 ? 1 : 0),
    ({ pos }) => 3 * pos,
    ({ token, pos }) => (token - 2) * (pos - 1.5),
    ({ token, sequence }) => (probe.tokens[sequence * 4] === 1 && token >= 0 ? 1 : 0),
  ];
  const { eta2, amount, f, lnP } = varianceComponents(plantedCurves(probe, [units]));
  const pure = [eta2.token[0], eta2.position[1], eta2.interaction[2]];
  for (const share of pure) expect(Math.abs(share - 1)).toBeLessThan(CLOSED_FORM);
  expect(eta2.context[3]).toBeGreaterThan(0.5);
  // without context what is there is infinitely sure, and what is not there is undecided
  expect([f.token[0], lnP.token[0]]).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  expect([f.position[0], lnP.interaction[0]]).toEqual([Number.NaN, Number.NaN]);
  // amounts are variances over cells: p(1 − p), 9 (T² − 1)/12 and the product of both variances
  expect(amount.token[0]).toBeCloseTo(0.2 * 0.8, 11);
  expect(amount.position[1]).toBeCloseTo((9 * 15) / 12, 11);
  expect(amount.interaction[2]).toBeCloseTo(2 * 1.25, 11);
});

test("shares sum to one and amounts to the variance of the activation", () => {
  const stream = randomStream("sum");
  const probe = smallProbe(stream);
  const lookUp = randomLookUp(stream, 5, 4);
  const noisy = plantedActivations(probe, [(at) => lookUp(at) + stream.normal()]);
  const components = varianceComponents(
    plantedCurves(probe, [[({ sequence, pos }) => noisy[sequence * 4 + pos]]]),
  );
  const total = (of: (source: (typeof sources)[number]) => number) =>
    sources.reduce((sum, s) => sum + of(s), 0);
  expect(total((source) => components.eta2[source][0])).toBeCloseTo(1, 12);
  const mean = noisy.reduce((a, b) => a + b) / noisy.length;
  const ssTotal = noisy.reduce((a, b) => a + (b - mean) ** 2, 0);
  expect(total((source) => components.ss[source][0])).toBeCloseTo(ssTotal, 9);
  const { amount, df } = components;
  // E[SS_total / N] of the true model, with the context's degrees of freedom given back
  const biased =
    total((source) => amount[source][0]) - (1 - (df.context + 19) / noisy.length) * amount.context[0];
  expect(biased).toBeCloseTo(ssTotal / noisy.length, 11);
});

test("under pure context noise the corrected amounts are zero on average, the plain shares are not", () => {
  const draws = 400;
  const stream = randomStream("pure noise");
  const probe = smallProbe(stream, { dVocab: 4, nPos: 3, blocks: 4 });
  // skewed and heteroscedastic: the variance of a context depends on the cell
  const noise: Unit = ({ token, pos }) => (1 + token) * (1 + pos) * (-Math.log(stream.uniform()) - 1);
  const components = varianceComponents(
    plantedCurves(
      probe,
      Array.from({ length: draws }, () => [noise]),
    ),
  );
  const z = (values: Float64Array) => {
    const mean = values.reduce((a, b) => a + b) / draws;
    return mean / Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / (draws - 1) / draws);
  };
  /** Six statistics; |z| > 3.5 in one of them by chance: 0.3 %. */
  const LIMIT = 3.5;
  for (const source of cellSources) {
    expect(Math.abs(z(components.crossValidated[source]))).toBeLessThan(LIMIT);
    expect(Math.abs(z(components.amount[source]))).toBeLessThan(LIMIT);
    expect(z(components.eta2[source])).toBeGreaterThan(10);
  }
});

test("amounts recover planted variances from an unbalanced probe too", () => {
  const draws = 400;
  const stream = randomStream("unbalanced");
  const lookUp = randomLookUp(stream, 3, 3);
  const tokens = Int32Array.from({ length: 3 * 40 }, (_, at) => {
    if (Math.floor(at / 3) < 6) return Math.floor(at / 3) % 3; // every cell at least twice, in both halves
    return stream.uniform() < 0.7 ? 0 : 1 + stream.integer(2);
  });
  const probe: Probe = {
    ...{ count: 40, nPos: 3, dVocab: 3, design: "task", tokens },
    half: Uint8Array.from({ length: 40 }, (_, i) => (i < 6 ? (i < 3 ? 0 : 1) : i % 2)),
  };
  const noisy: Unit = (at) => lookUp(at) + 0.8 * stream.normal();
  const components = varianceComponents(
    plantedCurves(
      probe,
      Array.from({ length: draws }, () => [noisy]),
    ),
  );
  expect(components.balanced).toBe(false);
  const table = Float64Array.from({ length: 9 }, (_, cell) =>
    lookUp({ token: Math.floor(cell / 3), pos: cell % 3, sequence: 0 }),
  );
  const effects = cellEffects(table, 3);
  const meanSquare = (x: Float64Array) => x.reduce((a, b) => a + b * b, 0) / x.length;
  const check = (values: Float64Array, truth: number) => {
    const mean = values.reduce((a, b) => a + b) / draws;
    const se = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / (draws - 1) / draws);
    expect(Math.abs(mean - truth)).toBeLessThan(3.5 * se);
  };
  for (const source of cellSources) {
    check(components.amount[source], meanSquare(effects[source]));
    check(components.crossValidated[source], meanSquare(effects[source]));
  }
  check(components.amount.context, 0.64);
});

test("on an exhaustive probe the shares are the exact ones of the function", () => {
  // a = x_own + 2 [x_first = 0] at positions after the first: own token and context are independent
  const probe = exhaustive({ dVocab: 3, nPos: 3 });
  const unit: Unit = ({ token, pos, sequence }) =>
    token + (pos > 0 && probe.tokens[sequence * 3] === 0 ? 2 : 0);
  const { eta2 } = varianceComponents(plantedCurves(probe, [[unit]]));
  // Var(token) = 2/3; the context adds 4 · 1/3 · 2/3 = 8/9 at two of three positions; means 0, 2/3, 2/3 by position
  const [token, context, position] = [2 / 3, (8 / 9) * (2 / 3), (4 / 9) * (2 / 9)];
  const total = token + context + position;
  expect(eta2.token[0]).toBeCloseTo(token / total, 12);
  expect(eta2.context[0]).toBeCloseTo(context / total, 12);
  expect(eta2.position[0]).toBeCloseTo(position / total, 12);
});

test("dead units have the class dead and no shares, and a unit that is NaN spoils no other", () => {
  const probe = smallProbe(randomStream("dead"));
  const units: Unit[] = [
    () => 0,
    () => 0.1,
    ({ token, pos, sequence }) => 1e-8 * ((token + pos + sequence) % 3), // beside the next one, rounding
    ({ token }) => token,
    () => Number.NaN,
    ({ pos }) => pos,
    ({ token, pos }) => token + pos,
  ];
  const components = varianceComponents(plantedCurves(probe, [units]));
  expect([...components.dead]).toEqual([1, 1, 1, 0, 1, 0, 0]);
  expect(unitClasses(components)).toEqual(["dead", "dead", "dead", "token", "dead", "position", "token"]);
  expect(unitClasses(components, 0.7)[6]).toBe("mixed");
  expect(unitClasses(components, 0)[6]).toBe("token"); // token variance 2, position variance 1.25
  for (const dead of [0, 1, 2, 4])
    for (const source of cellSources) {
      expect(components.eta2[source][dead]).toBeNaN();
      expect(components.lnP[source][dead]).toBeNaN();
    }
  expect(components.eta2.token[3]).toBeCloseTo(1, 12);
  expect(meanAmounts(components).token[0]).toBeCloseTo((2 + 2) / 6, 6);
});

test("one block leaves no context and no second half: shares remain, estimates are NaN", () => {
  const probe = latinBlocks({ dVocab: 3, nPos: 2, blocks: 1, stream: randomStream("one block") });
  const components = varianceComponents(plantedCurves(probe, [[({ token, pos }) => token + pos]]));
  expect(components.eta2.token[0]).toBeCloseTo(2 / 3 / (2 / 3 + 1 / 4), 12);
  expect(components.amount.token[0]).toBeNaN();
  expect(components.f.token[0]).toBeNaN();
  expect(components.crossValidated.token[0]).toBeNaN();
});

test("a cell that was never visited is an error that names it", () => {
  const probe: Probe = {
    ...{ count: 2, nPos: 2, dVocab: 2, design: "task" },
    tokens: Int32Array.from([0, 0, 1, 0]),
    half: Uint8Array.from([0, 1]),
  };
  const curves = plantedCurves(probe, [[({ token }) => token]]);
  expect(() => varianceComponents(curves)).toThrow(/no activation of token 1 at position 1/);
  expect(() =>
    unitClasses(varianceComponents(plantedCurves(smallProbe(randomStream("x")), [[() => 1]])), 1.3),
  ).toThrow(/0 to 1; got 1\.3/);
});
