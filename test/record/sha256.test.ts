import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { sha256OfBytes, sha256OfWeights } from "../../src/record/sha256.ts";

test("bytes have the SHA-256 of FIPS 180-4's examples and of Node's own implementation", () => {
  const abc = new TextEncoder().encode("abc");
  expect(sha256OfBytes(abc)).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const long = Uint8Array.from({ length: 100_003 }, (_, i) => i * 7);
  expect(sha256OfBytes(long)).toBe(createHash("sha256").update(long).digest("hex"));
});

const shapes: [string, number[]][] = [
  ["W", [2, 1]],
  ["b", []],
];
const weights = { W: Float32Array.of(1, -2), b: Float32Array.of(0.5) };

test("weights are hashed as documented: name, dtype, shape, little-endian elements", () => {
  const word = (n: number) => [n, 0, 0, 0];
  const ascii = (text: string) => [...Buffer.from(text)];
  const bytes = [
    ...[...word(1), ...ascii("W"), ...ascii("F32"), ...word(2), ...word(2), ...word(1)],
    ...[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0],
    ...[...word(1), ...ascii("b"), ...ascii("F32"), ...word(0), ...[0, 0, 0, 0x3f]],
  ];
  const expected = createHash("sha256").update(Uint8Array.from(bytes)).digest("hex");
  expect(sha256OfWeights(weights, shapes)).toBe(expected);
  expect(sha256OfWeights({ b: weights.b, W: weights.W }, new Map(shapes))).toBe(expected);
});

test("order, shape, name, dtype and a single bit each change the hash", () => {
  const base = sha256OfWeights(weights, shapes);
  const others = [
    sha256OfWeights(weights, [shapes[1], shapes[0]]),
    sha256OfWeights(weights, [["W", [1, 2]], shapes[1]]),
    sha256OfWeights({ V: weights.W, b: weights.b }, [["V", [2, 1]], shapes[1]]),
    sha256OfWeights({ ...weights, b: Float64Array.of(0.5) }, shapes),
    sha256OfWeights({ ...weights, W: Float32Array.of(1, -2 + 2 ** -22) }, shapes),
  ];
  expect(new Set([base, ...others]).size).toBe(6);
});

test("a NaN has one hash whatever its sign and payload, in both precisions, and the weights are not touched", () => {
  const payload = new Float32Array(Uint32Array.of(0xffc12345).buffer);
  const shape: [string, number[]][] = [["x", [1]]];
  const plain = sha256OfWeights({ x: new Float32Array(Uint32Array.of(0x7fc00000).buffer) }, shape);
  expect(sha256OfWeights({ x: payload }, shape)).toBe(plain);
  expect(new Uint32Array(payload.buffer)[0]).toBe(0xffc12345);
  const wide = new Float64Array(BigUint64Array.of(0xfff8000000000001n).buffer);
  const wideNaN = new Float64Array(BigUint64Array.of(0x7ff8000000000000n).buffer);
  expect(sha256OfWeights({ x: wide }, shape)).toBe(sha256OfWeights({ x: wideNaN }, shape));
  expect(sha256OfWeights({ x: Float32Array.of(0) }, shape)).not.toBe(
    sha256OfWeights({ x: Float32Array.of(-0) }, shape),
  );
});

test("weights and shapes must match", () => {
  expect(() => sha256OfWeights({ W: weights.W }, shapes)).toThrow('weight "b": is not among the weights.');
  expect(() => sha256OfWeights({ ...weights, c: weights.b }, shapes)).toThrow('weight "c": has no shape');
  expect(() => sha256OfWeights(weights, [["W", [3]], shapes[1]])).toThrow(
    'weight "W": must have the 3 elements of shape [3]; got 2.',
  );
});
