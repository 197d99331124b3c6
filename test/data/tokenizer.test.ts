import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { charTokenizer } from "../../src/data/characterTokenizer.ts";
import { tokenizerOf } from "../../src/data/tokenizer.ts";
import { trainBpe } from "../../src/data/trainBpe.ts";

/** Made by `tokenizers` in Python; its generator stands beside it. */
interface Fixture {
  texts: string[];
  tokenizers: Record<
    string,
    {
      json: { model: { vocab: Record<string, number> } };
      expected: { plain: number[]; ids?: number[]; offsets?: [number, number][]; decoded?: string }[];
    }
  >;
  trained: {
    text: string;
    vocab: number;
    minCount: number;
    special: string[];
    merges: string[][];
    size: number;
  }[];
}
const fixture: Fixture = JSON.parse(
  readFileSync(new URL("../fixtures/tokenizers/expected.json", import.meta.url), "utf8"),
);

for (const [name, { json, expected }] of Object.entries(fixture.tokenizers)) {
  const tokenizer = tokenizerOf(JSON.stringify(json));
  test(`the ${name} tokenizer gives every text the numbers that Python's gives it, with special tokens and without`, () => {
    for (const [i, text] of fixture.texts.entries()) {
      const { plain, ids = plain } = expected[i];
      expect(tokenizer.encode(text, { special: false }).ids, JSON.stringify(text)).toEqual(plain);
      expect(tokenizer.encode(text).ids, JSON.stringify(text)).toEqual(ids);
    }
  });

  test(`the ${name} tokenizer gives the text back that Python's gives`, () => {
    for (const [i, text] of fixture.texts.entries()) {
      const { plain, decoded = text } = expected[i];
      expect(tokenizer.decode(plain), JSON.stringify(text)).toBe(decoded);
    }
  });
}

test("tokens stand where Python says, each counted in UTF-16 units", () => {
  for (const name of ["gpt2", "llama3"]) {
    const { json, expected } = fixture.tokenizers[name];
    const tokenizer = tokenizerOf(JSON.stringify(json));
    for (const [i, text] of fixture.texts.entries()) {
      const { offsets } = tokenizer.encode(text, { offsets: true, special: false });
      expect(offsets, `${name} ${JSON.stringify(text)}`).toEqual(expected[i].offsets);
    }
  }
});

test("what a template adds covers nothing of the text", () => {
  const tokenizer = tokenizerOf(JSON.stringify(fixture.tokenizers.llama3.json));
  const { ids, offsets } = tokenizer.encode("the cat", { offsets: true });
  expect(offsets?.length).toBe(ids.length);
  expect(offsets?.[0]).toEqual([0, 0]);
  expect(offsets?.slice(1)).toEqual(tokenizer.encode("the cat", { offsets: true, special: false }).offsets);
  const bert = tokenizerOf(JSON.stringify(fixture.tokenizers["bert-cased"].json));
  expect(bert.encode("the cat", { offsets: true }).offsets).toBe(null);
});

test("tokens are shown as a reader sees them", () => {
  const gpt2 = tokenizerOf(JSON.stringify(fixture.tokenizers.gpt2.json));
  const { vocab } = fixture.tokenizers.gpt2.json.model;
  const shown = (token: string) => gpt2.tokenText(vocab[token]);
  expect(["Ġthe", "<|end|>", "a", "Ċ"].map(shown)).toEqual([" the", "<|end|>", "a", "\n"]);
  // the first byte of a character alone
  expect(shown("Ð")).toBe("\\xd0");
  expect(gpt2.tokenText(100_000)).toBe("<100000>");
  expect(gpt2.size).toBe(Math.max(...Object.values(vocab)) + 1);
  expect([...gpt2.special]).toEqual([["<|end|>", vocab["<|end|>"]]]);
  const llama = tokenizerOf(JSON.stringify(fixture.tokenizers.llama2.json));
  expect(llama.tokenText(fixture.tokenizers.llama2.json.model.vocab["▁the"])).toBe(" the");
  const bert = tokenizerOf(JSON.stringify(fixture.tokenizers["bert-cased"].json));
  expect(bert.tokenText(fixture.tokenizers["bert-cased"].json.model.vocab["##e"])).toBe("##e");
});

test("a number without a token is refused, and no numbers are the empty text", () => {
  const gpt2 = tokenizerOf(JSON.stringify(fixture.tokenizers.gpt2.json));
  expect(gpt2.decode([])).toBe("");
  for (const id of [-1, 0.5, 100_000, Number.NaN])
    expect(() => gpt2.decode([1, id])).toThrow(
      `tokens: must be numbers of the tokenizer's tokens, below 330; got ${id}.`,
    );
});

test("tokenizer_config.json says what special tokens are for, and its chat template is left alone", () => {
  const config = JSON.stringify({
    bos_token: "<|end|>",
    eos_token: { content: "<|end|>", lstrip: false },
    pad_token: null,
    unk_token: "not there",
    chat_template: "{{ raise_exception('evaluated') }}",
    clean_up_tokenization_spaces: true,
  });
  const tokenizer = tokenizerOf(JSON.stringify(fixture.tokenizers.gpt2.json), { config });
  const end = tokenizer.special.get("<|end|>");
  expect(tokenizer.roles).toEqual({ bos: end, eos: end });
  // tidying would take the space before the dot
  expect(tokenizer.decode(tokenizer.encode("a . b").ids)).toBe("a . b");
});

test("a character tokenizer numbers characters by code point, and its file is one that others read", () => {
  const text = "hello 🙂 wörld\n";
  const tokenizer = charTokenizer(text);
  const sorted = [...new Set(text)].sort(
    (a, b) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number),
  );
  expect(Array.from({ length: tokenizer.size }, (_, id) => tokenizer.tokenText(id))).toEqual(sorted);
  const { ids, offsets, tokens } = tokenizer.encode(text, { offsets: true });
  expect(tokens).toEqual([...text]);
  expect(ids.map((id) => sorted[id])).toEqual([...text]);
  expect(offsets?.map(([start, end]) => text.slice(start, end))).toEqual([...text]);
  expect(tokenizer.decode(ids)).toBe(text);
  const again = tokenizerOf(JSON.stringify(tokenizer.json));
  expect(again.encode(text).ids).toEqual(ids);
  expect(() => tokenizer.encode("hex")).toThrow(
    'text: must be made of the tokenizer\'s 11 characters; got "x" (U+0078) at 2. Make the tokenizer from all of the text',
  );
  expect(() => charTokenizer("")).toThrow("text: must not be empty");
  expect(() => charTokenizer("a\ud800")).toThrow("half a surrogate pair");
});

test("byte-pair encoding learns the merges that Python's trainer learns, ties and all", () => {
  for (const { text, vocab, minCount, special, merges, size } of fixture.trained) {
    const tokenizer = trainBpe(text, { vocab, minCount, special });
    const { merges: learned } = tokenizer.json.model as { merges: string[][] };
    expect(learned).toEqual(merges);
    expect(tokenizer.size).toBe(size);
  }
});

test("a learned tokenizer gives any text back", () => {
  const tokenizer = trainBpe(fixture.trained[0].text, { vocab: 400 });
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
      const { ids, offsets } = tokenizer.encode(text, { offsets: true });
      expect(tokenizer.decode(ids)).toBe(text);
      if (text !== "") expect(offsets?.at(-1)?.[1]).toBe(text.length);
    }),
    { seed: 20, numRuns: 200 },
  );
});

test("what cannot be learned is refused", () => {
  expect(() => trainBpe("a", { vocab: 256 })).toThrow(
    "vocab: must be a whole number, 257 to 1000000; got 256",
  );
  expect(() => trainBpe("a", { vocab: 300, minCount: 0 })).toThrow(
    "minCount: must be a whole number, at least 1",
  );
  for (const special of [[""], ["a"], ["<x>", "<x>"]])
    expect(() => trainBpe("a", { vocab: 300, special })).toThrow("special: must be different texts");
  expect(trainBpe("", { vocab: 1000 }).size).toBe(257);
});
