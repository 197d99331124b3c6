/** What a message calls a job by: the models that it is about. */
import type { ExperimentsJob } from "../../studies/experiments/job.ts";
import type { PopulationJob } from "../../studies/population/job.ts";
import type { StudyJob } from "../../studies/protocol/jobs.ts";
import type { TextJob } from "../../studies/text/job.ts";

/** The kinds of job, each with its jobs. */
export interface Jobs {
  readonly population: PopulationJob;
  readonly experiments: ExperimentsJob;
  readonly study: StudyJob;
  readonly text: TextJob;
}

/** `3`, `0 to 7`, or `0, 4, 9`. */
function seedsText(seeds: readonly number[]): string {
  const [first, ...others] = seeds;
  const isRange = others.length > 1 && others.every((seed, i) => seed === first + i + 1);
  return isRange ? `${first} to ${seeds[seeds.length - 1]}` : seeds.join(", ");
}

/** `seed 3` or `seeds 0 to 7`. */
const counted = (seeds: readonly number[]) => `${seeds.length === 1 ? "seed" : "seeds"} ${seedsText(seeds)}`;

const names: { readonly [K in keyof Jobs]: (job: Jobs[K]) => string } = {
  population: ({ arm, models }) => {
    const init = models.map((model) => model.init);
    const data = models.map((model) => model.data);
    const same = init.every((seed, i) => seed === data[i]);
    return `${arm.study}, models of ${counted(init)}${same ? "" : ` on data of ${counted(data)}`}`;
  },
  experiments: ({ population }) => `${population.name}, networks of ${counted(population.seeds)}`,
  study: ({ study, arm, seeds }) => `${study}, arm ${arm.name}, ${counted(seeds)}`,
  text: ({ spec, seeds }) => `${spec.study}, models of ${counted(seeds)}`,
};

/** The models of a job in words. */
export function jobName<K extends keyof Jobs>(kind: K, job: Jobs[K]): string {
  return names[kind](job);
}
