/** From a grown text population to its numbers: every statistic by seed first, then over seeds. */
import { bitsPerCharacter, type Corpus } from "../../data/text/corpus.ts";
import { dot, squaredNorm } from "../../features/cellEffects.ts";
import {
  type CellMeans,
  identityRecovery,
  neighbourModel,
  tuningCorrelation,
  unitMeans,
} from "../../features/index.ts";
import { curveOf, unitCurves } from "../../features/unitCurves.ts";
import { parameterCount, weightShapes, weightsOfModel } from "../../model/weights.ts";
import { sha256OfWeights } from "../../record/sha256.ts";
import { mean } from "../../stats/moments.ts";
import { intervalOverSeeds, meanOverSeeds } from "../persistence/overSeeds.ts";
import { curvesBy, type TextFactor, textFactorsOf } from "./probeCurves.ts";
import type { OverSeeds, TextDetail, TextGroup, TextModel, TextResult, TextTopUnit } from "./result.ts";
import type { TextCheckpoint, TextPopulation } from "./study.ts";

/** The numbers of a population: those of a result that it decides, and the courses behind them. */
export interface TextAnalysis {
  readonly numbers: Pick<
    TextResult,
    "config" | "parameters" | "seeds" | "steps" | "baseline" | "heldOut" | "groups" | "topUnits" | "models"
  >;
  readonly detail: TextDetail;
}

const overSeeds = (values: ArrayLike<number>): OverSeeds => ({
  mean: meanOverSeeds(values),
  ci: intervalOverSeeds(values),
});

/** Curves of one factor, as the tools for tuning curves take them: a cell for each level. */
export function curvesAsCells(
  population: TextPopulation,
  at: number,
  layer: number,
  kind: TextFactor,
): CellMeans {
  const site = `blocks.${layer}.mlp.hook_post`;
  const own = population.checkpoints[at].curves[site];
  const { units } = own;
  const curves = curvesBy(own, kind);
  const models = population.seeds.length;
  const levels = curves.mean.length / (models * units);
  return { site, models, units, dVocab: levels, nPos: 1, cellMean: Float64Array.from(curves.mean) };
}

/**
 * Mean correlation of the units before with the units after in any order: the expectation over all orders.
 *
 *   Σ_i Σ_j corr(before_i, after_j) / n²,  over the n units that are flat in neither
 *
 * @returns  [model]; NaN without such units
 */
export function shuffledCorrelation(before: CellMeans, after: CellMeans): Float64Array {
  const { models, units } = before;
  const [first, second] = [unitCurves(before).all, unitCurves(after).all];
  return Float64Array.from({ length: models }, (_, model) => {
    const sums = [new Float64Array(first.length), new Float64Array(first.length)];
    let count = 0;
    for (let at = model * units; at < (model + 1) * units; at++) {
      if (first.flat[at] === 1 || second.flat[at] === 1) continue;
      count++;
      [first, second].forEach((curves, side) => {
        const curve = curveOf(curves, at);
        const norm = Math.sqrt(squaredNorm(curve));
        for (let level = 0; level < curve.length; level++) sums[side][level] += curve[level] / norm;
      });
    }
    return count === 0 ? Number.NaN : dot(sums[0], sums[1]) / count ** 2;
  });
}

/** Mean held-out loss over positions, [model]; NaN where it is not finite. */
function heldOutAt({ checkpoints, seeds, spec }: TextPopulation, at: number): Float64Array {
  const { nCtx } = spec.config;
  return Float64Array.from(seeds, (_, model) => {
    const loss = mean(Array.from(checkpoints[at].heldOut.subarray(model * nCtx, (model + 1) * nCtx)));
    return Number.isFinite(loss) ? loss : Number.NaN;
  });
}

/** Neurons of a model that are listed. */
const mostUnits = 6;

/** The neurons of a model of which the class of a word explains most after training; none of one that diverged. */
function topUnits({ checkpoints, probe, seeds, divergedAt }: TextPopulation, model: number): TextTopUnit[] {
  const { classes } = probe;
  if (classes === null || divergedAt[model] !== null) return [];
  const sites = Object.keys(checkpoints[0].curves);
  const at = (checkpoint: TextCheckpoint, site: string, unit: number) => {
    const own = checkpoint.curves[site];
    const { mean: means, eta2 } = curvesBy(own, "class");
    const row = model * own.units + unit;
    const curve = means.subarray(row * classes.levels.length, (row + 1) * classes.levels.length);
    return { eta2: eta2[row], level: classes.levels[curve.indexOf(Math.max(...curve))] };
  };
  return sites
    .flatMap((site, layer) =>
      Array.from({ length: checkpoints[0].curves[site].units }, (_, unit): TextTopUnit => {
        const [first, last] = [checkpoints[0], checkpoints[checkpoints.length - 1]].map((checkpoint) =>
          at(checkpoint, site, unit),
        );
        return {
          ...{ seed: seeds[model], layer, unit, eta2: last.eta2, before: first.eta2 },
          ...{ prefers: last.level, preferred: first.level },
        };
      }),
    )
    .filter(({ eta2 }) => Number.isFinite(eta2))
    .sort((a, b) => b.eta2 - a.eta2)
    .slice(0, mostUnits);
}

/** Numbers by checkpoint and model turned to [seed][checkpoint]. */
const bySeed = (rows: readonly Float64Array[], seeds: number) =>
  Array.from({ length: seeds }, (_, seed) => Float64Array.from(rows, (row) => row[seed]));

/** Every number of a population, and the courses through training. */
export function analyseText(population: TextPopulation, corpus: Corpus): TextAnalysis {
  const { spec, seeds, checkpoints, losses, divergedAt } = population;
  const { config } = spec;
  const count = seeds.length;
  const last = checkpoints.length - 1;
  const partner = neighbourModel(count);
  /** A model that has diverged by a checkpoint has no number there, neither its own nor as somebody's null. */
  const gone = (model: number, at: number) => {
    const step = divergedAt[model];
    return step !== null && step <= checkpoints[at].step;
  };
  const kept = (values: Float64Array, at: number) =>
    values.map((value, model) => (gone(model, at) ? Number.NaN : value));
  const layers = Array.from({ length: config.nLayers }, (_, layer) => layer);
  const measured = layers.flatMap((layer) =>
    textFactorsOf(population.probe).map((kind) => {
      const cells = checkpoints.map((_, at) => curvesAsCells(population, at, layer, kind));
      const [first] = cells;
      const meanR = (at: number, pairing = {}) =>
        unitMeans(tuningCorrelation(first, cells[at], pairing), count).mean;
      const eta2 = checkpoints.map(({ curves }, at) =>
        kept(unitMeans(curvesBy(curves[first.site], kind).eta2, count).mean, at),
      );
      const course = (of: (at: number) => Float64Array) => checkpoints.map((_, at) => kept(of(at), at));
      const r = course((at) => meanR(at));
      const shuffled = course((at) => shuffledCorrelation(first, cells[at]));
      const otherInit = course((at) =>
        meanR(at, { partner }).map((value, model) => (gone(partner(model), at) ? Number.NaN : value)),
      );
      const group: TextGroup = {
        ...{ layer, kind, r: overSeeds(r[last]), shuffled: overSeeds(shuffled[last]) },
        otherInit: overSeeds(otherInit[last]),
        excess: overSeeds(r[last].map((value, seed) => value - shuffled[last][seed])),
        eta2: { before: overSeeds(eta2[0]), after: overSeeds(eta2[last]) },
        identityRecovery: overSeeds(kept(identityRecovery(first, cells[last]).recovered, last)),
      };
      const courses = {
        ...{ layer, kind, r: bySeed(r, count) },
        ...{ shuffled: bySeed(shuffled, count), otherInit: bySeed(otherInit, count) },
      };
      return { group, courses };
    }),
  );
  const heldOut = checkpoints.map((_, at) => kept(heldOutAt(population, at), at));
  const bits = (nats: number) => bitsPerCharacter(nats, corpus.tokensPerCharacter);
  const both = (nats: number) => ({ nats, bitsPerCharacter: bits(nats) });
  const { ngrams, baseline } = corpus;
  const shapes = weightShapes(config);
  const orNull = (value: number) => (Number.isFinite(value) ? value : null);
  return {
    numbers: {
      ...{ config, parameters: parameterCount(config), seeds, steps: spec.steps },
      baseline: {
        windows: corpus.heldOut.count,
        uniform: both(Math.log(corpus.dVocab)),
        unigram: both(baseline.unigram),
        bigram: both(baseline.bigram),
        trainingEntropy: { unigram: ngrams.unigramEntropy, bigram: ngrams.bigramEntropy },
      },
      heldOut: {
        first: overSeeds(heldOut[0]),
        last: overSeeds(heldOut[last]),
        bitsPerCharacter: overSeeds(heldOut[last].map(bits)),
      },
      groups: measured.map(({ group }) => group),
      topUnits: seeds.flatMap((_, model) => topUnits(population, model)),
      models: seeds.map(
        (seed, model): TextModel => ({
          seed,
          heldOut: orNull(heldOut[last][model]),
          bitsPerCharacter: orNull(bits(heldOut[last][model])),
          weights: sha256OfWeights(weightsOfModel(config, checkpoints[last].weights, model), shapes),
          divergedAt: divergedAt[model],
        }),
      ),
    },
    detail: {
      checkpoints: checkpoints.map(({ step }) => step),
      train: [...losses],
      heldOut: bySeed(heldOut, count),
      heldOutByPosition: seeds.map((_, model) =>
        checkpoints[last].heldOut
          .slice(model * config.nCtx, (model + 1) * config.nCtx)
          .map((loss) => (gone(model, last) ? Number.NaN : loss)),
      ),
      groups: measured.map(({ courses }) => courses),
    },
  };
}
