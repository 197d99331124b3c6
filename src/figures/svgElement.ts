/** Elements that Plot has no mark for. */

const svgNamespace = "http://www.w3.org/2000/svg";

/**
 * A new SVG element; nothing is attached.
 *
 * Names and other foreign strings belong into `text`, which is escaped when written; attributes are for numbers and
 * colours.
 */
export function svgElement(
  document: Document,
  name: string,
  attributes: Readonly<Record<string, string | number>> = {},
  text?: string,
): SVGElement {
  const element = document.createElementNS(svgNamespace, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}
