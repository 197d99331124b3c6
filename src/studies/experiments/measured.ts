/** What is measured of every network, by section: one entry a network, plain data that can cross to a worker. */
import type { Network } from "../../interp/network.ts";
import { type CircuitsModel, measureCircuits } from "./circuits.ts";
import { type DetectionModel, measureDetection } from "./detection.ts";
import { type HypothesesModel, measureHypotheses } from "./hypotheses.ts";
import { type InitialisationModel, measureInitialisation } from "./initialisation.ts";
import { type MappingModel, measureMapping } from "./mapping.ts";
import type { ExperimentSetup } from "./section.ts";
import { measureSources, type SourcesModel } from "./sources.ts";
import { measureStructured, type StructuredModel } from "./structured.ts";

/** One network's entry of every section. */
export interface MeasuredModels {
  detection: DetectionModel[];
  hypotheses: HypothesesModel[];
  mapping: MappingModel[];
  circuits: CircuitsModel[];
  structured: StructuredModel[];
  initialisation: InitialisationModel[];
  sources: SourcesModel[];
}

type Measures = {
  readonly [S in keyof MeasuredModels]: (
    network: Network,
    setup: ExperimentSetup,
  ) => Promise<MeasuredModels[S]>;
};

/** How each section measures. */
export const measures: Measures = {
  detection: measureDetection,
  hypotheses: measureHypotheses,
  mapping: measureMapping,
  circuits: measureCircuits,
  structured: measureStructured,
  initialisation: measureInitialisation,
  sources: measureSources,
};

/** Entries of several jobs, one after the other. */
export function joinMeasured(parts: readonly MeasuredModels[]): MeasuredModels {
  return {
    detection: parts.flatMap(({ detection }) => detection),
    hypotheses: parts.flatMap(({ hypotheses }) => hypotheses),
    mapping: parts.flatMap(({ mapping }) => mapping),
    circuits: parts.flatMap(({ circuits }) => circuits),
    structured: parts.flatMap(({ structured }) => structured),
    initialisation: parts.flatMap(({ initialisation }) => initialisation),
    sources: parts.flatMap(({ sources }) => sources),
  };
}
