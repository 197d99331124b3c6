import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { ArgumentError } from "../../src/base/errors.ts";
import { randomStream } from "../../src/base/random.ts";
import { gaussianLike } from "../../src/features/gaussianLike.ts";
import { dictionaryQuality, tokenEntropy, trainAutoencoders } from "../../src/features/sparseAutoencoder.ts";

const UNITS = 8;
const ROWS = 2000;

/** Rows that are one of eight orthogonal directions ± nothing: a dictionary of eight explains all of it. */
function planted(key: string): Float32Array {
  const stream = randomStream("planted dictionary", key);
  const rows = new Float32Array(ROWS * UNITS);
  for (let row = 0; row < ROWS; row++) rows[row * UNITS + stream.integer(UNITS)] = 1 + stream.uniform();
  return rows;
}

const options = { units: UNITS, latents: 16, sparsity: 0.01, steps: 1200, batch: 128, rate: 1e-2 };

test("a planted dictionary is found: unseen rows are rebuilt from one latent or two, each of one direction", async () => {
  const trained = await trainAutoencoders(
    wasmBackend(),
    [planted("train")],
    [randomStream("dictionary")],
    options,
  );
  const unseen = planted("test");
  const { latents, reconstruction } = await trained.encode(unseen, ROWS);
  trained.close();
  const quality = dictionaryQuality(unseen, reconstruction, latents, { units: UNITS, width: 16 });
  expect(quality.fvu).toBeLessThan(0.02);
  expect(quality.l0).toBeLessThan(2.5);
  const direction = Array.from({ length: ROWS }, (_, row) =>
    unseen.subarray(row * UNITS, (row + 1) * UNITS).findIndex((value) => value > 0),
  );
  const entropies = tokenEntropy(latents, direction, { width: 16, dVocab: UNITS });
  const pure = Array.from(entropies).filter((entropy) => entropy < 0.2).length;
  expect(pure, "latents of a single direction").toBeGreaterThanOrEqual(UNITS);
});

test("an autoencoder is the same whatever stands beside it, and what is frozen changes nothing", async () => {
  const encode = async (sets: Float32Array[], frozen: "none" | "decoder") => {
    const streams = sets.map((_, i) => randomStream("beside", sets.length - i)); // the last one's key is always 1
    const trained = await trainAutoencoders(wasmBackend(), sets, streams, { ...options, steps: 20, frozen });
    const rows = new Float32Array(sets.length * UNITS).fill(0.5);
    const { latents, reconstruction } = await trained.encode(rows, 1);
    trained.close();
    return { latents: latents.slice(-16), reconstruction: reconstruction.slice(-UNITS) };
  };
  const [one, other] = [planted("one"), planted("other")];
  expect(await encode([other, one], "none")).toEqual(await encode([one], "none"));
  expect((await encode([one], "decoder")).reconstruction).not.toEqual(
    (await encode([one], "none")).reconstruction,
  );
});

test("sets of different size are refused", async () => {
  const sets = [planted("one"), planted("two").slice(0, UNITS)];
  const streams = sets.map((_, i) => randomStream(String(i)));
  await expect(async () => trainAutoencoders(wasmBackend(), sets, streams, options)).rejects.toThrow(
    ArgumentError,
  );
});

test("quality of a dictionary, by hand", () => {
  // two rows of two units, one rebuilt, the other taken for its mean
  const x = [1, 3, 3, 1];
  const { fvu, l0, dead } = dictionaryQuality(x, [1, 3, 2, 2], [1, 0, 0, 2, 3, 0], { units: 2, width: 3 });
  expect(fvu).toBeCloseTo(2 / 4, 12);
  expect(l0).toBe(1.5);
  expect(dead).toBeCloseTo(1 / 3, 12);
});

test("entropy over tokens is 0 for a latent of one token, 1 for an even one, whatever tokens come often", () => {
  const tokens = [0, 0, 0, 1];
  const latents = [2, 1, 0, 2, 1, 0, 2, 1, 0, 0, 1, 0]; // of token 0 only, of both alike, dead
  const entropies = tokenEntropy(latents, tokens, { width: 3, dVocab: 2 });
  expect(entropies[0]).toBe(0);
  expect(entropies[1]).toBeCloseTo(1, 12);
  expect(entropies[2]).toBeNaN();
});

test("Gaussian rows have the mean and the covariance of their model, and none of its dependence beyond", () => {
  const stream = randomStream("gaussian model");
  const rows = new Float32Array(3 * 20000);
  for (let row = 0; row < 20000; row++) {
    const a = stream.normal();
    rows.set([2 + a, 0.5 * a + stream.normal(), a * a], row * 3); // the third follows from the first
  }
  const drawn = gaussianLike(rows, 3, randomStream("gaussian draw"));
  const moments = (values: Float32Array, f: (row: Float32Array) => number) => {
    let sum = 0;
    for (let row = 0; row < 20000; row++) sum += f(values.subarray(row * 3, row * 3 + 3)) / 20000;
    return sum;
  };
  // standard errors of these means are below 0.02 with 20000 rows
  const CLOSE = 0.08;
  for (let i = 0; i < 3; i++) {
    expect(moments(drawn, (row) => row[i])).toBeCloseTo(
      moments(rows, (row) => row[i]),
      1,
    );
    for (let j = 0; j < 3; j++) {
      const cross = (row: Float32Array) => row[i] * row[j];
      expect(Math.abs(moments(drawn, cross) - moments(rows, cross))).toBeLessThan(3 * CLOSE);
    }
  }
  // E a² · third: 3 in the model, 1 where only second moments are kept
  expect(moments(rows, (row) => (row[0] - 2) ** 2 * row[2])).toBeCloseTo(3, 0);
  expect(moments(drawn, (row) => (row[0] - 2) ** 2 * row[2])).toBeLessThan(1.3);
});
