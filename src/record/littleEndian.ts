/** The bytes of numbers as files and hashes hold them: little-endian, whatever the machine. */

/** Arrays that checkpoints hold. */
export type Numbers = Float32Array | Float64Array | Int32Array;

const machineIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Reverses the bytes of every element in place. */
function swapBytes(bytes: Uint8Array, width: number): void {
  for (let start = 0; start < bytes.length; start += width) bytes.subarray(start, start + width).reverse();
}

/** Little-endian bytes of `values`: a view of them where the machine is little-endian, else a swapped copy. */
export function littleEndianBytes(values: Numbers): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (machineIsLittleEndian) return bytes;
  const copy = bytes.slice();
  swapBytes(copy, values.BYTES_PER_ELEMENT);
  return copy;
}

/** How the numbers of a dtype are made from a buffer. */
const arrays = { F32: Float32Array, F64: Float64Array, I32: Int32Array } as const;

/** Element types that are read and written, by safetensors' names. */
export type Dtype = keyof typeof arrays;

/** Whether a name is one of {@link Dtype}. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(arrays, name);
}

/** The dtype of an array. */
export function dtypeOf(values: Numbers): Dtype {
  if (values instanceof Float32Array) return "F32";
  return values instanceof Float64Array ? "F64" : "I32";
}

/**
 * The numbers that little-endian bytes stand for, always copied: their place in a file need not be aligned.
 *
 * @param bytes  a whole number of elements
 */
export function numbersOf(dtype: Dtype, bytes: Uint8Array): Numbers {
  const copy = bytes.slice();
  const array = arrays[dtype];
  if (!machineIsLittleEndian) swapBytes(copy, array.BYTES_PER_ELEMENT);
  return new array(copy.buffer, copy.byteOffset, copy.byteLength / array.BYTES_PER_ELEMENT);
}
