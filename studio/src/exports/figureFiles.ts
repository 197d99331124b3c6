/** A figure as a file that stands alone: the same picture as in the page, with title, null and how to read it. */
import type { FigureSpec } from "../../../src/figures/figure.ts";
import { renderFigure } from "../../../src/figures/renderFigure.ts";
import { saveFile } from "./saveFile.ts";

/** Pixels of the picture for each of the page's: sharp on any screen and in print. */
const PIXELS = 2;

/** Saves a figure as SVG. */
export function saveSvg(spec: FigureSpec): void {
  saveFile(`${spec.name}.svg`, renderFigure(spec, document), "image/svg+xml");
}

/** Saves a figure as PNG, on white paper or dark as the page is. */
export async function savePng(spec: FigureSpec): Promise<void> {
  saveFile(`${spec.name}.png`, await rastered(renderFigure(spec, document)), "image/png");
}

/** The pixels of an SVG, as PNG. */
async function rastered(svg: string): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = PIXELS * image.naturalWidth;
    canvas.height = PIXELS * image.naturalHeight;
    const context = canvas.getContext("2d") as CanvasRenderingContext2D;
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise<Blob>((resolve, reject) =>
      canvas.toBlob((blob) =>
        blob === null ? reject(new Error("the picture is too large")) : resolve(blob),
      ),
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}
