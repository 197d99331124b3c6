/** Floats of sixteen bits, widened to float32: every one of them is exact there. */

/**
 * Writes float16 numbers into float32.
 *
 *   exponent e, mantissa m: e = 0: m · 2^-24;  e < 31: 2^(e − 15) · (1 + m/1024);  e = 31: infinity, or NaN if m > 0
 *
 * @param bytes  little-endian, two a number
 * @param into   as many numbers; a NaN keeps its sign and the bits of its mantissa
 * @source IEEE 754-2019, binary16
 */
export function widenFloat16(bytes: Uint8Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < into.length; i++) {
    const half = bytes[2 * i] | (bytes[2 * i + 1] << 8);
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 31;
    const mantissa = half & 0x3ff;
    if (exponent === 0) into[i] = (sign === 0 ? mantissa : -mantissa) * 2 ** -24;
    // the exponents' biases are 15 and 127; all ones stay all ones
    else bits[i] = sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (mantissa << 13);
  }
}

/**
 * Writes bfloat16 numbers into float32, whose upper half they are.
 *
 * @param bytes  little-endian, two a number
 * @param into   as many numbers
 */
export function widenBfloat16(bytes: Uint8Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < into.length; i++) bits[i] = (bytes[2 * i] << 16) | (bytes[2 * i + 1] << 24);
}
