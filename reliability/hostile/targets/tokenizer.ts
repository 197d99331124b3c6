import { readFileSync } from "node:fs";
import { tokenizerOf } from "../../../src/data/tokenizer.ts";
import { pick } from "../../../test/record/mutants.ts";
import { jsonFileMutant } from "../jsonMutants.ts";
import { difference, type Target } from "../target.ts";

const fixture = JSON.parse(readFileSync("test/fixtures/tokenizers/expected.json", "utf8"));

/** Published tokenizers' files with few tokens: what is interesting about them is the rest. */
const seeds = [
  "gpt2",
  "llama3",
  "qwen2",
  "o200k",
  "roberta",
  "llama2-published",
  "bert-uncased",
  "removed",
].map((name) => {
  const { json } = fixture.tokenizers[name];
  const { vocab, merges, ...model } = json.model;
  const kept = new Set(
    (merges ?? []).slice(0, 12).flatMap((merge: string | string[]) => {
      const parts = typeof merge === "string" ? merge.split(" ") : merge;
      return [...parts, parts.join("")];
    }),
  );
  const special = new Set<unknown>([
    model.unk_token,
    ...json.added_tokens.map(({ content }: { content: string }) => content),
  ]);
  const few = Object.entries(vocab as Record<string, number>).filter(
    ([token], i) => i % 16 === 0 || kept.has(token) || special.has(token),
  );
  const smaller = {
    ...model,
    vocab: Object.fromEntries(few),
    ...(merges && { merges: merges.slice(0, 12) }),
  };
  return JSON.stringify({ ...json, model: smaller });
});

const own = [
  ...[
    "BPE",
    "WordPiece",
    "Unigram",
    "Sequence",
    "ByteLevel",
    "Split",
    "Metaspace",
    "BertNormalizer",
    "NFKC",
    "Strip",
  ],
  ...[
    "Replace",
    "Prepend",
    "Fuse",
    "ByteFallback",
    "TemplateProcessing",
    "RobertaProcessing",
    "Digits",
    "Punctuation",
  ],
  ...[
    "Removed",
    "Isolated",
    "MergedWithPrevious",
    "MergedWithNext",
    "Contiguous",
    "always",
    "never",
    "first",
    "a",
    "\u2581",
  ],
]
  .map((text) => JSON.stringify(text))
  .concat([
    '{"Regex":"(a+)+b"}',
    '{"String":"a"}',
    '{"type":"Lowercase"}',
    '{"type":"Sequence","pretokenizers":[]}',
  ]);

/** What every accepted tokenizer is asked to do. */
const texts = [
  "",
  " The cat's 123 hats\r\n\n  aaaaab ",
  "na\u00efve \u4f60\u597d \ud83d\ude42 <s>\u2581x</s> [CLS]",
  "\ud800\u0000\ufeff",
];

/** A model's tokenizer. */
export const tokenizer: Target = {
  kind: "tokenizer.json",
  mutant: (stream) => jsonFileMutant(pick(seeds, stream), stream, { own }),
  accept(bytes) {
    const first = tokenizerOf(bytes);
    const again = tokenizerOf(JSON.stringify(first.json));
    const doings = (of: typeof first) =>
      JSON.stringify(
        texts.map((text) => {
          const { ids, tokens, offsets } = of.encode(text, { offsets: true });
          return [ids, tokens, offsets, of.decode(ids.filter((id) => id < of.size)), ids.map(of.tokenText)];
        }),
      );
    return difference("a tokenizer", doings(first), doings(again));
  },
};
