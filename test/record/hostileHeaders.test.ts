import { expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import { type ByteSource, memorySource } from "../../src/record/byteSource.ts";
import { jsonScanner } from "../../src/record/jsonScanner.ts";
import { parseStrictJson } from "../../src/record/strictJson.ts";
import { openSafetensors } from "../../src/record/tensorReader.ts";
import { fileOf } from "./mutants.ts";

const file = (header: string) => fileOf([header, 0]);

/** The sentence with which a file is refused. */
async function refusal(source: ByteSource, headerLimit?: number): Promise<string> {
  const error = await openSafetensors(source, { headerLimit }).catch((reason) => reason);
  expect(error).toBeInstanceOf(FileError);
  return error.message;
}

const complaint = (bytes: Uint8Array, headerLimit?: number) => refusal(memorySource("x", bytes), headerLimit);

/** A source that claims a size, gives its first bytes and nothing more, and counts what is asked of it. */
function claimed(size: number, headerLength: bigint): ByteSource & { asked: number } {
  const start = new Uint8Array(64);
  new DataView(start.buffer).setBigUint64(0, headerLength, true);
  return {
    name: "x",
    size,
    asked: 0,
    async read(from, to) {
      this.asked += to - from;
      return start.slice(from, to);
    },
  };
}

test("a header that is too long is refused after 64 bytes, whatever the size of the file", async () => {
  const limit = "x, byte 0: the header may be 16777216 bytes long; got a length of";
  for (const length of [2n ** 24n + 1n, 100_000_001n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    const source = claimed(2 ** 40, length);
    expect(await refusal(source)).toBe(`${limit} ${length}.`);
    expect(source.asked).toBe(64);
  }
  // no caller can raise the limit beyond the format's own
  const hard = "x, byte 0: the header may be 100000000 bytes long; got a length of 100000001.";
  expect(await refusal(claimed(2 ** 40, 100_000_001n), 2 ** 40)).toBe(hard);
});

test("a million tensors, texts, axes or digits are refused where the limit is passed", async () => {
  const many = (count: number, item: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => item(i)).join();
  const tensor = (i: number) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`;
  expect(await complaint(file(`{${many(1_000_000, tensor)}}`), 100_000_000)).toMatch(
    /^x, byte \d+: a file may hold 200000 tensors; got "\\"200000/,
  );
  expect(await complaint(file(`{"__metadata__":{${many(300_000, (i) => `"${i}":""`)}}}`))).toMatch(
    /^x, byte \d+: __metadata__ may hold 200000 texts/,
  );
  expect(await complaint(file(`{"a":{"shape":[${"1,".repeat(1_000_000)}1]}}`))).toMatch(
    /shape may have 16 numbers/,
  );
  expect(await complaint(file(`{"a":{"shape":[${"9".repeat(1_000_000)}]}}`))).toMatch(/range of float64/);
  expect(
    await complaint(file(`{"a":{"dtype":"${"F".repeat(1_000_000)}","shape":[0],"data_offsets":[0,0]}}`)),
  ).toMatch(/^x, tensor "a": dtype must be one of the format's; got "F{80}"\.$/);
});

test("200,000 tensors, sixteen axes and a depth of 127 are read", async () => {
  const names = Array.from(
    { length: 200_000 },
    (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`,
  );
  expect((await openSafetensors(memorySource("x", file(`{${names.join()}}`)))).places.size).toBe(200_000);
  const deep = `"x":${"[".repeat(125)}${"]".repeat(125)}`;
  const axes = Array(16).fill(2 ** 31);
  const rest = `"dtype":"F64","shape":[${axes.slice(1)},0],"data_offsets":[0,0],${deep}`;
  const { places } = await openSafetensors(memorySource("x", file(`{"a":{${rest}}}`)));
  expect(places.get("a")?.shape).toEqual([...axes.slice(1), 0]);
});

test("ten million levels of JSON are refused at the first that is too deep", async () => {
  expect(await complaint(file(`{"a":{"x":${"[".repeat(10_000_000)}`))).toBe(
    'x, byte 143: lists and objects may be nested 127 deep; got "[[[[[[[[[[[[".',
  );
  const text = "[".repeat(10_000_000);
  expect(() => parseStrictJson(text, { file: "x" })).toThrow(
    "x, byte 64: lists and objects may be nested 64 deep",
  );
});

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const filler = "\0".repeat(40);

test.each([
  [
    `version https://git-lfs.github.com/spec/v1\noid sha256:${filler}`,
    "a Git LFS pointer, whose file was never downloaded",
  ],
  ["<!DOCTYPE html><html></html>", "an HTML page"],
  ["\n  <html lang='en'><head></head></html>", "an HTML page"],
  ["<?xml version='1.0'?><Error>AccessDenied</Error>", "an XML page"],
  [`PK\x03\x04\x14\x00\x00\x00${filler}`, "a ZIP archive"],
  [`\x80\x02}q\x00X\x01\x00${filler}`, "a Python pickle"],
  [`\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00${filler}`, "a Python pickle"],
  [`GGUF\x03\x00\x00\x00${filler}`, "a GGUF file"],
  [`\x1f\x8b\x08\x00\x00\x00\x00\x00${filler}`, "a gzip archive"],
  ['{"model_type": "gpt2"}', "JSON without a length in front"],
  ["<html>", "an HTML page"],
  ["Entry not found", 'text, which begins "Entry not found".'],
  ["hello", 'text, which begins "hello".'],
  ["\n# A model\r\nand more of it", 'text, which begins "# A model".'],
  [
    // 61 bytes, then an é that is cut after its first byte
    `${"word ".repeat(12)}w\xc3\xa9\xc3`,
    'text, which begins "word word word word word word wo".',
  ],
  ["\xff\xfeh\x00e\x00l\x00", "text in UTF-16."],
  ["\xfe\xff\x00h\x00e\x00l", "text in UTF-16."],
  ["", "an empty file"],
])("the wrong kind of file is called what it is: %j", async (start, what) => {
  expect(await complaint(ascii(start))).toContain(`must be a safetensors file; got ${what}`);
});

test("bytes that are no text are not called text", async () => {
  // a control character, a byte that is no UTF-8, a length whose first bytes are letters
  for (const start of ["hello\x07 world", "hello\xff world", "hello\x00\x00\x00 world"])
    expect(await complaint(ascii(start))).not.toContain("text");
});

test("a length that begins with the byte of a brace is not taken for JSON", async () => {
  expect(await refusal(claimed(2 ** 40, 0x0373_4f7bn))).toMatch(/got a length of 57888635\.$/);
});

test("strict JSON counts values, and bytes up to what it complains of", () => {
  expect(parseStrictJson('[1,{"a":2}]', { file: "x", maxValues: 4 })).toEqual([1n, new Map([["a", 2n]])]);
  expect(() => parseStrictJson('[1,{"a":2}]', { file: "x", maxValues: 3 })).toThrow(
    'x, byte 8: at most 3 values are read; got "2}]".',
  );
  // the é has two bytes, the ☃ three, the 😀 four
  expect(() => parseStrictJson('["é☃😀",tru]', { file: "x", startByte: 100 })).toThrow(
    'x, byte 113: expected a JSON value; got "tru]".',
  );
  for (const text of ["1e400", "-1e309", "9".repeat(400)])
    expect(() => parseStrictJson(text, { file: "x" })).toThrow("must be within the range of float64");
});

test("what a scanner skips is still read as JSON, but for equal keys that nobody asks for", () => {
  const skipped = (text: string) => {
    const json = jsonScanner(text, { file: "x" });
    json.skip();
    json.end();
  };
  for (const text of ['{"a":1,"a":[true,null,-0.5e-3,"\\u00e9"]}', " [ ] ", '"\\ud83d\\ude00"'])
    skipped(text);
  for (const text of [
    "[1,]",
    "{1:2}",
    '"\\ud800"',
    "01",
    "1.",
    "-",
    "[1e400]",
    "nul",
    '{"a" 1}',
    '"\n"',
    '"\\x"',
    "",
    "1 2",
  ])
    expect(() => skipped(text), text).toThrow(FileError);
});
