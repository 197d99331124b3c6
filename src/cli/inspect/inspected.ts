/** What `inspect` is pointed at, and the networks that this comes to. */
import type { ModelConfig, PresetName } from "../../model/config.ts";
import type { InitOptions } from "../../model/init.ts";
import type { Weights } from "../../model/weights.ts";

/** How a subject is asked for. */
export interface SubjectChoice {
  /** Name of a preset, or path of a run folder. */
  readonly subject: string;
  /** Which of a run's presets; null for its only one. */
  readonly preset: PresetName | null;
  /** null for the last checkpoint of a run, or 0 of a preset. */
  readonly step: number | null;
  /** null for the first of a run, or 0 of a preset. */
  readonly seeds: readonly number[] | "all" | null;
  /** Of a preset's networks; null for PyTorch's, or what the run has. */
  readonly init: Required<InitOptions> | null;
}

/** A population under inspection. */
export interface Subject {
  readonly preset: string;
  readonly config: ModelConfig;
  /** How the networks began, and how those of the null are drawn. */
  readonly init: Required<InitOptions>;
  /** Optimiser updates made. */
  readonly step: number;
  /** [model] */
  readonly seeds: readonly number[];
  /** [model, ...shape] */
  readonly weights: Weights;
  /** Path of the run folder as it was given; null for a preset. */
  readonly run: string | null;
}
