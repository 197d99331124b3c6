/** The whole study of the command line, from what the page trained of it: nothing is trained twice. */
import type { PersistenceSettings } from "../../../src/studies/persistence/spec.ts";
import { type PersistenceStudy, persistenceStudy } from "../../../src/studies/persistence/study.ts";
import type { ArmResult } from "../../../src/studies/population/gather.ts";
import type { JobEvent } from "../../../src/studies/population/job.ts";

/** What a job tells that trains a whole arm, out of what came of it. */
function eventsOf({ arm, checkpoints, losses, divergedAt, kernelShare }: ArmResult): JobEvent[] {
  // the page looked at more steps than the study does
  const looks = checkpoints.filter(({ step }) => arm.checkpoints.includes(step));
  const steps = losses[0]?.length ?? 0;
  return [
    ...looks.map((look): JobEvent => ({ kind: "checkpoint", ...look })),
    {
      kind: "end",
      losses: Array.from({ length: steps }, (_, step) =>
        Float64Array.from(losses, (ofModel) => ofModel[step]),
      ),
      ...{ divergedAt, kernelShare },
    },
  ];
}

/**
 * Analyses a study both of whose arms were trained.
 *
 * @param settings   of one preset
 * @param main       trained to the end
 * @param otherData  the same initialisations on other data
 */
export function fullStudy(
  settings: PersistenceSettings,
  main: ArmResult,
  otherData: ArmResult,
): Promise<PersistenceStudy> {
  const arms = [main, otherData];
  return persistenceStudy(settings, {
    backend: { name: "wasm" },
    modelsPerJob: settings.seeds.length, // one job an arm
    runJobs: async (jobs, tell) => {
      for (const job of jobs.keys()) for (const event of eventsOf(arms[job])) tell(job, event);
    },
  });
}
