/** The experiments from settings to result; whoever calls them says how jobs are run. */
import { type ExperimentsEvent, type ExperimentsJob, experimentsJobs } from "./job.ts";
import { joinMeasured, type MeasuredModels } from "./measured.ts";
import { type PopulationResult, summariseSections } from "./result.ts";
import { type ExperimentSettings, nullSeeds, type PopulationSpec, setupOf } from "./spec.ts";

/** What the experiments ask. */
export const question =
  "What do the units of a random network already respond to, and is it more than its nulls would give?";

/** Runs jobs somewhere and tells their events; resolves when all are done. Events of one job come in order. */
export type ExperimentsRunner = (
  jobs: readonly ExperimentsJob[],
  tell: (job: number, event: ExperimentsEvent) => void,
) => Promise<void>;

/** How the experiments are carried out; changes no number. */
export interface ExperimentsExecution {
  readonly backend: ExperimentsJob["backend"];
  readonly runJobs: ExperimentsRunner;
  /** Told with every event, for a display. */
  readonly onEvent?: (job: ExperimentsJob, event: ExperimentsEvent) => void;
}

/** Carries out all sections. The same settings give the same numbers, however many jobs and workers there are. */
export async function experiments(
  populations: readonly PopulationSpec[],
  settings: ExperimentSettings,
  execution: ExperimentsExecution,
): Promise<PopulationResult[]> {
  const cut = populations.map((population) => ({
    population,
    ...experimentsJobs(population, settings, execution.backend),
  }));
  const jobs = cut.flatMap(({ subjects, nulls }) => [...subjects, ...nulls]);
  const ends: MeasuredModels[] = [];
  await execution.runJobs(jobs, (index, event) => {
    if (event.kind === "end") ends[index] = event.measured;
    execution.onEvent?.(jobs[index], event);
  });
  let next = 0;
  const taken = (count: number) => joinMeasured(ends.slice(next, (next += count)));
  return cut.map(({ population, subjects, nulls }): PopulationResult => {
    const [models, random] = [taken(subjects.length), taken(nulls.length)];
    const { name, config, init, step, initSays } = population;
    const setup = setupOf(population, settings);
    const scale = init.embeddingScale ?? 1;
    return {
      ...{ name, config, step, setup },
      init: initSays ?? (scale === 1 ? init.scheme : `${init.scheme}:${scale}`),
      nullSeeds: nullSeeds(population, settings.nulls),
      sections: summariseSections(models, random, setup),
    };
  });
}
