/** Sparse autoencoders on the neurons of trained and of untrained networks. */
import { inTurn } from "../../base/inTurn.ts";
import { randomStream } from "../../base/random.ts";
import { latinBlocks, type Probe } from "../../data/probes.ts";
import { gaussianLike } from "../../features/gaussianLike.ts";
import { siteActivations } from "../../features/siteActivations.ts";
import {
  dictionaryQuality,
  type FrozenPart,
  tokenEntropy,
  trainAutoencoders,
} from "../../features/sparseAutoencoder.ts";
import { tuningCurvesOf } from "../../features/tuningCurves.ts";
import { varianceComponents } from "../../features/varianceComponents.ts";
import type { Backend } from "../../graph/backend.ts";
import { openNetwork } from "../../interp/network.ts";
import { hook } from "../../model/hookPoints.ts";
import type { Weights } from "../../model/weights.ts";
import { growNetworks, unborn } from "../population/growth.ts";
import type { MeasureContext } from "../protocol/study.ts";
import { type DictionaryArm, ends } from "./arms.ts";

/** Whose activations a dictionary describes. */
export const subjects = ["trained", "initial", "rebodied", "gaussian"] as const;
export type Subject = (typeof subjects)[number];
/** Which part of a dictionary is left at random. */
export const frozenParts = ["none", "encoder", "decoder"] as const satisfies readonly FrozenPart[];

/** Quality of one dictionary on unseen sequences; token and context are means over its live latents. */
export interface DictionaryNumbers {
  readonly fvu: number;
  readonly l0: number;
  readonly dead: number;
  /** eta² of the token. */
  readonly token: number;
  /** Share of variance that neither token nor position nor both explain. */
  readonly context: number;
  /** Entropy over tokens, of ln V. */
  readonly entropy: number;
}

/** What one network tells: numbers by subject, frozen part and layer. */
export interface DictionariesTold {
  readonly kind: "dictionaries";
  readonly numbers: Readonly<Record<Subject, Readonly<Record<FrozenPart, readonly DictionaryNumbers[]>>>>;
  readonly divergedAt: number | null;
}

const BATCH = 256;
const RATE = 3e-3;
/** Seeds of the bodies that are drawn anew: none of a study's own. */
const OTHER_BODY = 1_000_000;

/** Trains dictionaries of every subject of some seeds, of one layer and frozen part at a time. */
export async function measureDictionaries(
  arm: DictionaryArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<DictionariesTold[]> {
  const { growth, blocks } = arm;
  const { config, steps, study } = growth;
  const { weights: trained, divergedAt } = await growNetworks(
    backend,
    growth,
    seeds.map((seed) => ({ init: seed, data: seed })),
    { progress: (step, loss) => progress((0.1 * step) / steps, loss) },
  );
  const initial = unborn(growth, seeds);
  const rebodied: Weights = {
    ...unborn(
      growth,
      seeds.map((seed) => seed + OTHER_BODY),
    ),
    ...Object.fromEntries(ends.map((name) => [name, trained[name]])),
  };
  const probeOf = (half: "train" | "test") =>
    latinBlocks({
      ...{ dVocab: config.dVocab, nPos: config.nCtx - 1, blocks: blocks[half] },
      stream: randomStream(study, "dictionary probe", half),
    });
  const [train, test] = [probeOf("train"), probeOf("test")];
  const layers = Array.from({ length: config.nLayers }, (_, layer) => layer);
  const told = seeds.map(() => emptyNumbers());
  const rounds = layers.length * frozenParts.length;
  for (const layer of layers) {
    const of = async (weights: Weights) => neurons(backend, arm, weights, { layer, probes: [train, test] });
    const sets = { trained: await of(trained), initial: await of(initial), rebodied: await of(rebodied) };
    const gaussian = seeds.map((seed, model) =>
      sets.trained[model].map((rows, half) =>
        gaussianLike(rows, config.dMlp, randomStream(study, seed, "gaussian", layer, half)),
      ),
    );
    const all: Record<Subject, Float32Array[][]> = { ...sets, gaussian };
    for (const [at, frozen] of frozenParts.entries()) {
      const numbers = await dictionariesOf(backend, arm, seeds, { all, frozen, test, layer });
      for (const [model, own] of told.entries())
        for (const subject of subjects) own[subject][frozen].push(numbers[subject][model]);
      progress(0.1 + (0.9 * (layer * frozenParts.length + at + 1)) / rounds, Number.NaN);
    }
  }
  return told.map((numbers, model) => ({ kind: "dictionaries", numbers, divergedAt: divergedAt[model] }));
}

type Numbers = Record<Subject, Record<FrozenPart, DictionaryNumbers[]>>;

const emptyNumbers = (): Numbers =>
  Object.fromEntries(
    subjects.map((subject) => [subject, Object.fromEntries(frozenParts.map((part) => [part, []]))]),
  ) as unknown as Numbers;

/** Activations of a layer's neurons [model][probe], each [row, unit], centred and of mean square 1 by the first probe. */
async function neurons(
  backend: Backend,
  { growth: { config } }: DictionaryArm,
  weights: Weights,
  { layer, probes }: { layer: number; probes: readonly Probe[] },
): Promise<Float32Array[][]> {
  const site = hook.mlpPost(layer);
  const network = openNetwork(backend, config, weights);
  const sets = await inTurn(probes, async (probe) =>
    (await siteActivations(network, probe, [site])).map((of) =>
      Float32Array.from(of.get(site) as ArrayLike<number>),
    ),
  );
  network.close();
  return Array.from({ length: sets[0].length }, (_, model) => {
    const [first] = sets.map((set) => set[model]);
    const standard = standardiser(first, config.dMlp);
    return sets.map((set) => standard(set[model]));
  });
}

function standardiser(rows: Float32Array, units: number): (rows: Float32Array) => Float32Array {
  const count = rows.length / units;
  const means = new Float64Array(units);
  for (let i = 0; i < rows.length; i++) means[i % units] += rows[i] / count;
  let square = 0;
  for (let i = 0; i < rows.length; i++) square += (rows[i] - means[i % units]) ** 2 / rows.length;
  const by = Math.sqrt(square);
  return (given) => given.map((value, i) => (value - means[i % units]) / by);
}

/** Numbers of every subject [model], for one layer and frozen part: all dictionaries are trained side by side. */
async function dictionariesOf(
  backend: Backend,
  { growth: { config, study }, latents: width, sparsity, steps }: DictionaryArm,
  seeds: readonly number[],
  {
    all,
    frozen,
    test,
    layer,
  }: { all: Record<Subject, Float32Array[][]>; frozen: FrozenPart; test: Probe; layer: number },
): Promise<Record<Subject, DictionaryNumbers[]>> {
  const sets = subjects.flatMap((subject) => all[subject]);
  const units = config.dMlp;
  // the same dictionary to begin with, and the same batches, for every subject of a seed
  const streams = subjects.flatMap(() => seeds.map((seed) => randomStream(study, seed, "dictionary", layer)));
  const trained = await trainAutoencoders(
    backend,
    sets.map(([rows]) => rows),
    streams,
    { units, latents: width, sparsity, steps, batch: BATCH, rate: RATE, frozen },
  );
  const count = test.count * test.nPos;
  const rows = new Float32Array(sets.length * count * units);
  for (const [model, [, own]] of sets.entries()) rows.set(own, model * count * units);
  const { latents, reconstruction } = await trained.encode(rows, count);
  trained.close();
  const numbers = sets.map(([, own], model) => {
    const codes = latents.subarray(model * count * width, (model + 1) * count * width);
    const rebuilt = reconstruction.subarray(model * count * units, (model + 1) * count * units);
    return numbersOf(own, codes, rebuilt, { units, width, test });
  });
  return Object.fromEntries(
    subjects.map((subject, i) => [subject, numbers.slice(i * seeds.length, (i + 1) * seeds.length)]),
  ) as Record<Subject, DictionaryNumbers[]>;
}

function numbersOf(
  own: Float32Array,
  codes: Float32Array,
  rebuilt: Float32Array,
  { units, width, test }: { units: number; width: number; test: Probe },
): DictionaryNumbers {
  const quality = dictionaryQuality(own, rebuilt, codes, { units, width });
  const curves = tuningCurvesOf(codes, { site: "latents", models: 1, units: width, probe: test });
  const { eta2, dead } = varianceComponents(curves);
  const live = (values: Float64Array) => {
    const kept = Array.from(values).filter((value, i) => dead[i] === 0 && Number.isFinite(value));
    return kept.reduce((sum, value) => sum + value, 0) / kept.length;
  };
  const entropy = tokenEntropy(codes, test.tokens, { width, dVocab: test.dVocab });
  return { ...quality, token: live(eta2.token), context: live(eta2.context), entropy: live(entropy) };
}
