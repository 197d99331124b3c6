/** A figure as the tests look at it: drawn, and parsed again as a browser would. */
import { parseHTML } from "linkedom";
import { type FigureSpec, renderPanel } from "../../src/figures/index.ts";

const { document } = parseHTML("<html><body></body></html>");

/** A panel's SVG after its text was parsed again. */
export function drawn(spec: FigureSpec, panel = 0): Element {
  const { body } = parseHTML(
    `<html><body>${renderPanel(spec.panels[panel], document)}</body></html>`,
  ).document;
  return body.children[0];
}

/** Elements of a selector, in document order. */
export const all = (element: Element, selector: string) => [...element.querySelectorAll(selector)];

/** All texts of a picture. */
export const texts = (element: Element) => all(element, "text").map(({ textContent }) => textContent ?? "");

/** Cells of a heat map, each as its colour; runs of one colour are one piece of a path. */
export function cellsOf(svg: Element, width: number): string[] {
  return all(svg, "g.cells path").flatMap((path) =>
    [...path.getAttribute("d")!.matchAll(/M([\d.-]+),([\d.-]+)h([\d.]+)/g)].flatMap(([, , , run]) =>
      new Array<string>(Math.round(Number(run) / width)).fill(path.getAttribute("fill")!),
    ),
  );
}
