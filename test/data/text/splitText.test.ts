import fc from "fast-check";
import { expect, test } from "vitest";
import { splitText } from "../../../src/data/text/splitText.ts";

test("training and held-out stretches take turns and are together the whole text, no character twice", () => {
  const word = fc.constantFrom("a", "bc", " ", "\n", "😀", "é", "in the beginning");
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 80, maxLength: 300 }),
      fc.integer({ min: 1, max: 5 }),
      fc.double({ min: 0.05, max: 0.6, noNaN: true }),
      (words, blocks, share) => {
        const text = words.join("");
        if ((text.length / blocks) * Math.min(share, 1 - share) < 2) return;
        const { train, heldOut } = splitText(text, { share, blocks });
        expect(train.length).toBe(blocks);
        const inOrder = train.flatMap((range, i) => [range, heldOut[i]]);
        expect(inOrder[0].start).toBe(0);
        expect(inOrder[inOrder.length - 1].end).toBe(text.length);
        inOrder.forEach(({ start, end }, i) => {
          expect(end).toBeGreaterThan(start);
          if (i > 0) expect(start).toBe(inOrder[i - 1].end);
          // no stretch begins within a character
          expect(text.charCodeAt(start) >= 0xdc00 && text.charCodeAt(start) < 0xe000).toBe(false);
        });
      },
    ),
    { seed: 11, numRuns: 200 },
  );
});

test("about the share is held out, and cuts move to the ends of lines where they are near", () => {
  const text = Array.from({ length: 500 }, (_, line) => `line number ${line} of the text\n`).join("");
  const { train, heldOut } = splitText(text, { share: 0.1, blocks: 10 });
  const held = heldOut.reduce((sum, { start, end }) => sum + end - start, 0);
  // a line is 0.2 % of the text, and each of 20 borders moves by one at most
  expect(Math.abs(held / text.length - 0.1)).toBeLessThan(0.02);
  for (const { start } of [...train.slice(1), ...heldOut]) expect(text[start - 1]).toBe("\n");
});

test("what cannot be divided is refused", () => {
  expect(() => splitText("abc", { share: 0.1, blocks: 1 })).toThrow("is too short to hold out 0.1");
  expect(() => splitText("a".repeat(100), { share: 1, blocks: 1 })).toThrow("share held out");
  expect(() => splitText("a".repeat(100), { share: Number.NaN, blocks: 1 })).toThrow("share held out");
});
