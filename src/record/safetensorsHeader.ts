/**
 * The header of a safetensors file, checked before anything is allocated for it.
 *
 *   file = header length (uint64, little-endian) · header (JSON) · data
 *
 * In this order: the file is long enough for a length; the length is within the limit and the file; the header is UTF-8
 * and JSON; every tensor has a known dtype, a shape and a range; the product of shape and element size is computed
 * exactly; the ranges follow one another from 0 without holes or overlaps to the very end of the file.
 *
 * Stricter than the format's own reader: equal keys are refused (it takes the last), nesting beyond 4 (it follows 100),
 * a tensor written as a list of its fields, and sizes beyond 2^53 − 1.
 *
 * @source https://huggingface.co/docs/safetensors, section "Format"; checked against safetensors 0.8.0
 */
import { FileError, nearest } from "../base/errors.ts";
import { parseStrictJson, type StrictJson, strictUtf8 } from "./strictJson.ts";

/** Bits of an element, by dtype. */
const dtypeBits: Readonly<Record<string, bigint>> = {
  BOOL: 8n,
  U8: 8n,
  I8: 8n,
  F8_E5M2: 8n,
  F8_E4M3: 8n,
  F8_E8M0: 8n,
  F4: 4n,
  F6_E2M3: 6n,
  F6_E3M2: 6n,
  U16: 16n,
  I16: 16n,
  F16: 16n,
  BF16: 16n,
  U32: 32n,
  I32: 32n,
  F32: 32n,
  U64: 64n,
  I64: 64n,
  F64: 64n,
  C64: 64n,
};

/** Longest header that is read unless a caller says otherwise: 16 MiB, some 150,000 tensors. */
export const defaultHeaderLimit = 2 ** 24;

const uint64Limit = 2n ** 64n;
const deepest = 4;

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

/** How a file is read. */
export interface ReadOptions {
  /** The file, for messages. */
  readonly file: string;
  /** Longest header accepted, in bytes; {@link defaultHeaderLimit} by default. */
  readonly headerLimit?: number;
}

const mistakenFor: readonly (readonly [start: string, what: string])[] = [
  ["version https://git-lfs", "a Git LFS pointer, whose file was never downloaded"],
  ["<!", "an HTML page"],
  ["<html", "an HTML page"],
  ["PK\u0003\u0004", "a ZIP archive, as PyTorch's .pt and .bin are; these can run code and are not read"],
  ["\u0080\u0002", "a Python pickle, which can run code and is not read"],
  ["GGUF", "a GGUF file"],
  ["{", "JSON without a length in front"],
];

/** What a file that cannot be a safetensors file seems to be, by its first bytes. */
function resemblance(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 32)).toLowerCase();
  return mistakenFor.find(([magic]) => start.startsWith(magic.toLowerCase()))?.[1];
}

function headerLength(bytes: Uint8Array, { file, headerLimit = defaultHeaderLimit }: ReadOptions): number {
  const where = `${file}, byte 0`;
  if (bytes.length < 8)
    throw new FileError({
      where,
      rule: "a safetensors file begins with 8 bytes that say how long its header is",
      got: `a file of ${bytes.length} bytes`,
    });
  // as bigint: a Number would round 2^53 + 1 into range
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const room = BigInt(bytes.length - 8);
  if (length <= room && length <= BigInt(headerLimit)) return Number(length);
  const seems = resemblance(bytes);
  if (seems !== undefined) throw new FileError({ where, rule: "must be a safetensors file", got: seems });
  if (length > BigInt(headerLimit))
    throw new FileError({
      where,
      rule: `the header may be ${headerLimit} bytes long`,
      got: `a length of ${length}`,
    });
  throw new FileError({
    where,
    rule: `the header is said to be ${length} bytes long, more than the file holds`,
    got: `${room} bytes after the length`,
    wayOut: "The file is cut short or no safetensors file.",
  });
}

function wholeNumbers(value: StrictJson | undefined, where: string): bigint[] {
  if (
    Array.isArray(value) &&
    value.every((item) => typeof item === "bigint" && item >= 0n && item < uint64Limit)
  )
    return value;
  throw new FileError({
    where,
    rule: "must be a list of whole numbers, at least 0",
    got: value === undefined ? "nothing" : shown(value),
  });
}

function shown(value: StrictJson): string {
  if (value instanceof Map) return "an object";
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`.slice(0, 80);
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** Elements × bits / 8, exactly. Multiplied in the order of the axes, so that an overflow is one even beside a 0. */
function byteSize(shape: readonly bigint[], bits: bigint, where: string): bigint {
  let total = 1n;
  for (const factor of [...shape, bits]) {
    total *= factor;
    if (total >= uint64Limit)
      throw new FileError({
        where,
        rule: "elements and bits must be countable in 64 bits",
        got: `shape [${shape}]`,
      });
  }
  if (total % 8n === 0n) return total / 8n;
  throw new FileError({ where, rule: "must fill whole bytes", got: `${total} bits` });
}

/** The place of one tensor, relative to the data. */
function placeOf(name: string, info: StrictJson, file: string): TensorPlace {
  const where = `${file}, tensor ${JSON.stringify(name.slice(0, 80))}`;
  if (!(info instanceof Map))
    throw new FileError({
      where,
      rule: "must be an object of dtype, shape and data_offsets",
      got: shown(info),
    });
  const dtype = info.get("dtype");
  if (typeof dtype !== "string" || !Object.hasOwn(dtypeBits, dtype))
    throw new FileError({
      where,
      rule: "dtype must be one of the format's",
      got: dtype === undefined ? "none" : shown(dtype),
      wayOut: typeof dtype === "string" ? `Nearest: "${nearest(dtype, Object.keys(dtypeBits))}".` : undefined,
    });
  const shape = wholeNumbers(info.get("shape"), `${where}: shape`);
  const huge = shape.find((axis) => axis > BigInt(Number.MAX_SAFE_INTEGER));
  if (huge !== undefined)
    throw new FileError({ where, rule: "an axis may have 2^53 - 1 elements", got: String(huge) });
  const offsets = wholeNumbers(info.get("data_offsets"), `${where}: data_offsets`);
  if (offsets.length !== 2)
    throw new FileError({ where, rule: "data_offsets must be two numbers", got: `[${offsets.join(", ")}]` });
  const [start, end] = offsets;
  const needed = byteSize(shape, dtypeBits[dtype], where);
  if (end - start !== needed)
    throw new FileError({
      where,
      rule: `${dtype} of shape [${shape.join(", ")}] is ${needed} bytes`,
      got: `data_offsets [${start}, ${end}]`,
    });
  return { name, dtype, shape: shape.map(Number), start: Number(start), end: Number(end) };
}

function metadataOf(value: StrictJson | undefined, file: string): Map<string, string> {
  const metadata = new Map<string, string>();
  if (value === undefined || value === null) return metadata;
  const where = `${file}: __metadata__`;
  if (!(value instanceof Map))
    throw new FileError({ where, rule: "must be an object of texts", got: shown(value) });
  for (const [key, text] of value) {
    if (typeof text !== "string")
      throw new FileError({ where, rule: `${JSON.stringify(key)} must be a text`, got: shown(text) });
    metadata.set(key, text);
  }
  return metadata;
}

/**
 * The header of a whole file, with every tensor's place in it.
 *
 * @param bytes  the whole file
 * @throws FileError naming the file and the byte or the tensor, for every defect listed above
 */
export function readSafetensorsHeader(bytes: Uint8Array, options: ReadOptions): SafetensorsHeader {
  const { file } = options;
  const length = headerLength(bytes, options);
  const text = strictUtf8(bytes.subarray(8, 8 + length), `${file}, header`);
  const root = parseStrictJson(text, { file, startByte: 8, maxDepth: deepest });
  if (!(root instanceof Map))
    throw new FileError({ where: `${file}, byte 8`, rule: "the header must be an object", got: shown(root) });
  const dataStart = 8 + length;
  const relative: TensorPlace[] = [];
  for (const [name, info] of root) if (name !== "__metadata__") relative.push(placeOf(name, info, file));
  relative.sort((a, b) => a.start - b.start || a.end - b.end);
  let reached = 0;
  const places = relative.map((place) => {
    if (place.start !== reached)
      throw new FileError({
        where: `${file}, byte ${dataStart + reached}`,
        rule: `data must follow one another without holes or overlaps, here from offset ${reached}`,
        got: `tensor ${JSON.stringify(place.name.slice(0, 80))} at [${place.start}, ${place.end}]`,
      });
    reached = place.end;
    return { ...place, start: dataStart + place.start, end: dataStart + place.end };
  });
  if (dataStart + reached !== bytes.length)
    throw new FileError({
      where: `${file}, byte ${Math.min(dataStart + reached, bytes.length)}`,
      rule: `the header accounts for ${dataStart + reached} bytes`,
      got: `a file of ${bytes.length} bytes`,
    });
  return { places, metadata: metadataOf(root.get("__metadata__"), file) };
}
