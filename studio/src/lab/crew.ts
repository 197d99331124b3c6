/** The workers that train one run, as one population: what they tell is joined in the order of the models. */
import { type Remote, releaseProxy, wrap } from "comlink";
import type { Weights } from "../../../src/model/weights.ts";
import type { ArmSpec, ModelSeeds } from "../../../src/studies/population/arm.ts";
import { joinedLook, joinedWeights } from "../../../src/studies/population/gather.ts";
import type { GrowthState } from "../../../src/studies/population/openPopulation.ts";
import { sentenceOf } from "../sentenceOf.ts";
import type { Stretch, TrainWorker } from "../workers/trainWorker.ts";
import type { ComputedBy, Computer } from "./computer.ts";
import { shares } from "./shares.ts";

/** Workers of one run; dismiss them when done. */
export interface Crew {
  readonly computedBy: ComputedBy;
  /**
   * Trains all models until `to` updates are made; one call at a time.
   *
   * @throws Error in a sentence if a worker dies or the crew is dismissed meanwhile
   */
  advance(to: number, keepState: boolean): Promise<Stretch>;
  dismiss(): void;
}

/** Models `start ≤ i < end` of weights or moments [model, ...shape] of `models` models. */
function part(weights: Weights, models: number, start: number, end: number): Weights {
  return Object.fromEntries(
    Object.entries(weights).map(([name, values]) => {
      const size = values.length / models;
      return [name, values.slice(start * size, end * size)];
    }),
  );
}

/** How a crew is assembled. */
export interface CrewOptions {
  /** Workers at most; one has all models where the card computes. */
  readonly cores: number;
  /** What is to compute; at an initialisation the processor does it where the card cannot. */
  readonly computer: Computer;
  /** The state to go on from; the initialisation of the seeds unless given. */
  readonly from?: GrowthState;
}

/**
 * Opens the models of an arm in workers.
 *
 * @throws Error in a sentence if a worker cannot be started, or cannot hold its models
 */
export async function assembleCrew(
  arm: ArmSpec,
  models: readonly ModelSeeds[],
  options: CrewOptions,
): Promise<Crew> {
  // what began on the card goes on there, or not at all: nobody should have to ask where which half was computed
  if (options.computer === "wasm" || options.from !== undefined) return assemble(arm, models, options);
  try {
    return await assemble(arm, models, options);
  } catch (error) {
    const crew = await assemble(arm, models, { ...options, computer: "wasm" });
    return { ...crew, computedBy: { ...crew.computedBy, instead: sentenceOf(error) } };
  }
}

async function assemble(
  arm: ArmSpec,
  models: readonly ModelSeeds[],
  { cores, computer, from }: CrewOptions,
): Promise<Crew> {
  const workers: Worker[] = [];
  const remotes: Remote<TrainWorker>[] = [];
  // a worker that is no more never answers
  let giveUp: (reason: Error) => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  ended.catch(() => {}); // told by whatever waits
  let start = 0;
  const opened = shares(models.length, computer === "wasm" ? cores : 1).map((size) => {
    const worker = new Worker(new URL("../workers/trainWorker.ts", import.meta.url), { type: "module" });
    worker.onerror = (event) => {
      event.preventDefault(); // it is told in a sentence
      giveUp(new Error(event.message || "a worker could not be started"));
    };
    const remote = wrap<TrainWorker>(worker);
    workers.push(worker);
    remotes.push(remote);
    const [first, end] = [start, start + size];
    start = end;
    const state = from && {
      step: from.step,
      weights: part(from.weights, models.length, first, end),
      moments: part(from.moments, models.length, first, end),
    };
    return remote.open(arm, models.slice(first, end), computer, state);
  });
  const dismiss = () => {
    giveUp(new Error("stopped."));
    for (const remote of remotes.splice(0)) remote[releaseProxy]();
    for (const worker of workers.splice(0)) worker.terminate();
  };
  let adapter: string | null;
  try {
    [adapter] = await Promise.race([ended, Promise.all(opened)]);
  } catch (error) {
    dismiss();
    throw error;
  }
  return {
    computedBy: { computer, adapter, instead: null },
    dismiss,
    async advance(to, keepState) {
      const parts = Promise.all(remotes.map((remote) => remote.advance(to, keepState)));
      return joinedStretch(await Promise.race([ended, parts]));
    },
  };
}

function joinedStretch(parts: readonly Stretch[]): Stretch {
  const [{ losses }] = parts;
  const states = parts.flatMap(({ state }) => (state === null ? [] : [state]));
  return {
    losses: losses.map((_, update) => Float64Array.from(parts.flatMap((of) => [...of.losses[update]]))),
    look: joinedLook(parts.map(({ look }) => look)),
    state:
      states.length < parts.length
        ? null
        : {
            step: states[0].step,
            weights: joinedWeights(states.map(({ weights }) => weights)),
            moments: joinedWeights(states.map(({ moments }) => moments)),
          },
    took: {
      updates: Math.max(...parts.map(({ took }) => took.updates)),
      look: Math.max(...parts.map(({ took }) => took.look)),
    },
  };
}
