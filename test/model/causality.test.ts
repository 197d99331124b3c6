import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { scale } from "../../src/graph/build.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/init.ts";
import { configGrid } from "./configs.ts";
import { runModel } from "./runModel.ts";

const weightsOf = (config: ModelConfig) =>
  initialWeights(config, { scheme: "pytorch" }, randomStream("causality test"));

/** Logits of every position for a row of tokens, [pos][dVocab]. */
async function logitsByPosition(config: ModelConfig, row: number[]): Promise<number[][]> {
  const { logits } = await runModel(config, weightsOf(config), { tokens: [row] });
  return row.map((_, pos) => Array.from(logits.slice(pos * config.dVocab, (pos + 1) * config.dVocab)));
}

test("in a causal model no bit of a logit depends on a later token", async () => {
  for (const config of configGrid().filter((c) => c.causal && c.nLayers > 0)) {
    const before = await logitsByPosition(config, [1, 0, 2, 3]);
    const after = await logitsByPosition(config, [1, 0, 3, 3]);
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after[2]).not.toEqual(before[2]);
  }
});

test("without the mask an earlier logit does depend on a later token", async () => {
  const before = await logitsByPosition(presets.original, [1, 0, 2, 3]);
  const after = await logitsByPosition(presets.original, [1, 0, 3, 3]);
  expect(after[0]).not.toEqual(before[0]);
});

test("without attention a logit depends on its own token alone", async () => {
  const config = { ...presets.causal, causal: false, mlpOnly: true };
  const before = await logitsByPosition(config, [1, 0, 2, 3]);
  const after = await logitsByPosition(config, [1, 0, 3, 3]);
  expect([after[0], after[1], after[3]]).toEqual([before[0], before[1], before[3]]);
});

test("the scores that the mask hides are minus infinity and their pattern is exactly zero", async () => {
  const { sites } = await runModel(presets.causal, weightsOf(presets.causal), { tokens: [[1, 0, 2]] });
  const hidden = [1, 2, 5]; // (query, key) = (0,1), (0,2), (1,2) of the first head
  for (const at of hidden) {
    expect(sites["blocks.0.attn.hook_attn_scores"][at]).toBe(Number.NEGATIVE_INFINITY);
    expect(sites["blocks.0.attn.hook_pattern"][at]).toBe(0);
  }
});

test("the stream that a block leaves behind is the one the next block reads", async () => {
  for (const config of configGrid().filter((c) => c.nLayers === 2)) {
    const { sites } = await runModel(config, weightsOf(config), { tokens: [[1, 0, 2]] });
    expect(sites["blocks.1.hook_resid_pre"]).toEqual(sites["blocks.0.hook_resid_post"]);
  }
});

test("a replaced activation is what the rest of the model goes on with", async () => {
  const config = presets.gpt;
  const weights = weightsOf(config);
  const tokens = [[1, 0, 2]];
  const cut = await runModel(config, weights, {
    tokens,
    at: (name, node) => (name === "blocks.1.hook_attn_out" ? scale(node, 0) : node),
  });
  // with nothing added, the stream in the middle of the block is the stream before it
  expect(cut.sites["blocks.1.hook_resid_mid"]).toEqual(cut.sites["blocks.1.hook_resid_pre"]);
  expect(cut.logits).not.toEqual((await runModel(config, weights, { tokens })).logits);
});
