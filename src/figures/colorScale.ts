/** Values become steps of colour: signed ones on either side of the paper, amounts from little to much. */
import type { RenderFunction } from "@observablehq/plot";
import { sortedFinite } from "./spread.ts";
import { svgElement } from "./svgElement.ts";
import { textWidth } from "./textWidth.ts";
import { amountColors, divergingPoles, fontSize, ink, muted, paper } from "./theme.ts";

/** What a colour stands for. Values outside get the last colour. */
export type ColorScale =
  | { readonly kind: "signed"; readonly limit: number }
  | { readonly kind: "amount"; readonly low: number; readonly high: number };

/** Steps on either side of zero of a signed scale. */
const signedSteps = 10;
/** From this step of a signed scale on, text on it is paper. */
const deepStep = 7;

/** Signed scale up to the largest absolute value among some, 1 if there is none. */
export function signedScale(values: ArrayLike<number>): ColorScale {
  const limit = sortedFinite(Array.from(values, Math.abs)).at(-1) ?? 0;
  return { kind: "signed", limit: limit > 0 ? limit : 1 };
}

/** Scale of amounts from 0 to the largest among some, 1 if there is none. */
export function amountScale(values: ArrayLike<number>): ColorScale {
  const high = sortedFinite(values).at(-1) ?? 0;
  return { kind: "amount", low: 0, high: high > 0 ? high : 1 };
}

/**
 * The step of a value: −10 to 10 on a signed scale, 0 to 9 on one of amounts.
 *
 * @returns  undefined for NaN: nothing is drawn
 */
export function colorLevel(scale: ColorScale, value: number): number | undefined {
  if (Number.isNaN(value)) return undefined;
  if (scale.kind === "signed") {
    // rounded away from zero on both sides: Math.round takes −2.5 to −2, but 2.5 to 3
    const level = Math.round((signedSteps * Math.abs(value)) / scale.limit);
    return Math.sign(value) * Math.min(signedSteps, level);
  }
  const level = Math.floor((amountColors.length * (value - scale.low)) / (scale.high - scale.low));
  return Math.max(0, Math.min(amountColors.length - 1, level));
}

/** Fill of a step. */
export function colorFill(scale: ColorScale, level: number): { fill: string; "fill-opacity"?: number } {
  if (scale.kind === "amount") return { fill: amountColors[level] };
  const { below, above } = divergingPoles;
  return { fill: level < 0 ? below : above, "fill-opacity": Math.abs(level) / signedSteps };
}

/** Colour in which text on a step can be read. */
export function colorText(scale: ColorScale, level: number | undefined): string {
  if (level === undefined) return ink;
  const deep = scale.kind === "amount" ? level >= amountColors.length / 2 : Math.abs(level) >= deepStep;
  return deep ? paper : ink;
}

/** A labelled place on the ramp of a scale. */
export interface ScaleTick {
  value: number;
  label: string;
}

/** Height of a ramp with its title and labels, px. */
export const rampHeight = 36;
const rampWidth = 147;

/** Whether two labels would touch. */
const touch = (a: { x: number; label: string }, b: { x: number; label: string }) =>
  Math.abs(a.x - b.x) < (textWidth(a.label, fontSize.small) + textWidth(b.label, fontSize.small)) / 2 + 5;

/**
 * The ramp of a scale with a title above and labels beneath. Of labels that would touch the earlier stays.
 *
 * @param place  left and top end, px
 * @param ticks  outside the scale they are left out
 */
export function rampMark(
  scale: ColorScale,
  { title, ticks, left, top }: { title: string; ticks: readonly ScaleTick[]; left: number; top: number },
): RenderFunction {
  const [low, high] = scale.kind === "signed" ? [-scale.limit, scale.limit] : [scale.low, scale.high];
  const levels =
    scale.kind === "signed"
      ? Array.from({ length: 2 * signedSteps + 1 }, (_, i) => i - signedSteps)
      : amountColors.map((_, i) => i);
  const step = rampWidth / levels.length;
  // the ends of a signed scale are the middles of its first and last step
  const inset = scale.kind === "signed" ? step / 2 : 0;
  const placed: { x: number; label: string }[] = [];
  for (const { value, label } of ticks) {
    if (!(value >= low && value <= high)) continue;
    const x = left + inset + ((value - low) / (high - low)) * (rampWidth - 2 * inset);
    if (placed.every((other) => !touch(other, { x, label }))) placed.push({ x, label });
  }
  return (_index, _scales, _values, _dimensions, { document }) => {
    const group = svgElement(document, "g");
    const small = { fill: muted, "font-size": fontSize.small };
    group.append(
      svgElement(document, "text", { x: left, y: top + 8, ...small, "text-anchor": "start" }, title),
    );
    levels.forEach((level, i) => {
      group.append(
        svgElement(document, "rect", {
          x: left + i * step,
          y: top + 13,
          width: step,
          height: 7,
          ...colorFill(scale, level),
        }),
      );
    });
    for (const { x, label } of placed)
      group.append(
        svgElement(document, "path", { d: `M${x},${top + 20}v3`, stroke: muted, "stroke-width": 1 }),
        svgElement(document, "text", { x, y: top + 32, ...small, "text-anchor": "middle" }, label),
      );
    return group;
  };
}
