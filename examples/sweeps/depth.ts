/**
 * Deeper and wider networks, with as many steps as have been enough for each depth, and two studies with a plan beside them.
 *
 * palimpsest sweep examples/sweeps/depth.ts
 */
import type { SweepFile } from "palimpsest/studies";

const stepsOf = (nLayers: number) => 320 * nLayers;

export default {
  sweep: "Depth",
  study: ["persistence", "token-or-position", "selection-regression"],
  seeds: 8,
  base: { preset: "gpt", lr: 0.003 },
  // one grid a depth: the steps go with it
  grid: [1, 2, 4].map((nLayers) => ({
    "model.nLayers": [nLayers],
    steps: [stepsOf(nLayers)],
    "model.dModel": [16, 32],
  })),
} satisfies SweepFile;
