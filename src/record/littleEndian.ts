/** The bytes of numbers as files and hashes hold them: little-endian, whatever the machine. */

/** Arrays that checkpoints hold. */
export type Numbers = Float32Array | Float64Array | Int32Array;

/** Arrays that there is a dtype for. */
export type AnyNumbers =
  | Numbers
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | BigUint64Array
  | BigInt64Array;

const machineIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Turns little-endian bytes into the machine's order, or back: reverses every element in place where they differ. */
export function toMachineOrder(bytes: Uint8Array, width: number): void {
  if (machineIsLittleEndian) return;
  for (let start = 0; start < bytes.length; start += width) bytes.subarray(start, start + width).reverse();
}

/** Little-endian bytes of `values`: a view of them where the machine is little-endian, else a swapped copy. */
export function littleEndianBytes(values: AnyNumbers): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (machineIsLittleEndian) return bytes;
  const copy = bytes.slice();
  toMachineOrder(copy, values.BYTES_PER_ELEMENT);
  return copy;
}

/** Element types that checkpoints hold, by safetensors' names. */
export type Dtype = "F32" | "F64" | "I32";

/** How the numbers of a dtype are held in memory, for every dtype whose elements JavaScript has an array for. */
const storedArrays = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  U16: Uint16Array,
  I16: Int16Array,
  U32: Uint32Array,
  I32: Int32Array,
  F32: Float32Array,
  U64: BigUint64Array,
  I64: BigInt64Array,
  F64: Float64Array,
} as const;

/** The dtype of every array there is a dtype for, by the array's own name. */
const dtypesByArray = {
  Uint8Array: "U8",
  Int8Array: "I8",
  Uint16Array: "U16",
  Int16Array: "I16",
  Uint32Array: "U32",
  Int32Array: "I32",
  Float32Array: "F32",
  BigUint64Array: "U64",
  BigInt64Array: "I64",
  Float64Array: "F64",
} as const;

/** Whether an array is one of those that a dtype holds. */
export function isAnyNumbers(value: unknown): value is AnyNumbers {
  return ArrayBuffer.isView(value) && Object.hasOwn(dtypesByArray, (value as Uint8Array)[Symbol.toStringTag]);
}

/** A dtype with an array of its own. */
export type StoredDtype = keyof typeof storedArrays;
/** The array of a dtype. */
export type StoredNumbers<D extends StoredDtype = StoredDtype> = InstanceType<(typeof storedArrays)[D]>;

/** The dtype of an array; bytes are U8, for nothing tells them from BOOL. */
export function dtypeOf(values: Numbers): Dtype;
export function dtypeOf(values: AnyNumbers): StoredDtype;
export function dtypeOf(values: AnyNumbers): StoredDtype {
  return dtypesByArray[values[Symbol.toStringTag]];
}

/** Whether a dtype's numbers can be held as they are; not so the halves, the bytes of floats and complex numbers. */
export function isStoredDtype(name: string): name is StoredDtype {
  return Object.hasOwn(storedArrays, name);
}

/**
 * The numbers that little-endian bytes stand for, always copied: their place in a file need not be aligned.
 *
 * @param bytes  a whole number of elements
 */
export function numbersOf<D extends StoredDtype>(dtype: D, bytes: Uint8Array): StoredNumbers<D> {
  const copy = bytes.slice();
  const array = storedArrays[dtype];
  const width = array.BYTES_PER_ELEMENT;
  toMachineOrder(copy, width);
  return new array(copy.buffer, copy.byteOffset, copy.byteLength / width) as StoredNumbers<D>;
}
