/**
 * Experiment 1, feature detection: the inputs that activate each unit most, and whether another sample finds them again.
 *
 * Where the inputs of a position are few enough, all are tried; at the others the balanced probe is a sample of them.
 * Its two halves are independent samples, and stability is measured at the sampled positions only: where everything was
 * tried there is nothing that a sample could change.
 */
import { randomStream } from "../../base/random.ts";
import { latinBlocks } from "../../data/probes.ts";
import { type InputSpace, inputSpace, visibleRange } from "../../features/inputSpace.ts";
import { type InputStability, inputStability, sampledInputs } from "../../features/inputStability.ts";
import {
  type LargestActivation,
  largestActivation,
  normalMaximum,
} from "../../features/largestActivation.ts";
import { againstNetworks, type NetworkComparison } from "../../features/networkNull.ts";
import { seedInterval } from "../../features/seedInterval.ts";
import { siteActivations, visitActivations } from "../../features/siteActivations.ts";
import { type TopInputs, topInputs } from "../../features/topInputs.ts";
import { unitMeans } from "../../features/unitMeans.ts";
import { type UnitSite, unitName, unitSites } from "../../features/unitSites.ts";
import type { Network } from "../../interp/network.ts";
import type { Interval } from "../../stats/intervals.ts";
import type { ExperimentSetup, Section, Verdict } from "./section.ts";

/** Inputs kept of a unit. */
const MOST = 10;
/** Units of each group that are told with their inputs. */
const EXAMPLES = 4;
/** Numbers of the searches that inputs come from. */
const [EXHAUSTIVE, SAMPLE] = [0, 1];

/** What one network's units of one kind and layer prefer. */
export interface DetectionSite {
  readonly site: UnitSite;
  /** Over all that was tried, exhaustively (source 0) or in the whole sample (source 1). */
  readonly top: TopInputs;
  /** Between the halves of the sample, at the sampled positions; all NaN where there are none. */
  readonly stability: InputStability;
  /** Over the whole sample. */
  readonly largest: LargestActivation;
}

/** {@link measureDetection} of one network. */
export interface DetectionModel {
  readonly seed: number;
  readonly sites: readonly DetectionSite[];
}

/** One measure of agreement between the two samples, means over units. */
export interface Agreement {
  readonly observed: Interval;
  /** Between different units of the layer. */
  readonly otherUnit: Interval;
  /** With activations shuffled over the sample, in expectation. */
  readonly shuffled: number;
  /** Observed less other unit, seed by seed. */
  readonly beyondOtherUnit: Interval;
}

/** Units of one kind and layer. */
export interface DetectionGroup extends UnitSite {
  /** Share of the units that have a strongest input at all: dead rectifiers have none. */
  readonly responding: Interval;
  /** Share of the units whose strongest input has the same token and position in both samples. */
  readonly sameCell: Agreement;
  /** Share of the ten strongest inputs that find a partner in the same cell. */
  readonly overlap: Agreement;
  /** Correlation over cells of the largest activations. */
  readonly maximaR: Agreement;
  /** Largest activation less the mean, in standard deviations: mean over units. */
  readonly largestSds: Interval;
  /** Share of the units whose largest activation lies beyond that of normal noise in 97.5 % of samples. */
  readonly beyondNormal: Interval;
  /** Share of standardised activations in each bin of `activationBins`, mean over seeds. */
  readonly distribution: readonly number[];
}

/** A unit with the inputs that activate it most. */
export interface DetectedUnit {
  /** `L0N17` */
  readonly name: string;
  readonly kind: UnitSite["kind"];
  readonly layer: number;
  /** Strongest first. Tokens are −1 where the position cannot see them. */
  readonly inputs: readonly {
    tokens: readonly number[];
    pos: number;
    activation: number;
    exhaustive: boolean;
  }[];
  /** Activation of the sample's inputs: median and 95 % quantile. */
  readonly usual: { readonly median: number; readonly high: number };
  /** NaN where everything was tried. */
  readonly overlap: number;
  readonly largestSds: number;
}

/** What was tried. */
export interface DetectionSearch {
  /** Positions at which every input was tried. */
  readonly exhaustivePositions: readonly number[];
  /** Different inputs of those positions. */
  readonly exhaustiveInputs: number;
  /** Positions at which the probe's sequences are a sample. */
  readonly sampledPositions: readonly number[];
  readonly sampleSequences: number;
}

/** The numbers of experiment 1. */
export interface DetectionNumbers {
  readonly seeds: readonly number[];
  readonly search: DetectionSearch;
  /** Inputs kept of a unit. */
  readonly most: number;
  readonly groups: readonly DetectionGroup[];
  /** Of all units: overlap of the strongest inputs less that between different units. */
  readonly overlapBeyondOtherUnit: Interval;
  /** Of the first seed: the units of each group whose largest activation stands out most. */
  readonly examples: readonly DetectedUnit[];
}

/** Nulls of experiment 1 besides those of {@link Agreement}. */
export interface DetectionNull {
  /** Largest of as many independent normal numbers as the sample has, in standard deviations: 2.5, 50, 97.5 %. */
  readonly normalMaximum: {
    readonly samples: number;
    readonly low: number;
    readonly median: number;
    readonly high: number;
  };
  /** The same means in random networks, by group, in the order of `groups`. */
  readonly networks: readonly {
    readonly overlap: NetworkComparison;
    readonly largestSds: NetworkComparison;
  }[];
}

/** Searches the strongest inputs of every unit of every model. */
export async function measureDetection(network: Network, setup: ExperimentSetup): Promise<DetectionModel[]> {
  const { config } = network;
  const { nPos, seeds } = setup;
  const sites = unitSites(config);
  const names = sites.map(({ site }) => site);
  const space = inputSpace(config, nPos);
  const visible = (pos: number) => visibleRange(config, nPos, pos);
  const searches = seeds.map(() => sites.map(({ units }) => topInputs({ units, most: MOST, nPos, visible })));
  const { sequences } = space;
  if (sequences !== undefined)
    await visitActivations(network, sequences, names, ({ model, site, first, values }) => {
      const { tokens } = sequences;
      const search = searches[model][names.indexOf(site)];
      search.offer({ tokens, nPos: sequences.nPos, first, values, counts: space.fresh, source: EXHAUSTIVE });
    });
  const probe = probeOf(setup);
  const sampled = (_: number, pos: number) => pos >= space.searched;
  return (await siteActivations(network, probe, names)).map((bySite, model) => ({
    seed: seeds[model],
    sites: sites.map((site, index) => {
      const { units } = site;
      const values = bySite.get(site.site) ?? new Float32Array(0);
      const search = searches[model][index];
      search.offer({ ...{ tokens: probe.tokens, nPos, first: 0, values }, counts: sampled, source: SAMPLE });
      const half = (which: 0 | 1) =>
        sampledInputs(values, probe, { units, most: MOST, half: which, from: space.searched, visible });
      return {
        site,
        top: search.result(),
        stability: inputStability(half(0), half(1)),
        largest: largestActivation(values, units),
      };
    }),
  }));
}

const probeOf = ({ config, nPos, blocks }: ExperimentSetup) =>
  latinBlocks({
    ...{ dVocab: config.dVocab, nPos, blocks },
    stream: randomStream("experiments", "detection", "probe"),
  });

/** Experiment 1 over seeds. */
export function summariseDetection(
  models: readonly DetectionModel[],
  nulls: readonly DetectionModel[],
  setup: ExperimentSetup,
): Section<DetectionNumbers, DetectionNull> {
  const { config, nPos } = setup;
  const space = inputSpace(config, nPos);
  const samples = setup.blocks * config.dVocab * nPos;
  const normal = {
    samples,
    low: normalMaximum(samples, 0.025),
    median: normalMaximum(samples, 0.5),
    high: normalMaximum(samples, 0.975),
  };
  const sites = models[0]?.sites ?? [];
  const groups = sites.map((_, index) =>
    groupOf(
      models.map((model) => model.sites[index]),
      normal.high,
    ),
  );
  const beyond = models.map(overlapBeyond);
  const numbers: DetectionNumbers = {
    seeds: models.map(({ seed }) => seed),
    search: searchOf(space, setup),
    most: MOST,
    groups,
    overlapBeyondOtherUnit: seedInterval(beyond),
    examples: sites.flatMap(examplesOf),
  };
  const against = (of: (site: DetectionSite) => number) => (_: DetectionSite, index: number) =>
    againstNetworks(
      models.map((model) => of(model.sites[index])),
      nulls.map((model) => of(model.sites[index])),
    );
  const overlaps = sites.map(against(({ stability }) => meanOf(stability.overlap)));
  const sds = sites.map(against(({ largest }) => meanOf(largest.sds)));
  return {
    question: "Which inputs activate each unit most, and does another sample find them again?",
    numbers,
    null: {
      normalMaximum: normal,
      networks: overlaps.map((overlap, index) => ({ overlap, largestSds: sds[index] })),
    },
    verdict: verdictOf(numbers),
  };
}

/** Mean over the units that have a number; NaN where none has. */
const meanOf = (values: Float64Array): number => unitMeans(values, 1).mean[0];

function groupOf(sites: readonly DetectionSite[], normalHigh: number): DetectionGroup {
  const over = (of: (site: DetectionSite) => number) => seedInterval(sites.map(of));
  const agreement = (
    observed: (of: InputStability) => Float64Array,
    otherUnit: (of: InputStability) => number,
    shuffled: (of: InputStability) => number,
  ): Agreement => ({
    observed: over(({ stability }) => meanOf(observed(stability))),
    otherUnit: over(({ stability }) => otherUnit(stability)),
    shuffled: over(({ stability }) => shuffled(stability)).estimate,
    beyondOtherUnit: over(({ stability }) => meanOf(observed(stability)) - otherUnit(stability)),
  });
  return {
    ...sites[0].site,
    responding: over(({ top }) => top.found.filter((found) => found > 0).length / top.units),
    sameCell: agreement(
      (of) => of.sameCell,
      (of) => of.otherUnit.sameCell,
      (of) => of.shuffled.sameCell,
    ),
    overlap: agreement(
      (of) => of.overlap,
      (of) => of.otherUnit.overlap,
      (of) => meanOf(of.shuffled.overlap),
    ),
    maximaR: agreement(
      (of) => of.maximaR,
      (of) => of.otherUnit.maximaR,
      () => 0,
    ),
    largestSds: over(({ largest }) => meanOf(largest.sds)),
    beyondNormal: over(({ largest }) =>
      meanOf(largest.sds.map((sds) => (Number.isNaN(sds) ? sds : sds > normalHigh ? 1 : 0))),
    ),
    distribution: Array.from(
      sites[0].largest.shares,
      (_, bin) => over(({ largest }) => largest.shares[bin]).estimate,
    ),
  };
}

/** Of all units of a network with strongest inputs: overlap less that between different units of their layer. */
function overlapBeyond({ sites }: DetectionModel): number {
  return meanOf(
    Float64Array.from(
      sites.flatMap(({ stability }) =>
        Array.from(stability.overlap, (overlap) => overlap - stability.otherUnit.overlap),
      ),
    ),
  );
}

function searchOf(space: InputSpace, { nPos, blocks, config }: ExperimentSetup): DetectionSearch {
  const positions = Array.from({ length: nPos }, (_, pos) => pos);
  return {
    exhaustivePositions: positions.slice(0, space.searched),
    exhaustiveInputs: space.inputs,
    sampledPositions: positions.slice(space.searched),
    sampleSequences: blocks * config.dVocab,
  };
}

function examplesOf({ site, top, stability, largest }: DetectionSite): DetectedUnit[] {
  const standing = Array.from({ length: site.units }, (_, unit) => unit)
    .filter((unit) => top.found[unit] > 0 && Number.isFinite(largest.sds[unit]))
    .sort((a, b) => largest.sds[b] - largest.sds[a]);
  return standing.slice(0, EXAMPLES).map((unit) => ({
    name: unitName(site, unit),
    kind: site.kind,
    layer: site.layer,
    inputs: Array.from({ length: top.found[unit] }, (_, rank) => {
      const at = unit * top.most + rank;
      return {
        tokens: Array.from(top.tokens.subarray(at * top.nPos, (at + 1) * top.nPos)),
        pos: top.pos[at],
        activation: top.activation[at],
        exhaustive: top.source[at] === EXHAUSTIVE,
      };
    }),
    usual: { median: largest.median[unit], high: largest.high[unit] },
    overlap: stability.overlap[unit],
    largestSds: largest.sds[unit],
  }));
}

function verdictOf({ groups, search, overlapBeyondOtherUnit: beyond }: DetectionNumbers): Verdict {
  const statement =
    "Each unit has inputs of its own: an independent sample finds its strongest inputs in the same cells again, more than those of other units of its layer.";
  const rule =
    "the 95 % t interval over seeds of overlap minus overlap between different units lies above 0; refuted if it lies below 0.05";
  const told = (holds: boolean | null, evidence: string): Verdict => ({ holds, statement, rule, evidence });
  if (groups.length === 0) return told(null, "This config has no blocks, and so no units.");
  if (search.sampledPositions.length === 0)
    return told(null, "Every input of every position was tried: nothing here hangs on a sample.");
  const { estimate, low, high } = beyond;
  const size = `overlap beyond other units ${estimate.toFixed(3)}`;
  if (!Number.isFinite(low)) return told(null, `${size}; one seed has no interval.`);
  const evidence = `${size} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
  if (low > 0) return told(true, evidence);
  return told(high < 0.05 ? false : null, evidence);
}
