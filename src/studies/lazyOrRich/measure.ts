/** What a seed tells: how well trained and displaced networks keep the tuning of their initialisation. Runs in a worker. */
import { inTurn } from "../../base/inTurn.ts";
import { type RandomStream, randomStream } from "../../base/random.ts";
import { inputAlignment } from "../../features/inputAlignment.ts";
import {
  type DirectionName,
  directionNames,
  displacementOf,
  drawDirection,
  matchedNoise,
} from "../../features/matchedNoise.ts";
import type { TuningCurves } from "../../features/tuningCurves.ts";
import type { Weights } from "../../model/weights.ts";
import { mean } from "../../stats/moments.ts";
import { growNetworks, unborn } from "../population/growth.ts";
import { tuningOf } from "../population/lookInside.ts";
import type { MeasureContext } from "../protocol/study.ts";
import { type GrowthArm, type LazyOrRichArm, type NoiseArm, probeOf } from "./arms.ts";
import { openComparison } from "./comparison.ts";
import { openLedger } from "./ledger.ts";
import { type Linearity, linearityOf } from "./linearity.ts";
import { openPath, type PathNoise, pathNoises } from "./path.ts";
import { layers } from "./plan.ts";

/** Parts of a network that are displaced alone, by the names of their weights; the unembedding is behind all tuning. */
const partWeights = {
  embeddings: /embed\.W_(E|pos)$/,
  attention: /\.attn\./,
  mlp: /\.mlp\./,
  norms: /\.ln\d\./,
} as const;
export type PartName = keyof typeof partWeights;
export const partNames = Object.keys(partWeights) as readonly PartName[];

/** All kinds of displaced networks: those of one displacement, from the one that keeps least, then those of the path. */
export const noiseNames = [...directionNames, ...pathNoises] as const;
export type NoiseName = (typeof noiseNames)[number];

/** The null, its control and the null of the subspace; the other kinds are exploratory. */
const testedNoises: readonly NoiseName[] = ["isotropic", "permuted", "gradient"];

/** The name under which a network is told of which only one part is displaced, as `trained` or `isotropic` was. */
export const partly = (part: PartName, network: "trained" | "isotropic") => `${network}, ${part} alone`;

/** What one seed of an arm tells; plain data. */
export interface Told {
  readonly diverged: boolean;
  /** Mean training loss over the last updates, nats; on sequences that were new where the arm has no fixed set. */
  readonly loss: number;
  /** ‖W₁ − W₀‖ / ‖W₀‖ over all weights. */
  readonly moved: number;
  /** Mean r with the initialisation after the ReLU, by network, mean over its draws, [layer]; `trained` always. */
  readonly r: Readonly<Record<string, readonly number[]>>;
  /** The same before the ReLU, of `trained` and `isotropic`. */
  readonly rBefore: Readonly<Record<string, readonly number[]>>;
  /** Units of a layer that have no correlation in the trained network or in its initialisation, [layer]. */
  readonly silent: readonly number[];
  /** Mean size of the cosine between noise and the displacement over all weights, by kind. */
  readonly overlap: Readonly<Record<string, number>>;
  /** How much W_in's displacement changes tuning, relative to one in a random direction, by network, [layer]. */
  readonly alignment: Readonly<Record<string, readonly number[]>>;
  /** How linear the training was, where the arm asks for it. */
  readonly linearity: Linearity | null;
}

/** Updates whose loss is averaged at the end. */
const lastUpdates = 16;

/** Grows and measures some seeds of an arm. */
export async function measure(
  arm: LazyOrRichArm,
  seeds: readonly number[],
  context: MeasureContext,
): Promise<Told[]> {
  return arm.part === "noise" ? await besideNoise(arm, seeds, context) : await alone(arm, seeds, context);
}

async function alone(
  arm: GrowthArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<Told[]> {
  const { growth, initFactors = {} } = arm;
  const start = scaled(unborn(growth, seeds), initFactors);
  const { losses, divergedAt, weights } = await growNetworks(backend, growth, pairsOf(seeds), {
    start,
    progress: (step, loss) => progress(step / growth.steps, loss),
  });
  const comparison = await openComparison(backend, arm, start);
  const trained = await comparison.of(weights);
  comparison.close();
  const linearity = await linearityOf(backend, arm, seeds, { start, end: weights });
  return seeds.map((_, at) => ({
    diverged: divergedAt[at] !== null,
    loss: endLoss(losses, at),
    moved: relativeMotion(start, weights, seeds.length, at),
    r: { trained: trained.r.map((of) => of[at]) },
    rBefore: {},
    silent: trained.excluded.map((of) => of[at]),
    overlap: {},
    alignment: {},
    linearity: linearity[at],
  }));
}

async function besideNoise(
  arm: NoiseArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<Told[]> {
  const { growth, draws, setting } = arm;
  const { config, study } = growth;
  const models = seeds.length;
  const streamsFor = (...purpose: (string | number)[]): RandomStream[] =>
    seeds.map((seed) => randomStream(study, seed, setting, ...purpose));
  const start = unborn(growth, seeds);
  const path = openPath(arm, backend, streamsFor);
  const { losses, divergedAt, weights } = await growNetworks(backend, growth, pairsOf(seeds), {
    start,
    look: path.look,
    progress: (step, loss) => progress(step / growth.steps / 2, loss),
  });
  path.close();
  const displacement = displacementOf(start, weights);

  const comparison = await openComparison(backend, arm, start);
  const [r, rBefore, overlap, alignment] = [openLedger(), openLedger(), openLedger(), openLedger()];
  const inputs = await tuningOf(backend, config, start, {
    sites: ["blocks.*.hook_resid_mid"],
    probe: probeOf(arm),
  });
  /** The tuning before the ReLU, and that of networks with one part displaced alone. */
  const closely = async (name: "trained" | "isotropic", of: Weights) => {
    rBefore.add(name, (await comparison.of(of, "pre")).r);
    for (const part of partNames)
      r.add(partly(part, name), (await comparison.of(onlyPart(part, start, of))).r);
  };
  const align = (name: string, of: Weights) => {
    const change = displacementOf(start, of);
    alignment.add(
      name,
      layers.map((layer) => {
        const input = inputs.get(`blocks.${layer}.hook_resid_mid`) as TuningCurves;
        return inputAlignment(input, change[`blocks.${layer}.mlp.W_in`], config.dMlp);
      }),
    );
  };
  const trained = await comparison.of(weights);
  r.add("trained", trained.r);
  await closely("trained", weights);
  align("trained", weights);
  const ofPath = path.directions();
  await inTurn(noiseNames, async (name, done) => {
    const count = name === "opposite" ? 1 : testedNoises.includes(name) ? draws.tested : draws.explored;
    for (let draw = 0; draw < count; draw++) {
      const direction =
        name in ofPath
          ? ofPath[name as PathNoise][draw]
          : drawDirection(config, name as DirectionName, displacement, streamsFor(name, draw));
      const noise = matchedNoise(start, weights, direction, models);
      r.add(name, (await comparison.of(noise)).r);
      overlap.add(name, [cosines(displacement, displacementOf(start, noise), models)]);
      if (draw >= draws.explored) continue;
      align(name, noise);
      if (name === "isotropic") await closely(name, noise);
    }
    progress((1 + (done + 1) / noiseNames.length) / 2, Number.NaN);
  });
  comparison.close();
  return seeds.map((_, at) => ({
    diverged: divergedAt[at] !== null,
    loss: endLoss(losses, at),
    moved: relativeMotion(start, weights, models, at),
    r: r.meansOf(at),
    rBefore: rBefore.meansOf(at),
    silent: trained.excluded.map((of) => of[at]),
    overlap: Object.fromEntries(Object.entries(overlap.meansOf(at)).map(([name, [value]]) => [name, value])),
    alignment: alignment.meansOf(at),
    linearity: null,
  }));
}

const pairsOf = (seeds: readonly number[]) => seeds.map((seed) => ({ init: seed, data: seed }));

/** Mean training loss of one network over its last updates. */
function endLoss(losses: readonly Float64Array[], model: number): number {
  return mean(losses.slice(-lastUpdates).map((ofStep) => ofStep[model]));
}

function scaled(weights: Weights, factors: Readonly<Record<string, number>>): Weights {
  return Object.fromEntries(
    Object.entries(weights).map(([name, values]) => {
      const factor = factors[name] ?? 1;
      return [name, factor === 1 ? values : values.map((value) => value * factor)];
    }),
  );
}

/** The networks `to` in one part, and `from` in all others. */
function onlyPart(part: PartName, from: Weights, to: Weights): Weights {
  return Object.fromEntries(
    Object.keys(from).map((name) => [name, partWeights[part].test(name) ? to[name] : from[name]]),
  );
}

/** ‖W₁ − W₀‖ / ‖W₀‖ of one network over all its weights together. */
function relativeMotion(start: Weights, end: Weights, models: number, model: number): number {
  let [moved, first] = [0, 0];
  for (const [name, from] of Object.entries(start)) {
    const size = from.length / models;
    for (let at = model * size; at < (model + 1) * size; at++) {
      moved += (end[name][at] - from[at]) ** 2;
      first += from[at] ** 2;
    }
  }
  return Math.sqrt(moved / first);
}

/** |cosine| between two displacements over all weights, [model]. */
function cosines(a: Weights, b: Weights, models: number): Float64Array {
  return Float64Array.from({ length: models }, (_, model) => {
    let [ab, aa, bb] = [0, 0, 0];
    for (const [name, values] of Object.entries(a)) {
      const size = values.length / models;
      for (let at = model * size; at < (model + 1) * size; at++) {
        ab += values[at] * b[name][at];
        aa += values[at] ** 2;
        bb += b[name][at] ** 2;
      }
    }
    return Math.abs(ab) / Math.sqrt(aa * bb);
  });
}
