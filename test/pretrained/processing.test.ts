import { describe, expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import type { TensorData } from "../../src/graph/backend.ts";
import { validateConfig } from "../../src/model/config.ts";
import { loadModel } from "../../src/pretrained/loadModel.ts";
import type { PretrainedModel } from "../../src/pretrained/pretrainedModel.ts";
import { centerUnembed, centerWrites, foldLayerNorm } from "../../src/pretrained/processing.ts";
import { cases, expectedOf, folderOf, runSites, worst } from "./modelFixtures.ts";

// new weights are rounded to float32, 6e-8 of each, and logits are of order 10
const TOLERANCE = 1e-5;

const layerNormed = cases.filter((name) => name.startsWith("gpt"));
const rmsNormed = cases.filter((name) => name.startsWith("llama"));
const postNormed = cases.filter((name) => name.startsWith("bert"));

function logProbabilities(logits: TensorData, dVocab: number): number[] {
  const all: number[] = [];
  for (let start = 0; start < logits.length; start += dVocab) {
    const row = [...logits.subarray(start, start + dVocab)];
    const top = Math.max(...row);
    const total = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - top), 0)) + top;
    all.push(...row.map((logit) => logit - total));
  }
  return all;
}

async function run(name: string, model: PretrainedModel) {
  validateConfig(model.config);
  const sites = await runSites(referenceBackend, model, expectedOf(name));
  return { sites, logProbabilities: logProbabilities(sites["unembed.hook_out"], model.config.dVocab) };
}

/** Largest |mean over the last axis|. */
function largestMean(values: ArrayLike<number>, width: number): number {
  let largest = 0;
  for (let start = 0; start < values.length; start += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += values[start + i];
    largest = Math.max(largest, Math.abs(sum / width));
  }
  return largest;
}

const all = (model: PretrainedModel) => centerUnembed(centerWrites(foldLayerNorm(model)));
const backwards = (model: PretrainedModel) => foldLayerNorm(centerUnembed(centerWrites(model)));

describe.each([
  ["foldLayerNorm", foldLayerNorm, [...layerNormed, ...rmsNormed]],
  ["centerWrites", centerWrites, layerNormed],
  ["centerUnembed", centerUnembed, cases],
  ["all three", all, layerNormed],
  ["all three, folding last", backwards, layerNormed],
] as const)("%s", (_, process, names) => {
  test.each(names)("leaves the log-probabilities of %s as they were", async (name) => {
    const model = await loadModel(folderOf(name));
    const before = structuredClone({ config: model.config, weights: model.weights });
    const after = process(model);
    expect(model.config).toEqual(before.config);
    for (const [weight, values] of Object.entries(before.weights))
      expect(worst(model.weights[weight], values), weight).toBe(0);
    const [old, now] = [await run(name, model), await run(name, after)];
    expect(worst(now.logProbabilities, old.logProbabilities)).toBeLessThan(TOLERANCE);
  });
});

test("a model says what was done to it, in order, and nothing is done twice", async () => {
  const model = await loadModel(folderOf("gpt2"));
  expect(model.processing).toEqual([]);
  expect(all(model).processing).toEqual(["foldLayerNorm", "centerWrites", "centerUnembed"]);
  expect(foldLayerNorm(model).family).toBe("gpt2");
  expect(() => foldLayerNorm(foldLayerNorm(model))).toThrow(/is done once/);
});

test("after folding, norms do nothing beyond dividing, and what they divide is as before", async () => {
  for (const name of [...layerNormed, ...rmsNormed]) {
    const model = await loadModel(folderOf(name));
    const folded = foldLayerNorm(model);
    for (const [weight, values] of Object.entries(folded.weights)) {
      if (/ln\d?(_final)?\.w$/.test(weight)) expect(new Set(values), weight).toEqual(new Set([1]));
      if (/ln\d?(_final)?\.b$/.test(weight)) expect(new Set(values), weight).toEqual(new Set([0]));
    }
    const [old, now] = [await run(name, model), await run(name, folded)];
    for (const site of ["blocks.1.ln2.hook_normalized", "ln_final.hook_normalized", "blocks.1.attn.hook_q"])
      expect(worst(now.sites[site], old.sites[site]), `${name} ${site}`).toBeLessThan(TOLERANCE);
  }
});

test("after centring, the stream has mean 0 at every site, and logits have mean 0", async () => {
  for (const name of layerNormed) {
    const model = await loadModel(folderOf(name));
    const { dModel, dVocab } = model.config;
    const { sites } = await run(name, centerUnembed(centerWrites(foldLayerNorm(model))));
    for (const [site, values] of Object.entries(sites))
      if (/embed$|resid|_out$/.test(site) && site !== "unembed.hook_out")
        expect(largestMean(values, dModel), `${name} ${site}`).toBeLessThan(TOLERANCE);
    expect(largestMean(sites["unembed.hook_out"], dVocab)).toBeLessThan(TOLERANCE);
    expect(largestMean((await run(name, model)).sites["blocks.0.hook_resid_pre"], dModel)).toBeGreaterThan(
      0.1,
    );
  }
});

test("centring what is written is refused where a norm sees the mean, or writes the stream itself", async () => {
  for (const name of rmsNormed) {
    const model = await loadModel(folderOf(name));
    expect(() => centerWrites(model)).toThrow(
      'centerWrites: needs norms that subtract the mean; an RMS norm sees it; got normKind "rmsNorm".',
    );
  }
  for (const name of postNormed) {
    const model = await loadModel(folderOf(name));
    for (const process of [foldLayerNorm, centerWrites])
      expect(() => process(model)).toThrow(
        /after a sum, the norm writes the stream itself; got normalization "post"/,
      );
  }
});

test("centring an RMS-normed model's writes would change what it predicts: the refusal has its reason", async () => {
  const name = "llama-grouped-sharded";
  const model = await loadModel(folderOf(name));
  const disguised = {
    ...model,
    config: { ...model.config, normKind: "layerNorm" as const, biases: false as const },
  };
  const centred = { ...centerWrites(disguised), config: model.config };
  const [old, now] = [await run(name, model), await run(name, centred)];
  expect(worst(now.logProbabilities, old.logProbabilities)).toBeGreaterThan(0.01);
});
