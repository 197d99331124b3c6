/** What the search for circuits takes from each network: cell means of its units, and their label-permuted null. */
import { randomStream } from "../../base/random.ts";
import { latinBlocks } from "../../data/probes.ts";
import { ENTRIES, type FirstEntries, firstEntries } from "../../features/firstEntries.ts";
import { visitActivations } from "../../features/siteActivations.ts";
import { pairCount, pairsOf, permutedPairs } from "../../features/unitPairs.ts";
import { type UnitSite, unitName, unitSites } from "../../features/unitSites.ts";
import { unitTables } from "../../features/unitTables.ts";
import type { Network } from "../../interp/network.ts";
import type { ModelConfig } from "../../model/config.ts";
import { CONNECTED } from "./circuitsNumbers.ts";
import type { ExperimentSetup } from "./section.ts";

/** Most units of a network, and most cells of all of them: a sample of each layer is taken beyond. */
const [MOST_UNITS, MOST_CELLS] = [256, 65536];

/** Some of a layer's units. */
export interface ChosenUnits {
  readonly site: UnitSite;
  /** Indices in the layer, evenly spaced. */
  readonly units: readonly number[];
}

/**
 * The units that circuits are looked for among: MLP neurons, or dimensions of the heads where there is no MLP.
 *
 * Units of a layer are exchangeable at initialisation, so that of a wide layer every k-th is as good a sample as any.
 */
export function chosenUnits(config: ModelConfig, nPos: number): ChosenUnits[] {
  const kind = config.attnOnly ? "head" : "neuron";
  const sites = unitSites(config).filter((site) => site.kind === kind);
  const room = Math.min(MOST_UNITS, Math.floor(MOST_CELLS / (config.dVocab * nPos)));
  const perLayer = Math.max(2, Math.floor(room / Math.max(1, sites.length)));
  return sites.map((site) => {
    const count = Math.min(site.units, perLayer);
    return { site, units: Array.from({ length: count }, (_, i) => Math.floor((i * site.units) / count)) };
  });
}

/** What one network shows of its circuits; the order of units is that of {@link chosenUnits}, layer by layer. */
export interface CircuitsModel {
  readonly seed: number;
  /** [unit, token, pos] */
  readonly cellMeans: Float32Array;
  /** Share of a unit's variance that is neither token nor position nor both, [unit]. */
  readonly contextShare: Float32Array;
  /** Correlation over all activations of the probe, context included, [pair]. */
  readonly overActivations: Float32Array;
  /** The label-permuted null: see `permutedPairs`. */
  readonly permuted: {
    readonly largest: Float64Array;
    readonly counts: Float64Array;
    readonly above: Float64Array;
  };
  /** The original's correlation of 32 entries, [layer]. */
  readonly original: readonly FirstEntries[];
}

/** Number of a pair of layers, from ≤ to. */
export function layerPair(layers: number, from: number, to: number): number {
  return from * layers + to;
}

/** The layer (counted among those with units) of every chosen unit. */
export function layersOf(chosen: readonly ChosenUnits[]): number[] {
  return chosen.flatMap(({ units }, layer) => units.map(() => layer));
}

/** Names of all chosen units. */
export function namesOf(chosen: readonly ChosenUnits[]): string[] {
  return chosen.flatMap(({ site, units }) => units.map((unit) => unitName(site, unit)));
}

/**
 * Cell means, correlations and the label-permuted null of every model. A model without units has empty lists.
 *
 * @throws ArgumentError if the setup does not fit the network
 */
export async function measureCircuits(network: Network, setup: ExperimentSetup): Promise<CircuitsModel[]> {
  const { config, nPos, blocks, draws, seeds } = setup;
  const { dVocab } = config;
  const chosen = chosenUnits(config, nPos);
  const layers = layersOf(chosen);
  const units = layers.length;
  const cells = dVocab * nPos;
  const probe = latinBlocks({
    ...{ dVocab, nPos, blocks },
    stream: randomStream("experiments", "circuits", "probe"),
  });
  const models = seeds.map(() => ({
    activations: new Float32Array(probe.count * nPos * units),
    entries: chosen.map(({ site }) => new Float64Array(probe.count * Math.min(ENTRIES, site.units))),
  }));
  let offset = 0;
  for (const [layer, { site, units: wanted }] of chosen.entries()) {
    const entries = Math.min(ENTRIES, site.units);
    await visitActivations(network, probe, [site.site], ({ model, first, rows, values }) => {
      const own = models[model];
      for (let row = 0; row < rows; row++) {
        for (let entry = 0; entry < entries; entry++)
          own.entries[layer][(first + row) * entries + entry] = values[row * nPos * site.units + entry];
        for (let pos = 0; pos < nPos; pos++) {
          const from = (row * nPos + pos) * site.units;
          const to = ((first + row) * nPos + pos) * units + offset;
          for (let i = 0; i < wanted.length; i++) own.activations[to + i] = values[from + wanted[i]];
        }
      }
    });
    offset += wanted.length;
  }
  const { first, second } = pairsOf(units);
  const groups = chosen.length;
  const group = first.map((unit, pair) => layerPair(groups, layers[unit], layers[second[pair]]));
  const tokens = Int32Array.from({ length: probe.count }, (_, row) => probe.tokens[row * nPos]);
  return models.map(({ activations, entries }, model) => {
    const sums = sumsOf(activations, units);
    const cellMeans = new Float64Array(units * cells);
    for (let at = 0; at < probe.count * nPos; at++) {
      const cell = probe.tokens[at] * nPos + (at % nPos);
      for (let unit = 0; unit < units; unit++)
        cellMeans[unit * cells + cell] += activations[at * units + unit] / blocks;
    }
    const tables = unitTables(cellMeans, { dVocab, nPos });
    const { largest, counts, above } = permutedPairs(tables, {
      draws,
      stream: randomStream("experiments", "circuits", seeds[model]),
      threshold: CONNECTED,
      group: { of: group, count: groups * groups },
    });
    return {
      seed: seeds[model],
      cellMeans: Float32Array.from(cellMeans),
      contextShare: Float32Array.from({ length: units }, (_, unit) =>
        contextOf(cellMeans.subarray(unit * cells, (unit + 1) * cells), sums.variance[unit]),
      ),
      overActivations: sums.correlations,
      permuted: { largest, counts, above },
      original: entries.map((columns, layer) =>
        firstEntries(columns, tokens, {
          units: Math.min(ENTRIES, chosen[layer].site.units),
          threshold: CONNECTED,
        }),
      ),
    };
  });
}

/** Variance of every unit and correlation of every pair over all activations, [sample, unit]. */
function sumsOf(activations: Float32Array, units: number) {
  const samples = activations.length / Math.max(1, units);
  const mean = new Float64Array(units);
  for (let at = 0; at < activations.length; at++) mean[at % units] += activations[at] / samples;
  const products = new Float64Array(pairCount(units));
  const variance = new Float64Array(units);
  const row = new Float64Array(units);
  for (let sample = 0; sample < samples; sample++) {
    for (let unit = 0; unit < units; unit++) {
      row[unit] = activations[sample * units + unit] - mean[unit];
      variance[unit] += (row[unit] * row[unit]) / samples;
    }
    for (let i = 0, pair = 0; i < units; i++) {
      const own = row[i] / samples;
      for (let j = i + 1; j < units; j++, pair++) products[pair] += own * row[j];
    }
  }
  const correlations = new Float32Array(products.length);
  for (let i = 0, pair = 0; i < units; i++)
    for (let j = i + 1; j < units; j++, pair++)
      correlations[pair] = products[pair] / (Math.sqrt(variance[i]) * Math.sqrt(variance[j]));
  return { variance, correlations };
}

/** 1 − variance of the cell means over variance of the activations; NaN of a constant, at least 0. */
function contextOf(table: Float64Array, variance: number): number {
  const mean = table.reduce((sum, value) => sum + value, 0) / table.length;
  const between = table.reduce((sum, value) => sum + (value - mean) ** 2, 0) / table.length;
  return variance > 0 ? Math.max(0, 1 - between / variance) : Number.NaN;
}
