/** What a state of a job says of itself beside its numbers: for whoever opens its file elsewhere. */
import type { StreamKey } from "../../base/random.ts";
import type { ModelConfig } from "../../model/config.ts";
import { weightShapes } from "../../model/weights.ts";
import { streams } from "../../studies/population/arm.ts";
import type { JobState } from "../../studies/population/job.ts";
import { type Optimizer, optimizerStates } from "../../train/optimizers.ts";
import type { Jobs } from "../workers/jobName.ts";

/** Facts about a file that holds a state. */
export interface StateFacts {
  readonly metadata: Readonly<Record<string, string>>;
  /** By path in the state, [model, ...shape]. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

interface Described {
  readonly config: ModelConfig;
  readonly optimizer: Optimizer;
  readonly models: number;
  /** Keys of the random streams that data are drawn from; they are counted, so key and step are all of their state. */
  readonly data: readonly StreamKey[];
}

/** Kinds of job that have states. */
export type StateKind = "population" | "text";

const describe: { readonly [K in StateKind]: (job: Jobs[K]) => Described } = {
  population: ({ arm, models }) => ({
    ...{ config: arm.config, optimizer: arm.optimizer, models: models.length },
    data: models.map(({ data }) => streams.data(arm.study, data)),
  }),
  text: ({ spec, seeds }) => ({
    ...{ config: spec.config, optimizer: spec.optimizer, models: seeds.length },
    data: seeds.map((seed) => streams.data(spec.study, seed)),
  }),
};

/** Facts about a state of a job. */
export function stateFacts<K extends StateKind>(kind: K, job: Jobs[K], { step }: JobState): StateFacts {
  const { config, optimizer, models, data } = describe[kind](job);
  const weights = weightShapes(config);
  const moments = Object.entries(optimizerStates(optimizer, weights));
  const shapesIn = (place: string, shapes: Iterable<readonly [string, readonly number[]]>) =>
    Array.from(shapes, ([name, shape]) => [`${place}.${name}`, [models, ...shape]] as const);
  return {
    metadata: {
      ...{ step: String(step), optimizer: JSON.stringify(optimizer) },
      // batches are drawn by the number of their step
      dataPosition: String(step),
      streams: JSON.stringify(data),
    },
    shapes: new Map([...shapesIn("weights", weights), ...shapesIn("moments", moments)]),
  };
}
