/** The gallery makes every figure from real networks, and the pictures in the documents are those that it makes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { galleryFigures, gallerySvgs } from "../../examples/gallery.ts";
import { renderPanel } from "../../src/figures/index.ts";
import { samples } from "./experimentSamples.ts";
import { lookSamples } from "./lookSamples.ts";
import { overlappingTexts } from "./textOverlap.ts";

/** Largest picture that is kept in the repository, bytes. */
const LARGEST = 60_000;

const { document } = parseHTML("<html><body></body></html>");
const specs = await galleryFigures();
const svgs = await gallerySvgs(specs);
const root = join(import.meta.dirname, "..", "..");
const textsOf = (svg: string) =>
  [...parseHTML(`<html><body>${svg}</body></html>`).document.querySelectorAll("text")].map(
    ({ textContent }) => textContent,
  );

test("the gallery has every figure of the experiments and every look of the studio", () => {
  // a name ends with its subject, or with its unit; before that may stand a position
  const kindOf = (name: string) =>
    name.replace(/-(small-at-step-0|causal-at-initialisation|causal-at-step-\d+)$/, "").replace(/-\d+$/, "");
  const kinds = [...samples, ...lookSamples].map(({ build, data }) => kindOf(build(data).name));
  const shown = specs.map(({ name }) => kindOf(name));
  expect(kinds.filter((kind) => !shown.includes(kind))).toEqual([]);
  expect(shown.filter((kind) => kind.startsWith("unit-life-")).length).toBe(1);
  expect(new Set(shown).size).toBe(shown.length);
});

test("figures of real networks have their numbers, and no text lies on another", () => {
  for (const { name, title, panels } of specs) {
    expect(title).toMatch(/\d/);
    for (const panel of panels) {
      const { body } = parseHTML(`<html><body>${renderPanel(panel, document)}</body></html>`).document;
      expect({ name, overlaps: overlappingTexts(body.children[0]) }).toEqual({ name, overlaps: [] });
    }
    expect(svgs.get(name)!.match(/.{0,40}(NaN|Infinity|undefined).{0,20}/g)).toBeNull();
  }
});

test("at initialisation the gallery finds what there is: no kind of head, selectivity as by chance", () => {
  const title = (kind: string) => specs.find(({ name }) => name.startsWith(kind))!.title;
  expect(title("head-scores")).toContain("none of 4 heads is of any kind");
  expect(title("attribution")).toMatch(/sum to −?\d/);
  const [, above, of] = /: (\d+) of (\d+) \(layer 0/.exec(title("token-selectivity"))!.map(Number);
  // 64 units of which 5 % are expected: 10 or more would have a chance of 0.001
  expect(above).toBeLessThan(10);
  expect(of).toBe(64);
});

test("the pictures of docs/gallery.md are those that the gallery makes now, and small", () => {
  const folder = join(root, "docs", "figures", "gallery");
  const kept = readdirSync(folder);
  const shown = [
    ...readFileSync(join(root, "docs", "gallery.md"), "utf8").matchAll(/\(figures\/gallery\/([^)]+)\)/g),
  ];
  expect(shown.map(([, file]) => file).sort()).toEqual(kept.sort());
  expect(kept.length).toBeGreaterThan(4);
  for (const file of kept) {
    const svg = readFileSync(join(folder, file), "utf8");
    expect(Buffer.byteLength(svg)).toBeLessThan(LARGEST);
    expect(textsOf(svg)).toEqual(textsOf(svgs.get(file.replace(/\.svg$/, ""))!));
  }
});
