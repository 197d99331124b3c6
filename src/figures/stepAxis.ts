/** The time axis: optimiser updates on a scale that shows step 0 and thins out like the checkpoints do. */
import type { ScaleOptions } from "@observablehq/plot";

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
  const place = (step: number) => (width * Math.log1p(step)) / Math.log1p(last);
  const ticks = [0];
  for (let step = 1; step < last; step *= 2)
    if (place(step) - place(ticks[ticks.length - 1]) >= labelGap && width - place(step) >= labelGap)
      ticks.push(step);
  return [...ticks, last];
}

/**
 * Plot scale for steps: x ↦ ln(1 + x), so that step 0 has a place.
 *
 * @param width  length of the axis, px
 */
export function stepScale(last: number, width: number): ScaleOptions {
  return {
    type: "symlog",
    constant: 1,
    domain: [0, Math.max(1, last)],
    ticks: stepTicks(last, width),
    tickFormat: (step: number) => String(step),
    label: "step (updates)",
    labelAnchor: "center",
    labelArrow: "none",
  };
}
