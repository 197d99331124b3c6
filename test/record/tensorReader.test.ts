import { expect, test } from "vitest";
import { ArgumentError, FileError, ShapeError } from "../../src/base/errors.ts";
import { type ByteSource, memorySource, readExactly } from "../../src/record/byteSource.ts";
import type { TensorPlace } from "../../src/record/safetensorsHeader.ts";
import {
  openSafetensors,
  readStored,
  readTensorBytes,
  readWidened,
  type WidenOptions,
} from "../../src/record/tensorReader.ts";
import { fileOf } from "./mutants.ts";

/** A source that remembers which ranges were read. */
function watched(bytes: Uint8Array): ByteSource & { readonly ranges: [number, number][] } {
  const ranges: [number, number][] = [];
  const { read, ...rest } = memorySource("m.safetensors", bytes);
  return {
    ...rest,
    ranges,
    read: (start, end) => {
      ranges.push([start, end]);
      return read(start, end);
    },
  };
}

/** A file of one tensor whose bytes are given. */
function fileWith(dtype: string, shape: readonly number[], data: Uint8Array): Uint8Array {
  const header = JSON.stringify({ t: { dtype, shape, data_offsets: [0, data.length] } });
  const bytes = fileOf([header, data.length]);
  bytes.set(data, bytes.length - data.length);
  return bytes;
}

async function only(bytes: Uint8Array): Promise<[ByteSource, TensorPlace]> {
  const { source, places } = await openSafetensors(memorySource("m.safetensors", bytes));
  return [source, [...places.values()][0]];
}

async function widened(dtype: string, data: Uint8Array, shape: number[], options?: WidenOptions) {
  const [source, place] = await only(fileWith(dtype, shape, data));
  return readWidened(source, place, options);
}

const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
/** Compared as buffers: a comparison of millions of elements one by one takes minutes. */
const same = (a: ArrayBufferView, b: ArrayBufferView) => Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
/** All 65,536 patterns of sixteen bits. */
const everyHalf = Uint16Array.from({ length: 65_536 }, (_, i) => i);

test("opening reads the length and the header, and a tensor its own bytes only", async () => {
  const header =
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}';
  const source = watched(fileOf([header, 11]));
  const { places } = await openSafetensors(source);
  expect(source.ranges).toEqual([
    [0, 64],
    [8, 8 + header.length],
  ]);
  source.ranges.length = 0;
  expect(await readStored(source, places.get("b")!)).toEqual(Uint8Array.of(8, 9, 10));
  expect(source.ranges).toEqual([[16 + header.length, 19 + header.length]]);
});

test("every float16 becomes the float32 of the same value", async () => {
  const { data, narrowed } = await widened("F16", bytesOf(everyHalf), [256, 256]);
  expect(narrowed).toBe(false);
  const expected = Array.from(everyHalf, (half) => {
    const exponent = (half >> 10) % 32;
    const fraction = (half % 1024) / 1024;
    const size =
      exponent === 31
        ? fraction === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : exponent === 0
          ? fraction * 2 ** -14
          : (1 + fraction) * 2 ** (exponent - 15);
    return half >= 0x8000 ? -size : size;
  });
  // Object.is tells -0 from 0
  expect(data.findIndex((value, i) => !Object.is(value, expected[i]))).toBe(-1);
});

test("every bfloat16 becomes the float32 whose upper half it is", async () => {
  const { data } = await widened("BF16", bytesOf(everyHalf), [65_536]);
  const bits = new Uint32Array(data.buffer);
  expect(bits.findIndex((word, i) => word !== i * 65_536)).toBe(-1);
});

test("float32 keeps its bits and float64 is rounded, which the answer says", async () => {
  const patterns = Uint32Array.of(0, 0x80000000, 1, 0x7f800000, 0x3f800001);
  const single = await widened("F32", bytesOf(patterns), [5]);
  expect(bytesOf(single.data)).toEqual(bytesOf(patterns));
  expect(single.narrowed).toBe(false);
  const values = [0.1, -1e-50, Number.NaN, Number.NEGATIVE_INFINITY, 3];
  const double = await widened("F64", bytesOf(Float64Array.from(values)), [5]);
  expect([...double.data]).toEqual(values.map(Math.fround));
  expect(double.narrowed).toBe(true);
  await expect(widened("F64", bytesOf(Float64Array.of(1, 1e39)), [2])).rejects.toThrow(
    'm.safetensors, byte 63, tensor "t": must be within the range of float32; got 1e+39.',
  );
});

test("a tensor longer than a chunk, in a file at an odd offset, is read piece by piece to the bit", async () => {
  const count = 2 ** 21 + 12_345; // a chunk of four MiB and a rest
  // every finite positive half in turn, in an order in which neighbours differ in both bytes
  const halves = new Uint16Array(count).map((_, i) => (i * 5557) % 0x7c00);
  const header =
    `{"x":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},` +
    `"h":{"dtype":"F16","shape":[${count}],"data_offsets":[1,${1 + 2 * count}]}}`;
  const bytes = fileOf([header, 1 + 2 * count]);
  bytes.set(bytesOf(halves), bytes.length - 2 * count);
  const source = watched(bytes);
  const { places } = await openSafetensors(source);
  const place = places.get("h")!;
  source.ranges.length = 0;
  const { data } = await readWidened(source, place);
  expect(Math.max(...source.ranges.map(([start, end]) => end - start))).toBe(2 ** 22);
  const first = await readWidened(source, place, { elements: [0, 1000] });
  expect(same(first.data, data.subarray(0, 1000))).toBe(true);
  const into = new Float32Array(count + 7).subarray(7);
  expect((await readWidened(source, place, { into })).data).toBe(into);
  expect(same(into, data)).toBe(true);
  const last = await readWidened(source, place, { elements: [count - 3, count] });
  expect(same(last.data, data.subarray(count - 3))).toBe(true);
  expect(same(await readTensorBytes(source, place), halves)).toBe(true);
  // exact all the same: half k of the first 31,744 is (k mod 1024 + 1024) · 2^(⌊k/1024⌋ − 25), or k · 2^-24
  const numberOf = (half: number) =>
    half < 1024 ? half * 2 ** -24 : (1024 + (half % 1024)) * 2 ** (Math.floor(half / 1024) - 25);
  expect(data.findIndex((value, i) => value !== numberOf(halves[i]))).toBe(-1);
});

test.each([
  ["I64", BigInt64Array.of(-1n, 2n ** 62n)],
  ["U64", BigUint64Array.of(2n ** 64n - 1n)],
  ["I32", Int32Array.of(-5, 7)],
  ["U32", Uint32Array.of(2 ** 32 - 1)],
  ["I16", Int16Array.of(-300)],
  ["U16", Uint16Array.of(65_535)],
  ["I8", Int8Array.of(-128, 127)],
  ["U8", Uint8Array.of(255)],
  ["BOOL", Uint8Array.of(0, 1, 2)],
  ["F32", Float32Array.of(0.5)],
  ["F64", Float64Array.of(0.1)],
])("%s is read as it is stored", async (dtype, values) => {
  const [source, place] = await only(fileWith(dtype, [values.length], bytesOf(values)));
  expect(await readStored(source, place)).toEqual(values);
});

test("a dtype that a reading cannot give is refused by name", async () => {
  for (const dtype of ["I32", "BOOL", "C64", "F8_E4M3"]) {
    const [source, place] = await only(fileWith(dtype, [0], new Uint8Array(0)));
    await expect(readWidened(source, place)).rejects.toThrow(`to be read as float32; got ${dtype}.`);
  }
  for (const dtype of ["F16", "BF16", "C64", "F8_E5M2"]) {
    const [source, place] = await only(fileWith(dtype, [0], new Uint8Array(0)));
    await expect(readStored(source, place)).rejects.toThrow(`to be read as it is; got ${dtype}.`);
  }
});

test("elements and arrays that do not fit the tensor are refused", async () => {
  const data = bytesOf(Float32Array.of(1, 2, 3));
  for (const elements of [[0, 4] as const, [-1, 2] as const, [2, 1] as const, [0.5, 1] as const])
    await expect(widened("F32", data, [3], { elements })).rejects.toThrow(ArgumentError);
  await expect(widened("F32", data, [3], { into: new Float32Array(2) })).rejects.toThrow(ShapeError);
  expect((await widened("F32", data, [3], { elements: [1, 1] })).data).toEqual(new Float32Array(0));
});

test("a file that shrinks after it was opened is named with the byte at which it ends", async () => {
  const bytes = fileWith("F32", [4], new Uint8Array(16));
  const shrunk: ByteSource = {
    name: "m.safetensors",
    size: bytes.length,
    read: async (start, end) => bytes.slice(0, bytes.length - 5).slice(start, end),
  };
  const { places } = await openSafetensors(shrunk);
  const { start } = places.get("t")!;
  const sentence =
    `m.safetensors, byte ${start + 11}: the 16 bytes from ${start} on must be there; got 11 bytes. ` +
    "The file is cut short, or was changed while it was read.";
  await expect(readWidened(shrunk, places.get("t")!)).rejects.toThrow(FileError);
  await expect(readWidened(shrunk, places.get("t")!)).rejects.toThrow(sentence);
  await expect(readTensorBytes(shrunk, places.get("t")!)).rejects.toThrow(sentence);
  const gone: ByteSource = { ...shrunk, read: async () => new Uint8Array(0) };
  await expect(openSafetensors(gone)).rejects.toThrow(/the 64 bytes from 0 on must be there; got 0 bytes/);
});

test("a range that is none is refused, and what a source gives is the caller's own", async () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const source = memorySource("m", bytes);
  for (const [start, end] of [
    [2, 1],
    [-1, 2],
    [0, Number.NaN],
  ])
    await expect(readExactly(source, start, end)).rejects.toThrow(ArgumentError);
  (await readExactly(source, 0, 2)).fill(9);
  expect(bytes).toEqual(Uint8Array.of(1, 2, 3));
});
