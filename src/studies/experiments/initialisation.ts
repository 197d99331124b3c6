/**
 * Initialisation: scales of weights and activations, zeros, dead units, attention around uniform and predictions around
 * uniform, beside what the initialisation scheme gives.
 *
 * Weights are drawn independently of what they multiply, so the mean square of a product follows exactly, in expectation
 * over weights, from the mean square of its input:
 *
 *   E[(Σ_i w_i x_i + b)²] = fanIn · Var w · mean x² + Var b
 */

import { HISTOGRAM_REACH } from "../../features/activationScale.ts";
import type { AttentionKind } from "../../features/attentionSpread.ts";
import { expectedScale } from "../../features/expectedScale.ts";
import { againstNetworks, type NetworkComparison } from "../../features/networkNull.ts";
import { seedInterval } from "../../features/seedInterval.ts";
import { expectedMoments, lawP, nearestScheme } from "../../features/weightMoments.ts";
import { fanOf } from "../../model/fans.ts";
import type { InitSchemeName } from "../../model/init.ts";
import type { Interval } from "../../stats/intervals.ts";
import { holm } from "../../stats/multiplicity.ts";
import { tTest } from "../../stats/tTest.ts";
import type { InitialisationModel } from "./initialisationMeasure.ts";
import type { ExperimentSetup, Section, Verdict } from "./section.ts";

export { type InitialisationModel, measureInitialisation } from "./initialisationMeasure.ts";

/** One weight; every Interval is a mean over seeds. */
export interface WeightScale {
  readonly name: string;
  /** Entries of one model. */
  readonly entries: number;
  readonly mean: Interval;
  readonly sd: Interval;
  /** Mean and standard deviation under the scheme; NaN where none is known. */
  readonly expectedMean: number;
  readonly expectedSd: number;
  /** Mean square over the scheme's: 1 for weights as drawn. NaN where the scheme has 0. */
  readonly ratio: number;
  /** Two-sided p that the entries of all seeds have the scheme's mean square. */
  readonly p: number;
}

/** One site. */
export interface SiteScale {
  readonly site: string;
  readonly units: number;
  readonly mean: Interval;
  readonly sd: Interval;
  readonly rms: Interval;
  /** Root mean square that follows from that of its input under the scheme; NaN where no formula does. */
  readonly expectedRms: Interval;
  /** Mean square over the expected one. */
  readonly ratio: Interval;
  /** Two-sided p that the ratio is 1, by t over seeds. */
  readonly p: number;
  readonly zero: Interval;
  readonly nearZero: Interval;
  /** Units that are constant on the probe: mean over seeds, and number in each seed. */
  readonly dead: Interval;
  readonly deadBySeed: readonly number[];
  /** Mean share over seeds of activations by bin, from −reach to reach root mean squares. */
  readonly histogram: readonly number[];
}

/** One head; heads of different seeds have only their place in common. */
export interface HeadScale {
  readonly layer: number;
  readonly head: number;
  /** Total variation from uniform attention. */
  readonly distance: Interval;
  /** Its standard deviation over sequences. */
  readonly distanceSd: Interval;
  /** Distance of the mean pattern. */
  readonly fixed: Interval;
  readonly entropy: Interval;
  readonly deficit: Interval;
  readonly secondOrder: Interval;
  /** Seeds in which the head is of each kind. */
  readonly kinds: Readonly<Record<AttentionKind, number>>;
  /** Of the first seed, [queryPos][keyPos]. */
  readonly meanPattern: readonly (readonly number[])[];
}

/** Numbers of the section. */
export interface InitialisationNumbers {
  readonly seeds: readonly number[];
  /** The scheme that the weights are compared with: nearest to the random networks, or to these where there are none. */
  readonly scheme: InitSchemeName | null;
  readonly weights: readonly WeightScale[];
  readonly activations: readonly SiteScale[];
  /** Root mean squares that histograms reach. */
  readonly histogramReach: number;
  readonly heads: readonly HeadScale[];
  readonly prediction: {
    readonly entropy: Interval;
    /** ln V */
    readonly uniform: number;
    readonly deficit: Interval;
    readonly secondOrder: Interval;
    readonly confidence: Interval;
  };
}

/** The nulls of the section: the same in random networks. */
export interface InitialisationNull {
  readonly activations: readonly {
    readonly site: string;
    readonly rms: NetworkComparison;
    readonly zero: NetworkComparison;
    readonly dead: NetworkComparison;
  }[];
  /** Means over the heads of a layer, for random heads are exchangeable. */
  readonly attention: readonly {
    readonly layer: number;
    readonly distance: NetworkComparison;
    readonly entropy: NetworkComparison;
  }[];
  readonly predictionEntropy: NetworkComparison;
}

const ALPHA = 0.05;
/** Sites whose scale is that of the embeddings alone. */
const embeddingSites = ["hook_embed", "hook_pos_embed", "blocks.0.hook_resid_pre"];

/**
 * Scales of a population beside those of its initialisation scheme.
 *
 * @param nulls  the same measured on random networks; may be empty
 */
export function summariseInitialisation(
  models: readonly InitialisationModel[],
  nulls: readonly InitialisationModel[],
  setup: ExperimentSetup,
): Section<InitialisationNumbers, InitialisationNull> {
  const { config } = setup;
  const scheme = schemeOf(nulls.length > 0 ? nulls : models, setup);
  const weights = weightScales(models, scheme, setup);
  const activations = siteScales(models, scheme, setup);
  const heads = headScales(models, setup);
  const prediction = (key: "entropy" | "deficit" | "secondOrder" | "confidence") =>
    seedInterval(models.map((model) => model.prediction[key]));
  const numbers: InitialisationNumbers = {
    seeds: models.map(({ seed }) => seed),
    ...{ scheme, weights, activations, heads },
    histogramReach: HISTOGRAM_REACH,
    prediction: {
      entropy: prediction("entropy"),
      uniform: Math.log(config.dVocab),
      deficit: prediction("deficit"),
      secondOrder: prediction("secondOrder"),
      confidence: prediction("confidence"),
    },
  };
  const compared = (of: (model: InitialisationModel) => number) =>
    againstNetworks(models.map(of), nulls.map(of));
  const layers = [...new Set(heads.map(({ layer }) => layer))];
  const meanOfLayer = (layer: number, key: "distance" | "entropy") => (model: InitialisationModel) => {
    const own = model.heads.filter((head) => head.layer === layer);
    return own.reduce((sum, head) => sum + head[key], 0) / own.length;
  };
  const drawn: InitialisationNull = {
    activations: activations.map(({ site }, i) => ({
      site,
      rms: compared((model) => model.activations[i].rms),
      zero: compared((model) => model.activations[i].zero),
      dead: compared((model) => model.activations[i].dead),
    })),
    attention: layers.map((layer) => ({
      layer,
      distance: compared(meanOfLayer(layer, "distance")),
      entropy: compared(meanOfLayer(layer, "entropy")),
    })),
    predictionEntropy: compared((model) => model.prediction.entropy),
  };
  return {
    question:
      "Are the scales of weights and activations those that the initialisation gives, and nothing else?",
    numbers,
    null: drawn,
    verdict: verdictOf(numbers, setup),
  };
}

function schemeOf(
  models: readonly InitialisationModel[],
  { config }: ExperimentSetup,
): InitSchemeName | null {
  const squares = new Map<string, number>();
  for (const { weights } of models)
    for (const { name, meanSquare } of weights)
      squares.set(name, (squares.get(name) ?? 0) + meanSquare / models.length);
  return nearestScheme(config, squares)?.scheme ?? null;
}

function weightScales(
  models: readonly InitialisationModel[],
  scheme: InitSchemeName | null,
  { config }: ExperimentSetup,
): WeightScale[] {
  const expected = scheme === null ? undefined : expectedMoments(config, scheme);
  return (models.at(0)?.weights ?? []).map(({ name, entries }, i) => {
    const over = (key: "mean" | "sd") => seedInterval(models.map((model) => model.weights[i][key]));
    const law = expected?.get(name);
    const meanSquare = models.reduce((sum, model) => sum + model.weights[i].meanSquare / models.length, 0);
    const fixed = law === undefined ? Number.NaN : law.mean ** 2 + law.variance;
    return {
      ...{ name, entries, mean: over("mean"), sd: over("sd") },
      expectedMean: law?.mean ?? Number.NaN,
      expectedSd: law === undefined ? Number.NaN : Math.sqrt(law.variance),
      ratio: fixed > 0 ? meanSquare / fixed : Number.NaN,
      p: law === undefined ? Number.NaN : lawP(law, meanSquare, entries * models.length),
    };
  });
}

function siteScales(
  models: readonly InitialisationModel[],
  scheme: InitSchemeName | null,
  { config, nPos }: ExperimentSetup,
): SiteScale[] {
  return (models.at(0)?.activations ?? []).map(({ site, units, histogram }, i) => {
    const own = models.map((model) => model.activations[i]);
    const over = (key: "mean" | "sd" | "rms" | "zero" | "nearZero" | "dead") =>
      seedInterval(own.map((one) => one[key]));
    const squares = models.map(({ activations }) => {
      if (scheme === null) return Number.NaN;
      const input = new Map(activations.map((one) => [one.site, one.rms ** 2]));
      return expectedScale(config, scheme, site, { squares: input, nPos }) ?? Number.NaN;
    });
    const ratios = own.map(({ rms }, model) => rms ** 2 / squares[model]).filter(Number.isFinite);
    return {
      ...{ site, units, mean: over("mean"), sd: over("sd"), rms: over("rms") },
      expectedRms: seedInterval(squares.map(Math.sqrt)),
      ratio: seedInterval(ratios),
      p: ratioP(ratios),
      ...{ zero: over("zero"), nearZero: over("nearZero"), dead: over("dead") },
      deadBySeed: own.map(({ dead }) => dead),
      histogram: Array.from(histogram, (_, bin) =>
        own.reduce((sum, one) => sum + one.histogram[bin] / own.length, 0),
      ),
    };
  });
}

/** Ratios this near to 1 are float32 rounding, such as of a norm whose weights are all 1. */
const EXACT = 1e-4;

/** Two-sided p that ratios over seeds have mean 1; NaN where they cannot be tested. */
function ratioP(ratios: readonly number[]): number {
  if (ratios.length < 2) return Number.NaN;
  if (ratios.every((ratio) => Math.abs(ratio - 1) <= EXACT)) return 1;
  return tTest(ratios.map((ratio) => ratio - 1)).p;
}

function headScales(models: readonly InitialisationModel[], { nPos }: ExperimentSetup): HeadScale[] {
  return (models.at(0)?.heads ?? []).map(({ layer, head, meanPattern }, i) => {
    const own = models.map((model) => model.heads[i]);
    const over = (key: "distance" | "distanceSd" | "fixed" | "entropy" | "deficit" | "secondOrder") =>
      seedInterval(own.map((one) => one[key]));
    const seedsOf = (kind: AttentionKind) => own.filter((one) => one.kind === kind).length;
    return {
      ...{ layer, head, distance: over("distance"), distanceSd: over("distanceSd"), fixed: over("fixed") },
      ...{ entropy: over("entropy"), deficit: over("deficit"), secondOrder: over("secondOrder") },
      kinds: {
        uniform: seedsOf("uniform"),
        positional: seedsOf("positional"),
        contextual: seedsOf("contextual"),
      },
      meanPattern: Array.from({ length: nPos }, (_, query) =>
        Array.from(meanPattern.subarray(query * nPos, (query + 1) * nPos)),
      ),
    };
  });
}

function verdictOf(
  { scheme, weights, activations, heads, prediction }: InitialisationNumbers,
  { config }: ExperimentSetup,
): Verdict {
  const statement = "Weights and activations have the scales that the initialisation alone gives them.";
  const rule =
    "no weight departs from the mean square of its law, and no activation from that which follows from its input: Holm over all of them at 0.05, embeddings' own scale left out";
  if (scheme === null)
    return { holds: null, statement, rule, evidence: "No initialisation scheme fits these weights." };
  // a factor of their own may scale embeddings, and is no departure from the scheme
  const tested = [
    ...weights.filter(({ name }) => fanOf(config, name).role !== "embedding"),
    ...activations
      .filter(({ site }) => !embeddingSites.includes(site))
      .map(({ site, p }) => ({ name: site, p })),
  ].filter(({ p }) => !Number.isNaN(p));
  const adjusted = holm(tested.map(({ p }) => p));
  const departing = tested.filter((_, i) => adjusted[i] <= ALPHA).map(({ name }) => name);
  const dead = activations
    .filter(({ site }) => site.endsWith("mlp.hook_post"))
    .reduce((sum, { dead: one }) => sum + one.estimate, 0);
  const attention = heads.reduce((sum, { entropy }) => sum + entropy.estimate / heads.length, 0);
  const rest = [
    `${dead.toFixed(1)} dead MLP units a network`,
    ...(heads.length > 0 ? [`attention has ${(100 * attention).toFixed(0)} % of uniform entropy`] : []),
    `predictions ${prediction.entropy.estimate.toFixed(2)} of ${prediction.uniform.toFixed(2)} nats`,
  ].join(", ");
  const list = departing.slice(0, 5).join(", ");
  const out =
    departing.length === 0
      ? "none departs"
      : `${departing.length} depart (${list}${departing.length > 5 ? ", …" : ""})`;
  return {
    ...{ holds: departing.length === 0, statement, rule },
    evidence: `Scheme ${scheme}: of ${tested.length} scales ${out}; ${rest}.`,
  };
}
