/** The time axis: optimiser updates on a scale that shows step 0 and thins out like the checkpoints do. */
import type { ScaleOptions } from "@observablehq/plot";
import { log1p } from "../base/exact.ts";

/** Least distance of two labelled steps, px: the width of a four-digit label and a gap. */
const labelGap = 34;

/**
 * Steps to label: 0, the last, and those powers of two between them that have room.
 *
 * @param last   last step, ≥ 0
 * @param width  length of the axis, px
 */
export function stepTicks(last: number, width: number): number[] {
  if (last <= 0) return [0];
  const place = (step: number) => (width * log1p(step)) / log1p(last);
  const ticks = [0];
  for (let step = 1; step < last; step *= 2)
    if (place(step) - place(ticks[ticks.length - 1]) >= labelGap && width - place(step) >= labelGap)
      ticks.push(step);
  return [...ticks, last];
}

/**
 * Plot scale for steps: x ↦ ln(1 + x), so that step 0 has a place. Plot's own such scale asks the engine's `Math.log1p`,
 * whose last digit is not the same in every browser, and a figure is to be.
 *
 * @param width  length of the axis, px
 */
export function stepScale(last: number, width: number): ScaleOptions {
  const steps = stepTicks(last, width);
  return {
    type: "linear",
    transform: log1p,
    domain: [0, log1p(Math.max(1, last))],
    ticks: steps.map(log1p), // places on the axis, which Plot does not transform
    tickFormat: (_: number, i: number) => String(steps[i]),
    label: "step (updates)",
    labelAnchor: "center",
    labelArrow: "none",
  };
}
