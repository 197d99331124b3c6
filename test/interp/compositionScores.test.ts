import { expect, test } from "vitest";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { compositionScores } from "../../src/interp/compositionScores.ts";
import { weightNull, weightPlaces } from "../../src/interp/weightNull.ts";
import { weightSource } from "../../src/interp/weightSource.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { type InitSchemeName, initialPopulation, initialWeights } from "../../src/model/init.ts";
import { tiny, weightsFor } from "./networks.ts";

/** Squares of scores are summed from float64 products; the score of 0 is good to the root of a rounding. */
const ROOT = 1e-7;
const kinds = ["q", "k", "v"] as const;

/** Four blocks of the stream: tokens, the previous token, and two that nobody reads. */
const SIZE = 4;
const [TOKEN, PREVIOUS] = [0, SIZE];
const planted: ModelConfig = {
  ...presets.causal,
  ...{
    nLayers: 2,
    nHeads: 4,
    dModel: 8 * SIZE,
    dHead: SIZE,
    dVocab: SIZE,
    attnOnly: true,
    normalization: "none",
    biases: false,
  },
};

/** Random heads but two: L0H1 copies the token into the block of the previous token, L1H2 looks there for its own token. */
function inductionPair() {
  const weights = initialWeights(planted, { scheme: "pytorch" }, randomStream("composition", "planted"));
  const set = (name: string, head: number, across: boolean, block: number) => {
    const [rows, columns] = across ? [SIZE, planted.dModel] : [planted.dModel, SIZE];
    const own = weights[name].subarray(head * rows * columns, (head + 1) * rows * columns).fill(0);
    for (let i = 0; i < SIZE; i++) own[across ? i * columns + block + i : (block + i) * columns + i] = 1;
  };
  set("blocks.0.attn.W_V", 1, false, TOKEN);
  set("blocks.0.attn.W_O", 1, true, PREVIOUS);
  set("blocks.1.attn.W_Q", 2, false, TOKEN);
  set("blocks.1.attn.W_K", 2, false, PREVIOUS);
  return weightSource(planted, weights);
}

test("a previous-token head and the head whose keys read what it wrote stand out, and no other pair does", async () => {
  const found = await compositionScores(inductionPair());
  const pair = found.components.indexOf("L0H1>L1H2");
  expect(found.pairs[pair]).toEqual({ sender: { layer: 0, head: 1 }, receiver: { layer: 1, head: 2 } });
  // both matrices are identities of SIZE dimensions: √SIZE / (√SIZE √SIZE)
  expect(Math.abs(found.scores.k.data[pair] - 1 / Math.sqrt(SIZE))).toBeLessThan(ROOT);
  // queries read the token block, where L0H1 did not write
  expect(found.scores.q.data[pair]).toBeLessThan(ROOT);
  const drawn = await weightNull(
    planted,
    (stream) => initialWeights(planted, { scheme: "pytorch" }, stream),
    compositionScores,
    { draws: 49, stream: randomStream("composition", "null") },
  );
  const places = weightPlaces(found, drawn);
  const beyond = kinds.flatMap((kind) =>
    found.components
      .filter((_, i) => places[kind].familywise.high.data[i] <= 0.05)
      .map((name) => `${kind} ${name}`),
  );
  expect(beyond).toEqual(["k L0H1>L1H2"]);
  expect(places.k.percentile.data[pair]).toBe(1);
});

test("heads that share a subspace fully score by its dimension, heads that share none score 0", async () => {
  const weights = initialWeights(planted, { scheme: "pytorch" }, randomStream("composition", "orthogonal"));
  // senders write to the upper half of the stream, receivers read the lower half
  const half = planted.dModel / 2;
  weights["blocks.0.attn.W_O"].forEach((_, i, all) => {
    if (i % planted.dModel >= half) all[i] = 0;
  });
  for (const letter of ["Q", "K", "V"])
    weights[`blocks.1.attn.W_${letter}`].forEach((_, i, all) => {
      if (Math.floor(i / SIZE) % planted.dModel < half) all[i] = 0;
    });
  const { scores } = await compositionScores(weightSource(planted, weights));
  for (const kind of kinds) expect(Math.max(...scores[kind].data)).toBeLessThan(ROOT);
});

const schemes: InitSchemeName[] = ["pytorch", "gpt2", "xavier-uniform", "orthogonal"];
test.each(schemes)(
  "%s: the mean square over random networks is 1/dModel, with norms of any kind",
  async (scheme) => {
    const networks = 60;
    for (const normalization of ["none", "pre", "post"] as const) {
      const config: ModelConfig = {
        ...{ ...presets.causal, ...tiny, normalization },
        ...{ nLayers: 3, attnOnly: true, dVocab: 2, nCtx: 1 }, // what is not measured is small
      };
      const streams = Array.from({ length: networks }, (_, i) => randomStream("composition", scheme, i));
      const found = await compositionScores(
        weightSource(config, initialPopulation(config, { scheme }, streams)),
      );
      expect(found.atRandom).toBe(1 / Math.sqrt(tiny.dModel));
      for (const kind of kinds) {
        const squares = Array.from({ length: networks }, (_, model) => {
          const own = Array.from(found.scores[kind].data.subarray(model * 12, (model + 1) * 12));
          return own.reduce((sum, score) => sum + score * score, 0) / 12;
        });
        const mean = squares.reduce((a, b) => a + b) / networks;
        const spread = squares.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (networks - 1);
        // 36 comparisons of seeds chosen once: four standard errors. Orthogonal heads of a layer add up to the identity,
        // so that their mean is 1/dModel in every network, up to float32 weights.
        const error = Math.max(Math.sqrt(spread / networks), 1e-7);
        expect(Math.abs(mean - 1 / tiny.dModel) / error, `${normalization} ${kind}`).toBeLessThan(4);
      }
    }
  },
);

test("scores lie in [0, 1] and do not change with the size of any head's matrices", async () => {
  const config: ModelConfig = { ...presets.gpt, ...tiny };
  const weights = weightsFor(config, 2);
  const louder = Object.fromEntries(
    Object.entries(weights).map(([name, values]) => [
      name,
      /attn\.W_/.test(name) ? values.map((value) => 8 * value) : values,
    ]),
  );
  const [a, b] = await inTurn(
    [weights, louder],
    async (own) => (await compositionScores(weightSource(config, own))).scores,
  );
  for (const kind of kinds) {
    expect(Math.min(...a[kind].data)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...a[kind].data)).toBeLessThanOrEqual(1);
    expect(b[kind].data).toEqual(a[kind].data); // a power of two moves no digit
  }
});

test("a head of zeros has no score, and that is NaN for its pairs only", async () => {
  const weights = weightsFor(planted, 1);
  weights["blocks.0.attn.W_V"].fill(0, 0, planted.dModel * SIZE);
  const { scores, pairs } = await compositionScores(weightSource(planted, weights));
  for (const kind of kinds)
    for (const [i, { sender }] of pairs.entries())
      expect(Number.isNaN(scores[kind].data[i])).toBe(sender.head === 0);
});

test("models without two layers of heads are refused", async () => {
  const of = (changes: Partial<ModelConfig>) => {
    const config: ModelConfig = { ...presets.causal, ...tiny, ...changes };
    return async () => compositionScores(weightSource(config, weightsFor(config, 1)));
  };
  await expect(of({ nLayers: 1 })).rejects.toThrow(
    "composition scores: need heads in at least two layers; got 1.",
  );
  await expect(of({ nLayers: 0 })).rejects.toThrow(
    "weight circuits of heads: need a model with attention; got nLayers 0.",
  );
  await expect(of({ mlpOnly: true })).rejects.toThrow("need a model with attention; got mlpOnly.");
});
