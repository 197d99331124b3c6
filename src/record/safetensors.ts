/** Tensors on disk in the safetensors format: named arrays of numbers, and a few words about them. */
import { ArgumentError, FileError, ShapeError } from "../base/errors.ts";
import { type AnyNumbers, dtypeOf, littleEndianBytes, type Numbers, numbersOf } from "./littleEndian.ts";
import { quoted, type ReadOptions, readSafetensorsHeader } from "./safetensorsHeader.ts";

/** An array with its shape, row-major. Its type is its dtype: F32, F64 or I32. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Numbers;
}

/** A tensor as it can be written: of any dtype that JavaScript has an array for. */
export interface AnyTensor {
  readonly shape: readonly number[];
  readonly data: AnyNumbers;
}

/** What a file holds. */
export interface TensorFile {
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** What can be said beside the tensors. */
export interface WriteOptions {
  /** Texts by key. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) =>
  a < b ? -1 : a > b ? 1 : 0;

/** The text itself, if the header can hold it: reading refuses half a surrogate pair. */
function encodable(text: string, what: string): string {
  if (!/\p{Surrogate}/u.test(text)) return text;
  throw new ArgumentError({
    where: what,
    rule: "must not hold half a surrogate pair",
    got: JSON.stringify(text),
  });
}

function checkTensor(name: string, { shape, data }: AnyTensor): void {
  const where = `tensor ${JSON.stringify(encodable(name, "name of a tensor"))}`;
  if (name === "__metadata__")
    throw new ArgumentError({ where, rule: "the format keeps this name for itself" });
  const badAxis = shape.find((axis) => !(Number.isSafeInteger(axis) && axis >= 0));
  if (badAxis !== undefined)
    throw new ShapeError({ where, rule: "axes are whole numbers, at least 0", got: String(badAxis) });
  const size = shape.reduce((product, axis) => product * axis, 1);
  if (size !== data.length)
    throw new ShapeError({
      where,
      rule: `shape [${shape.join(", ")}] has ${size} elements`,
      got: `${data.length}`,
    });
}

/**
 * The bytes of a safetensors file. The same tensors give the same bytes in whatever order they come: wider elements
 * first, then by name, the header padded with spaces so that every element is aligned.
 *
 * @param tensors  pairs of name and tensor; a Map or `Object.entries` will do
 * @throws ShapeError     if an array does not have the elements of its shape
 * @throws ArgumentError  for two tensors of one name, the name `__metadata__`, or a text that is not well-formed
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: AnyTensor]>,
  { metadata = {} }: WriteOptions = {},
): Uint8Array {
  const ordered = [...tensors].sort(byKey);
  const names = new Set<string>();
  for (const [name, tensor] of ordered) {
    checkTensor(name, tensor);
    if (names.has(name))
      throw new ArgumentError({
        where: `tensor ${JSON.stringify(name)}`,
        rule: "must be given once",
        got: "two",
      });
    names.add(name);
  }
  ordered.sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);

  const members: string[] = [];
  const texts = Object.entries(metadata).sort(byKey);
  if (texts.length > 0) {
    const pairs = texts.map(([key, text]) => [
      encodable(key, "metadata key"),
      encodable(text, `metadata ${key}`),
    ]);
    members.push(
      `"__metadata__":{${pairs.map((pair) => pair.map((s) => JSON.stringify(s)).join(":")).join(",")}}`,
    );
  }
  let offset = 0;
  for (const [name, { shape, data }] of ordered) {
    const end = offset + data.byteLength;
    const place = { dtype: dtypeOf(data), shape, data_offsets: [offset, end] };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(place)}`);
    offset = end;
  }
  const header = new TextEncoder().encode(`{${members.join(",")}}`);
  const headerLength = Math.ceil(header.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + offset).fill(0x20, 8, 8 + headerLength);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.set(header, 8);
  let at = 8 + headerLength;
  for (const [, { data }] of ordered) {
    file.set(littleEndianBytes(data), at);
    at += data.byteLength;
  }
  return file;
}

/**
 * The tensors of a safetensors file, copied out of its bytes.
 *
 * @throws FileError naming the file and the byte: as {@link readSafetensorsHeader}, or for a dtype other than F32, F64
 *                   and I32
 */
export function readSafetensors(bytes: Uint8Array, options: ReadOptions): TensorFile {
  const { places, metadata } = readSafetensorsHeader(bytes, options);
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, start, end } of places) {
    if (dtype !== "F32" && dtype !== "F64" && dtype !== "I32")
      throw new FileError({
        where: `${options.file}, byte ${start}, tensor ${quoted(name)}`,
        rule: "only F32, F64 and I32 are read",
        got: dtype,
      });
    tensors.set(name, { shape, data: numbersOf(dtype, bytes.subarray(start, end)) });
  }
  return { tensors, metadata };
}
