import { expect, test } from "vitest";
import { inTurn } from "../../src/base/inTurn.ts";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { compositionScores } from "../../src/interp/compositionScores.ts";
import { copyingScores } from "../../src/interp/copyingScores.ts";
import { ovCircuits, qkCircuits } from "../../src/interp/headCircuits.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { type WeightScores, weightNull, weightPlaces } from "../../src/interp/weightNull.ts";
import { type WeightSource, weightSource } from "../../src/interp/weightSource.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialPopulation, initialWeights } from "../../src/model/init.ts";
import { backends, tiny, weightsFor } from "./networks.ts";

const config: ModelConfig = { ...presets.causal, ...tiny };
const init = (stream: RandomStream) => initialWeights(config, { scheme: "pytorch" }, stream);
const CELLS = 5;
/** Scores that are random numbers: the first numbers of the token embedding. */
async function firstNumbers({ config: own, models, session }: WeightSource): Promise<WeightScores<"number">> {
  const all = await session.read("embed.W_E");
  const each = all.length / models;
  const data = Float64Array.from(
    { length: models * CELLS },
    (_, i) => all[Math.floor(i / CELLS) * each + (i % CELLS)],
  );
  return {
    config: own,
    setting: {},
    scores: { number: { axes: ["model", "component"], shape: [models, CELLS], data } },
  };
}

test("percentiles and p values are those of counting draws, one by one", async () => {
  const draws = 9;
  const stream = randomStream("weight null");
  const drawn = await weightNull(config, init, firstNumbers, { draws, stream });
  const population = await inTurn(
    Array.from({ length: draws }, (_, i) => i),
    async (_, i) =>
      Array.from((await firstNumbers(weightSource(config, init(stream.child(i))))).scores.number.data),
  );
  const measured = await firstNumbers(
    weightSource(
      config,
      initialPopulation(config, { scheme: "pytorch" }, [randomStream("x"), stream.child(4)]),
    ),
  );
  const { percentile, p, familywise } = weightPlaces(measured, drawn).number;
  expect(p.high.shape).toEqual([2, CELLS]);
  for (const [i, value] of measured.scores.number.data.entries()) {
    const own = population.map((one) => one[i % CELLS]);
    const share = (list: readonly number[], counts: (x: number) => boolean) =>
      (1 + list.filter(counts).length) / (1 + draws);
    expect(p.high.data[i]).toBe(share(own, (x) => x >= value));
    expect(p.low.data[i]).toBe(share(own, (x) => x <= value));
    expect(familywise.high.data[i]).toBe(
      share(
        population.map((one) => Math.max(...one)),
        (x) => x >= value,
      ),
    );
    expect(familywise.low.data[i]).toBe(
      share(
        population.map((one) => Math.min(...one)),
        (x) => x <= value,
      ),
    );
    const equal = own.filter((x) => x === value).length;
    expect(equal).toBe(i < CELLS ? 0 : 1); // the second model is the fifth draw
    expect(percentile.data[i]).toBe((own.filter((x) => x < value).length + equal / 2) / draws);
  }
});

test("a random network has a familywise p of at most α no more often than α, and so for each score", async () => {
  const [trials, draws, alpha] = [400, 19, 0.05];
  const few: ModelConfig = {
    ...config,
    ...{ nLayers: 0, dModel: 1, dHead: 1, dVocab: CELLS, positions: "none", biases: false },
  };
  const draw = (stream: RandomStream) => initialWeights(few, { scheme: "pytorch" }, stream);
  let any = 0;
  let single = 0;
  for (let trial = 0; trial < trials; trial++) {
    const stream = randomStream("weight null", "level", trial);
    const drawn = await weightNull(few, draw, firstNumbers, { draws, stream: stream.child("null") });
    const places = weightPlaces(
      await firstNumbers(weightSource(few, draw(stream.child("own")))),
      drawn,
    ).number;
    if (places.familywise.high.data.some((p) => p <= alpha)) any++;
    if (places.p.high.data[2] <= alpha) single++;
  }
  // exactly α in expectation, as 1/α is draws + 1; within four standard errors of a binomial share
  const bound = 4 * Math.sqrt((alpha * (1 - alpha)) / trials);
  for (const hits of [any, single]) expect(Math.abs(hits / trials - alpha)).toBeLessThan(bound);
});

test("an undefined score has no place", async () => {
  const drawn = await weightNull(config, init, compositionScores, { draws: 3, stream: randomStream("n") });
  const weights = weightsFor(config, 1);
  weights["blocks.1.attn.W_K"].fill(0);
  const { q, v } = weightPlaces(await compositionScores(weightSource(config, weights)), drawn);
  for (const tensor of [q.percentile, q.p.high, q.p.low, q.familywise.high])
    expect(tensor.data.every(Number.isNaN)).toBe(true);
  expect(v.percentile.data.some(Number.isNaN)).toBe(false);
});

test("a null of another config or of other options is refused", async () => {
  const other: ModelConfig = { ...config, causal: false };
  const stream = randomStream("n");
  const drawn = await weightNull(config, init, async (source) => copyingScores(source, { within: 2 }), {
    draws: 2,
    stream,
  });
  await expect(async () =>
    weightPlaces(await copyingScores(weightSource(config, weightsFor(config, 1))), drawn),
  ).rejects.toThrow(
    "null of weight scores: must be drawn for the same setting as the scores; got within 1 and 2.",
  );
  await expect(async () =>
    weightPlaces(await copyingScores(weightSource(other, weightsFor(other, 1)), { within: 2 }), drawn),
  ).rejects.toThrow("same config as the scores; got causal false and true.");
});

test("initialisations that cannot be a null are refused", async () => {
  const stream = randomStream("n");
  await expect(async () =>
    weightNull(config, () => weightsFor(config, 2), compositionScores, { draws: 1, stream }),
  ).rejects.toThrow("weight null, initFor: must return the weights of one model; got 2 models.");
  const silent = (own: RandomStream) => ({ ...init(own), "embed.W_E": new Float32Array(7 * 6) });
  await expect(async () =>
    weightNull(config, silent, async (s) => copyingScores(s), { draws: 1, stream }),
  ).rejects.toThrow("weight null, eigenvalue: must be defined in every random network; got NaN in draw 0.");
  await expect(async () => weightNull(config, init, compositionScores, { draws: 0, stream })).rejects.toThrow(
    "at least 1; got 0",
  );
});

test("a network and its bare weights give the same circuits, after a write the new ones", async () => {
  const [before, after] = [weightsFor(config, 2), weightsFor(config, 2, 1)];
  const network = openNetwork(backends.wasm, config, before);
  expect(await compositionScores(network)).toEqual(await compositionScores(weightSource(config, before)));
  network.writeWeights(after);
  expect(await ovCircuits(network, { from: "tokens" })).toEqual(
    await ovCircuits(weightSource(config, after), { from: "tokens" }),
  );
  network.close();
});

test("weights that are not finite, inputs that a model has not and indices out of range are refused", async () => {
  const weights = weightsFor(config, 2);
  weights["blocks.1.attn.W_V"][weights["blocks.1.attn.W_V"].length / 2] = Number.NaN;
  const source = weightSource(config, weights);
  await expect(async () => copyingScores(source)).rejects.toThrow(
    'weight "blocks.1.attn.W_V" of model 1: must be finite; got NaN. A network that diverged has no circuits: leave it out of `models`.',
  );
  expect(await ovCircuits(source, { models: 0 })).toHaveLength(4);
  await expect(async () => ovCircuits(source, { layers: 2 })).rejects.toThrow(
    "circuits, layers: must be a whole number, 0 to 1; got 2.",
  );
  await expect(async () => qkCircuits(source, { key: "logits" as "tokens" })).rejects.toThrow(
    "circuit, input",
  );
  await expect(async () => ovCircuits(source, { models: 0, to: "tokens" as "logits" })).rejects.toThrow(
    "OV circuit, to",
  );
  const nowhere: ModelConfig = { ...config, positions: "none" };
  await expect(async () =>
    qkCircuits(weightSource(nowhere, weightsFor(nowhere, 1)), { query: "positions" }),
  ).rejects.toThrow('circuit, positions: need a model with position embeddings; got positions "none".');
});
