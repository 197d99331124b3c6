/** What the experiments return, for programs and for the report. */
import type { ModelConfig } from "../../model/config.ts";
import { type CircuitsNull, type CircuitsNumbers, summariseCircuits } from "./circuits.ts";
import { type DetectionNull, type DetectionNumbers, summariseDetection } from "./detection.ts";
import { type HypothesesNull, type HypothesesNumbers, summariseHypotheses } from "./hypotheses.ts";
import {
  type InitialisationNull,
  type InitialisationNumbers,
  summariseInitialisation,
} from "./initialisation.ts";
import { type MappingNull, type MappingNumbers, summariseMapping } from "./mapping.ts";
import type { MeasuredModels } from "./measured.ts";
import type { ExperimentSetup, Section } from "./section.ts";
import { type SourcesNull, type SourcesNumbers, summariseSources } from "./sources.ts";
import { type SectionName, sectionNames } from "./spec.ts";
import { type StructuredNull, type StructuredNumbers, summariseStructured } from "./structured.ts";

/** All sections of one population. */
export interface PopulationSections {
  readonly detection: Section<DetectionNumbers, DetectionNull>;
  readonly hypotheses: Section<HypothesesNumbers, HypothesesNull>;
  readonly mapping: Section<MappingNumbers, MappingNull>;
  readonly circuits: Section<CircuitsNumbers, CircuitsNull>;
  readonly structured: Section<StructuredNumbers, StructuredNull>;
  readonly initialisation: Section<InitialisationNumbers, InitialisationNull>;
  readonly sources: Section<SourcesNumbers, SourcesNull>;
}

/** One population with what was found. */
export interface PopulationResult {
  readonly name: string;
  readonly config: ModelConfig;
  readonly init: string;
  readonly step: number | null;
  readonly setup: ExperimentSetup;
  /** Seeds of the random networks that served as null. */
  readonly nullSeeds: readonly number[];
  readonly sections: PopulationSections;
}

/** From what was measured to numbers, null and verdict of every section. */
export function summariseSections(
  models: MeasuredModels,
  nulls: MeasuredModels,
  setup: ExperimentSetup,
): PopulationSections {
  return {
    detection: summariseDetection(models.detection, nulls.detection, setup),
    hypotheses: summariseHypotheses(models.hypotheses, nulls.hypotheses, setup),
    mapping: summariseMapping(models.mapping, nulls.mapping, setup),
    circuits: summariseCircuits(models.circuits, nulls.circuits, setup),
    structured: summariseStructured(models.structured, nulls.structured, setup),
    initialisation: summariseInitialisation(models.initialisation, nulls.initialisation, setup),
    sources: summariseSources(models.sources, nulls.sources, setup),
  };
}

/** What `--json` prints: each section under its name, by population. */
export type ExperimentsResult = {
  readonly study: "experiments";
  /** In the order asked for. */
  readonly populations: readonly Omit<PopulationResult, "sections">[];
} & {
  readonly [S in SectionName]: Readonly<Record<string, PopulationSections[S]>>;
} & {
  /** Run folder relative to the working directory. */
  readonly run: string;
};

/** The result of all populations. */
export function experimentsResult(populations: readonly PopulationResult[], run: string): ExperimentsResult {
  const bySection = Object.fromEntries(
    sectionNames.map((section) => [
      section,
      Object.fromEntries(populations.map(({ name, sections }) => [name, sections[section]])),
    ]),
  );
  return {
    study: "experiments",
    populations: populations.map(({ sections, ...rest }) => rest),
    ...bySection,
    run,
  } as unknown as ExperimentsResult;
}
