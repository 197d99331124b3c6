/** The horizontal axis of a response: a swept field, along its values, their logarithms, or side by side. */
import type { ScaleOptions } from "@observablehq/plot";
import { log } from "../../base/exact.ts";
import { longestLabel, textWidth } from "../textWidth.ts";
import { fontSize } from "../theme.ts";

/** A swept field. */
export interface ResponseAxis {
  readonly name: string;
  /** `log`: all numbers are above 0; `names`: values stand side by side as they are called. */
  readonly scale: "linear" | "log" | "names";
}

/** Where values stand, and the axis that says so. */
export interface ResponseScale {
  /** Place of a value along the axis. */
  place(value: number | string): number;
  /** For Plot. */
  readonly options: ScaleOptions;
  /** Height of the labels of values, px. */
  readonly labelHeight: number;
}

/** Distance of two labels, px. */
const labelGap = 10;

const numberText = (value: number) => {
  const text = String(Number(value.toPrecision(4)));
  return text.replace("e-", "e−").replace(/^-/, "−");
};

/** Values to label: all that have room, the ends before all others. */
function labelled(values: readonly number[], place: (value: number) => number, pixels: number): number[] {
  const size = (value: number) => textWidth(numberText(value), fontSize.label);
  const fits = (a: number, b: number) =>
    Math.abs(place(a) - place(b)) * pixels >= (size(a) + size(b)) / 2 + labelGap;
  const [first, ...rest] = values;
  const last = rest.pop();
  if (last === undefined) return [first];
  const kept = [first];
  for (const value of rest) if (fits(kept[kept.length - 1], value) && fits(value, last)) kept.push(value);
  return fits(kept[kept.length - 1], last) ? [...kept, last] : kept;
}

/** 1, 2 and 5 of every power of ten in a range. */
function roundNumbers(low: number, high: number): number[] {
  const found: number[] = [];
  for (let power = -12; power <= 12; power++)
    for (const digit of [1, 2, 5]) {
      // read as it is written: a product of powers of ten would not be the nearest number
      const value = Number(`${digit}e${power}`);
      if (value >= low && value <= high) found.push(value);
    }
  return found;
}

/** Round numbers in a range that are evenly spaced, about five. */
function evenNumbers(low: number, high: number): number[] {
  const step = roundNumbers((high - low) / 6, (high - low) / 2)[0] ?? high - low;
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/**
 * The scale of an axis.
 *
 * Logarithms are our own, because the engine's differ in their last digits and a figure is to be the same everywhere.
 *
 * @param values  that occur; a few are labelled themselves, of many round numbers between them
 * @param width   of the axis, px
 */
export function responseScale(
  { name, scale }: ResponseAxis,
  values: readonly (number | string)[],
  width: number,
): ResponseScale {
  const shared = { label: name, labelAnchor: "center", labelArrow: "none" } as const;
  if (scale === "names") {
    const names = [...new Set(values.map(String))];
    const places = new Map(names.map((each, i) => [each, i]));
    // of many names some: a label has a height, too
    const every = Math.ceil((names.length * fontSize.label) / width);
    const room = width / Math.max(1, names.length);
    const tilted = longestLabel(names, fontSize.label) + labelGap > room;
    // the longest name, at 30 degrees
    const slope = longestLabel(names, fontSize.label) / 2;
    return {
      place: (value) => places.get(String(value)) ?? Number.NaN,
      labelHeight: tilted ? Math.ceil(slope + fontSize.label) : fontSize.label,
      options: {
        ...shared,
        ...{ domain: [-0.5, names.length - 0.5], ticks: [...names.keys()].filter((i) => i % every === 0) },
        ...(tilted ? { tickRotate: -30 } : {}),
        tickFormat: (at: number) => names[at] ?? "",
      },
    };
  }
  const numbers = [...new Set(values.filter((value) => typeof value === "number"))].sort((a, b) => a - b);
  const [low, high] = [numbers[0], numbers[numbers.length - 1]];
  const along = scale === "log" ? log : (value: number) => value;
  const span = along(high) - along(low) || 1;
  const share = (value: number) => (along(value) - along(low)) / span;
  const few = numbers.length <= 8;
  const candidates = few ? numbers : scale === "log" ? roundNumbers(low, high) : evenNumbers(low, high);
  const ticks = labelled(candidates.length > 1 ? candidates : numbers, share, width * 0.9);
  const domain = [along(low) - span * 0.05, along(high) + span * 0.05] as const;
  return {
    place: (value) => along(Number(value)),
    labelHeight: fontSize.label,
    options: {
      ...shared,
      ...{ domain: [...domain], ticks: ticks.map(along) },
      tickFormat: (_: number, i: number) => numberText(ticks[i]),
    },
  };
}
