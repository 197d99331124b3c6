/** Experiment 3 in one network: what every unit prefers, and how much of its variance has which source. */
import { randomStream } from "../../base/random.ts";
import { latinBlocks, type Probe } from "../../data/probes.ts";
import { labelPermutation } from "../../features/labelPermutation.ts";
import { type PreferredLevels, preferredLevels } from "../../features/preferredLevels.ts";
import { siteActivations } from "../../features/siteActivations.ts";
import { tuningCurvesOf } from "../../features/tuningCurves.ts";
import { type UnitSite, unitSites } from "../../features/unitSites.ts";
import {
  type CellSource,
  type Source,
  type UnitClass,
  unitClasses,
  varianceComponents,
} from "../../features/varianceComponents.ts";
import type { Network } from "../../interp/network.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { ExperimentSetup } from "./section.ts";

/** Latin blocks whose labels are permuted: 320 activations of 10 tokens at 8 positions, where eta² is 0.028 by chance. */
const PERMUTED_BLOCKS = 4;

/** Label permutation over the first blocks of the probe. */
export interface PermutedLabels {
  /** [unit]; NaN for a unit without variance. */
  readonly p: Float64Array;
  /** Mean of eta² over permutations and units. */
  readonly chance: number;
}

/** The map of one network's units of one kind and layer; arrays are [unit]. */
export interface MappingSite {
  readonly site: UnitSite;
  readonly classes: readonly UnitClass[];
  readonly preferred: PreferredLevels;
  /** Shares of variance; NaN for a dead unit. */
  readonly eta2: Readonly<Record<Source, Float64Array>>;
  /** Unbiased amounts, activation units squared. */
  readonly amount: Readonly<Record<Source, Float64Array>>;
  /** Amounts from the product of the two halves. */
  readonly crossValidated: Readonly<Record<CellSource, Float64Array>>;
  /** Mean activation in every cell, [unit, token, pos]. */
  readonly cellMeans: Float32Array;
  /** Activations a cell. */
  readonly replicates: number;
  readonly permuted: { readonly token: PermutedLabels; readonly position: PermutedLabels };
}

/** {@link measureMapping} of one network. */
export interface MappingModel {
  readonly seed: number;
  readonly sites: readonly MappingSite[];
}

/** The units that can be mapped: none where there is a single position, which has no variance between positions. */
export const mappedSites = (config: ModelConfig, nPos: number): UnitSite[] =>
  nPos < 2 ? [] : unitSites(config);

/**
 * Maps every unit of every model.
 *
 * @throws ArgumentError if the setup has no Latin block
 */
export async function measureMapping(network: Network, setup: ExperimentSetup): Promise<MappingModel[]> {
  const { config } = network;
  const { nPos, blocks, seeds } = setup;
  const sites = mappedSites(config, nPos);
  const stream = randomStream("experiments", "mapping", "probe");
  const probe = latinBlocks({ dVocab: config.dVocab, nPos, blocks, stream });
  const names = sites.map(({ site }) => site);
  if (sites.length === 0) return seeds.map((seed) => ({ seed, sites: [] }));
  return (await siteActivations(network, probe, names)).map((bySite, model) => {
    const values = names.map((name) => bySite.get(name) ?? new Float32Array(0));
    const permuted = permutedLabels(values, sites, probe, setup.draws, seeds[model]);
    return {
      seed: seeds[model],
      sites: sites.map((site, index) => ({
        ...mapOf(site, values[index], probe),
        permuted: permuted[index],
      })),
    };
  });
}

function mapOf(site: UnitSite, values: ArrayLike<number>, probe: Probe): Omit<MappingSite, "permuted"> {
  const curves = tuningCurvesOf(values, { site: site.site, models: 1, units: site.units, probe });
  const components = varianceComponents(curves);
  const { eta2, amount, crossValidated, replicates } = components;
  return {
    site,
    classes: unitClasses(components),
    preferred: preferredLevels(curves),
    ...{ eta2, amount, crossValidated, replicates },
    cellMeans: Float32Array.from(curves.cellMean),
  };
}

/** All units of a network under the same permutations: shuffling is what takes time. */
function permutedLabels(
  values: readonly ArrayLike<number>[],
  sites: readonly UnitSite[],
  { tokens, nPos, dVocab, count }: Probe,
  permutations: number,
  seed: number,
): MappingSite["permuted"][] {
  const samples = Math.min(count, PERMUTED_BLOCKS * dVocab) * nPos;
  const total = sites.reduce((sum, { units }) => sum + units, 0);
  const all = new Float64Array(samples * total); // [sample, unit of all sites]
  let first = 0;
  const starts = sites.map(({ units }, index) => {
    const start = first;
    for (let sample = 0; sample < samples; sample++)
      for (let unit = 0; unit < units; unit++)
        all[sample * total + start + unit] = values[index][sample * units + unit];
    first += units;
    return start;
  });
  const test = (source: "token" | "position", labels: ArrayLike<number>) => {
    const stream = randomStream("experiments", "mapping", seed, source);
    return labelPermutation(all, labels, { permutations, stream });
  };
  const results = {
    token: test("token", tokens.subarray(0, samples)),
    position: test(
      "position",
      Int32Array.from({ length: samples }, (_, sample) => sample % nPos),
    ),
  };
  return sites.map(({ units }, index) => {
    const own = (source: "token" | "position"): PermutedLabels => {
      const [from, to] = [starts[index], starts[index] + units];
      const chance = results[source].chance.slice(from, to).filter((value) => !Number.isNaN(value));
      return {
        p: results[source].p.slice(from, to),
        chance: chance.reduce((sum, value) => sum + value, 0) / chance.length,
      };
    };
    return { token: own("token"), position: own("position") };
  });
}
