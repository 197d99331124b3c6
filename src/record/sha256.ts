/** SHA-256 of bytes and of weights: what a manifest and a result name their data by. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { ArgumentError, NameError, nearest } from "../base/errors.ts";
import { dtypeOf, littleEndianBytes } from "./littleEndian.ts";

/** SHA-256 of bytes as 64 lowercase hexadecimal digits (FIPS 180-4). */
export function sha256OfBytes(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes));
}

/** The same numbers with every NaN the canonical one: its sign and payload differ between processors. */
function withOneNaN(values: Float32Array | Float64Array): Float32Array | Float64Array {
  if (!values.some(Number.isNaN)) return values;
  const copy = values.slice();
  // exponent all ones and the quiet bit, in the machine's own byte order
  const bits = copy instanceof Float32Array ? new Uint32Array(copy.buffer) : new BigUint64Array(copy.buffer);
  copy.forEach((value, i) => {
    if (Number.isNaN(value)) bits[i] = bits instanceof Uint32Array ? 0x7fc00000 : 0x7ff8000000000000n;
  });
  return copy;
}

/**
 * SHA-256 of one model's weights, in an order that is part of the model and not of the object that holds them.
 *
 * Hashed for each weight, one after the other, all numbers little-endian: length of the name in bytes (uint32), name
 * (UTF-8), dtype ("F32" or "F64"), rank (uint32), sizes (uint32 each), elements. So no two different sets of
 * weights have the same bytes; −0 and 0 differ, all NaNs are one.
 *
 * @param weights  by name, each row-major with the elements of its shape
 * @param shapes   name and shape of every weight, in order; a Map of names to shapes will do
 * @returns        64 lowercase hexadecimal digits
 * @throws NameError      if a weight is missing, or there is one without a shape
 * @throws ArgumentError  if a weight has another number of elements than its shape
 */
export function sha256OfWeights(
  weights: Readonly<Record<string, Float32Array | Float64Array>>,
  shapes: Iterable<readonly [name: string, shape: readonly number[]]>,
): string {
  const ordered = new Map(shapes);
  const extra = Object.keys(weights).find((name) => !ordered.has(name));
  if (extra !== undefined)
    throw missing(extra, "has no shape, so it has no place in the hash", ordered.keys());
  const hash = sha256.create();
  for (const [name, shape] of ordered) {
    if (!Object.hasOwn(weights, name)) throw missing(name, "is not among the weights", Object.keys(weights));
    const values = weights[name];
    const size = shape.reduce((product, axis) => product * axis, 1);
    if (values.length !== size)
      throw new ArgumentError({
        where: `weight "${name}"`,
        rule: `must have the ${size} elements of shape [${shape.join(", ")}]`,
        got: String(values.length),
      });
    const label = new TextEncoder().encode(name);
    hash
      .update(uint32(label.length))
      .update(label)
      .update(new TextEncoder().encode(dtypeOf(values)));
    hash.update(uint32(shape.length));
    for (const axis of shape) hash.update(uint32(axis));
    hash.update(littleEndianBytes(withOneNaN(values)));
  }
  return bytesToHex(hash.digest());
}

function missing(name: string, rule: string, known: Iterable<string>): NameError {
  const hint = nearest(name, known);
  return new NameError({
    where: `weight "${name}"`,
    rule,
    wayOut: hint === undefined ? undefined : `Nearest: ${JSON.stringify(hint)}.`,
  });
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
