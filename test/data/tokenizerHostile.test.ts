import fc from "fast-check";
import { expect, test } from "vitest";
import { FileError } from "../../src/base/errors.ts";
import { tokenizerOf } from "../../src/data/tokenizer.ts";
import { isSimplePattern } from "../../src/data/tokenizerPatterns.ts";
import { evil } from "./evilPatterns.ts";

/** A small file, to be changed. */
function file() {
  return {
    added_tokens: [{ id: 5, content: "<end>", special: true }] as unknown,
    normalizer: null as unknown,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false } as unknown,
    post_processor: null as unknown,
    decoder: { type: "ByteLevel" } as unknown,
    model: {
      type: "BPE",
      vocab: { a: 0, b: 1, ab: 2, c: 3, Ġ: 4 },
      merges: ["a b"],
    } as Record<string, unknown>,
  };
}
type File = ReturnType<typeof file>;

/** The sentence about a file; it must be one. */
function complaint(source: string | Uint8Array): string {
  let thrown: unknown;
  try {
    tokenizerOf(source, { file: "bad/tokenizer.json" });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(FileError);
  const { message } = thrown as Error;
  expect(message.startsWith("bad/tokenizer.json: ")).toBe(true);
  expect(message.length).toBeLessThan(500);
  expect(message).not.toMatch(/\n/);
  return message;
}
function changed(change: (whole: File) => unknown): string {
  const whole = file();
  change(whole);
  return JSON.stringify(whole);
}
const split = (pattern: string, field: "Regex" | "String" = "Regex") =>
  changed((whole) => {
    whole.pre_tokenizer = {
      type: "Split",
      pattern: { [field]: pattern },
      behavior: "Isolated",
      invert: false,
    };
  });

test("the small file is fine as it is", () => {
  const tokenizer = tokenizerOf(JSON.stringify(file()));
  expect(tokenizer.encode("abc<end>a").ids).toEqual([2, 3, 5, 0]);
});

test("fifty patterns that could hang the engine are refused before they are run", () => {
  expect(evil).toHaveLength(50);
  for (const pattern of evil)
    expect(complaint(split(pattern)), pattern).toContain("is not run: only the patterns of");
  expect(
    complaint(
      changed((whole) => {
        whole.normalizer = { type: "Replace", pattern: { Regex: "(a+)+b" }, content: "" };
      }),
    ),
  ).toContain("is not run");
});

test("rows of single characters are run, and end soon on any text", () => {
  const texts = ["a".repeat(100_000), " ".repeat(100_000), "a ".repeat(50_000), "aab".repeat(33_333)];
  for (const pattern of [
    "[0-9][0-9][0-9]",
    "\\p{N}{1,3}",
    " ?\\p{L}+|\\s+",
    "a?b?c+",
    "x{2,}|[^\\s\\p{P}]+",
    "\\d",
    "▁",
    "[\\r\\n]",
  ]) {
    expect(isSimplePattern(pattern), pattern).toBe(true);
    const tokenizer = tokenizerOf(split(pattern));
    for (const text of texts) expect(tokenizer.encode(text).ids.length).toBeGreaterThanOrEqual(0);
  }
});

test("an alternative may have eight characters, two of them optional, and a repeat without end at its end", () => {
  const atoms = fc.constantFrom("a", "b", "[ab]", "\\s", "[^b]", "\\p{L}");
  const bounded = fc.constantFrom("", "", "", "?", "{1,3}");
  const alternative = fc
    .tuple(fc.array(fc.tuple(atoms, bounded), { maxLength: 9 }), atoms, fc.constantFrom("", "+", "*"))
    .map(([row, last, end]) => `${row.map(([atom, count]) => atom + count).join("")}${last}${end}`);
  fc.assert(
    fc.property(fc.array(alternative, { minLength: 1, maxLength: 4 }), (alternatives) => {
      const accepted = isSimplePattern(alternatives.join("|"));
      const fits = alternatives.every((one) => {
        const pieces = one.match(/\\p\{L\}|\\s|\[[^\]]*\]|[ab]/g) ?? [];
        const ranges = one.match(/\?|\{1,3\}/g) ?? [];
        return pieces.length <= 8 && ranges.length <= 2;
      });
      expect(accepted).toBe(fits);
    }),
    { seed: 7, numRuns: 300 },
  );
});

test("bombs and nonsense are refused in one sentence", () => {
  const cases: [string | Uint8Array, string][] = [
    ["", "must be JSON"],
    ["null", "the whole file must be an object; got null"],
    ["[]", "the whole file must be an object; got a list of 0"],
    ["{", "must be JSON"],
    [new Uint8Array([0x7b, 0xff, 0x7d]), "must be UTF-8 text"],
    ["[".repeat(1_000_000), "nested 32 deep"],
    [`{"a":`.repeat(100_000), "nested 32 deep"],
    [`[",]}\\"",`.repeat(40), "nested 32 deep"],
    // as many values as two million bytes hold would take seconds to build before they can be counted
    [`{"model":{"vocab":{${'"a":0,'.repeat(1_000_000)}"a":0}}}`, "an object may hold 1000000 values"],
    [`{"model":{"merges":[${'"",'.repeat(2_000_000)}""]}}`, "a list may hold 2000000 values"],
    ["1,2", "must be JSON"],
    [new Uint8Array(2 ** 26 + 1), "may be 67108864 bytes long; got 67108865"],
    ["{}", "model must be an object; got null"],
  ];
  for (const [source, expected] of cases) expect(complaint(source)).toContain(expected);
});

test("a vocabulary with numbers that clash, or that would need memory without end, is refused", () => {
  const vocabularies: [unknown, string][] = [
    [{ a: 0, b: 0 }, "two tokens have the same number; got 0"],
    [{ a: 1e9 }, "must be a whole number, 0 to 999999; got 1000000000"],
    [{ a: -1 }, "must be a whole number, 0 to 999999; got -1"],
    [{ a: 0.5 }, "must be a whole number"],
    [{ a: "0" }, 'must be a whole number, 0 to 999999; got "0"'],
    [{ ["a".repeat(1025)]: 0 }, "a token must be a text of at most 1024 characters"],
    [["a"], "vocab must be an object; got a list of 1"],
    [{}, "vocab lacks"],
  ];
  for (const [vocab, expected] of vocabularies)
    expect(complaint(changed((whole) => Object.assign(whole.model, { vocab })))).toMatch(
      expected === "vocab lacks" ? /a merge needs a token that vocab lacks/ : expected,
    );
  const own = tokenizerOf(
    '{"model":{"type":"BPE","vocab":{"__proto__":0,"constructor":1,"x":2},"merges":[]},"added_tokens":[{"id":0,"content":"__proto__"}]}',
  );
  expect(own.encode("x__proto__x").ids).toEqual([2, 0, 2]);
});

test("models, merges, added tokens and steps that would be read otherwise are refused, not guessed", () => {
  // biome-ignore format: a table
  const cases: [(whole: File) => unknown, string][] = [
    [({ model }) => Object.assign(model, { type: "Unigram" }), 'only BPE and WordPiece vocabularies are supported; got "Unigram"'],
    [({ model }) => Object.assign(model, { type: "WordLevel" }), "only BPE and WordPiece"],
    [({ model }) => Object.assign(model, { type: "WordPiece" }), "WordPiece needs an unk_token"],
    [({ model }) => Object.assign(model, { type: "WordPiece", unk_token: "a", max_input_chars_per_word: 1e6 }), "max_input_chars_per_word must be a whole number, 0 to 200"],
    [({ model }) => Object.assign(model, { unk_token: "x" }), "vocab lacks unk_token"],
    [({ model }) => Object.assign(model, { dropout: 0.1 }), "dropout is not supported; got 0.1"],
    [({ model }) => Object.assign(model, { end_of_word_suffix: "</w>" }), "end_of_word_suffix is not supported"],
    [({ model }) => Object.assign(model, { merges: ["a b c"] }), "a merge must be two tokens"],
    [({ model }) => Object.assign(model, { merges: [["a", "c"]] }), 'a merge needs a token that vocab lacks; got "ac"'],
    [({ model }) => Object.assign(model, { merges: [7] }), "a merge must be a list"],
    [({ model }) => Object.assign(model, { fuse_unk: 1 }), "fuse_unk must be true or false; got 1"],
    [(whole) => Object.assign(whole, { added_tokens: [{ id: 5, content: "" }] }), "must not be empty"],
    [(whole) => Object.assign(whole, { added_tokens: [{ id: 1, content: "a" }] }), "another number in vocab"],
    [(whole) => Object.assign(whole, { added_tokens: [{ id: 0, content: "z" }] }), "two tokens have the same number"],
    [(whole) => Object.assign(whole, { added_tokens: [{ id: 9, content: "z", single_word: true }] }), "single_word"],
    [(whole) => Object.assign(whole, { normalizer: { type: "Precompiled" } }), 'this normalizer is not supported; got "Precompiled"'],
    [(whole) => Object.assign(whole, { pre_tokenizer: { type: "FixedLength", length: 0 } }), "this pre-tokenizer is not supported"],
    [(whole) => Object.assign(whole, { pre_tokenizer: { type: "Split", pattern: { String: "ab" }, behavior: "MergedWithNext" } }), "not supported with this behaviour"],
    [(whole) => Object.assign(whole, { pre_tokenizer: { type: "Split", pattern: { String: "" }, behavior: "Isolated" } }), "must not be empty"],
    [(whole) => Object.assign(whole, { pre_tokenizer: { type: "Split", pattern: { Regex: "\\p{Nonsense}" }, behavior: "Isolated" } }), "cannot be used"],
    [(whole) => Object.assign(whole, { decoder: { type: "CTC" } }), "this decoder is not supported"],
    [(whole) => Object.assign(whole, { post_processor: { type: "Jinja" } }), "this post-processor is not supported"],
    [(whole) => Object.assign(whole, { post_processor: { type: "BertProcessing", cls: ["a", 7], sep: ["b", 1] } }), "has another number; got 7"],
    [(whole) => Object.assign(whole, { post_processor: { type: "TemplateProcessing", single: [], special_tokens: {} } }), "must hold the text once"],
    [(whole) => Object.assign(whole, { normalizer: { type: "Replace", pattern: { String: "a" }, content: "$`$`" } }), "must not hold a dollar sign"],
    [(whole) => Object.assign(whole, { normalizer: { type: "Replace", pattern: { String: "a" }, content: "a".repeat(17) } }), "at most 16 characters"],
    [(whole) => Object.assign(whole, { normalizer: { type: "Sequence", normalizers: Array(9).fill({ type: "Replace", pattern: { String: "a" }, content: "aa" }) } }), "its steps may make a text 64 times longer"],
    [(whole) => Object.assign(whole, { normalizer: { type: "Sequence", normalizers: Array(33).fill({ type: "NFC" }) } }), "normalizers must be a list of at most 32"],
    [(whole) => Object.assign(whole, { post_processor: { type: "Sequence", processors: [null] } }), "a step of processors must be an object; got null"],
    [(whole) => Object.assign(whole, { decoder: { type: "Sequence", decoders: [{ type: "Fuse" }, null] } }), "a step of decoders must be an object; got null"],
    // each writes the signs of the one before as bytes again: 2^20 of them for a space
    [(whole) => Object.assign(whole, { pre_tokenizer: { type: "Sequence", pretokenizers: Array(20).fill({ type: "ByteLevel", use_regex: false }) } }), "its steps may make a text 64 times longer; got 81"],
    [(whole) => {
      let nested: unknown = { type: "NFC" };
      for (let i = 0; i < 6; i++) nested = { type: "Sequence", normalizers: [nested] };
      whole.normalizer = nested;
    }, "steps may be nested 4 deep"],
  ];
  for (const [change, expected] of cases) expect(complaint(changed(change))).toContain(expected);
});

test("any change to a file gives a tokenizer or one sentence, never another error", () => {
  const whole = file();
  const source = JSON.stringify(whole);
  const values = fc.constantFrom(
    "null",
    "0",
    "-1",
    "1e99",
    '""',
    '"a"',
    "[]",
    "{}",
    "[[]]",
    "true",
    '"\\u0000"',
    "{",
    '"Split"',
  );
  let accepted = 0;
  fc.assert(
    fc.property(fc.nat(source.length - 1), fc.nat(8), values, (at, length, value) => {
      const mutant = source.slice(0, at) + value + source.slice(at + length);
      try {
        const tokenizer = tokenizerOf(mutant);
        tokenizer.decode(tokenizer.encode("ab c <end>").ids);
        accepted++;
      } catch (error) {
        expect(error, mutant).toBeInstanceOf(FileError);
      }
    }),
    { seed: 4, numRuns: 3000 },
  );
  expect(accepted).toBeGreaterThan(0);
});
