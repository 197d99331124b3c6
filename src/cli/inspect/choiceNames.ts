/** Names that `inspect` takes where one of a few is chosen, apart from what carries the choice out. */
import type { AblationManner } from "../../interp/index.ts";

/** Ways to silence a part, as `--how` takes them. */
export const ablationManners = [
  "zero",
  "mean",
  "random",
  "resample",
] as const satisfies readonly AblationManner[];

/** How fine a logit is taken apart. */
export const attributionParts = ["component", "head", "neuron"] as const;

/** What is asked of the weights. */
export const circuitParts = ["composition", "copying", "singular"] as const;
/** One of {@link circuitParts}. */
export type CircuitPart = (typeof circuitParts)[number];

/** Metrics that can be asked for. */
export const metricNames = ["loss", "logit-diff", "prob", "rank", "entropy", "kl"] as const;
/** One of {@link metricNames}. */
export type MetricName = (typeof metricNames)[number];
