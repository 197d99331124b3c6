/** Tensors of safetensors files read one at a time, by range: little more is held than what is asked for. */
import { ArgumentError, FileError, ShapeError } from "../base/errors.ts";
import { type ByteSource, readExactly } from "./byteSource.ts";
import { widenBfloat16, widenFloat16 } from "./halfFloats.ts";
import { isStoredDtype, numbersOf, type StoredNumbers, toMachineOrder } from "./littleEndian.ts";
import { type HeaderOptions, quoted, readHeaderOf, type TensorPlace } from "./safetensorsHeader.ts";

/** A safetensors file whose header has been read, and none of its tensors. */
export interface SafetensorsFile {
  readonly source: ByteSource;
  /** By name, in the order of their bytes. */
  readonly places: ReadonlyMap<string, TensorPlace>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads the header of a file and nothing else.
 *
 * @throws FileError naming the file and the byte or the tensor, for every defect that the header can have
 */
export async function openSafetensors(
  source: ByteSource,
  options: HeaderOptions = {},
): Promise<SafetensorsFile> {
  const { places, metadata } = await readHeaderOf(source, options);
  return { source, places: new Map(places.map((place) => [place.name, place])), metadata };
}

/** Which part of a tensor is widened, and where it goes. */
export interface WidenOptions {
  /** First element in row-major order, and the one after the last; all of them by default. */
  readonly elements?: readonly [from: number, to: number];
  /** Array that is filled, of as many elements; a new one by default. */
  readonly into?: Float32Array;
}

/** Numbers as float32. */
export interface Widened {
  readonly data: Float32Array;
  /** Whether they were float64 and have been rounded to the nearest float32. */
  readonly narrowed: boolean;
}

/** Bytes read at a time: a whole number of elements of any dtype. */
const chunkBytes = 2 ** 22;

/**
 * Rounds float64 numbers to the nearest float32.
 *
 * @throws FileError if a finite one is beyond float32: an infinity in its place would spread through every result
 */
function narrow(bytes: Uint8Array, into: Float32Array, where: string): void {
  const wide = numbersOf("F64", bytes);
  into.set(wide);
  const lost = into.findIndex((value, i) => Math.abs(value) === Infinity && Number.isFinite(wide[i]));
  if (lost >= 0)
    throw new FileError({ where, rule: "must be within the range of float32", got: String(wide[lost]) });
}

/** Writes a chunk's numbers. */
const widening: Readonly<Record<string, (bytes: Uint8Array, into: Float32Array, where: string) => void>> = {
  F32: (bytes, into) => {
    const target = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    target.set(bytes);
    toMachineOrder(target, 4);
  },
  F16: widenFloat16,
  BF16: widenBfloat16,
  F64: narrow,
};
const widthOf: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, F64: 8 };

function whereOf(source: ByteSource, { name, start }: TensorPlace): string {
  return `${source.name}, byte ${start}, tensor ${quoted(name)}`;
}

/** What `make` allocates; a sentence where the machine has not so much memory. */
function allocated<T>(where: string, bytes: number, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new FileError({ where, rule: "must fit into memory", got: `${bytes} bytes` });
  }
}

/**
 * A tensor's numbers as float32, whatever float it is stored as. Float16 and bfloat16 are exact, float64 is rounded to
 * nearest and the answer says so.
 *
 * Besides the result some 4 MiB are held at a time.
 *
 * @param source  the file
 * @param place   the tensor's, of {@link openSafetensors}
 * @throws FileError      for a dtype that is no F32, F16, BF16 or F64; if the file ends before the tensor does, or the
 *                        tensor is larger than memory; if a finite float64 is beyond float32
 * @throws ArgumentError  for elements that the tensor does not have
 * @throws ShapeError     if `into` has another length
 */
export async function readWidened(
  source: ByteSource,
  place: TensorPlace,
  options: WidenOptions = {},
): Promise<Widened> {
  const where = whereOf(source, place);
  const { dtype, start, end } = place;
  if (!Object.hasOwn(widening, dtype))
    throw new FileError({ where, rule: "must be F32, F16, BF16 or F64 to be read as float32", got: dtype });
  const width = widthOf[dtype];
  const size = (end - start) / width;
  const [from, to] = options.elements ?? [0, size];
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= size))
    throw new ArgumentError({ where, rule: `elements must lie in 0 to ${size}`, got: `${from} to ${to}` });
  const count = to - from;
  const data = options.into ?? allocated(where, 4 * count, () => new Float32Array(count));
  if (data.length !== count)
    throw new ShapeError({ where, rule: `the array must have ${count} elements`, got: String(data.length) });
  for (let done = 0; done < count; done += chunkBytes / width) {
    const next = Math.min(count, done + chunkBytes / width);
    const bytes = await readExactly(source, start + (from + done) * width, start + (from + next) * width);
    widening[dtype](bytes, data.subarray(done, next), where);
  }
  return { data, narrowed: dtype === "F64" };
}

/**
 * A tensor's numbers as they are stored: integers, BOOL (a byte each), F32 and F64.
 *
 * @throws FileError as {@link readWidened}; for other dtypes, whose bytes {@link readTensorBytes} gives
 */
export async function readStored(source: ByteSource, place: TensorPlace): Promise<StoredNumbers> {
  const { dtype } = place;
  if (!isStoredDtype(dtype))
    throw new FileError({
      where: whereOf(source, place),
      rule: "must be of integers, BOOL, F32 or F64 to be read as it is",
      got: dtype,
    });
  return numbersOf(dtype, await readTensorBytes(source, place));
}

/**
 * A tensor's bytes, whatever its dtype.
 *
 * @throws FileError if the file ends before the tensor does, or the tensor is larger than memory
 */
export async function readTensorBytes(source: ByteSource, place: TensorPlace): Promise<Uint8Array> {
  const { start, end } = place;
  const bytes = allocated(whereOf(source, place), end - start, () => new Uint8Array(end - start));
  for (let at = start; at < end; at += chunkBytes)
    bytes.set(await readExactly(source, at, Math.min(end, at + chunkBytes)), at - start);
  return bytes;
}
