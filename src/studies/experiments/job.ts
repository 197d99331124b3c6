/**
 * A job of the experiments: some networks of one population, measured for every section.
 *
 * A job is plain data, so that it can go to a worker, and so is what it tells. What is measured of a network does not
 * depend on the networks beside it, so how a population is cut into jobs changes no bit of the results.
 */
import { randomStream } from "../../base/random.ts";
import type { Backend } from "../../graph/backend.ts";
import { openNetwork } from "../../interp/network.ts";
import { initialPopulation } from "../../model/init.ts";
import { type Weights, weightShapes } from "../../model/weights.ts";
import { streams } from "../population/arm.ts";
import { type MeasuredModels, measures } from "./measured.ts";
import { type ExperimentSettings, nullSeeds, type PopulationSpec, sectionNames, setupOf } from "./spec.ts";

/** Some networks of a population. */
export interface ExperimentsJob {
  /** Of the networks of this job only. */
  readonly population: PopulationSpec;
  readonly settings: ExperimentSettings;
  readonly backend: { readonly name: string };
}

/** What a job tells while it runs. */
export type ExperimentsEvent =
  | { readonly kind: "section"; readonly done: number }
  | { readonly kind: "end"; readonly measured: MeasuredModels };

/** Networks in a job: enough to fill vectors, few enough to share out evenly and to keep their activations in memory. */
const MODELS_PER_JOB = 4;

/** Jobs of the subjects and of the null, in the order of their networks. */
export function experimentsJobs(
  population: PopulationSpec,
  settings: ExperimentSettings,
  backend: ExperimentsJob["backend"],
): { subjects: ExperimentsJob[]; nulls: ExperimentsJob[] } {
  const { weights, nullWeights, ...untrained } = population;
  const cut = (whole: PopulationSpec): ExperimentsJob[] => {
    const jobs: ExperimentsJob[] = [];
    for (let first = 0; first < whole.seeds.length; first += MODELS_PER_JOB) {
      const end = Math.min(whole.seeds.length, first + MODELS_PER_JOB);
      jobs.push({ population: someOf(whole, first, end), settings, backend });
    }
    return jobs;
  };
  return {
    subjects: cut({ ...untrained, weights }),
    nulls: cut({ ...untrained, weights: nullWeights, step: 0, seeds: nullSeeds(population, settings.nulls) }),
  };
}

function someOf(population: PopulationSpec, first: number, end: number): PopulationSpec {
  const { config, seeds, weights } = population;
  const part = { ...population, seeds: seeds.slice(first, end) };
  if (weights === undefined) return part;
  const some: Record<string, Float32Array | Float64Array> = {};
  for (const name of weightShapes(config).keys()) {
    const size = weights[name].length / seeds.length;
    some[name] = weights[name].slice(first * size, end * size);
  }
  return { ...part, weights: some };
}

/** Networks that nobody trained: those that `study persistence` starts from with the same seeds. */
function drawn({ config, init, seeds }: PopulationSpec): Weights {
  return initialPopulation(
    config,
    init,
    seeds.map((seed) => randomStream(...streams.init("persistence", seed))),
  );
}

/**
 * Runs a job.
 *
 * @param tell  receives every event, in order
 */
export async function runExperimentsJob(
  { population, settings }: ExperimentsJob,
  backend: Backend,
  tell: (event: ExperimentsEvent) => void,
): Promise<void> {
  const network = openNetwork(backend, population.config, population.weights ?? drawn(population));
  try {
    const setup = setupOf(population, settings);
    const measured: Record<string, unknown> = {};
    for (const [index, section] of sectionNames.entries()) {
      measured[section] = await measures[section](network, setup);
      tell({ kind: "section", done: index + 1 });
    }
    tell({ kind: "end", measured: measured as unknown as MeasuredModels });
  } finally {
    network.close();
  }
}
