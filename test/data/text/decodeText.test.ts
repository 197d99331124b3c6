import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeText, firstInvalidByte } from "../../../src/data/text/decodeText.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const decodes = (bytes: Uint8Array) => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
};

test("the mark is dropped and every line ends with a line feed, and both are reported", () => {
  expect(decodeText(utf8("\ufeffone\r\ntwo\rthree\n"), "a.txt")).toEqual({
    text: "one\ntwo\nthree\n",
    hadMark: true,
    lineEndsChanged: 2,
  });
  // only the first one is a mark
  expect(decodeText(utf8("a\ufeffb"), "a.txt")).toEqual({
    text: "a\ufeffb",
    hadMark: false,
    lineEndsChanged: 0,
  });
});

test("bytes that are no UTF-8 give one sentence with the file and the byte", () => {
  expect(() => decodeText(Uint8Array.of(0x61, 0xff, 0x62), "b.txt")).toThrow(
    "b.txt: must be UTF-8 text; got byte 0xff at 1, which belongs to no UTF-8 character. Save it as UTF-8.",
  );
  // "hi" in UTF-16
  expect(() => decodeText(Uint8Array.of(0x68, 0, 0x69, 0), "c.txt")).toThrow("got a zero byte at 1");
});

test("the first invalid byte is where the longest well-formed beginning ends", () => {
  const edges = [0x00, 0x61, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1];
  const byte = fc.constantFrom(...edges, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff);
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 12 }), (list) => {
      const bytes = Uint8Array.from(list);
      const at = firstInvalidByte(bytes);
      if (decodes(bytes)) return at === -1;
      let longest = bytes.length;
      while (!decodes(bytes.subarray(0, longest))) longest--;
      return at === longest;
    }),
    { seed: 5, numRuns: 3000 },
  );
});
