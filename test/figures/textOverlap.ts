/** Which texts of a picture lie on each other, measured without a browser. */

interface Box {
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Width of a narrow sans-serif character, em: what overlaps at this width overlaps everywhere. */
const narrow = 0.48;

/** The nearest value of an attribute on an element or above it. */
function inherited(element: Element, name: string, otherwise: string): string {
  for (let at: Element | null = element; at !== null; at = at.parentElement) {
    const value = at.getAttribute(name);
    if (value !== null && value !== "") return value;
  }
  return otherwise;
}

const em = (text: string, size: number) =>
  text.endsWith("em") ? Number.parseFloat(text) * size : Number(text);

function boxOf(element: Element): Box {
  const text = element.textContent ?? "";
  const size = Number.parseFloat(inherited(element, "font-size", "10"));
  let x = Number(element.getAttribute("x") ?? 0);
  let y = em(element.getAttribute("y") ?? "0", size);
  let turned = false;
  for (
    let at: Element | null = element;
    at !== null && at.tagName.toLowerCase() !== "svg";
    at = at.parentElement
  ) {
    const transform = at.getAttribute("transform") ?? "";
    const move = /translate\(([-\d.e]+)[ ,]+([-\d.e]+)\)/.exec(transform);
    if (/rotate\(-90\)/.test(transform)) turned = true;
    x += move === null ? 0 : Number(move[1]);
    y += move === null ? 0 : Number(move[2]);
  }
  const width = narrow * size * text.length;
  const anchor = inherited(element, "text-anchor", "start");
  const before = anchor === "start" ? 0 : anchor === "end" ? width : width / 2;
  const half = 0.35 * size;
  return turned
    ? { text, left: x - half, right: x + half, top: y - width + before, bottom: y + before }
    : { text, left: x - before, right: x - before + width, top: y - half, bottom: y + half };
}

/** Pairs of texts whose boxes share more than a pixel both ways. */
export function overlappingTexts(svg: Element): string[] {
  const boxes = [...svg.querySelectorAll("text")].filter(({ textContent }) => textContent !== "").map(boxOf);
  return boxes.flatMap((a, i) =>
    boxes
      .slice(i + 1)
      .filter(
        (b) => a.left + 1 < b.right && b.left + 1 < a.right && a.top + 1 < b.bottom && b.top + 1 < a.bottom,
      )
      .map((b) => `${a.text} | ${b.text}`),
  );
}
