/** Texts at given pixels, for pictures that are laid out like tables. */
import type { RenderFunction } from "@observablehq/plot";
import { svgElement } from "./svgElement.ts";
import { fontSize, ink, paper } from "./theme.ts";

/** A text and where it stands. */
export interface PlacedLabel {
  text: string;
  /** Of the anchor and of the middle of the line, px. */
  x: number;
  y: number;
  anchor?: "start" | "middle" | "end";
  /** Default ink. */
  fill?: string;
  /** Default `fontSize.small`. */
  size?: number;
  strong?: boolean;
  /** Written upwards. */
  upwards?: boolean;
  /** A rim in the colour of the page, for texts that lines pass under. */
  rim?: boolean;
}

/** Draws the texts in their order. */
export function labelsMark(labels: readonly PlacedLabel[]): RenderFunction {
  return (_index, _scales, _values, _dimensions, { document }) => {
    const group = svgElement(document, "g", { "aria-label": "text", "font-size": fontSize.small, fill: ink });
    for (const {
      text,
      x,
      y,
      anchor = "middle",
      fill,
      size,
      strong = false,
      upwards = false,
      rim = false,
    } of labels)
      group.append(
        svgElement(
          document,
          "text",
          {
            ...(upwards ? { transform: `translate(${x},${y}) rotate(-90)` } : { x, y }),
            dy: "0.32em",
            ...(anchor === "middle" ? {} : { "text-anchor": anchor }),
            ...(fill === undefined ? {} : { fill }),
            ...(size === undefined ? {} : { "font-size": size }),
            ...(strong ? { "font-weight": 600 } : {}),
            ...(rim
              ? { stroke: paper, "stroke-width": 4, "stroke-linejoin": "round", "paint-order": "stroke" }
              : {}),
          },
          text,
        ),
      );
    return group;
  };
}

/**
 * Every how many labels there is room for one.
 *
 * @param step  distance of neighbours, px
 * @param size  room that a label needs, px
 */
export function labelStride(step: number, size: number): number {
  return Math.max(1, Math.ceil(size / Math.max(step, 1e-6)));
}
