/** Every weight circuit against NumPy, which forms all products and takes LAPACK's decompositions. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compositionScores } from "../../src/interp/compositionScores.ts";
import { copyingScores } from "../../src/interp/copyingScores.ts";
import { collapse } from "../../src/interp/factoredMatrix.ts";
import { type HeadCircuit, ovCircuits, qkCircuits } from "../../src/interp/headCircuits.ts";
import { singularDirections, singularValues } from "../../src/interp/singularDirections.ts";
import { weightSource } from "../../src/interp/weightSource.ts";
import { type ModelConfig, validateConfig } from "../../src/model/config.ts";
import { stackWeights } from "../../src/model/weights.ts";

interface Head {
  ov: number[];
  qk: number[];
  fullOv: number[];
  positionalOv: number[];
  fullQk: number[];
  positionalQk: number[];
  tokenToPositionQk: number[];
  bareFullOv: number[];
  eigenvalue: number;
  diagonal: number;
  diagonal2: number;
  values: number[];
  direction: number[];
  directionLogits: number[];
}
interface Case {
  name: string;
  config: ModelConfig;
  weights: Record<string, number[]>;
  heads: Head[];
  composition: { name: string; q: number; k: number; v: number }[];
  mlps: {
    layer: number;
    of: "W_in" | "W_out";
    values: number[];
    direction: number[];
    directionLogits: number[];
  }[];
}

const { cases }: { cases: Case[] } = JSON.parse(
  readFileSync(new URL("../fixtures/numpy/circuits.json", import.meta.url), "utf8"),
);

/** Relative to 1 or the value: both sides are float64, NumPy's printed to 13 digits. */
const TOLERANCE = 1e-10;

function near(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i] - expected[i]) / Math.max(1, Math.abs(expected[i]))).toBeLessThan(TOLERANCE);
}
/** A second model with other weights stands first, so that a wrong offset shows. */
function populationOf({ config, weights }: Case) {
  const own = Object.fromEntries(Object.entries(weights).map(([name, v]) => [name, Float64Array.from(v)]));
  const other = Object.fromEntries(Object.entries(own).map(([name, v]) => [name, v.map((x) => 1 - x)]));
  return weightSource(validateConfig(config), stackWeights(config, [other, own]));
}

describe.each(cases)("$name", (one) => {
  const { config, heads, composition, mlps } = one;
  const source = populationOf(one);
  const dense = (circuits: readonly HeadCircuit[]) => circuits.map(({ matrix }) => collapse(matrix).data);
  const second = { models: 1 };

  test("OV and QK circuits of streams, tokens and positions", async () => {
    const circuits: Partial<Record<keyof Head, HeadCircuit[]>> = {
      ov: await ovCircuits(source, second),
      qk: await qkCircuits(source, second),
      fullOv: await ovCircuits(source, { from: "tokens", to: "logits", ...second }),
      positionalOv: await ovCircuits(source, { from: "positions", to: "logits", ...second }),
      fullQk: await qkCircuits(source, { query: "tokens", key: "tokens", ...second }),
      positionalQk: await qkCircuits(source, { query: "positions", key: "positions", ...second }),
      tokenToPositionQk: await qkCircuits(source, { query: "tokens", key: "positions", ...second }),
      bareFullOv: await ovCircuits(source, { from: "tokens", to: "logits", norms: "ignored", ...second }),
    };
    for (const [name, own] of Object.entries(circuits)) {
      expect(own.map(({ layer, head }) => layer * config.nHeads + head)).toEqual([...heads.keys()]);
      for (const [i, data] of dense(own).entries()) near(data, heads[i][name as "ov"]);
    }
  });

  test("copying scores", async () => {
    const { eigenvalue, diagonal } = (await copyingScores(source)).scores;
    expect(eigenvalue.shape).toEqual([2, config.nLayers, config.nHeads]);
    const ofSecond = (data: ArrayLike<number>) => Array.from(data).slice(heads.length);
    near(
      ofSecond(eigenvalue.data),
      heads.map((head) => head.eigenvalue),
    );
    near(
      ofSecond(diagonal.data),
      heads.map((head) => head.diagonal),
    );
    near(
      ofSecond((await copyingScores(source, { within: 2 })).scores.diagonal.data),
      heads.map((head) => head.diagonal2),
    );
  });

  test("composition scores of every pair, if heads have matrices", async () => {
    if (config.attention === "parameterFree") {
      await expect(async () => compositionScores(source)).rejects.toThrow(
        'composition scores: need heads with matrices of their own; parameter-free heads read and write fixed dimensions, so which heads compose is the same whatever was learned; got attention "parameterFree".',
      );
      return;
    }
    const { components, scores, pairs } = await compositionScores(source);
    expect(components).toEqual(composition.map(({ name }) => name));
    expect(scores.q.shape).toEqual([2, pairs.length]);
    for (const kind of ["q", "k", "v"] as const)
      near(
        scores[kind].data.subarray(pairs.length),
        composition.map((pair) => pair[kind]),
      );
  });

  test("singular values, and the first direction with its logits", async () => {
    const found = {
      OV: heads.map((head, i) => ({ ...head, layer: Math.floor(i / config.nHeads) })),
      W_in: mlps.filter(({ of }) => of === "W_in"),
      W_out: mlps.filter(({ of }) => of === "W_out"),
    };
    for (const of of ["OV", "W_in", "W_out"] as const) {
      if (found[of].length === 0) continue;
      const { value } = (await singularValues(source, { of })).scores;
      near(
        value.data.subarray(value.data.length / 2),
        found[of].flatMap(({ values }) => values),
      );
      // the values of parameter-free heads are all 1, which leaves their directions free
      if (of === "OV" && config.attention === "parameterFree") continue;
      const directions = await singularDirections(source, { of, k: config.dVocab, ...second });
      expect(directions).toHaveLength(found[of].length);
      for (const [i, { direction, top, bottom, value: own, share, layer }] of directions.entries()) {
        const { values, directionLogits, ...theirs } = found[of][i];
        expect(layer).toBe(theirs.layer);
        near(direction, theirs.direction);
        near([own], [values[0]]);
        near([share], [values[0] ** 2 / values.reduce((sum, x) => sum + x * x, 0)]);
        const order = [...directionLogits.keys()].sort((a, b) => directionLogits[b] - directionLogits[a]);
        expect(top.map(({ token }) => token)).toEqual(order);
        expect(bottom.map(({ token }) => token)).toEqual([...order].reverse());
        for (const { token, logit } of top) near([logit], [directionLogits[token]]);
      }
    }
  });
});
