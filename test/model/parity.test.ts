import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { ModelConfig } from "../../src/model/config.ts";
import { sitesOf } from "../../src/model/hookPoints.ts";
import { weightShapes } from "../../src/model/weights.ts";
import { runModel } from "./runModel.ts";

interface Case {
  name: string;
  config: ModelConfig;
  weights: Record<string, number[]>;
  sites: Record<string, (number | null)[]>;
  loss: number;
  lossByPosition: number[];
  gradients: Record<string, number[]>;
  siteGradients?: Record<string, number[]>;
}

const fixture: { tokens: number[][]; targets: number[][]; cases: Case[] } = JSON.parse(
  readFileSync(new URL("../fixtures/pytorch/model.json", import.meta.url), "utf8"),
);

// both sides compute in float64 in another order of sums; a few hundred roundings of 1e-16, values of order 1 to 10
const TOLERANCE = 1e-10;

/**
 * Largest |a − b| / max(1, |b|), ∞ where a is NaN. null in the fixture is −∞, which must be met exactly.
 */
function worst(actual: ArrayLike<number>, expected: readonly (number | null)[]): number {
  expect(actual.length).toBe(expected.length);
  const differences = expected.map((value, i) => {
    if (value === null) return actual[i] === Number.NEGATIVE_INFINITY ? 0 : Number.POSITIVE_INFINITY;
    const difference = Math.abs(actual[i] - value) / Math.max(1, Math.abs(value));
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  });
  return Math.max(...differences);
}

describe.each(fixture.cases)("$name", async ({ config, weights, ...expected }) => {
  const arrays = Object.fromEntries(Object.entries(weights).map(([name, v]) => [name, Float64Array.from(v)]));
  const { tokens, targets } = fixture;
  const asked = new Set<string>([...sitesOf(config).values()].filter((s) => s.gated).map((s) => s.name));
  const run = await runModel(config, arrays, { tokens, targets, asked, gradients: true });

  test("has the weights that PyTorch's model has", () => {
    expect([...weightShapes(config).keys()].sort()).toEqual(Object.keys(weights).sort());
  });

  test("computes the activation of every site as PyTorch does", () => {
    expect(Object.keys(run.sites).sort()).toEqual(Object.keys(expected.sites).sort());
    for (const [name, values] of Object.entries(expected.sites))
      expect(worst(run.sites[name], values), name).toBeLessThan(TOLERANCE);
  });

  test("computes the loss, whole and by position, as PyTorch does", () => {
    expect(worst([run.loss], [expected.loss])).toBeLessThan(TOLERANCE);
    expect(worst(run.lossByPosition, expected.lossByPosition)).toBeLessThan(TOLERANCE);
  });

  test("computes the gradient of every weight as PyTorch does", () => {
    for (const [name, values] of Object.entries(expected.gradients))
      expect(worst(run.weightGradients[name], values), name).toBeLessThan(TOLERANCE);
  });

  test("computes the same logits whether or not the result of each head is asked for", async () => {
    const plain = await runModel(config, arrays, { tokens, targets });
    expect(worst(plain.logits, expected.sites["unembed.hook_out"])).toBeLessThan(TOLERANCE);
  });

  if (expected.siteGradients === undefined) return;
  const { siteGradients } = expected;
  test("computes the gradient in every site as PyTorch does", () => {
    for (const [name, values] of Object.entries(siteGradients))
      expect(worst(run.siteGradients[name], values), name).toBeLessThan(TOLERANCE);
  });
});
