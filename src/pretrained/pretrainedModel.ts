/** One model with its weights, and what has been done to them. */
import type { ModelConfig } from "../model/config.ts";

/** A single model; its weights are a population of one, in our names and layouts. */
export interface PretrainedModel {
  readonly config: ModelConfig;
  readonly weights: Readonly<Record<string, Float32Array>>;
  /** What was done to the weights after they were loaded, in order: names of the functions of processing.ts. */
  readonly processing: readonly string[];
}
