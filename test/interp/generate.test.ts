import { expect, test } from "vitest";
import { randomStream } from "../../src/base/random.ts";
import { drawToken, generate } from "../../src/interp/generate.ts";
import { openNetwork } from "../../src/interp/network.ts";
import { forward } from "../../src/interp/run.ts";
import { stackWeights, weightsOfModel } from "../../src/model/weights.ts";
import { chiSquared, chiSquaredLimit } from "../data/chiSquared.ts";
import { backends, configs, networkOf, weightsFor } from "./networks.ts";

const config = configs.gpt;
const prompts = [
  [0, 1, 2],
  [6, 5, 5],
];
const stream = (model: number, row: number) => randomStream("generate", model, row);
const rowsOf = ({ data, pos }: { data: Int32Array; pos: number }) =>
  Array.from({ length: data.length / pos }, (_, row) => Array.from(data.slice(row * pos, (row + 1) * pos)));

test("temperature 0 is the loop of argmax over the last nCtx tokens, for every model, on both backends", async () => {
  for (const backend of ["reference", "wasm"] as const) {
    const network = networkOf("gpt", { backend });
    const rows = rowsOf(
      await generate(network, prompts, { count: 9, temperature: 0, stream: () => randomStream("unused") }),
    );
    expect(rows.length).toBe(network.models * prompts.length);
    for (const [row, made] of rows.entries()) {
      const model = Math.floor(row / prompts.length);
      const plain = [...prompts[row % prompts.length]];
      for (let step = 0; step < 9; step++) {
        // 3 + 9 tokens, of which the model sees six at a time
        const { data, shape } = await forward(network, [plain.slice(-config.nCtx)]);
        const [, , pos, dVocab] = shape;
        const last = Array.from(data.subarray((model * pos + pos - 1) * dVocab, (model + 1) * pos * dVocab));
        plain.push(last.indexOf(Math.max(...last)));
      }
      expect(made).toEqual(plain);
    }
    network.close();
  }
});

test("draws follow the softmax of the logits", () => {
  const draws = 20_000;
  const logits = [1.2, -0.3, 0.4, 2.1, 0, -1.5, 0.7, 1.9, -0.8];
  for (const [temperature, topK] of [
    [1, 9],
    [0.5, 9],
    [3, 9],
  ]) {
    const weights = logits.map((logit) => Math.exp(logit / temperature));
    const total = weights.reduce((a, b) => a + b, 0);
    const source = randomStream("draws", String(temperature));
    const counts = new Array(logits.length).fill(0);
    for (let i = 0; i < draws; i++) counts[drawToken(logits, { temperature, topK }, source)]++;
    const expected = weights.map((weight) => (draws * weight) / total);
    expect(chiSquared(counts, expected)).toBeLessThan(chiSquaredLimit[8]);
  }
});

test("of topK tokens the likeliest are drawn and no other, among equals those with lower numbers", () => {
  const logits = [0, 3, 3, 3, 1];
  const source = randomStream("top");
  const drawn = (topK: number) =>
    new Set(Array.from({ length: 400 }, () => drawToken(logits, { topK }, source)));
  expect([...drawn(1)]).toEqual([1]);
  expect([...drawn(2)].sort()).toEqual([1, 2]);
  expect([...drawn(4)].sort()).toEqual([1, 2, 3, 4]);
  expect(drawToken([2, 5, 5], { temperature: 0 }, source)).toBe(1);
  // far above what exp can hold
  expect(drawToken([-1e4, 1e4, Number.NEGATIVE_INFINITY], {}, source)).toBe(1);
});

test("a sequence is the same alone and beside others, whatever models stand beside its own", async () => {
  const weights = weightsFor(config, 3);
  const whole = openNetwork(backends.wasm, config, weights);
  const rows = rowsOf(await generate(whole, prompts, { count: 12, stream }));
  whole.close();
  const single = openNetwork(
    backends.wasm,
    config,
    stackWeights(config, [weightsOfModel(config, weights, 2)]),
  );
  const [alone] = rowsOf(await generate(single, [prompts[1]], { count: 12, stream: () => stream(2, 1) }));
  single.close();
  expect(alone).toEqual(rows[2 * prompts.length + 1]);
  expect(alone.slice(0, 3)).toEqual(prompts[1]);
  expect(new Set(rows.map((row) => row.join())).size).toBeGreaterThan(2);
});

test("a prompt may be longer than the context, and none may be empty", async () => {
  const network = networkOf("gpt", { models: 1 });
  const long = [[0, 1, 2, 3, 4, 5, 6, 0, 1, 2]];
  const options = { count: 3, temperature: 0, stream };
  const [made] = rowsOf(await generate(network, long, options));
  const [short] = rowsOf(await generate(network, [long[0].slice(-config.nCtx)], options));
  expect(made.slice(-3)).toEqual(short.slice(-3));
  await expect(generate(network, [[]], options)).rejects.toThrow("tokens, positions");
  await expect(generate(network, [[7]], options)).rejects.toThrow("must be a whole number, 0 to 6; got 7");
  network.close();
});

test("a model that looks ahead and logits that are no numbers are refused", async () => {
  const network = networkOf("original", { models: 1 });
  await expect(generate(network, [[0]], { count: 1, stream })).rejects.toThrow("needs a causal model");
  network.close();
  const source = randomStream("refused");
  const none = Number.NEGATIVE_INFINITY;
  for (const logits of [
    [0, Number.NaN],
    [Number.POSITIVE_INFINITY, 0],
    [none, none],
  ])
    expect(() => drawToken(logits, {}, source)).toThrow("logits must be numbers, the largest of them finite");
  expect(() => drawToken([0, 1], { temperature: -1 }, source)).toThrow("temperature");
  expect(() => drawToken([0, 1], { topK: 0 }, source)).toThrow("topK");
});
