/**
 * The header of a safetensors file, checked before anything is allocated for its tensors.
 *
 *   file = header length (uint64, little-endian) · header (JSON) · data
 *
 * In this order: the file is long enough for a length; the length is within the limit and the file; the header is UTF-8
 * and JSON; every tensor has a known dtype, a shape and a range; the product of shape and element size is computed
 * exactly; the ranges follow one another from 0 without holes or overlaps to the very end of the file.
 *
 * Stricter than the format's own reader, which accepts each of these:
 * - two tensors of one name, and two metadata texts of one key (it keeps the last)
 * - white space before the header's brace, which the format's text forbids
 * - `"__metadata__": null`
 * - a tensor written as the list of its fields, or a dtype as an object
 * - an axis of more than 2^31 elements, more than 16 axes
 * - more than 200,000 tensors, or texts of metadata
 * - dtypes whose elements do not fill bytes: F4, F6_E2M3, F6_E3M2
 * - a header longer than the caller's limit, by default 16 MiB (its own is 100,000,000 bytes, the hard limit here)
 * Every other verdict is the same.
 *
 * @source https://huggingface.co/docs/safetensors, section "Format"; checked against safetensors 0.8.0
 */
import { FileError, nearest } from "../base/errors.ts";
import { type ByteSource, readExactly } from "./byteSource.ts";
import { type JsonScanner, jsonScanner } from "./jsonScanner.ts";
import { resemblance, textResemblance } from "./resemblance.ts";
import { strictUtf8 } from "./strictJson.ts";

/** Bytes of an element, by dtype. */
const dtypeBytes: Readonly<Record<string, bigint>> = {
  BOOL: 1n,
  U8: 1n,
  I8: 1n,
  F8_E5M2: 1n,
  F8_E4M3: 1n,
  F8_E8M0: 1n,
  U16: 2n,
  I16: 2n,
  F16: 2n,
  BF16: 2n,
  U32: 4n,
  I32: 4n,
  F32: 4n,
  U64: 8n,
  I64: 8n,
  F64: 8n,
  C64: 8n,
};
const belowByte = ["F4", "F6_E2M3", "F6_E3M2"];

/** Longest header that is read unless a caller says otherwise: 16 MiB, some 150,000 tensors. */
export const defaultHeaderLimit = 2 ** 24;
/** Longest header that is ever read, as in the format's own reader. */
export const hardHeaderLimit = 100_000_000;

const lengthBytes = 8;
/** As deep as the format's own reader follows values that it then ignores. */
const deepest = 127;
const mostNames = 200_000;
const mostAxes = 16;
const longestAxis = 2n ** 31n;

/** One tensor's place in a file. */
export interface TensorPlace {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte in the file, and the byte after the last. */
  readonly start: number;
  readonly end: number;
}

/** What a header says: tensors in the order of their bytes. */
export interface SafetensorsHeader {
  readonly places: readonly TensorPlace[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** What is accepted of a header. */
export interface HeaderOptions {
  /** Longest header accepted, in bytes; {@link defaultHeaderLimit} by default, {@link hardHeaderLimit} at most. */
  readonly headerLimit?: number;
}

/** How a file in memory is read. */
export interface ReadOptions extends HeaderOptions {
  /** The file, for messages. */
  readonly file: string;
}

/** A file as its header is checked against it. */
interface HeaderFile {
  readonly file: string;
  readonly size: number;
}

/** A name out of a file for a message, at a length that can be read. */
export const quoted = (name: string): string => JSON.stringify(name.slice(0, 80));

/** Whether a file begins with a brace and goes on as a text does; a length in front has zeros among its 8 bytes. */
function beginsAsJson(start: Uint8Array): boolean {
  return start[0] === 0x7b && start.subarray(1, lengthBytes).every((byte) => byte >= 0x20 || byte === 0x0a);
}

/**
 * How long the header is.
 *
 * @param start  the first bytes of the file, as many as are needed to see what it is instead
 */
function headerLength(start: Uint8Array, { file, size }: HeaderFile, { headerLimit }: HeaderOptions): number {
  const where = `${file}, byte 0`;
  const limit = Math.min(headerLimit ?? defaultHeaderLimit, hardHeaderLimit);
  if (size === 0)
    throw new FileError({ where: file, rule: "must be a safetensors file", got: "an empty file" });
  // as bigint: a Number would round 2^53 + 1 into range
  const length =
    size < lengthBytes ? null : new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  const room = BigInt(size) - BigInt(lengthBytes);
  if (length !== null && length <= room && length <= BigInt(limit)) return Number(length);
  const seems =
    resemblance(start) ?? (beginsAsJson(start) ? "JSON without a length in front" : textResemblance(start));
  if (seems !== undefined) throw new FileError({ where, rule: "must be a safetensors file", got: seems });
  if (length === null)
    throw new FileError({
      where,
      rule: "a safetensors file begins with 8 bytes that say how long its header is",
      got: `a file of ${size} bytes`,
    });
  if (length > BigInt(limit))
    throw new FileError({
      where,
      rule: `the header may be ${limit} bytes long`,
      got: `a length of ${length}`,
    });
  throw new FileError({
    where,
    rule: `the header is said to be ${length} bytes long, more than the file holds`,
    got: `${room} bytes after the length`,
    wayOut: "The file is cut short or no safetensors file.",
  });
}

/** Takes a list of at most `most` whole numbers, at least 0. */
function wholeNumbers(json: JsonScanner, what: string, most: number): bigint[] {
  const numbers: bigint[] = [];
  if (json.next() !== "[") json.fail(`${what} must be a list of whole numbers`);
  json.list(() => {
    const isNumber = /[-0-9]/.test(json.next());
    const start = json.position();
    const value = isNumber ? json.number() : null;
    if (typeof value !== "bigint" || value < 0n)
      return json.fail(`${what} must be whole numbers, at least 0`, start);
    if (numbers.push(value) > most) json.fail(`${what} may have ${most} numbers`, start);
  });
  return numbers;
}

/** The fields of one tensor as they are written. */
interface Fields {
  dtype?: string;
  shape?: bigint[];
  data_offsets?: bigint[];
}

/** Takes a tensor's description. What it holds besides is skipped. */
function fieldsOf(json: JsonScanner, what: string): Fields {
  const fields: Fields = {};
  if (json.next() !== "{") json.fail(`${what} must be an object of dtype, shape and data_offsets`);
  json.object((key, position) => {
    if (Object.hasOwn(fields, key)) json.fail("the same key twice in one object", position);
    if (key === "dtype") {
      if (json.next() !== '"') json.fail(`${what}: dtype must be a text`);
      fields.dtype = json.string();
    } else if (key === "shape") fields.shape = wholeNumbers(json, `${what}: shape`, mostAxes);
    else if (key === "data_offsets") fields.data_offsets = wholeNumbers(json, `${what}: data_offsets`, 2);
    else json.skip();
  });
  return fields;
}

function elementBytes(dtype: string, where: string): bigint {
  if (Object.hasOwn(dtypeBytes, dtype)) return dtypeBytes[dtype];
  if (belowByte.includes(dtype))
    throw new FileError({ where, rule: "elements smaller than a byte are not read", got: dtype });
  const hint = dtype.length > 32 ? undefined : nearest(dtype.toUpperCase(), Object.keys(dtypeBytes));
  throw new FileError({
    where,
    rule: "dtype must be one of the format's",
    got: quoted(dtype),
    wayOut: hint === undefined ? undefined : `Nearest: "${hint}".`,
  });
}

/** The place of one tensor, relative to the data. */
function placeOf(name: string, fields: Fields, { file, size }: HeaderFile): TensorPlace {
  const where = `${file}, tensor ${quoted(name)}`;
  const { dtype, shape, data_offsets: offsets } = fields;
  if (dtype === undefined || shape === undefined || offsets === undefined)
    throw new FileError({
      where,
      rule: "must have dtype, shape and data_offsets",
      got: Object.keys(fields).join(", ") || "none of them",
    });
  const bytes = elementBytes(dtype, where);
  const long = shape.find((axis) => axis > longestAxis);
  if (long !== undefined)
    throw new FileError({ where, rule: `an axis may have ${longestAxis} elements`, got: String(long) });
  if (offsets.length !== 2)
    throw new FileError({ where, rule: "data_offsets must be two numbers", got: `[${offsets.join(", ")}]` });
  const [start, end] = offsets;
  // at most 16 axes of 2^31: a product of some hundred digits, exact
  const needed = shape.reduce((product, axis) => product * axis, bytes);
  if (end - start !== needed)
    throw new FileError({
      where,
      rule: `${dtype} of shape [${shape.join(", ")}] is ${needed} bytes`,
      got: `data_offsets [${start}, ${end}]`,
    });
  if (end > BigInt(size))
    throw new FileError({
      where,
      rule: `its data must lie within the file's ${size} bytes`,
      got: `data_offsets [${start}, ${end}]`,
      wayOut: "The file is cut short or its header is wrong.",
    });
  return { name, dtype, shape: shape.map(Number), start: Number(start), end: Number(end) };
}

/** Takes the texts of `__metadata__`. */
function metadataOf(json: JsonScanner): Map<string, string> {
  const metadata = new Map<string, string>();
  if (json.next() !== "{") json.fail("__metadata__ must be an object of texts");
  json.object((key, position) => {
    if (metadata.size === mostNames) json.fail(`__metadata__ may hold ${mostNames} texts`, position);
    if (metadata.has(key)) json.fail("the same key twice in one object", position);
    if (json.next() !== '"') json.fail(`__metadata__: ${quoted(key)} must be a text`);
    metadata.set(key, json.string());
  });
  return metadata;
}

/** The places in the order of their bytes, from the beginning of the file. */
function inOrder(
  relative: readonly TensorPlace[],
  dataStart: number,
  { file, size }: HeaderFile,
): TensorPlace[] {
  let reached = 0;
  const places = relative
    .toSorted((a, b) => a.start - b.start || a.end - b.end)
    .map((place) => {
      if (place.start !== reached)
        throw new FileError({
          where: `${file}, byte ${dataStart + reached}`,
          rule: `data must follow one another without holes or overlaps, here from offset ${reached}`,
          got: `tensor ${quoted(place.name)} at [${place.start}, ${place.end}]`,
        });
      reached = place.end;
      return { ...place, start: dataStart + place.start, end: dataStart + place.end };
    });
  if (dataStart + reached === size) return places;
  throw new FileError({
    where: `${file}, byte ${Math.min(dataStart + reached, size)}`,
    rule: `the header accounts for ${dataStart + reached} bytes`,
    got: `a file of ${size} bytes`,
  });
}

/** What the header's bytes, those after the length, say of a file of this size. */
function headerOf(bytes: Uint8Array, of: HeaderFile): SafetensorsHeader {
  const { file } = of;
  const text = strictUtf8(bytes, `${file}, header`);
  const json = jsonScanner(text, { file, startByte: lengthBytes, maxDepth: deepest });
  if (text[0] !== "{") json.fail("the header must be an object, from its first byte on");
  const names = new Set<string>();
  const places: TensorPlace[] = [];
  let metadata = new Map<string, string>();
  json.object((name, position) => {
    if (names.has(name)) json.fail("the same key twice in one object", position);
    names.add(name);
    if (name === "__metadata__") metadata = metadataOf(json);
    else if (places.length === mostNames) json.fail(`a file may hold ${mostNames} tensors`, position);
    else places.push(placeOf(name, fieldsOf(json, `tensor ${quoted(name)}`), of));
  });
  json.end();
  return { places: inOrder(places, lengthBytes + bytes.length, of), metadata };
}

/**
 * The header of a file in memory, with every tensor's place in it.
 *
 * @param bytes  the whole file
 * @throws FileError naming the file and the byte or the tensor, for every defect listed above
 */
export function readSafetensorsHeader(bytes: Uint8Array, options: ReadOptions): SafetensorsHeader {
  const of = { file: options.file, size: bytes.length };
  const length = headerLength(bytes.subarray(0, 64), of, options);
  return headerOf(bytes.subarray(lengthBytes, lengthBytes + length), of);
}

/**
 * The header of a source, of which nothing but the header is read.
 *
 * @throws FileError as {@link readSafetensorsHeader}; or if the source cannot be read or ends before its size
 */
export async function readHeaderOf(
  source: ByteSource,
  options: HeaderOptions = {},
): Promise<SafetensorsHeader> {
  const of = { file: source.name, size: source.size };
  const start = await readExactly(source, 0, Math.min(source.size, 64));
  const length = headerLength(start, of, options);
  return headerOf(await readExactly(source, lengthBytes, lengthBytes + length), of);
}
