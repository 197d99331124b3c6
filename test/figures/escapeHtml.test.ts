/** Oracle: an HTML parser gives back the string that went in. */
import fc from "fast-check";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { escapeHtml } from "../../src/figures/escapeHtml.ts";

/** Any string without the characters that are shown as U+XXXX. */
const visible = fc
  .string({ unit: "binary" })
  .filter((text) => !/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]|\p{Cs}/u.test(text));

test("a parser reads an escaped text back as it was, in an element and in an attribute", () => {
  fc.assert(
    fc.property(visible, (text) => {
      const { document } = parseHTML(
        `<html><body><p title="${escapeHtml(text)}">${escapeHtml(text)}</p></body></html>`,
      );
      expect(document.querySelector("p")!.textContent).toBe(text);
      expect(document.querySelector("p")!.getAttribute("title")).toBe(text);
      expect(document.body.children.length).toBe(1);
    }),
    { seed: 20, numRuns: 300 },
  );
});

test("characters that a reader would not see are named instead", () => {
  expect(escapeHtml("a\u0000b\u001b[31m\u202ec\u2066")).toBe("aU+0000bU+001B[31mU+202EcU+2066");
  expect(escapeHtml("a\ud800b")).toBe("aU+D800b");
  expect(escapeHtml("line\n\tnext 😀 ∆")).toBe("line\n\tnext 😀 ∆");
});
