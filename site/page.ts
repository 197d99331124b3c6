/** The frame of every page: contents beside it, one quiet column, no script, nothing fetched. */
import { posix } from "node:path";
import { escapeHtml } from "../src/figures/index.ts";
import { reportCss } from "../src/studies/persistence/reportStyle.ts";
import type { PagePath } from "./plan.ts";

/** A page before it is written. */
export interface Page {
  path: PagePath;
  title: string;
  /** HTML; every foreign text in it is escaped already. */
  body: string;
}

/** Contents of the site: titles of pages by group. */
export type Contents = readonly {
  title: string;
  pages: readonly { title: string; path: PagePath }[];
}[];

const css = `${reportCss}
.frame { display: grid; grid-template-columns: 13rem minmax(0, 1fr); max-width: 1260px; margin: 0 auto; }
.contents { grid-area: 1 / 1; padding: 44px 0 40px 24px; font-size: 14px; position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; }
.contents .name { font-size: 17px; font-weight: 600; }
.contents ul { display: block; margin: 2px 0 14px; font-size: 14px; }
.contents li { margin: 0; padding: 3px 0; }
.contents p { margin: 0; color: var(--muted); font-size: 12px; }
.contents .name + p { margin-bottom: 18px; }
.contents a { text-decoration: none; }
.contents a:hover, .contents a:focus-visible, .contents a[aria-current] { text-decoration: underline; text-underline-offset: 3px; }
.contents a[aria-current] { font-weight: 600; }
.to-contents { display: none; }
main { grid-area: 1 / 2; margin: 0; width: 100%; }
main h1 { margin-bottom: 18px; }
main h3 { margin: 32px 0 8px; }
pre { white-space: pre; padding: 10px 14px; margin: 0 0 16px; border-left: 3px solid var(--rule); }
.scroll { margin: 0 0 18px; }
.scroll td code { overflow-wrap: normal; }
main > p > img { max-width: 100%; height: auto; }
figure { margin: 20px 0 44px; }
figure h3 { margin: 0; }
.shown { margin: 0 0 18px; padding-left: 17px; }
.shown pre { border: 0; padding: 0; margin: 0; color: var(--muted); }
.code { margin-bottom: 10px; }
details.code { margin: 0 0 16px; }
.plate { margin: 0 0 72px; }
.plate > h2 { margin-bottom: 4px; }
.plate > .facts { margin-bottom: 20px; }
@media (max-width: 860px) {
  .frame { display: block; }
  .contents { position: static; max-height: none; padding: 24px 16px 48px; border-top: 1px solid var(--rule); }
  .contents ul { columns: 2; column-gap: 24px; }
  .contents li { break-inside: avoid; }
  .to-contents { display: block; font-size: 14px; margin: 0 0 20px; }
}
@media print { .contents, .to-contents { display: none; } .frame { display: block; } }
`;

/** Link from one page to another. */
export function linkTo(from: PagePath, to: PagePath): string {
  return posix.relative(posix.dirname(from), to);
}

/** The text of a page's file. */
export function pageHtml({ path, title, body }: Page, contents: Contents): string {
  const groups = contents.map(({ title, pages }) => {
    const items = pages.map((page) => {
      const current = page.path === path ? ' aria-current="page"' : "";
      return `<li><a href="${linkTo(path, page.path)}"${current}>${escapeHtml(page.title)}</a></li>`;
    });
    return `<p>${escapeHtml(title)}</p>\n<ul>${items.join("\n")}</ul>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}${path === "index.html" ? "" : " · Palimpsest"}</title>
<link rel="icon" href="data:,">
<style>${css}</style>
</head>
<body>
<div class="frame">
<main>
<a class="to-contents" href="#contents">Contents</a>
${body}
</main>
<nav class="contents" id="contents" aria-label="Contents">
<a class="name" href="${linkTo(path, "index.html")}">Palimpsest</a>
<p>what training leaves</p>
${groups.join("\n")}
</nav>
</div>
</body>
</html>
`;
}
