import { expect, test } from "vitest";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import { headClasses } from "../../src/interp/headClasses.ts";
import { headPlaces, headScoreNull } from "../../src/interp/headNull.ts";
import { headScoreNames, headScores, patternScores } from "../../src/interp/headScores.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { repeatedTokens } from "../../src/interp/repeatedTokens.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialPopulation, initialWeights } from "../../src/model/init.ts";
import { type Weights, weightShapes } from "../../src/model/weights.ts";
import { clopperPearson } from "../../src/stats/intervals.ts";
import { backends } from "./networks.ts";
import { arrayOf, patternOf, planted, plantedTokens } from "./plantedHeads.ts";

/** Softmax leaves e^-SHARP on a key that was not meant. */
const SHARP = 30;
/** Far above that, far below any effect. */
const LEFT_OVER = 1e-6;

const initOf = (config: ModelConfig) => (stream: RandomStream) =>
  initialWeights(config, { scheme: "pytorch" }, stream);

/** The stream holds position, token and the token before, each one-hot. */
const [POS, VOCAB] = [8, 6];
const built: ModelConfig = {
  ...presets.causal,
  nLayers: 2,
  nHeads: 2,
  dModel: POS + 2 * VOCAB,
  dHead: POS,
  dVocab: VOCAB,
  nCtx: POS,
  normalization: "none",
  attnOnly: true,
  biases: false,
};

/**
 * L0H0 reads the token before into the stream, L0H1 does nothing, L1H0 looks for its token among the tokens before
 * (induction), L1H1 looks at the first position.
 */
function builtWeights(): Weights {
  const weights = Object.fromEntries(
    [...weightShapes(built)].map(([name, shape]) => [
      name,
      new Float32Array(shape.reduce((a, b) => a * b, 1)),
    ]),
  );
  const { dModel, dHead } = built;
  const put = (name: string, columns: number, row: number, column: number, value: number) => {
    weights[name][row * columns + column] = value;
  };
  for (let token = 0; token < VOCAB; token++) put("embed.W_E", dModel, token, POS + token, 1);
  for (let pos = 0; pos < POS; pos++) put("pos_embed.W_pos", dModel, pos, pos, 1);
  const sharp = SHARP * Math.sqrt(dHead);
  const into = (layer: number, head: number, letter: "Q" | "K" | "V", from: number, to: number, value = 1) =>
    put(`blocks.${layer}.attn.W_${letter}`, dHead, head * dModel + from, to, value);
  for (let pos = 0; pos < POS; pos++) {
    if (pos > 0) into(0, 0, "Q", pos, pos - 1, sharp);
    into(0, 0, "K", pos, pos);
    into(1, 1, "Q", pos, 0, sharp);
  }
  into(1, 1, "K", 0, 0);
  for (let token = 0; token < VOCAB; token++) {
    into(0, 0, "V", POS + token, token);
    put("blocks.0.attn.W_O", dModel, token, POS + VOCAB + token, 1);
    into(1, 0, "Q", POS + token, token, sharp);
    into(1, 0, "K", POS + VOCAB + token, token);
    into(1, 0, "K", 0, token, -1); // position 0 has no token before it, and L0H0 read its own
  }
  return weights;
}

test("a network built by hand: previous-token, induction, first-token and uniform heads are found for what they are", async () => {
  const tokens = repeatedTokens({
    dVocab: VOCAB,
    half: POS / 2,
    count: 12,
    stream: randomStream("heads", "tokens"),
  });
  const network = openNetwork(backends.wasm, built, builtWeights());
  const scores = await headScores(network, tokens);
  network.close();
  const drawn = await headScoreNull(backends.wasm, built, initOf(built), {
    draws: 239, // 24 tests at alpha 0.1
    stream: randomStream("heads", "null"),
    tokens,
  });
  const { heads, tests } = headClasses(scores, drawn, {
    stream: randomStream("heads", "resamples"),
    alpha: 0.1,
  });
  expect(tests).toBe(24);
  expect(heads.map((each) => [`L${each.layer}H${each.head}`, each.class])).toEqual([
    ["L0H0", "previous"],
    ["L0H1", "uniformity"],
    ["L1H0", "induction"],
    ["L1H1", "first"],
  ]);
  for (const each of heads) {
    const { corrected, percentile, p } = each.scores[each.class as "first"];
    for (const end of [corrected.estimate, corrected.low, corrected.high])
      expect(Math.abs(end - 1), each.class).toBeLessThan(LEFT_OVER);
    expect(percentile).toBe(1);
    expect(p).toBe(1 / 240);
  }
});

test("patterns planted by hand are classified as what they are, causal and bidirectional", async () => {
  for (const causal of [true, false]) {
    const config: ModelConfig = { ...small, causal, nHeads: 6, dVocab: 8, nCtx: 8 };
    const kinds = headScoreNames.map((name) => planted[name]);
    const pattern = patternOf(plantedTokens, kinds, causal);
    const scores = patternScores([pattern], arrayOf(plantedTokens), { causal });
    const drawn = await headScoreNull(backends.wasm, config, initOf(config), {
      draws: 359, // 36 tests at alpha 0.1
      stream: randomStream("heads", "planted"),
      tokens: plantedTokens,
    });
    const options = { stream: randomStream("heads", "planted resamples"), alpha: 0.1, resamples: 50 };
    expect(headClasses(scores, drawn, options).heads.map((each) => each.class)).toEqual([...headScoreNames]);
  }
});

/** Small enough to draw a thousand. */
const small: ModelConfig = {
  ...presets.causal,
  nLayers: 1,
  nHeads: 2,
  dModel: 4,
  dHead: 2,
  dVocab: 4,
  nCtx: 6,
  attnOnly: true,
};
const smallTokens = repeatedTokens({
  dVocab: 4,
  half: 3,
  count: 6,
  stream: randomStream("heads", "small tokens"),
});
const smallNull = await headScoreNull(backends.wasm, small, initOf(small), {
  draws: 719,
  stream: randomStream("heads", "small null"),
  tokens: smallTokens,
});
const FRESH = 300;

async function freshScores() {
  const streams = Array.from({ length: FRESH }, (_, i) => randomStream("heads", "fresh", i));
  const network = openNetwork(backends.wasm, small, initialPopulation(small, { scheme: "pytorch" }, streams));
  const scores = await headScores(network, smallTokens);
  network.close();
  return scores;
}

test("at random initialisation the share of networks with any label is within alpha, with and without the threshold", async () => {
  const scores = await freshScores();
  const alpha = 0.2;
  const labelled = (threshold: number) => {
    const stream = randomStream("heads", "fresh resamples");
    const { heads } = headClasses(scores, smallNull, { stream, alpha, threshold, resamples: 10 });
    return new Set(heads.filter((each) => each.class !== "abstain").map(({ model }) => model)).size;
  };
  const [strict, bare] = [labelled(0.5), labelled(0)];
  // an exact test that the rate is above alpha must not be able to say so, at one in a thousand
  expect(clopperPearson(bare, FRESH, 0.998).low).toBeLessThanOrEqual(alpha);
  expect(bare).toBeGreaterThan(0); // the null has something to hold
  expect(strict).toBeLessThanOrEqual(bare);
});

test("p values of fresh random heads are uniform: as many below a level as the level says", async () => {
  const places = headPlaces(await freshScores(), smallNull);
  for (const name of headScoreNames)
    for (const head of [0, 1]) {
      const own = Array.from(places[name].p.data).filter((_, i) => i % 2 === head);
      for (const level of [0.05, 0.25, 0.5, 0.75]) {
        const below = own.filter((p) => p <= level).length;
        // the null's own quantile scatters too, as if there were fewer networks
        const share = 1 / (1 + FRESH / 719);
        const { low, high } = clopperPearson(below * share, FRESH * share, 0.9999);
        expect(level, `${name} ${head}`).toBeGreaterThan(low);
        expect(level, `${name} ${head}`).toBeLessThan(high);
      }
    }
});

test("percentiles and p values count the draws below and at a score", async () => {
  const scores = await freshScores();
  const { percentile, p } = headPlaces(scores, smallNull).first;
  const draws = smallNull.sorted.first[0][1];
  expect([...draws]).toEqual([...draws].sort((a, b) => a - b));
  const value = scores.scores.first.corrected.data[2 * 7 + 1]; // head 1 of model 7
  const below = draws.filter((draw) => draw < value).length;
  expect(percentile.data[15]).toBe(below / 719);
  expect(p.data[15]).toBe((720 - below) / 720);
});

test("a null is the same however its draws are grouped: draw i alone is draw i of many", async () => {
  const of = async (draws: number) =>
    headScoreNull(backends.wasm, small, initOf(small), {
      draws,
      stream: randomStream("heads", "small null"),
      tokens: smallTokens,
    });
  const alone = openNetwork(backends.wasm, small, initOf(small)(randomStream("heads", "small null", 0)));
  const expected = (await headScores(alone, smallTokens)).scores.self.corrected.data;
  alone.close();
  expect([(await of(1)).sorted.self[0][0][0], (await of(1)).sorted.self[0][1][0]]).toEqual([...expected]);
  expect((await of(65)).sorted.self[0][0]).toContain(expected[0]);
});

test("too few draws, another setting and weights of several models are errors that say what is needed", async () => {
  const scores = await freshScores();
  const options = { stream: randomStream("heads", "errors"), resamples: 1 };
  expect(() => headClasses(scores, smallNull, { ...options, alpha: 0.01 })).toThrow(
    "12 tests at alpha 0.01 need a null of at least 1199 draws",
  );
  expect(() => headPlaces({ ...scores, causal: false }, smallNull)).toThrow("only one has a causal mask");
  const other = repeatedTokens({ dVocab: 4, half: 3, count: 6, stream: randomStream("heads", "others") });
  expect(() => headPlaces({ ...scores, tokens: other }, smallNull)).toThrow("other tokens");
  const two = () =>
    initialPopulation(small, { scheme: "pytorch" }, [
      randomStream("heads", "two"),
      randomStream("heads", "three"),
    ]);
  const setting = { draws: 2, stream: randomStream("heads", "errors"), tokens: smallTokens };
  await expect(async () => headScoreNull(backends.wasm, small, two, setting)).rejects.toThrow(
    "must return the weights of one model",
  );
});

test("a score that no query has can make no class and is not counted among the tests", async () => {
  const tokens = [[0, 1, 2, 3]];
  const network = openNetwork(backends.wasm, small, initOf(small)(randomStream("heads", "once")));
  const scores = await headScores(network, tokens);
  network.close();
  const drawn = await headScoreNull(backends.wasm, small, initOf(small), {
    draws: 9,
    stream: randomStream("heads", "nine"),
    tokens,
  });
  const { heads, tests } = headClasses(scores, drawn, {
    stream: randomStream("heads", "r"),
    alpha: 0.9,
    resamples: 5,
  });
  expect(tests).toBe(8); // 2 heads × previous, first, self, uniformity
  expect(heads[0].scores.induction.corrected).toEqual({
    estimate: Number.NaN,
    low: Number.NaN,
    high: Number.NaN,
  });
  expect(heads[0].scores.previous.corrected.low).toBe(Number.NEGATIVE_INFINITY); // one sequence
});
