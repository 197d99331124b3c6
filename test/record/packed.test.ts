import fc from "fast-check";
import { expect, test } from "vitest";
import { ArgumentError, FileError, ShapeError } from "../../src/base/errors.ts";
import { packValue, unpackValue } from "../../src/record/packed.ts";
import { type AnyTensor, writeSafetensors } from "../../src/record/safetensors.ts";
import { readSafetensorsHeader } from "../../src/record/safetensorsHeader.ts";
import { bitsOf } from "./bitsOf.ts";

const back = (value: unknown) => unpackValue(packValue(value), "f").value;

const name = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 3 }),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "a.b",
    "",
    "$tensor",
    "$",
    "__metadata__",
    "$json",
    "10",
    "\ud83d",
  ),
);
const number = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 60, 1e21, 5e-324),
);
const array = fc.oneof(
  ...[fc.uint8Array, fc.int8Array, fc.uint16Array, fc.int16Array, fc.uint32Array, fc.int32Array].map((of) =>
    of({ maxLength: 4 }),
  ),
  fc.float32Array({ maxLength: 4 }),
  fc.float64Array({ maxLength: 4 }),
  fc.bigInt64Array({ maxLength: 4 }),
  fc.bigUint64Array({ maxLength: 4 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    ...[fc.boolean(), fc.constantFrom(null, undefined), fc.string({ unit: "binary" }), number, array],
    fc.array(array, { maxLength: 4 }),
    fc.array(number, { minLength: 30, maxLength: 40 }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(name, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 3 }).map((pairs) => new Map(pairs)),
  ),
}));

test("whatever plain data is packed comes back with every bit, type, member and place", () => {
  fc.assert(
    fc.property(value, (given) => {
      expect(bitsOf(back(given))).toBe(bitsOf(given));
    }),
    { seed: 11, numRuns: 1500 },
  );
});

test("a NaN inside an array keeps its sign and payload", () => {
  const bits = Uint32Array.of(0x7fc00001, 0xffc12345, 0x7f800001);
  const read = back({ weights: new Float32Array(bits.buffer) }) as { weights: Float32Array };
  expect(new Uint32Array(read.weights.buffer)).toEqual(bits);
});

test("an array that is part of a larger one is packed and read as its part alone", () => {
  const part = Float64Array.of(1, 2, 3, 4).subarray(1, 3);
  const { whole } = back({ whole: part }) as { whole: Float64Array };
  expect([whole, whole.buffer.byteLength]).toEqual([Float64Array.of(2, 3), 16]);
});

/** What a reader of the format sees in a file: name, dtype and shape of every tensor. */
const tensorsOf = (bytes: Uint8Array) =>
  readSafetensorsHeader(bytes, { file: "f" }).places.map(
    (place) => `${place.name} ${place.dtype} [${place.shape.join()}]`,
  );

test("a checkpoint reads well elsewhere: names are paths, losses are [step, model], shapes are those given", () => {
  const losses = [Float64Array.of(2, 3), Float64Array.of(1, 2), Float64Array.of(0.5, 1)];
  const weights = { "embed.W_E": Float32Array.of(1, 2, 3, 4, 5, 6) };
  const moments = { "m.embed.W_E": new Float32Array(6) };
  const shapes = new Map([["weights.embed.W_E", [2, 3]]]);
  const bytes = packValue({ step: 3, weights, moments, losses }, { job: "0123" }, { shapes });
  expect(tensorsOf(bytes)).toEqual([
    "losses F64 [3,2]",
    "moments.m.embed.W_E F32 [6]",
    "weights.embed.W_E F32 [2,3]",
  ]);
  expect(readSafetensorsHeader(bytes, { file: "f" }).metadata).toEqual(
    new Map([
      ["job", "0123"],
      [
        "value",
        '{"step":3,"weights":{"embed.W_E":{"$tensor":"weights.embed.W_E"}},"moments":{"m.embed.W_E":{"$tensor":"moments.m.embed.W_E"}},"losses":{"$rows":"losses"}}',
      ],
    ]),
  );
  expect([...unpackValue(bytes, "f").metadata]).toEqual([["job", "0123"]]);
  expect(() => packValue({ weights }, {}, { shapes: new Map([["weights.embed.W_E", [7]]]) })).toThrow(
    ShapeError,
  );
});

test("runs of several lengths are one tensor, two values of one path are two", () => {
  const runs = [Int32Array.of(1, 2), Int32Array.of(), Int32Array.of(3)];
  expect(tensorsOf(packValue({ runs }))).toEqual(["runs I32 [3]"]);
  const clash = { "a.b": Int32Array.of(1), a: { b: Int32Array.of(2) } };
  expect(tensorsOf(packValue(clash))).toEqual(["a.b I32 [1]", "a.b~2 I32 [1]"]);
  expect(back(clash)).toEqual(clash);
});

test("a value whose JSON is too long for a header is held by a tensor of bytes", () => {
  const rows = Array.from({ length: 30_000 }, (_, unit) => ({ site: "blocks.0.mlp.hook_post", unit }));
  const bytes = packValue(rows);
  expect(tensorsOf(bytes)).toEqual([expect.stringMatching(/^\$json U8 \[\d{7}\]$/)]);
  expect(unpackValue(bytes, "f").value).toEqual(rows);
});

test.each([
  [{ a: () => 1 }, "value at a: must be plain data; got function."],
  [[1n], "value at 0: must be plain data; got bigint."],
  [{ when: new Date(0) }, "value at when: must be plain data; got Date."],
  [{ bytes: new DataView(new ArrayBuffer(2)) }, "value at bytes: must be plain data; got DataView."],
  [new Set(), "value at the root: must be plain data; got Set."],
])("what is no plain data is refused with its path (%#)", (given, sentence) => {
  expect(() => packValue(given)).toThrow(ArgumentError);
  expect(() => packValue(given)).toThrow(sentence);
});

test("what holds itself is refused, and so is a key that the value has", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  expect(() => packValue(circle)).toThrow("may be nested 100 deep, and not hold itself; got deeper.");
  expect(() => packValue(1, { value: "x" })).toThrow(ArgumentError);
  const deep = Array.from({ length: 99 }).reduce((inner) => new Map([[inner, [1]]]), new Map());
  expect(bitsOf(back(deep))).toBe(bitsOf(deep));
});

/** A file with this JSON and these tensors. */
const fileOf = (json: string, tensors: Record<string, AnyTensor> = {}) =>
  writeSafetensors(Object.entries(tensors), { metadata: { value: json } });

const floats = { shape: [2], data: Float64Array.of(1, 2) };

test.each<[string, string, Record<string, AnyTensor>]>([
  ["must name a tensor of the file, each once", '{"$tensor":"W"}', {}],
  ["must name a tensor of the file, each once", '[{"$tensor":"W"},{"$tensor":"W"}]', { W: floats }],
  ["every tensor must be named", "1", { W: floats }],
  ["no such form of a value", '{"$tensor":"W","x":1}', { W: floats }],
  ["no such form of a value", '{"x":1,"$tensor":"W"}', { W: floats }],
  ["no such form of a value", '{"$run":"rm"}', {}],
  ["no such form of a value", '{"$constructor":1}', {}],
  ["rows of one length must be [item, element]", '{"$rows":"W"}', { W: floats }],
  [
    "rows of one length must be [item, element]",
    '{"$rows":"W"}',
    { W: { shape: [2 ** 31, 0], data: new Float64Array(0) } },
  ],
  ["lengths must be those of the rows", '{"$rows":"W","lengths":[3]}', { W: floats }],
  ["lengths must be those of the rows", '{"$rows":"W","lengths":[-1]}', { W: floats }],
  ["lengths must add up to 2", '{"$rows":"W","lengths":[1]}', { W: floats }],
  ["lengths must be a list", '{"$rows":"W","lengths":2}', { W: floats }],
  ["a list of numbers must be F64", '{"$numbers":"W"}', { W: { shape: [1], data: Int32Array.of(1) } }],
  ["no such number", '{"$number":"1"}', {}],
  ["must be a pair", '{"$map":[[1]]}', {}],
  ["must be a list of pairs", '{"$map":{}}', {}],
  ["a key must be a text", '{"$object":[[1,2]]}', {}],
  ["a key must be there once", '{"$object":[["a",2],["a",3]]}', {}],
  ["must be UTF-16 code units", '{"$string":[65536]}', {}],
  ["expected a JSON value", "", {}],
  ["may be nested 308 deep", "[".repeat(400), {}],
  ["the same key twice in one object", '{"a":1,"a":2}', {}],
])("a file is refused in one sentence: %s (%#)", (rule, json, tensors) => {
  const read = () => unpackValue(fileOf(json, tensors), "work/1.safetensors");
  expect(read).toThrow(FileError);
  expect(read).toThrow(rule);
  expect(read).toThrow(/^work\/1\.safetensors, [^\n]*$/);
});

test("a safetensors file that holds no value is refused, and so are halves in place of numbers", () => {
  expect(() => unpackValue(writeSafetensors([]), "x")).toThrow(/^x: must hold a packed value/);
  const header = `{"__metadata__":{"value":"{\\"$tensor\\":\\"h\\"}"},"h":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}`;
  const bytes = new Uint8Array(8 + header.length + 2);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(new TextEncoder().encode(header), 8);
  expect(() => unpackValue(bytes, "x")).toThrow('tensor "h": must be of integers, F32 or F64; got BF16.');
});

test("whatever byte of a file is changed or cut off, the answer is a FileError or a value, never another error", () => {
  const good = packValue({
    step: 8,
    weights: { W: Float32Array.of(1, 2) },
    losses: [Float64Array.of(1), Float64Array.of(2)],
    parts: new Map([["a", [-0, undefined, "\ud800"]]]),
  });
  const verdict = (bytes: Uint8Array) => {
    try {
      unpackValue(bytes, "x");
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return "refused";
    }
    return "read";
  };
  expect(verdict(good)).toBe("read");
  for (let length = 0; length < good.length; length++)
    expect(verdict(good.slice(0, length)), `${length}`).toBe("refused");
  fc.assert(
    fc.property(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
      const mutant = good.slice();
      mutant[at] = byte;
      verdict(mutant);
    }),
    { seed: 12, numRuns: 4000 },
  );
});
