/** What typing, pasting and presets make of a sequence. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { unseenSequences } from "../../src/studies/population/arm.ts";
import {
  fittedTokens,
  parsedTokens,
  presetTokens,
  sequencePresets,
  typedToken,
} from "../../studio/src/parts/tokenEditing.ts";
import { armOf, defaultSettings } from "../../studio/src/state/runSettings.ts";

const limits = { dVocab: 10, nPos: 8 };

test("a digit that is typed replaces what would be too large with it, else it is added", () => {
  expect(typedToken("12", { dVocab: 10 })).toBe(2);
  expect(typedToken("12", { dVocab: 24 })).toBe(12);
  expect(typedToken("125", { dVocab: 24 })).toBe(5);
  expect(typedToken("1a7", { dVocab: 24 })).toBe(17);
  expect(typedToken("", { dVocab: 24 })).toBe(undefined);
  expect(typedToken("x", { dVocab: 24 })).toBe(undefined);
});

test("whatever is typed is a token or none", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 2, max: 300 }), (text, dVocab) => {
      const token = typedToken(text, { dVocab });
      // the last digit alone is the last resort
      const last = Number(text.match(/[0-9]/g)?.at(-1) ?? dVocab);
      expect(token === undefined ? last >= dVocab : token < dVocab).toBe(true);
    }),
    { seed: 1 },
  );
});

test("lists with commas, spaces or brackets are read, all others refused in a sentence", () => {
  for (const text of ["0,1,2", " 0 1  2\n", "[0, 1, 2]", "0;1;2"])
    expect(parsedTokens(text, limits)).toEqual([0, 1, 2]);
  expect(parsedTokens("", limits)).toBe("There is no token in it.");
  expect(parsedTokens("0,10", limits)).toBe('"10" is no token; these networks know 0 to 9.');
  expect(parsedTokens("0,-1", limits)).toBe('"-1" is no token; these networks know 0 to 9.');
  expect(parsedTokens("<b>", limits)).toBe('"<b>" is no token; these networks know 0 to 9.');
  expect(parsedTokens("0 ".repeat(9), limits)).toBe("9 tokens are too many; these networks read 8.");
});

test("a sequence of another run is cut and its tokens wrapped; one that fits stays the very same", () => {
  const fine = [0, 9];
  expect(fittedTokens(fine, limits)).toBe(fine);
  expect(fittedTokens([1, 11, 2, 3, 4, 5, 6, 7, 8], limits)).toEqual([1, 1, 2, 3, 4, 5, 6, 7]);
});

test("presets are sequences that networks can read, each press another, and the same for everybody", () => {
  const { spec } = armOf(defaultSettings);
  for (const preset of sequencePresets) {
    const drawn = Array.from({ length: 20 }, (_, index) => presetTokens(preset, spec, index));
    for (const tokens of drawn) expect(fittedTokens(tokens, limits)).toBe(tokens);
    expect(new Set(drawn.map(String)).size).toBeGreaterThan(10);
    expect(presetTokens(preset, spec, 3)).toEqual(drawn[3]);
  }
  const repeated = presetTokens("repeated", spec, 0);
  expect(repeated.slice(0, 3)).toEqual(repeated.slice(3, 6));
  const { inputs, nPos, count } = unseenSequences(spec);
  expect(presetTokens("held-out", spec, 1)).toEqual([...inputs.subarray(nPos, 2 * nPos)]);
  expect(presetTokens("held-out", spec, count)).toEqual(presetTokens("held-out", spec, 0));
});
