/**
 * The wire format of Protocol Buffers, as far as an ONNX model needs it: whole and float32 numbers, strings, bytes and
 * messages.
 *
 * Our own because this is all there is to it, while npm's `onnx-proto` is unmaintained and brings a runtime that parses.
 *
 * @source https://protobuf.dev/programming-guides/encoding
 */

/** The bytes of one or many fields, in pieces: what a message is made of. */
export type Fields = readonly Uint8Array[];

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FOUR_BYTES = 5;

/** Base-128 digits, lowest first; for whole numbers from 0 to 2^53 − 1. */
function varint(value: number): number[] {
  const digits: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) digits.push((rest % 128) | 128);
  return [...digits, rest];
}

/** A field that holds a whole number from 0 to 2^53 − 1. */
export function integerField(field: number, value: number): Fields {
  return [Uint8Array.from([...varint(field * 8 + VARINT), ...varint(value)])];
}

/** A field that holds a float32 number. */
export function floatField(field: number, value: number): Fields {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [Uint8Array.from([...varint(field * 8 + FOUR_BYTES), ...bytes])];
}

/** A field that holds bytes. */
export function bytesField(field: number, bytes: Uint8Array): Fields {
  return messageField(field, [bytes]);
}

/** A field that holds text. */
export function textField(field: number, text: string): Fields {
  return bytesField(field, new TextEncoder().encode(text));
}

/** A field that holds a message of the given fields. */
export function messageField(field: number, ...parts: readonly Fields[]): Fields {
  const pieces = parts.flat();
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return [Uint8Array.from([...varint(field * 8 + LENGTH_DELIMITED), ...varint(length)]), ...pieces];
}

/** The message of the given fields as it lies in a file. */
export function messageBytes(fields: Fields): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of fields) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
