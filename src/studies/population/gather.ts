/** Puts the events of an arm's jobs together again, models in their order, however the arm was cut. */
import type { Weights } from "../../model/weights.ts";
import type { ArmSpec, ModelSeeds } from "./arm.ts";
import type { JobEvent, PopulationJob } from "./job.ts";
import type { Look, SiteSnapshot } from "./openPopulation.ts";

/** An arm at one checkpoint; arrays have the model axis of the whole arm. */
export interface ArmCheckpoint extends Look {
  step: number;
}

/** All that an arm's jobs told. */
export interface ArmResult {
  arm: ArmSpec;
  models: readonly ModelSeeds[];
  checkpoints: ArmCheckpoint[];
  /** Training loss before every update, [model][step]. */
  losses: Float64Array[];
  divergedAt: (number | null)[];
  /** Mean share of time in kernels over the jobs. */
  kernelShare: number;
}

/**
 * Cuts the models of an arm into jobs of at most `size`, a multiple of the four that share a vector.
 */
export function cutIntoJobs(
  arm: ArmSpec,
  models: readonly ModelSeeds[],
  size: number,
  backend: PopulationJob["backend"],
): PopulationJob[] {
  const jobs: PopulationJob[] = [];
  for (let start = 0; start < models.length; start += size)
    jobs.push({ arm, models: models.slice(start, start + size), backend });
  return jobs;
}

/** Joins what the jobs of one arm told, in the order of its models. */
export function gatherArm(jobs: readonly PopulationJob[], told: readonly (readonly JobEvent[])[]): ArmResult {
  const ends = told.map(
    (events) => events.find((event) => event.kind === "end") as Extract<JobEvent, { kind: "end" }>,
  );
  const looks = told.map((events) => events.filter((event) => event.kind === "checkpoint"));
  const [{ arm }] = jobs;
  return {
    arm,
    models: jobs.flatMap((job) => job.models),
    checkpoints: arm.checkpoints.map((step, at) => ({ step, ...joinedLook(looks.map((of) => of[at])) })),
    losses: jobs.flatMap((job, at) =>
      job.models.map((_, model) => Float64Array.from(ends[at].losses, (ofStep) => ofStep[model])),
    ),
    divergedAt: ends.flatMap((end) => end.divergedAt),
    kernelShare: ends.reduce((sum, end) => sum + end.kernelShare, 0) / ends.length,
  };
}

/** One look at all models, from looks at consecutive parts of them. */
export function joinedLook(parts: readonly Look[]): Look {
  return {
    heldOut: joined(parts.map((part) => part.heldOut)),
    accuracy: joined(parts.map((part) => part.accuracy)),
    sites: joinedRecord(
      parts.map((part) => part.sites),
      joinedSnapshot,
    ),
    weights: joinedWeights(parts.map((part) => part.weights)),
  };
}

/** Weights, or moments, of all models [model, ...shape], from those of consecutive parts of them. */
export function joinedWeights(parts: readonly Weights[]): Weights {
  return joinedRecord(parts, (values) => joined(values));
}

type Numbers = Float64Array | Float32Array | Uint8Array;

function joined<A extends Numbers>(parts: readonly A[]): A {
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  const out = new (parts[0].constructor as new (length: number) => A)(total);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function joinedRecord<K extends string, A, B>(
  parts: readonly Readonly<Record<K, A>>[],
  join: (values: A[]) => B,
): Record<K, B> {
  const keys = Object.keys(parts[0]) as K[];
  return Object.fromEntries(keys.map((key) => [key, join(parts.map((part) => part[key]))])) as Record<K, B>;
}

function joinedSnapshot(parts: readonly SiteSnapshot[]): SiteSnapshot {
  const of = <K extends string>(pick: (part: SiteSnapshot) => Record<K, Float64Array>) =>
    joinedRecord(parts.map(pick), (values) => joined(values));
  const cells = parts.flatMap((part) => (part.cellMean === undefined ? [] : [part.cellMean]));
  return {
    units: parts[0].units,
    eta2: of((part) => part.eta2),
    omega2: of((part) => part.omega2),
    epsilon2: of((part) => part.epsilon2),
    amount: of((part) => part.amount),
    crossValidated: of((part) => part.crossValidated),
    dead: joined(parts.map((part) => part.dead)),
    cellMean: cells.length === parts.length ? joined(cells) : undefined,
  };
}
