/** Check sums of 32 bits: that of ZIP files and that of log lines. */

/** For every byte, what is left of it after division by a reflected polynomial. */
function remainders(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
    return rest;
  });
}

const ofZip = remainders(0xedb88320);
const ofCastagnoli = remainders(0x82f63b78);

function checkSum(table: Uint32Array, bytes: Uint8Array): number {
  let sum = 0xffffffff;
  // by index: an iterator takes twice as long, and a log is summed whole at every opening
  for (let at = 0; at < bytes.length; at++) sum = table[(sum ^ bytes[at]) & 0xff] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

/** CRC-32 of bytes, 0 to 2^32 − 1. @source ISO 3309, reflected polynomial 0xedb88320 */
export function crc32(bytes: Uint8Array): number {
  return checkSum(ofZip, bytes);
}

/**
 * CRC-32C of bytes, 0 to 2^32 − 1: finds every error of one to three bits in lines of up to 2^31 − 1 bits.
 *
 * @source Castagnoli, Bräuer & Herrmann 1993; RFC 3720, reflected polynomial 0x82f63b78
 */
export function crc32c(bytes: Uint8Array): number {
  return checkSum(ofCastagnoli, bytes);
}
