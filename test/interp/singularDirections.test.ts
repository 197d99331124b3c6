import { expect, test } from "vitest";
import { inTurn } from "../../src/base/inTurn.ts";
import { randomStream } from "../../src/base/random.ts";
import { singularDirections, singularValues } from "../../src/interp/singularDirections.ts";
import { weightNull, weightPlaces } from "../../src/interp/weightNull.ts";
import { weightSource } from "../../src/interp/weightSource.ts";
import { type ModelConfig, presets } from "../../src/model/config.ts";
import { initialWeights } from "../../src/model/init.ts";
import { tiny, weightsFor } from "./networks.ts";

/** Weights are float32. */
const FLOAT32 = 1e-6;

const config: ModelConfig = {
  ...presets.causal,
  ...{
    nLayers: 1,
    nHeads: 2,
    dModel: 12,
    dHead: 4,
    dMlp: 20,
    dVocab: 9,
    normalization: "none",
    biases: false,
  },
};

/** Random weights, with 30 times the direction of a token's unembedding in one row or column of a matrix. */
function planted(token: number) {
  const weights = initialWeights(config, { scheme: "pytorch" }, randomStream("directions"));
  const { dModel, dVocab, dMlp, dHead } = config;
  const column = Array.from({ length: dModel }, (_, i) => weights["unembed.W_U"][i * dVocab + token]);
  const length = Math.hypot(...column);
  column.forEach((value, i) => {
    const loud = (30 * value) / length;
    weights["blocks.0.mlp.W_out"][3 * dModel + i] += loud;
    weights["blocks.0.mlp.W_in"][i * dMlp + 3] -= loud;
    weights["blocks.0.attn.W_O"][(dHead + 2) * dModel + i] += loud; // of head 1
  });
  return weightSource(config, weights);
}

test("a neuron or head that writes a token's direction loudly is found, as is a neuron that reads it", async () => {
  const token = 6;
  const source = planted(token);
  const init = (stream: ReturnType<typeof randomStream>) =>
    initialWeights(config, { scheme: "pytorch" }, stream);
  for (const of of ["W_in", "W_out", "OV"] as const) {
    const heads = of === "OV" ? { heads: 1 } : {};
    const [direction] = await singularDirections(source, { of, ...heads });
    // the sign is the convention's: the token is at one end or the other
    const found = [...direction.top, ...direction.bottom].find((one) => one.token === token);
    expect([direction.top[0].token, direction.bottom[0].token]).toContain(token);
    expect(Math.abs(found?.cosine ?? 0)).toBeGreaterThan(0.95);
    expect(found?.p).toBeLessThan(0.05 / config.dVocab);
    expect(direction.share).toBeGreaterThan(0.8);
    expect(direction.head).toBe(of === "OV" ? 1 : undefined);
    expect(Math.abs(Math.hypot(...direction.direction) - 1)).toBeLessThan(FLOAT32);

    const measure = async (weights: Parameters<typeof singularValues>[0]) => singularValues(weights, { of });
    const drawn = await weightNull(config, init, measure, {
      draws: 39,
      stream: randomStream("directions", "null"),
    });
    const { value } = weightPlaces(await measure(source), drawn);
    const first = of === "OV" ? config.dHead : 0; // of head 1
    expect(value.familywise.high.data[first]).toBe(1 / 40);
    // what is planted has rank 1, and so lifts the second value no higher than the first one was (Weyl)
    const unplanted = (await measure(weightSource(config, init(randomStream("directions"))))).scores.value
      .data;
    expect((await measure(source)).scores.value.data[first + 1]).toBeLessThanOrEqual(unplanted[first]);
  }
});

test("p values of a random direction are uniform: tested by another way of drawing directions", async () => {
  // the first direction of random weights has nothing to do with the unembedding
  const small: ModelConfig = { ...config, mlpOnly: true, dModel: 4, dMlp: 6, nCtx: 1 };
  const draws = 400;
  const ps = (
    await inTurn(
      Array.from({ length: draws }, (_, i) => i),
      async (_, i) => {
        const weights = initialWeights(small, { scheme: "gpt2" }, randomStream("directions", "p", i));
        const [{ top, bottom }] = await singularDirections(weightSource(small, weights), {
          of: "W_out",
          k: 9,
        });
        expect(bottom).toEqual([...top].reverse());
        return top.find(({ token }) => token === 5)?.p as number;
      },
    )
  ).sort((a, b) => a - b);
  // Kolmogorov's bound: exceeded once in 10 000 such tests
  const distance = Math.max(...ps.map((p, i) => Math.max((i + 1) / draws - p, p - i / draws)));
  expect(distance * Math.sqrt(draws)).toBeLessThan(2.23);
});

test("directions of all models, layers and heads come in order, with values that descend", async () => {
  const both: ModelConfig = { ...presets.gpt, ...tiny };
  const source = weightSource(both, weightsFor(both, 2));
  const all = await singularDirections(source, { of: "OV", count: 3, k: 2 });
  expect(all.map(({ model, layer, head, index }) => [model, layer, head, index].join(""))).toEqual(
    ["00", "01", "10", "11"].flatMap((place) =>
      ["0", "1"].flatMap((head) => ["0", "1", "2"].map((i) => `${place}${head}${i}`)),
    ),
  );
  const { value } = (await singularValues(source, { of: "OV" })).scores;
  expect(value.axes).toEqual(["model", "layer", "head", "component"]);
  expect([...value.data]).toEqual(all.map((one) => one.value));
  const shares = all.slice(0, 3).map(({ share }) => share);
  expect(Math.abs(shares.reduce((a, b) => a + b) - 1)).toBeLessThan(1e-12);
  expect(await singularDirections(source, { of: "W_in", layers: 1, models: 1 })).toHaveLength(1);
  // pre-LN reads no mean: one dimension of six is gone
  expect((await singularValues({ ...source, config: both }, { of: "W_in" })).scores.value.shape).toEqual([
    2, 2, 5,
  ]);
});

test("a matrix of zeros has values 0, and a column of zeros no cosine", async () => {
  const weights = weightsFor(config, 1);
  weights["blocks.0.mlp.W_out"].fill(0);
  weights["unembed.W_U"].fill(0);
  const [{ value, share, top }] = await singularDirections(weightSource(config, weights), {
    of: "W_out",
    k: 1,
  });
  expect([value, share]).toEqual([0, Number.NaN]);
  expect(top).toEqual([{ token: 0, logit: 0, cosine: Number.NaN, p: Number.NaN }]);
});

test("matrices that a model has not, and options out of range, are refused", async () => {
  const of = (changes: Partial<ModelConfig>) => {
    const other: ModelConfig = { ...config, ...changes };
    return weightSource(other, weightsFor(other, 1));
  };
  const source = of({});
  await expect(async () => singularDirections(of({ attnOnly: true }), { of: "W_in" })).rejects.toThrow(
    "singular directions of W_in: need a model with MLPs; got attnOnly.",
  );
  await expect(async () => singularDirections(of({ mlpOnly: true }), { of: "OV" })).rejects.toThrow(
    "got mlpOnly.",
  );
  await expect(async () => singularDirections(of({ nLayers: 0 }), { of: "W_out" })).rejects.toThrow(
    "got nLayers 0.",
  );
  await expect(async () => singularDirections(source, { of: "W_un" as "W_in" })).rejects.toThrow(
    'Nearest: "W_in".',
  );
  await expect(async () => singularDirections(source, { of: "OV", count: 5 })).rejects.toThrow(
    "1 to 4; got 5.",
  );
  await expect(async () => singularDirections(source, { of: "OV", k: 10 })).rejects.toThrow(
    "1 to 9; got 10.",
  );
  await expect(async () => singularDirections(source, { of: "W_in", heads: 0 })).rejects.toThrow(
    "an MLP has none; of is W_in.",
  );
});
