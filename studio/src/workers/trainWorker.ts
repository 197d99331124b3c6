/** A web worker that trains some models of a run: the part of the population that one core has, or all on the card. */
import { expose } from "comlink";
import type { ArmSpec, ModelSeeds } from "../../../src/studies/population/arm.ts";
import {
  type GrowthState,
  type Look,
  type OpenPopulation,
  openPopulation,
} from "../../../src/studies/population/openPopulation.ts";
import type { Grown, Stop } from "../../../src/train/grow.ts";
import type { Computer } from "../lab/computer.ts";
import { executor } from "./executor.ts";

/** What a stretch of training tells of the worker's models. */
export interface Stretch {
  /** Training loss of every model at each update made, [update][model], nats. */
  losses: Float64Array[];
  look: Look;
  /** What going on from here needs; only where it was asked for. */
  state: GrowthState | null;
  /** Milliseconds that the updates took, and the look. */
  took: { updates: number; look: number };
}

let population: OpenPopulation | undefined;
let loop: AsyncGenerator<Stop, Grown> | undefined;
let step = 0;
/** Updates that the stretch under way goes to, and what they lost. */
let goal = 0;
let losses: Float64Array[] = [];

/** What the page can ask of the worker; one call at a time. */
const deeds = {
  /** Opens the models, as their seeds draw them or as a state has them; returns the card that has them, if one has. */
  async open(
    arm: ArmSpec,
    models: readonly ModelSeeds[],
    computer: Computer,
    from?: GrowthState,
  ): Promise<string | null> {
    const { backend, adapter } = await executor(computer);
    population = openPopulation(arm, models, backend, { from });
    loop = population.grow({ checkpoints: [], until: () => goal, onLoss: (of) => losses.push(of) });
    step = from?.step ?? 0;
    return adapter;
  },

  /** Trains until `to` updates are made, and looks. */
  async advance(to: number, keepState: boolean): Promise<Stretch> {
    if (population === undefined || loop === undefined) throw new Error("train worker: opened no models");
    const began = performance.now();
    [goal, losses] = [to, []];
    if (step < to) await loop.next();
    step += losses.length;
    const trained = performance.now();
    const look = await population.look();
    const took = { updates: trained - began, look: performance.now() - trained };
    const state = keepState ? await population.state(step) : null;
    return { losses, look, state, took };
  },
};

/** The worker as the page sees it. */
export type TrainWorker = typeof deeds;

expose(deeds);
