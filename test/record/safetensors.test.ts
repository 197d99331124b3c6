import fc from "fast-check";
import { expect, test } from "vitest";
import { ArgumentError, FileError, ShapeError } from "../../src/base/errors.ts";
import { readSafetensors, type Tensor, writeSafetensors } from "../../src/record/safetensors.ts";
import { readSafetensorsHeader } from "../../src/record/safetensorsHeader.ts";

/** A file from a header text and data, with the length in front. */
function fileOf(header: string, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function verdictOn(bytes: Uint8Array): string {
  try {
    readSafetensorsHeader(bytes, { file: "x" });
    return "accepted";
  } catch (error) {
    if (error instanceof FileError) return error.message;
    throw error;
  }
}

const name = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("__proto__", "constructor", "a.b", ""),
);
const shape = fc.array(fc.nat({ max: 4 }), { maxLength: 3 });
const tensor: fc.Arbitrary<Tensor> = shape.chain((axes) => {
  const size = axes.reduce((a, b) => a * b, 1);
  const exactly = { minLength: size, maxLength: size };
  return fc
    .oneof(fc.float32Array(exactly), fc.float64Array(exactly), fc.int32Array(exactly))
    .map((data) => ({ shape: axes, data: data as Tensor["data"] }));
});

test("what is written is read back to the bit, in whatever order and with whatever names", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 6 }),
      fc.dictionary(fc.string(), fc.string({ unit: "grapheme" }), { noNullPrototype: true }),
      (tensors, metadata) => {
        const bytes = writeSafetensors(tensors, { metadata });
        const back = readSafetensors(bytes, { file: "f" });
        expect(back.tensors).toEqual(new Map(tensors));
        expect(back.metadata).toEqual(new Map(Object.entries(metadata)));
        expect(writeSafetensors([...tensors].reverse(), { metadata })).toEqual(bytes);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

test("the written bytes follow the format: length, padded header, little-endian data with the wider elements first", () => {
  const bytes = writeSafetensors([
    ["b", { shape: [2], data: Float32Array.of(1, -2) }],
    ["c", { shape: [], data: Float64Array.of(0.5) }],
    ["a", { shape: [1], data: Int32Array.of(-1) }],
  ]);
  const header =
    '{"c":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"a":{"dtype":"I32","shape":[1],"data_offsets":[8,12]},' +
    '"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}}';
  const length = Math.ceil(header.length / 8) * 8;
  expect(new DataView(bytes.buffer).getBigUint64(0, true)).toBe(BigInt(length));
  expect(new TextDecoder().decode(bytes.subarray(8, 8 + length))).toBe(header.padEnd(length));
  expect(Buffer.from(bytes.subarray(8 + length)).toString("hex")).toBe(
    ["000000000000e03f", "ffffffff", "0000803f", "000000c0"].join(""),
  );
});

const f32 = (extra: string) => `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]${extra}}}`;

test.each([
  [new Uint8Array(0), "x: must be a safetensors file; got an empty file."],
  [fileOf(f32(""), 7), "x, byte 69: the header accounts for 70 bytes; got a file of 69 bytes."],
  [fileOf(f32(""), 9), "x, byte 70: the header accounts for 70 bytes; got a file of 71 bytes."],
  [
    new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\n"),
    "x, byte 0: must be a safetensors file; got a Git LFS pointer, whose file was never downloaded.",
  ],
  [
    fileOf('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{}}', 8),
    'x, byte 62: the same key twice in one object; got "\\"a\\":{}}".',
  ],
  [
    fileOf('{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}', 8),
    'x, tensor "a": dtype must be one of the format\'s; got "F33". Nearest: "F32".',
  ],
  [
    fileOf('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}', 12),
    'x, tensor "a": F32 of shape [2] is 8 bytes; got data_offsets [0, 12].',
  ],
  [
    fileOf('{"é":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}', 8),
    'x, byte 38: a number must not have leading zeros; got "02],\\"data_of".',
  ],
])("file %# is refused with the place and the reason", (bytes, sentence) => {
  expect(verdictOn(bytes)).toBe(sentence);
});

test("a header beyond the limit is refused by its length alone", () => {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, 2n ** 24n + 1n, true);
  expect(verdictOn(bytes)).toBe(
    "x, byte 0: the header may be 16777216 bytes long; got a length of 16777217.",
  );
  const small = writeSafetensors([["a", { shape: [1], data: Float32Array.of(1) }]]);
  expect(() => readSafetensors(small, { file: "x", headerLimit: 8 })).toThrow(/may be 8 bytes long/);
});

test("whatever byte of a file is changed, the answer is a FileError or tensors, never another error", () => {
  const good = writeSafetensors(
    [
      ["W", { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
      ["n", { shape: [1], data: Int32Array.of(7) }],
    ],
    { metadata: { step: "640" } },
  );
  const cuts = Array.from({ length: good.length }, (_, n) => good.slice(0, n));
  for (const cut of cuts) expect(verdictOn(cut)).not.toBe("accepted");
  fc.assert(
    fc.property(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
      const mutant = good.slice();
      mutant[at] = byte;
      verdictOn(mutant);
    }),
    { seed: 2, numRuns: 3000 },
  );
});

test("a file within a larger buffer, at an odd place, reads the same", () => {
  const good = writeSafetensors([["d", { shape: [2], data: Float64Array.of(1.5, -0) }]]);
  const shifted = new Uint8Array(good.length + 3);
  shifted.set(good, 3);
  expect(readSafetensors(shifted.subarray(3), { file: "f" })).toEqual(readSafetensors(good, { file: "f" }));
});

test("dtypes that are not numbers of this project are known to the header and refused by the reader", () => {
  const half = fileOf('{"h":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}', 4);
  expect(verdictOn(half)).toBe("accepted");
  expect(() => readSafetensors(half, { file: "m" })).toThrow(
    'm, byte 63, tensor "h": only F32, F64 and I32 are read; got BF16.',
  );
});

test("tensors that cannot be written are refused", () => {
  const one = { shape: [1], data: Float32Array.of(1) };
  expect(() => writeSafetensors([["a", { ...one, shape: [2] }]])).toThrow(ShapeError);
  expect(() => writeSafetensors([["a", { ...one, shape: [0.5, 2] }]])).toThrow(ShapeError);
  expect(() => writeSafetensors([["__metadata__", one]])).toThrow(ArgumentError);
  expect(() => writeSafetensors([["\ud800", one]])).toThrow(ArgumentError);
  expect(() =>
    writeSafetensors([
      ["a", one],
      ["a", one],
    ]),
  ).toThrow(/given once/);
});
