import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError, ShapeError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { exhaustive, latinBlocks } from "../../src/data/probes.ts";
import { siteActivations } from "../../src/features/siteActivations.ts";
import {
  closedIndex,
  rolePositions,
  sobolIndices,
  type tokenRoles,
  totalIndex,
  varianceBySubset,
} from "../../src/features/sobolIndices.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { presets } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/init.ts";
import { plantedActivations, type Unit } from "./planted.ts";

const ROUNDING = 1e-12;
/** Shares of float32 activations whose rounding is 1e-7 of their size. */
const FLOAT32 = 1e-9;

/** A value of every sequence. */
function everywhere(dVocab: number, nPos: number, f: (tokens: Int32Array) => number): Float64Array {
  const { tokens, count } = exhaustive({ dVocab, nPos });
  return Float64Array.from({ length: count }, (_, n) => f(tokens.subarray(n * nPos, (n + 1) * nPos)));
}

test("Sobol's product function has the shares of its closed form, set by set", () => {
  // f = Π (1 + c_j g(x_j)) with g of mean 0 and variance v: D_u = Π_{j in u} c_j² v
  const [V, T] = [4, 4];
  const factors = [1, 0.5, 0, -2];
  const g = (token: number) => token - (V - 1) / 2;
  const v = (V * V - 1) / 12; // variance of V equidistant points
  const values = everywhere(V, T, (tokens) =>
    tokens.reduce((product, token, j) => product * (1 + factors[j] * g(token)), 1),
  );
  const { variance, shares } = varianceBySubset(values, { dVocab: V, nPos: T });
  const expected = Array.from({ length: 2 ** T }, (_, set) =>
    factors.reduce((product, c, j) => product * ((set >> j) & 1 ? c * c * v : 1), 1),
  );
  const all = expected.reduce((sum, value) => sum + value, 0) - 1; // without the empty set
  expect(Math.abs(variance / all - 1)).toBeLessThan(ROUNDING);
  for (let set = 1; set < 2 ** T; set++)
    expect(Math.abs(shares[set] - expected[set] / all), `set ${set}`).toBeLessThan(ROUNDING);
});

test("closed and total indices are the variances of conditional means that define them", () => {
  const [V, T] = [3, 4];
  const stream = randomStream("sobol");
  const { tokens, count } = exhaustive({ dVocab: V, nPos: T });
  const values = Float64Array.from({ length: count }, () => stream.normal());
  const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const varianceOf = (list: readonly number[]) => mean(list.map((value) => (value - mean(list)) ** 2));
  /** Var(E[f | x_group]) by collecting sequences that agree on the group. */
  const explained = (group: number) => {
    const agreeing = new Map<string, number[]>();
    for (let n = 0; n < count; n++) {
      const key = Array.from({ length: T }, (_, p) => ((group >> p) & 1 ? tokens[n * T + p] : "·")).join();
      agreeing.set(key, [...(agreeing.get(key) ?? []), values[n]]);
    }
    return varianceOf([...agreeing.values()].map(mean)); // groups are equally large
  };
  const { shares } = varianceBySubset(values, { dVocab: V, nPos: T });
  const all = varianceOf([...values]);
  for (let group = 1; group < 2 ** T - 1; group++) {
    expect(Math.abs(closedIndex(shares, group) - explained(group) / all)).toBeLessThan(ROUNDING);
    const complement = 2 ** T - 1 - group;
    expect(Math.abs(totalIndex(shares, group) - (1 - explained(complement) / all))).toBeLessThan(ROUNDING);
  }
});

test("roles part the positions, each seen from every position", () => {
  const bits = (role: (typeof tokenRoles)[number]) =>
    Array.from({ length: 5 }, (_, pos) => rolePositions(role, pos, 5));
  expect(bits("own")).toEqual([1, 2, 4, 8, 16]);
  expect(bits("previous")).toEqual([0, 1, 2, 4, 8]);
  expect(bits("first")).toEqual([0, 0, 1, 1, 1]);
  expect(bits("other")).toEqual([0, 0, 0, 2, 6]);
  expect(bits("later")).toEqual([30, 28, 24, 16, 0]);
});

test("planted units show whom they listen to, and a constant one nothing", () => {
  const probe = exhaustive({ dVocab: 4, nPos: 5 });
  const tokenAt = (sequence: number, pos: number) => probe.tokens[sequence * 5 + pos];
  const own: Unit = ({ token }) => token;
  const previous: Unit = ({ sequence, pos }) => (pos === 0 ? 0 : tokenAt(sequence, pos - 1));
  // whether the token repeats the previous one: neither of the two says anything alone
  const repeats: Unit = ({ sequence, token, pos }) =>
    pos > 0 && tokenAt(sequence, pos - 1) === token ? 1 : 0;
  const sum: Unit = ({ sequence, pos }) =>
    [0, 1, 2, 3, 4].filter((at) => at <= pos).reduce((total, at) => total + tokenAt(sequence, at), 0);
  const units = [own, previous, repeats, sum, () => 3];
  const found = sobolIndices(plantedActivations(probe, units), { probe, units: units.length });
  const at = (unit: number, pos = 4) => pos * units.length + unit;
  expect(found.alone.own[at(0)]).toBeCloseTo(1, 12);
  expect(found.total.previous[at(0)]).toBeCloseTo(0, 12);
  expect(found.alone.previous[at(1)]).toBeCloseTo(1, 12);
  expect(found.alone.own[at(2)]).toBeCloseTo(0, 12);
  expect(found.total.own[at(2)]).toBeCloseTo(1, 12);
  expect(found.interaction[at(2)]).toBeCloseTo(1, 12);
  for (const [role, share] of [
    ["own", 0.2],
    ["previous", 0.2],
    ["first", 0.2],
    ["other", 0.4],
  ] as const)
    expect(found.alone[role][at(3)]).toBeCloseTo(share, 12); // 4 terms of equal variance, two of them other
  expect(found.variance[at(4)]).toBe(0);
  expect(found.alone.own[at(4)]).toBeNaN();
  expect(found.alone.previous[at(0, 0)]).toBeNaN(); // nothing comes before the first
});

test("a causal network's units do not hear later tokens, another's do", async () => {
  const probe = exhaustive({ dVocab: 5, nPos: 3 });
  const laterOf = async (causal: boolean) => {
    const config = { ...presets.original, causal, dVocab: 5, nCtx: 4 };
    const weights = initialWeights(config, { scheme: "pytorch" }, randomStream("sobol", "network"));
    const network = openNetwork(wasmBackend(), config, weights);
    const [activations] = await siteActivations(network, probe, ["blocks.1.mlp.hook_pre"]);
    network.close();
    const indices = sobolIndices(activations.get("blocks.1.mlp.hook_pre") ?? [], { probe, units: 64 });
    return indices.total.later.filter(Number.isFinite);
  };
  expect(Math.max(...(await laterOf(true)))).toBeLessThan(FLOAT32);
  expect(Math.max(...(await laterOf(false)))).toBeGreaterThan(0.01);
});

test("probes that are not exhaustive and values that do not fit are refused", () => {
  const latin = latinBlocks({ dVocab: 3, nPos: 2, blocks: 3, stream: randomStream("sobol", "latin") });
  expect(() => sobolIndices(new Float64Array(18), { probe: latin, units: 1 })).toThrow(ArgumentError);
  const probe = exhaustive({ dVocab: 3, nPos: 2 });
  expect(() => sobolIndices(new Float64Array(17), { probe, units: 1 })).toThrow(ShapeError);
  expect(() => varianceBySubset(new Float64Array(8), { dVocab: 3, nPos: 2 })).toThrow("3^2 sequences");
});
