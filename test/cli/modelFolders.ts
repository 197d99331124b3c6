/** Folders of tiny pretrained models on the disk, as commands are pointed at them. */
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const fixtures = join(import.meta.dirname, "../fixtures/pretrained/models");

/** A tokenizer of bytes as GPT-2 has them, of 30 tokens: some letters, and the words of `words`. */
const letters = [..."ĠABMalobtseuyrwm.,"];
const merges = [
  ...["Ġ A", "ĠA l", "Ġ B", "ĠB o", "Ġ s", "Ġs a", "Ġsa w", "Ġ a", "Ġa t", "Ġ b", "Ġb u", "A l", "B o"],
];
const vocabulary = [...letters, ...merges.map((merge) => merge.replace(" ", ""))];

/** What text becomes here: `Al saw Bo. Bo saw` is `Al`, ` saw`, ` Bo`, `.`, ` Bo`, ` saw`. */
export const tokenNumber = (token: string): number => vocabulary.indexOf(token.replaceAll(" ", "Ġ"));

const tokenizerJson = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
    merges,
  },
};

/** Copies a fixture to `cwd/name`; with a tokenizer if wanted. */
export function saveModel(cwd: string, name: string, fixture: string, { tokenizer = false } = {}): void {
  cpSync(join(fixtures, fixture), join(cwd, name), { recursive: true });
  if (tokenizer) writeFileSync(join(cwd, name, "tokenizer.json"), JSON.stringify(tokenizerJson));
}
