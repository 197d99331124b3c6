import { expect, test } from "vitest";
import { tokenDecoder } from "../../src/data/decodeTokens.ts";

// what the decoders of `tokenizers` 0.23.3 for Python return
test("tokens that are parts of characters, marks and spaces become the text that Python's decoders make of them", () => {
  const fallback = { type: "ByteFallback" };
  const bytes = { type: "ByteLevel" };
  const words = (cleanup: boolean) => ({ type: "WordPiece", prefix: "##", cleanup });
  const strip = (content: string, start: number, stop: number) => ({ type: "Strip", content, start, stop });
  const cases: [Parameters<typeof tokenDecoder>[0], string[], string][] = [
    [fallback, ["<0xE5>"], "\ufffd"],
    [fallback, ["<0xE5>", "<0x8f>"], "\ufffd\ufffd"],
    [fallback, ["<0xE5>", "<0x8f>", "<0xab>", "a"], "叫a"],
    [fallback, ["a", "<0xE5>", "b"], "a\ufffdb"],
    [fallback, ["<0xef>", "<0xbb>", "<0xbf>"], "\ufeff"],
    [fallback, ["<0x4g>"], "<0x4g>"],
    [bytes, ["Ð", "a"], "\ufffda"],
    [bytes, ["ï", "»¿", "x"], "\ufeffx"],
    [bytes, ["ä", "½", "<|é 🙂|>"], "\ufffd<|é 🙂|>"],
    [words(true), ["##a", "##b", "do", "not", "'", "s", ".", "do not x"], "##ab do not ' s. don't x"],
    [words(false), ["a", "##b", ".", "##"], "ab ."],
    [{ type: "Sequence", decoders: [{ type: "Fuse" }, strip(" ", 1, 0)] }, ["  a ", " "], " a  "],
    [strip("_", 1, 2), ["__a___", "b_"], "_a_b"],
    [{ type: "Metaspace", replacement: "▁" }, ["▁▁a▁b", "▁c"], "ab c"],
    [null, ["a", "b"], "a b"],
    [fallback, [], ""],
  ];
  for (const [step, tokens, text] of cases) expect(tokenDecoder(step)(tokens), tokens.join(" ")).toBe(text);
});
