import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { copyingScores } from "../../src/interp/copyingScores.ts";
import { collapse } from "../../src/interp/factoredMatrix.ts";
import { ovCircuits } from "../../src/interp/headCircuits.ts";
import { weightNull, weightPlaces } from "../../src/interp/weightNull.ts";
import { weightSource } from "../../src/interp/weightSource.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { type InitSchemeName, initialPopulation, initialWeights } from "../../src/model/init.ts";
import { tiny, weightsFor } from "./networks.ts";
import { previousTokenCopier } from "./planted.ts";

const FLOAT64 = 1e-12;
const SIZE = 4;
/** Tokens are read off the dimensions that they are written to. */
const bare: ModelConfig = {
  ...presets.causal,
  ...{ nLayers: 1, nHeads: 4, dModel: SIZE, dHead: SIZE, dVocab: SIZE },
  ...{ normalization: "none", attnOnly: true, biases: false },
};
const identity = Float32Array.from({ length: SIZE * SIZE }, (_, i) => (i % (SIZE + 1) === 0 ? 1 : 0));

test("a head that copies scores 1, one that lowers what it sees −1, one that turns tokens about in between", async () => {
  const cycle = Float32Array.from(identity, (_, i) =>
    i % SIZE === (Math.floor(i / SIZE) + 1) % SIZE ? 1 : 0,
  );
  const weights = {
    ...weightsFor(bare, 1),
    "embed.W_E": identity,
    "unembed.W_U": identity,
    "blocks.0.attn.W_V": new Float32Array([...identity, ...identity, ...cycle, ...new Float32Array(16)]),
    "blocks.0.attn.W_O": new Float32Array([
      ...identity,
      ...identity.map((x) => -x),
      ...identity,
      ...identity,
    ]),
  };
  const { eigenvalue, diagonal } = (await copyingScores(weightSource(bare, weights))).scores;
  // of the cycle, the fourth roots of unity: 1 + i − 1 − i over 4
  for (const [head, score] of [1, -1, 0].entries())
    expect(Math.abs(eigenvalue.data[head] - score)).toBeLessThan(FLOAT64);
  // a head that writes nothing has no eigenvalue score; its logits are all equal, and one of four is the token's
  expect(eigenvalue.data[3]).toBeNaN();
  expect([...diagonal.data]).toEqual([1, 0, 0, 1 / SIZE]);
  // below the diagonal of the second head's rows are three zeros that share the first three places
  const { data } = (await copyingScores(weightSource(bare, weights), { within: 2 })).scores.diagonal;
  expect([...data]).toEqual([1, 0, 1 / 3, 2 / SIZE]);
  const one = (await copyingScores(weightSource(bare, weights), { tokens: [2] })).scores.diagonal;
  expect([...one.data]).toEqual([1, 0, 0, 1 / SIZE]);
});

test("the planted head of a whole network copies, and exceeds random networks", async () => {
  const network = previousTokenCopier();
  const { config } = network;
  const found = await copyingScores(network);
  const which = 1; // L0H1
  expect(found.scores.eigenvalue.data[which]).toBe(1);
  expect(found.scores.diagonal.data[which]).toBe(1);
  const drawn = await weightNull(
    config,
    (stream) => initialWeights(config, { scheme: "pytorch" }, stream),
    async (source) => copyingScores(source),
    { draws: 99, stream: randomStream("copying", "null") },
  );
  const { diagonal, eigenvalue } = weightPlaces(found, drawn);
  expect(diagonal.p.high.data[which]).toBeLessThan(0.05);
  expect(eigenvalue.percentile.data[which]).toBeGreaterThan(0.9);
  network.close();
});

const schemes: InitSchemeName[] = ["pytorch", "gpt2", "orthogonal"];
test.each(schemes)("%s: over random networks the scores have the expectations stated", async (scheme) => {
  const architectures: Partial<ModelConfig>[] = [
    { normalization: "pre", finalNorm: true },
    { normalization: "post", tiedUnembed: true },
    { normalization: "post", attention: "parameterFree" },
  ];
  for (const architecture of architectures) {
    const config: ModelConfig = {
      ...{ ...presets.causal, ...tiny, ...architecture },
      ...{ attnOnly: true, nCtx: 1 }, // what is not measured is small
    };
    const networks = 100;
    const streams = Array.from({ length: networks }, (_, i) => randomStream("copying", scheme, i));
    const source = weightSource(config, initialPopulation(config, { scheme }, streams));
    const { scores, atRandom } = await copyingScores(source, { within: 2 });
    expect(atRandom.eigenvalue).toBe(0);
    expect(atRandom.diagonal).toBe(config.tiedUnembed ? undefined : 2 / 7);
    for (const name of ["eigenvalue", "diagonal"] as const) {
      const expected = atRandom[name];
      if (expected === undefined) continue;
      const means = Array.from({ length: networks }, (_, i) => {
        const own = Array.from(scores[name].data.subarray(i * 4, (i + 1) * 4));
        return own.reduce((sum, x) => sum + x, 0) / 4;
      });
      const mean = means.reduce((a, b) => a + b) / networks;
      const error = Math.sqrt(means.reduce((s, x) => s + (x - mean) ** 2, 0) / (networks - 1) / networks);
      // 15 comparisons of seeds chosen once: four standard errors
      expect(Math.abs(mean - expected) / error, `${name} ${JSON.stringify(architecture)}`).toBeLessThan(4);
    }
  }
});

test("tied and parameter-free without norms, every head copies by architecture, and no expectation is stated", async () => {
  const config: ModelConfig = {
    ...presets["original-minigpt"],
    ...tiny,
    ...{ normalization: "none", tiedUnembed: true },
  };
  const { scores, atRandom } = await copyingScores(weightSource(config, weightsFor(config, 3)));
  expect(atRandom).toEqual({ eigenvalue: undefined, diagonal: undefined });
  for (const score of scores.eigenvalue.data) expect(Math.abs(score - 1)).toBeLessThan(FLOAT64);
});

test("the eigenvalue score's numerator is the trace of the full OV circuit", async () => {
  const config: ModelConfig = { ...presets.gpt, ...tiny, dHead: 1, nHeads: 6 };
  const source = weightSource(config, weightsFor(config, 2));
  const { data } = (await copyingScores(source)).scores.eigenvalue;
  // with one dimension a head has one eigenvalue, the trace, and the score is its sign
  for (const [i, { matrix }] of (await ovCircuits(source, { from: "tokens", to: "logits" })).entries()) {
    const full = collapse(matrix);
    const trace = Array.from({ length: full.rows }, (_, t) => full.data[t * full.columns + t]).reduce(
      (a, b) => a + b,
    );
    expect(data[i]).toBe(Math.sign(trace));
  }
});

test("options and models that make no sense are refused", async () => {
  const source = weightSource(bare, weightsFor(bare, 1));
  await expect(async () => copyingScores(source, { within: 5 })).rejects.toThrow(
    "within: must be a whole number, 1 to 4; got 5.",
  );
  await expect(async () => copyingScores(source, { tokens: [4] })).rejects.toThrow(
    "must be a whole number, 0 to 3; got 4.",
  );
  await expect(async () => copyingScores(source, { norms: "fold" as "folded" })).rejects.toThrow(
    'Nearest: "folded".',
  );
  const mlps: ModelConfig = { ...bare, attnOnly: false, mlpOnly: true };
  await expect(async () => copyingScores(weightSource(mlps, weightsFor(mlps, 1)))).rejects.toThrow(
    "got mlpOnly.",
  );
});
