/**
 * Specifications become pictures: a panel an SVG, a figure a piece of HTML or one SVG file.
 *
 * Drawing needs a DOM to write into; the caller hands one in (the page's own, or linkedom's where there is none), and
 * nothing of it is kept.
 */
import { plot } from "@observablehq/plot";
import { escapeHtml, showInvisible } from "./escapeHtml.ts";
import type { FigureSpec, Panel } from "./figure.ts";
import { fontSize, ink, muted, paper, themeCss } from "./theme.ts";

const svgNamespace = "http://www.w3.org/2000/svg";

/**
 * The panel's SVG text. Its style is that of the class `plot` in {@link themeCss}, not Plot's own.
 *
 * Names reach the DOM as text only, which it escapes; attributes that hold names are written here, because linkedom
 * leaves `<` and `&` in them as they are, which is no legal XML.
 *
 * @param place  attributes that put the panel into a larger picture
 */
function panelSvg(panel: Panel, document: Document, place: Readonly<Record<string, number>> = {}): string {
  const svg = plot({ ...panel.options, className: "plot", document });
  for (const style of [...svg.querySelectorAll("style")]) style.remove();
  // inside an image nothing has a name for readers, the label below describes the whole: marks are told apart by class
  for (const group of [...svg.querySelectorAll("g[aria-label]")]) {
    group.setAttribute("class", group.getAttribute("aria-label") as string);
    group.removeAttribute("aria-label");
  }
  const label = `role="img" aria-label="${escapeHtml(`${panel.title}: ${panel.description}`)}"`;
  const position = Object.entries(place).map(([name, value]) => ` ${name}="${value}"`);
  return showInvisible(svg.outerHTML).replace(/^<svg/, () => `<svg ${label}${position.join("")}`);
}

/**
 * A panel as SVG text, to be put into a page that holds {@link themeCss}.
 *
 * @param document  where the elements are made; nothing is attached to it
 */
export function renderPanel(panel: Panel, document: Document): string {
  return panelSvg(panel, document);
}

/**
 * A figure as an HTML `<figure>`: title and question, the panels side by side as far as there is room, then seeds, null
 * and how to read it. Every text is escaped.
 *
 * @param headingLevel  of the title, 1 to 6
 */
export function renderFigureHtml(
  spec: FigureSpec,
  document: Document,
  { headingLevel = 3 }: { headingLevel?: number } = {},
): string {
  const panels = spec.panels.map(
    (panel) =>
      `<div class="panel" style="max-width:${panel.options.width}px"><p class="panel-title">${escapeHtml(panel.title)}</p>${renderPanel(panel, document)}</div>`,
  );
  return `<figure id="figure-${escapeHtml(spec.name)}">
<figcaption><h${headingLevel}>${escapeHtml(spec.title)}</h${headingLevel}>
<p class="question">${escapeHtml(spec.question)}</p></figcaption>
<div class="panels">${panels.join("\n")}</div>
<p class="reading">${escapeHtml(spec.reading)} <b>Null:</b> ${escapeHtml(spec.nullModel)} <b>Seeds:</b> ${escapeHtml(spec.seeds)}</p>
</figure>`;
}

/** Mean width of a character, em: sans-serif text is wrapped by count, as there is nothing to measure it with. */
const characterWidth = 0.54;

/** By how much bold text is wider. */
const boldWidth = 1.13;

/** Breaks a text at spaces into lines that fit a width, px. */
function wrapped(text: string, width: number, { size, weight }: { size: number; weight: number }): string[] {
  const letter = characterWidth * size * (weight >= 600 ? boldWidth : 1);
  const limit = Math.max(10, Math.floor(width / letter));
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > limit) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/**
 * A figure as one SVG file that stands alone: same texts and panels as in the report, in a grid, with its own style.
 *
 * @param width  of the picture, px; panels fill its rows from the left
 */
export function renderFigure(
  spec: FigureSpec,
  document: Document,
  { width = 960 }: { width?: number } = {},
): string {
  const margin = 16;
  const gap = 20;
  const inner = Math.max(width - 2 * margin, ...spec.panels.map(({ options }) => options.width));
  const parts: string[] = [];
  let top = margin;
  const write = (text: string, size: number, color: string, weight: number) => {
    for (const line of wrapped(text, inner, { size, weight })) {
      top += 1.35 * size;
      parts.push(
        `<text x="${margin}" y="${Math.round(top)}" font-size="${size}" font-weight="${weight}" fill="${color}">${escapeHtml(line)}</text>`,
      );
    }
  };
  write(spec.title, 17, ink, 600);
  write(spec.question, 13, muted, 400);
  top += gap;
  let left = 0;
  let rowHeight = 0;
  for (const panel of spec.panels) {
    if (left > 0 && left + panel.options.width > inner) {
      top += rowHeight + gap;
      left = 0;
      rowHeight = 0;
    }
    parts.push(
      `<text x="${margin + left}" y="${Math.round(top) + 10}" font-size="12" font-weight="600" fill="${ink}">${escapeHtml(panel.title)}</text>`,
      panelSvg(panel, document, { x: margin + left, y: Math.round(top) + 18 }),
    );
    left += panel.options.width + gap;
    rowHeight = Math.max(rowHeight, panel.options.height + 18);
  }
  top += rowHeight + 4;
  write(`${spec.reading} Null: ${spec.nullModel} Seeds: ${spec.seeds}`, fontSize.label, muted, 400);
  const height = Math.round(top + margin);
  const full = inner + 2 * margin;
  return `<svg xmlns="${svgNamespace}" class="plot" width="${full}" height="${height}" viewBox="0 0 ${full} ${height}" role="img" aria-label="${escapeHtml(spec.title)}"><style>${themeCss}</style><rect width="${full}" height="${height}" fill="${paper}"/>
${parts.join("\n")}
</svg>
`;
}
