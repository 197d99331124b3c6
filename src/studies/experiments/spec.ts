/** The experiments as data: what is asked for, and the populations that it comes to. */
import type { ModelConfig } from "../../model/config.ts";
import type { InitOptions } from "../../model/init.ts";
import type { Weights } from "../../model/weights.ts";
import type { ExperimentSetup } from "./section.ts";

/** The five experiments and the two analyses beside them, in the order of the report and under the names in JSON. */
export const sectionNames = [
  "detection",
  "hypotheses",
  "mapping",
  "circuits",
  "structured",
  "initialisation",
  "sources",
] as const;
/** One of {@link sectionNames}. */
export type SectionName = (typeof sectionNames)[number];

/** Networks that the experiments are carried out on. */
export interface PopulationSpec {
  /** Name of the preset, or of the file of its config. */
  readonly name: string;
  readonly config: ModelConfig;
  /** How the networks began; those of the null are drawn the same way. */
  readonly init: InitOptions;
  /** Optimiser updates that the subjects have had; null for pretrained ones, of which nobody says. */
  readonly step: number | null;
  /** Seeds of the subjects, each once. */
  readonly seeds: readonly number[];
  /** Of the subjects, [model, ...shape]; drawn by seed where there are none. */
  readonly weights?: Weights;
  /** Of the null, as many as are asked for, [model, ...shape]; drawn as the subjects were where there are none. */
  readonly nullWeights?: Weights;
  /** How the networks of the null began, in words, where `init` does not say it. */
  readonly initSays?: string;
}

/** Everything that decides a number besides the populations. */
export interface ExperimentSettings {
  /** Random networks that serve as null. */
  readonly nulls: number;
  /** Latin blocks of the balanced probe; even. */
  readonly blocks: number;
  /** Permutations or draws of each Monte Carlo null. */
  readonly draws: number;
  /** Positions of an input; null for those that are trained: all but the last. */
  readonly positions: number | null;
}

/** What the experiments are given of a population. */
export function setupOf(
  { config, seeds }: PopulationSpec,
  { blocks, draws, positions }: ExperimentSettings,
): ExperimentSetup {
  return { config, seeds, blocks, draws, nPos: positions ?? Math.max(1, config.nCtx - 1) };
}

/** Seeds of the null: the first that are none of the subjects'. */
export function nullSeeds({ seeds }: PopulationSpec, count: number): number[] {
  const taken = new Set(seeds);
  const found: number[] = [];
  for (let seed = 0; found.length < count; seed++) if (!taken.has(seed)) found.push(seed);
  return found;
}
