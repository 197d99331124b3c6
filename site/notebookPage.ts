/** A notebook as a page: its prose, its code, and what its cells show. */
import { parseHTML } from "linkedom";
import { escapeHtml } from "../src/figures/index.ts";
import type { Output } from "./notebook/kernel.ts";
import { joined, type Notebook } from "./notebook/notebook.ts";

/** Font sizes that a figure's file gives its texts; they say which text is which. */
const sizes = { title: "17", question: "13", panel: "12", reading: "11" } as const;

/**
 * A figure's SVG file taken apart again, so that its texts flow and its panels stand side by side as far as there is room:
 * the same as in a report.
 *
 * @throws Error if the file is no figure's
 */
export function flowingFigure(svg: string): string {
  const { document } = parseHTML(`<html><body>${svg}</body></html>`);
  const parts = [...(document.querySelector("svg")?.children ?? [])];
  const panels = parts.filter(({ tagName }) => tagName.toLowerCase() === "svg");
  const texts = (size: string) =>
    parts
      .filter((part) => part.tagName.toLowerCase() === "text" && part.getAttribute("font-size") === size)
      .map(({ textContent }) => textContent ?? "");
  const [title, question, titles, reading] = Object.values(sizes).map(texts);
  if (panels.length === 0 || panels.length !== titles.length || title.length === 0)
    throw new Error(`notebook page: no figure; got ${svg.slice(0, 80)}`);
  const drawn = panels.map((panel, i) => {
    for (const name of ["x", "y"]) panel.removeAttribute(name);
    return `<div class="panel" style="max-width:${panel.getAttribute("width")}px"><p class="panel-title">${escapeHtml(titles[i])}</p>${panel.outerHTML}</div>`;
  });
  const said = escapeHtml(reading.join(" ")).replace(/ (Null|Seeds): /g, " <b>$1:</b> ");
  return `<figure>
<figcaption><h3>${escapeHtml(title.join(" "))}</h3>
<p class="question">${escapeHtml(question.join(" "))}</p></figcaption>
<div class="panels">${drawn.join("\n")}</div>
<p class="reading">${said}</p>
</figure>`;
}

function outputHtml(output: Output, markdown: (text: string) => string): string {
  if (!("data" in output)) return "";
  const { data } = output;
  if ("image/svg+xml" in data) return flowingFigure(joined(data["image/svg+xml"]));
  if ("text/markdown" in data) return `<div class="shown">${markdown(joined(data["text/markdown"]))}</div>`;
  return `<div class="shown"><pre>${escapeHtml(joined(data["text/plain"]))}</pre></div>`;
}

/** Lines of code from which on a cell is folded: it prepares, and can be read later. */
const longCell = 45;

/**
 * The body of a notebook's page.
 *
 * @param file      where the notebook itself lies, for who wants to run it
 * @param markdown  prose as HTML
 */
export function notebookBody(notebook: Notebook, file: string, markdown: (text: string) => string): string {
  const cells = notebook.cells.map((cell) => {
    const source = joined(cell.source);
    if (cell.cell_type === "markdown") return markdown(source);
    const code = `<pre class="code" tabindex="0"><code>${escapeHtml(source)}</code></pre>`;
    const lines = source.split("\n").length;
    const folded =
      lines > longCell
        ? `<details class="code"><summary>${lines} lines of code</summary>${code}</details>`
        : code;
    return [folded, ...cell.outputs.map((output) => outputHtml(output, markdown))].join("\n");
  });
  return `${cells.join("\n")}
<p class="facts">This page is <a href="${escapeHtml(file)}">a notebook</a> with its outputs; the tests run it and hold every output to what it gives now.</p>`;
}
