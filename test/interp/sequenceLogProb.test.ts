import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { logProbabilities } from "../../src/interp/metrics.ts";
import { type Network, openNetwork } from "../../src/interp/network.ts";
import { forward } from "../../src/interp/run.ts";
import { sequenceLogProb } from "../../src/interp/sequenceLogProb.ts";
import { stackWeights } from "../../src/model/weights.ts";
import { bigramModel, logOf } from "./bigram.ts";
import { backends, configs, networkOf, weightsFor } from "./networks.ts";

/** float32 logits of size 1, summed over at most ten tokens. */
const TOLERANCE = 1e-5;

const first = logOf([
  [1, 2, 5, 2],
  [4, 4, 1, 1],
  [1, 1, 1, 7],
  [3, 1, 3, 3],
]);
const second = logOf([
  [5, 5, 5, 5],
  [1, 2, 3, 4],
  [4, 3, 2, 1],
  [9, 1, 9, 1],
]);
const sequences = [
  [0, 1, 2, 3],
  [2, 3],
  [3, 3, 3, 0, 0, 1, 2, 1, 1, 0, 2],
  [0, 1, 2, 3],
  [1, 0, 2],
];

function bigrams(backend: keyof typeof backends): Network {
  const [one, other] = [bigramModel(first, 10), bigramModel(second, 10)];
  return openNetwork(backends[backend], one.config, stackWeights(one.config, [one.weights, other.weights]));
}

test("a bigram model gives every sequence the sum of its known log probabilities, on every backend", async () => {
  for (const backend of ["reference", "wasm"] as const)
    for (const given of [1, 2]) {
      const network = bigrams(backend);
      const longer = sequences.filter((sequence) => sequence.length > given);
      const { sums, tokens, counts } = await sequenceLogProb(network, longer, { given });
      [first, second].forEach((table, model) => {
        longer.forEach((sequence, at) => {
          const known = sequence.slice(given).map((token, i) => table[sequence[given + i - 1]][token]);
          const sum = known.reduce((total, value) => total + value, 0);
          expect(Math.abs(sums[model * longer.length + at] - sum)).toBeLessThan(TOLERANCE);
          expect(counts[at]).toBe(known.length);
          known.forEach((value, i) => {
            expect(Math.abs(tokens[at][model * known.length + i] - value)).toBeLessThan(TOLERANCE);
          });
        });
      });
      network.close();
    }
});

test("equal sequences tie exactly, and progress counts the different ones", async () => {
  const network = networkOf("gpt");
  const heard: string[] = [];
  const some = [
    [0, 1, 2],
    [6, 5],
    [0, 1, 2],
    [3, 2, 1, 0],
  ];
  const { sums, tokens } = await sequenceLogProb(network, some, {
    onProgress: (done, total) => heard.push(`${done}/${total}`),
  });
  expect(sums[0]).toBe(sums[2]);
  expect(tokens[0]).toBe(tokens[2]);
  expect([heard[0], heard.at(-1)]).toEqual(["0/3", "3/3"]);
  network.close();
});

test("a score is that of the logits of the sequence run alone, whatever it is filled up with and runs beside", async () => {
  for (const name of ["gpt", "causal", "original-minigpt"] as const) {
    const config = { ...configs[name], nCtx: 20 };
    const network = openNetwork(backends.wasm, config, weightsFor(config, 2));
    const stream = randomStream("sequences", name);
    const many = Array.from({ length: 70 }, (_, i) =>
      Array.from({ length: 2 + (i % 20) }, () => stream.integer(config.dVocab)),
    );
    const { sums } = await sequenceLogProb(network, many);
    for (const at of [0, 1, 7, 18, 19, 69]) {
      const inputs = many[at].slice(0, -1);
      const { data } = await forward(network, [inputs]);
      for (let model = 0; model < 2; model++) {
        let alone = 0;
        inputs.forEach((_, pos) => {
          const from = (model * inputs.length + pos) * config.dVocab;
          alone += logProbabilities(data.subarray(from, from + config.dVocab))[many[at][pos + 1]];
        });
        expect(Math.abs(sums[model * many.length + at] - alone)).toBeLessThan(TOLERANCE);
      }
    }
    network.close();
  }
});

test("what has no probability is refused by name", async () => {
  const network = networkOf("gpt"); // nCtx 6, 7 tokens
  const masked = networkOf("original");
  const refused = (asked: Network, some: number[][], given?: number) =>
    expect(sequenceLogProb(asked, some, { given })).rejects;
  await refused(masked, [[0, 1]]).toThrow("needs a causal model; one that looks ahead (BERT)");
  await refused(network, [[0, 1], [2]]).toThrow("sequence 1: must be longer than the 1 given; got 1 tokens.");
  await refused(network, [[0, 1, 2]], 3).toThrow("must be longer than the 3 given");
  await refused(network, [[0, 1, 2]], 0).toThrow("tokens given: must be a whole number, at least 1; got 0.");
  await refused(network, [new Array(8).fill(0)]).toThrow(
    "reads 6 positions and predicts one more; got 8 tokens",
  );
  await refused(network, [[0, 7]]).toThrow("knows the tokens 0 to 6; got 7.");
  expect((await sequenceLogProb(network, [new Array(7).fill(0)])).counts).toEqual(Int32Array.of(6));
  expect((await sequenceLogProb(network, [])).sums.length).toBe(0);
  network.close();
  masked.close();
});
