/** The documentation is built as it is published, and every link in it leads somewhere. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildSite } from "../../site/buildSite.ts";
import { brokenLinks } from "../../site/links.ts";
import { markdownHtml } from "../../site/markdown.ts";
import { flowingFigure } from "../../site/notebookPage.ts";
import { contents, notebookNames, pageOf } from "../../site/plan.ts";
import { renderFigure, renderFigureHtml } from "../../src/figures/index.ts";
import { samples } from "../figures/experimentSamples.ts";

const root = join(import.meta.dirname, "..", "..");
let site = "";
beforeAll(async () => {
  site = mkdtempSync(join(tmpdir(), "palimpsest-site-"));
  await buildSite({ root, out: site });
}, 240_000);
afterAll(() => rmSync(site, { recursive: true, force: true }));

const page = (path: string) => parseHTML(readFileSync(join(site, path), "utf8")).document;
const textOf = (html: string) =>
  (parseHTML(`<html><body>${html}</body></html>`).document.body.textContent ?? "")
    .replace(/\s+/g, " ")
    .trim();

test("no link and no anchor of any page leads nowhere", () => {
  expect(brokenLinks(site)).toEqual([]);
});

test("every guide stands in the contents, and every page leads to all of them", () => {
  const listed = contents.flatMap(({ files }) => files as readonly string[]);
  const guides = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  expect(guides.filter((name) => !listed.includes(`docs/${name}`))).toEqual([]);
  for (const file of listed) {
    const links = [...page(pageOf(file)).querySelectorAll("nav a")];
    expect(links.length).toBe(1 + listed.length + 1); // the name, the pages, the reference
    expect(links.filter((link) => link.getAttribute("aria-current") === "page")).toHaveLength(1);
  }
});

test("the pages run no script and fetch nothing", () => {
  for (const path of readdirSync(site, { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith(".html") || path.startsWith("reference")) continue;
    const html = readFileSync(join(site, path), "utf8");
    expect({ path, found: /<script|<iframe|\ssrc="https?:|@import|url\(/.exec(html) }).toEqual({
      path,
      found: null,
    });
  }
});

test("the page of a notebook has all of its figures", () => {
  for (const name of notebookNames) {
    const kept = JSON.parse(readFileSync(join(root, "examples", "notebooks", `${name}.ipynb`), "utf8"));
    const drawn = kept.cells
      .flatMap((cell: { outputs?: { data: object }[] }) => cell.outputs ?? [])
      .filter(({ data }: { data: object }) => "image/svg+xml" in data);
    expect(drawn.length).toBeGreaterThan(4);
    expect(page(`notebooks/${name}.html`).querySelectorAll("figure")).toHaveLength(drawn.length);
  }
});

test("the gallery has a picture of every example that exports one, and numbers in all of them", () => {
  const gallery = page("gallery.html");
  const drawn = readdirSync(join(root, "examples"))
    .filter((name) => name.endsWith(".ts"))
    .filter((name) => /^export const figure/m.test(readFileSync(join(root, "examples", name), "utf8")))
    .map((name) => name.replace(/\.ts$/, ""));
  expect([...gallery.querySelectorAll(".plate")].map(({ id }) => id).sort()).toEqual(drawn.sort());
  for (const figure of gallery.querySelectorAll("figure"))
    expect(figure.outerHTML).not.toMatch(/NaN|Infinity|undefined/);
});

test("the reference has every entry point of the package", () => {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const modules = Object.keys(exports).map((path) => `palimpsest${path.slice(1)}`);
  const listed = [...page("reference/index.html").querySelectorAll("a")].map(
    ({ textContent }) => textContent,
  );
  expect(modules.filter((name) => !listed.includes(name))).toEqual([]);
});

test("a figure taken out of its file says what the same figure says in a report", () => {
  const { document } = parseHTML("<html><body></body></html>");
  for (const { build, data } of samples) {
    const figure = build(data);
    expect(textOf(flowingFigure(renderFigure(figure, document)))).toBe(
      textOf(renderFigureHtml(figure, document)),
    );
  }
});

test("links that lead nowhere are found: files, anchors, pictures", () => {
  const folder = mkdtempSync(join(tmpdir(), "palimpsest-links-"));
  mkdirSync(join(folder, "sub"));
  writeFileSync(
    join(folder, "a.html"),
    '<h1 id="top">a</h1><a href="sub/b.html#b">b</a><a href="#top">t</a><a href="https://x.y/">x</a>',
  );
  writeFileSync(
    join(folder, "sub", "b.html"),
    '<p id="b"><a href="../a.html#nowhere">a</a><a href="c.html">c</a><img src="p.svg"><a href="../a.html">a</a></p>',
  );
  expect(brokenLinks(folder)).toEqual([
    "sub/b.html: ../a.html#nowhere",
    "sub/b.html: c.html",
    "sub/b.html: p.svg",
  ]);
  rmSync(folder, { recursive: true });
});

test("HTML in a document is text but for breaks and comments, and a heading has the anchor of the usual forges", () => {
  const html = markdownHtml(
    "# A `b` & c\n\n## A\n\n## A\n\n<!-- not said -->\n<script>x</script> [l](m.md#n) a<br>b `<br>`\n",
    (target) => `to:${target}`,
  );
  expect(html).toContain('<h1 id="a-b--c">');
  expect(html).toContain('<h2 id="a">');
  expect(html).toContain('<h2 id="a-1">');
  expect(html).toContain("&lt;script&gt;");
  expect(html).toContain("a<br>b <code>&lt;br&gt;</code>");
  expect(html).not.toContain("not said");
  expect(html).toContain('href="to:m.md#n"');
});
