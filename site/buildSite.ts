/** The documentation as static HTML: documents, notebooks, gallery, reference, and the code that they point to. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { parseHTML } from "linkedom";
import { galleryBody } from "./galleryPage.ts";
import { markdownHtml, titleOf } from "./markdown.ts";
import type { Notebook } from "./notebook/notebook.ts";
import { joined } from "./notebook/notebook.ts";
import { notebookBody } from "./notebookPage.ts";
import { linkTo, type Page, pageHtml } from "./page.ts";
import { contents, type PagePath, pageOf } from "./plan.ts";
import { writeReference } from "./reference.ts";
import { sourceBody } from "./sourcePage.ts";

/** Files that are copied as they are. */
const isPicture = (file: string) => /\.(svg|png)$/.test(file);

/**
 * Builds the site anew.
 *
 * @param root  folder of the repository, built
 * @param out   folder of the site; what is in it goes
 * @throws Error if a document links to a file that is not there, or the reference cannot be made
 */
export async function buildSite({ root, out }: { root: string; out: string }): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  const reference = writeReference(root, join(out, "reference"));
  // a failure is thrown below, when the pages are done
  reference.catch(() => {});
  const { document } = parseHTML("<html><body></body></html>");
  const read = (file: string) => readFileSync(join(root, file), "utf8");
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(out, path)), { recursive: true });
    writeFileSync(join(out, path), text);
  };

  /** Files that something links to and that have no page yet. */
  const waiting = new Set<string>(contents.flatMap(({ files }) => files as readonly string[]));
  const asked = new Set(waiting);
  const ask = (file: string) => {
    if (!existsSync(join(root, file))) throw new Error(`docs: there is no ${file}`);
    if (!asked.has(file)) waiting.add(file);
    asked.add(file);
  };
  /** From a page made of `file` to what a link in it names. */
  const linkFrom = (file: string, page: PagePath) => (target: string) => {
    const [path, anchor] = target.split("#");
    const other = posix.join(posix.dirname(file), path).replace(/\/$/, "");
    const end = anchor === undefined ? "" : `#${anchor}`;
    if (isPicture(other)) {
      const place = `pictures/${posix.basename(other)}`;
      mkdirSync(join(out, "pictures"), { recursive: true });
      copyFileSync(join(root, other), join(out, place));
      return linkTo(page, place);
    }
    ask(other);
    return `${linkTo(page, pageOf(other))}${end}`;
  };
  const markdownOf = (file: string, page: PagePath) => (text: string) =>
    markdownHtml(text, linkFrom(file, page));

  async function pageFor(file: string): Promise<Page> {
    const path = pageOf(file);
    const markdown = markdownOf(file, path);
    if (file === "docs/gallery.md") {
      const [introduction] = read(file)
        .replace(/^# .+\n/, "")
        .split("\n## ");
      return {
        path,
        title: "Gallery",
        body: await galleryBody(root, document as unknown as Document, markdown(introduction)),
      };
    }
    if (file.endsWith(".ipynb")) {
      const notebook = JSON.parse(read(file)) as Notebook;
      const copy = posix.basename(file);
      write(posix.join(posix.dirname(path), copy), read(file));
      return {
        path,
        title: titleOf(joined(notebook.cells[0].source)),
        body: notebookBody(notebook, copy, markdown),
      };
    }
    if (file.endsWith(".md")) return { path, title: titleOf(read(file)), body: markdown(read(file)) };
    const body = sourceBody(root, file, (other) => linkFrom(".", path)(other));
    return { path, title: statSync(join(root, file)).isDirectory() ? `${file}/` : file, body };
  }

  const pages = new Map<string, Page>();
  for (const file of waiting) {
    waiting.delete(file);
    pages.set(file, await pageFor(file));
  }
  const listed = [
    ...contents.map(({ title, files }) => ({
      title,
      pages: files.map((file) => ({ title: shortTitle(file, pages.get(file)!.title), path: pageOf(file) })),
    })),
    { title: "Reference", pages: [{ title: "API", path: "reference/index.html" }] },
  ];
  for (const page of pages.values()) write(page.path, pageHtml(page, listed));
  await reference;
}

/** The first page is the site's own; titles of the others are short enough as they are. */
function shortTitle(file: string, title: string): string {
  return file === "README.md" ? "Overview" : title;
}
