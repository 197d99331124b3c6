import fc from "fast-check";
import { expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import { canonicalJson, parseJson, readableJson } from "../../src/record/canonicalJson.ts";
import { parseStrictJson, strictUtf8 } from "../../src/record/strictJson.ts";

const source = { file: "f" };
const plain = (value: ReturnType<typeof parseStrictJson>): unknown => {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  return Array.isArray(value) ? value.map(plain) : value;
};

test("keys are sorted at every depth, even those that look like list indices", () => {
  expect(canonicalJson({ b: 1, a: [{ z: null, "10": true, "9": "é\n" }], A: -0 })).toBe(
    '{"A":0,"a":[{"10":true,"9":"é\\n","z":null}],"b":1}',
  );
});

test("RFC 8785's example of sorting and of numbers comes out as printed there", () => {
  // RFC 8785, sections 3.2.2 and 3.2.3
  const numbers = [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 1e-27];
  expect(canonicalJson(numbers)).toBe("[333333333.3333333,1e+30,4.5,0.002,1e-27]");
  const keys = ["\u20ac", "\r", "\ufb33", "1", "\ud83d\ude00", "\u0080", "\u00f6"];
  const sorted = ["\\r", "1", "\u0080", "\u00f6", "\u20ac", "\ud83d\ude00", "\ufb33"];
  expect(canonicalJson(Object.fromEntries(keys.map((key) => [key, 0])))).toBe(
    `{${sorted.map((key) => `"${key}":0`).join(",")}}`,
  );
});

test("indented text has the same tokens", () => {
  const value = { b: [], a: [1, { c: 2 }], d: {} };
  expect(canonicalJson(value, { indent: 2 })).toBe(
    '{\n  "a": [\n    1,\n    {\n      "c": 2\n    }\n  ],\n  "b": [],\n  "d": {}\n}',
  );
});

test("numbers that are not finite are typed and come back, in both orders of keys", () => {
  const value = { b: [Number.NaN, Number.POSITIVE_INFINITY], a: Number.NEGATIVE_INFINITY, c: null };
  const text = canonicalJson(value);
  expect(text).toBe('{"a":{"$number":"-Infinity"},"b":[{"$number":"NaN"},{"$number":"Infinity"}],"c":null}');
  expect(parseJson(text, source)).toEqual(value);
  expect(parseJson(readableJson(value), source)).toEqual(value);
  expect(Object.keys(JSON.parse(readableJson(value)))).toEqual(["b", "a", "c"]);
});

test("arrays of numbers are lists, undefined members are left out", () => {
  expect(canonicalJson({ a: Float32Array.of(0.5, Number.NaN), b: undefined })).toBe(
    '{"a":[0.5,{"$number":"NaN"}]}',
  );
});

test("any JSON value survives the round trip, and the text does not depend on the order of keys", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "grapheme" }), (value) => {
      const clean = JSON.parse(JSON.stringify(value));
      const text = canonicalJson(clean);
      expect(JSON.parse(text)).toEqual(clean);
      expect(parseJson(text, source)).toEqual(clean);
      expect(canonicalJson(parseJson(text, source))).toBe(text);
    }),
    { seed: 3, numRuns: 500 },
  );
});

test.each([
  [{ a: 1n }, "JSON value at $.a: must be JSON; got bigint."],
  [[undefined], "JSON value at $[0]: must be JSON; got undefined."],
  [{ a: new Map() }, "JSON value at $.a: must be a plain object; got Map."],
  [{ a: { $number: "NaN" } }, "JSON value at $.a: must not have the key $number; got $number."],
])("value %# cannot be written and says where", (value, sentence) => {
  expect(() => canonicalJson(value)).toThrow(sentence);
});

test("a value that holds itself is refused, one that is held twice is not", () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  expect(() => canonicalJson(loop)).toThrow("JSON value at $.self: must not hold itself; got a cycle.");
  const twice = { x: 1 };
  expect(canonicalJson([twice, twice])).toBe('[{"x":1},{"x":1}]');
});

test("the strict scanner reads what JSON.parse reads", () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: "grapheme" }), fc.boolean(), (text, spaced) => {
      const written = spaced ? JSON.stringify(JSON.parse(text), null, "\t") : text;
      expect(plain(parseStrictJson(written, source))).toEqual(JSON.parse(written));
    }),
    { seed: 4, numRuns: 500 },
  );
});

test("on any text the strict scanner accepts nothing that JSON.parse refuses", () => {
  const character = fc.constantFrom(...'{}[]",:0123456789.-+eE\\u tfn\n\u0000abtruelsn');
  fc.assert(
    fc.property(fc.string({ unit: character, maxLength: 12 }), (text) => {
      let value: unknown;
      try {
        value = plain(parseStrictJson(text, source));
      } catch (error) {
        expect(error).toBeInstanceOf(FileError);
        return;
      }
      expect(JSON.parse(text)).toEqual(value);
    }),
    { seed: 5, numRuns: 5000 },
  );
});

test.each([
  ['{"a":1,"a":2}', 'f, byte 7: the same key twice in one object; got "\\"a\\":2}".'],
  ["", "f, byte 0: expected a JSON value; got the end."],
  ["[1,]", 'f, byte 3: expected a JSON value; got "]".'],
  ["[1 2]", 'f, byte 3: expected a comma or the end of the list; got "2]".'],
  ["\ufeff{}", 'f, byte 0: expected a JSON value; got "\ufeff{}".'],
  ['"\\ud800"', 'f, byte 0: a string must not hold half a surrogate pair; got "\\"\\\\ud800\\"".'],
  ['{"é" 1}', 'f, byte 6: expected a colon after the key; got "1}".'],
  ["{} x", 'f, byte 3: nothing may follow the JSON value; got "x".'],
])("text %j is refused with its byte", (text, sentence) => {
  expect(() => parseStrictJson(text, source)).toThrow(sentence);
});

test("nesting is bounded before the stack is, and whole numbers beyond 2^53 stay exact or are refused", () => {
  expect(() => parseStrictJson("[".repeat(1e6), source)).toThrow("may be nested 64 deep");
  expect(parseStrictJson("9007199254740993", source)).toBe(9007199254740993n);
  expect(() => parseJson("9007199254740993", source)).toThrow("must fit a float64");
  expect(parseJson('{"__proto__":1}', source)).toEqual(Object.fromEntries([["__proto__", 1]]));
});

test("bytes that are not UTF-8 are refused", () => {
  expect(() => strictUtf8(Uint8Array.of(0xff, 0xfe, 0x7b, 0), "f")).toThrow(FileError);
  expect(strictUtf8(Uint8Array.of(0xef, 0xbb, 0xbf), "f")).toBe("\ufeff");
});
