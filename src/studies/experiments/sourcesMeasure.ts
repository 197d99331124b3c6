/** Where structure could come from in each network: its embeddings, its matrices, its norms, each beside random ones. */
import { inTurn } from "../../base/inTurn.ts";
import { type RandomStream, randomStream } from "../../base/random.ts";
import { latinBlocks, type Probe } from "../../data/probes.ts";
import {
  type EmbeddingSums,
  embeddingSums,
  rootMeanSquare,
  rowCosines,
  type VectorTable,
} from "../../features/embeddingGeometry.ts";
import { frozenNorms } from "../../features/frozenNorms.ts";
import {
  conditionNumber,
  shuffledSpectra,
  singularValues,
  stableRank,
  type WeightMatrix,
  weightMatrix,
} from "../../features/singularValues.ts";
import { type TuningCurves, tuningCurvesOf } from "../../features/tuningCurves.ts";
import { unitSites } from "../../features/unitSites.ts";
import { type Source, sources, varianceComponents } from "../../features/varianceComponents.ts";
import { sizeOf } from "../../graph/node.ts";
import type { Network } from "../../interp/network.ts";
import type { ModelConfig } from "../../model/config.ts";
import { fanOf } from "../../model/fans.ts";
import { sinusoidalPositions } from "../../model/positions.ts";
import { weightShapes } from "../../model/weights.ts";
import { pearson } from "../../stats/correlation.ts";
import { quantile } from "../../stats/quantile.ts";
import type { ExperimentSetup } from "./section.ts";

/** A statistic of one network beside its own random null. */
export interface SourceStatistic {
  readonly name: string;
  /** NaN where the network has no such number. */
  readonly value: number;
  /** Median, 5 % and 95 % quantile over draws; a condition number has no mean. */
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided p by rank: twice the smaller of (1 + #{≥}) / (1 + draws) and (1 + #{≤}) / (1 + draws), at most 1. */
  readonly p: number;
}

/** Singular values of one weight. */
export interface WeightSpectrum {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Largest first. */
  readonly values: Float64Array;
  /** Mean, 5 % and 95 % quantile of each over shuffles of the entries. */
  readonly mean: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** Tuning of the units of a layer with norms as they are and frozen; means over units alive in both. */
export interface NormTuning {
  readonly layer: number;
  readonly intact: Readonly<Record<Source, number>>;
  readonly frozen: Readonly<Record<Source, number>>;
  /** Mean correlation of a unit's cell means in both. */
  readonly r: number;
  /** Units that are left out, for they are constant in one of them. */
  readonly dead: number;
}

/** One network. */
export interface SourcesModel {
  readonly seed: number;
  /** In a fixed order that depends on the config only. */
  readonly statistics: readonly SourceStatistic[];
  /** Rows of W_E scaled to length 1 give its cosines; [token, dModel]. */
  readonly tokens: Float32Array;
  readonly spectra: readonly WeightSpectrum[];
  /** undefined in a model without positions. */
  readonly sums: EmbeddingSums | undefined;
  /** Empty in a model without norms or without units. */
  readonly norms: readonly NormTuning[];
}

/** Multiply-adds spent on the null of the embeddings, and of each spectrum; at least {@link FEWEST} draws are made. */
const [GEOMETRY_WORK, SPECTRUM_WORK] = [2e8, 4e6];
/** Draws of a null: as few as a p of 0.05 one-sided needs, and as many spectra as seeds can use. */
const [FEWEST, MOST_SPECTRA] = [19, 99];

/**
 * Statistics of embeddings, spectra of weights and effects of norms of every model.
 *
 * Null of the embeddings: independent normal entries with the root mean square of each table. Null of a spectrum: the
 * weight's own entries, shuffled.
 *
 * @throws ArgumentError if the setup does not fit the network
 */
export async function measureSources(network: Network, setup: ExperimentSetup): Promise<SourcesModel[]> {
  const { config, nPos, blocks, seeds } = setup;
  const probe = latinBlocks({
    ...{ dVocab: config.dVocab, nPos, blocks },
    stream: randomStream("experiments", "sources", "probe"),
  });
  const norms = await normTunings(network, probe);
  const shapes = weightShapes(config);
  const weights = new Map(
    await inTurn(shapes.keys(), async (name) => [name, await network.session.read(name)]),
  );
  const valuesOf = (name: string, model: number) => {
    const size = sizeOf(shapes.get(name) ?? []);
    return weights.get(name)?.subarray(model * size, (model + 1) * size) ?? new Float32Array(0);
  };
  return seeds.map((seed, model) => {
    const stream = randomStream("experiments", "sources", seed);
    const tokens: VectorTable = { values: valuesOf("embed.W_E", model), dModel: config.dModel };
    const positions = positionTable(config, nPos, valuesOf("pos_embed.W_pos", model));
    const spectra = [...shapes]
      .filter(([name]) => ["embedding", "hidden", "output"].includes(fanOf(config, name).role))
      .map(([name, shape]) =>
        spectrumOf(name, weightMatrix(name, shape, valuesOf(name, model)), {
          ...{ draws: setup.draws, stream: stream.child("spectrum", name) },
        }),
      );
    const geometry = { tokens, positions, eps: config.eps };
    return {
      seed,
      statistics: [
        ...geometryStatistics(geometry, config, { draws: setup.draws, stream: stream.child("geometry") }),
        ...spectra.flatMap(({ statistics }) => statistics),
      ],
      tokens: Float32Array.from(tokens.values),
      spectra: spectra.map(({ spectrum }) => spectrum),
      sums: positions === undefined ? undefined : embeddingSums(tokens, positions, config.eps),
      norms: norms.map((layer) => layer[model]),
    };
  });
}

/** The positions that inputs have, [pos, dModel]; undefined in a model that adds none. */
function positionTable(
  { positions, dModel }: ModelConfig,
  nPos: number,
  learned: Float32Array | Float64Array,
): VectorTable | undefined {
  if (positions === "none" || positions === "rotary") return undefined;
  const values =
    positions === "learned" ? learned.subarray(0, nPos * dModel) : sinusoidalPositions(nPos, dModel);
  return { values, dModel };
}

interface Geometry {
  readonly tokens: VectorTable;
  readonly positions: VectorTable | undefined;
  readonly eps: number;
}

function geometryStatistics(
  own: Geometry,
  config: ModelConfig,
  { draws, stream }: { draws: number; stream: RandomStream },
): SourceStatistic[] {
  const { dVocab, dModel } = config;
  const nPos = (own.positions?.values.length ?? 0) / dModel;
  const work = dModel * (dVocab * dVocab + nPos * nPos + 3 * dVocab * nPos);
  const count = Math.min(draws, Math.max(FEWEST, Math.floor(GEOMETRY_WORK / work)));
  const drawn = Array.from({ length: count }, () =>
    geometryNumbers(
      {
        tokens: normalTable(own.tokens, stream),
        // fixed waves are no draw
        positions:
          own.positions === undefined || config.positions === "sinusoidal"
            ? own.positions
            : normalTable(own.positions, stream),
        eps: own.eps,
      },
      config,
    ),
  );
  return [...geometryNumbers(own, config)].map(([name, value]) =>
    beside(
      name,
      value,
      drawn.map((numbers) => numbers.get(name) as number),
    ),
  );
}

/** Normal entries with the root mean square of another table. */
function normalTable({ values, dModel }: VectorTable, stream: RandomStream): VectorTable {
  const sd = rootMeanSquare(values);
  return { values: Float64Array.from({ length: values.length }, () => sd * stream.normal()), dModel };
}

function geometryNumbers({ tokens, positions, eps }: Geometry, config: ModelConfig): Map<string, number> {
  const numbers = new Map<string, number>();
  const cosines = (name: string, table: VectorTable) => {
    const { smallest, largest, meanAbsolute } = rowCosines(table);
    numbers.set(`${name} smallest cosine`, smallest);
    numbers.set(`${name} largest cosine`, largest);
    numbers.set(`${name} mean |cosine|`, meanAbsolute);
  };
  cosines("W_E", tokens);
  if (positions === undefined) return numbers;
  if (config.positions === "learned" && positions.values.length > positions.dModel)
    cosines("W_pos", positions);
  const sums = embeddingSums(tokens, positions, eps);
  numbers.set("W_E and W_pos largest |cosine|", sums.largestCosine);
  numbers.set("W_E + W_pos spread of norms", sums.normSpread);
  numbers.set("W_E + W_pos interaction after a norm", sums.shares.interaction);
  return numbers;
}

function spectrumOf(
  name: string,
  matrix: WeightMatrix,
  { draws, stream }: { draws: number; stream: RandomStream },
): { spectrum: WeightSpectrum; statistics: SourceStatistic[] } {
  const { rows, columns } = matrix;
  const values = singularValues(matrix);
  const work = Math.max(rows, columns) * values.length ** 2;
  const count = Math.min(draws, MOST_SPECTRA, Math.max(FEWEST, Math.floor(SPECTRUM_WORK / work)));
  const shuffled = shuffledSpectra(matrix, { draws: count, stream });
  const place = (at: number, of: (column: number[]) => number) => of(shuffled.map((one) => one[at]));
  const each = (of: (column: number[]) => number) => values.map((_, at) => place(at, of));
  return {
    spectrum: {
      ...{ name, rows, columns, values },
      mean: each((column) => column.reduce((sum, value) => sum + value, 0) / column.length),
      low: each((column) => quantile(column, 0.05)),
      high: each((column) => quantile(column, 0.95)),
    },
    statistics: [
      beside(`${name} ln condition number`, logCondition(values), shuffled.map(logCondition)),
      beside(`${name} stable rank`, stableRank(values), shuffled.map(stableRank)),
    ],
  };
}

const logCondition = (spectrum: Float64Array) => Math.log(conditionNumber(spectrum));

/** A value among draws; all NaN where the value or a draw is. */
function beside(name: string, value: number, drawn: readonly number[]): SourceStatistic {
  const none = { median: Number.NaN, low: Number.NaN, high: Number.NaN, p: Number.NaN };
  if (!Number.isFinite(value) || drawn.some(Number.isNaN)) return { name, value, ...none };
  // a table that no draw can differ from, such as a single pair, must tie with its draws
  const slack = 1e-9 * Math.abs(value);
  const above = 1 + drawn.filter((one) => one >= value - slack).length;
  const below = 1 + drawn.filter((one) => one <= value + slack).length;
  return {
    ...{ name, value },
    median: quantile(drawn, 0.5),
    low: quantile(drawn, 0.05),
    high: quantile(drawn, 0.95),
    p: Math.min(1, (2 * Math.min(above, below)) / (1 + drawn.length)),
  };
}

/** Tuning with and without norms, [layer][model]. */
async function normTunings(network: Network, probe: Probe): Promise<NormTuning[][]> {
  if (probe.nPos < 2) return []; // no position to be tuned to
  const { config, models } = network;
  const kind = config.attnOnly ? "head" : "neuron";
  const sites = unitSites(config).filter((site) => site.kind === kind);
  const both = await frozenNorms(
    network,
    probe,
    sites.map(({ site }) => site),
  );
  if (both === undefined) return [];
  return sites.map(({ site, layer, units }) => {
    const found = both.get(site);
    const curves = (values: Float32Array | undefined) =>
      tuningCurvesOf(values ?? [], { site, models, units, probe });
    return tuningsOf(layer, curves(found?.intact), curves(found?.frozen));
  });
}

function tuningsOf(layer: number, intact: TuningCurves, frozen: TuningCurves): NormTuning[] {
  const { models, units, cellMean } = intact;
  const [own, other] = [varianceComponents(intact), varianceComponents(frozen)];
  const cells = cellMean.length / (models * units);
  return Array.from({ length: models }, (_, model) => {
    const alive = Array.from({ length: units }, (_, unit) => model * units + unit).filter(
      (at) => !own.dead[at] && !other.dead[at],
    );
    const meanOf = (of: (at: number) => number) => alive.reduce((sum, at) => sum + of(at), 0) / alive.length;
    const shares = ({ eta2 }: typeof own) =>
      Object.fromEntries(sources.map((source) => [source, meanOf((at) => eta2[source][at])])) as Record<
        Source,
        number
      >;
    const table = (of: TuningCurves, at: number) => of.cellMean.subarray(at * cells, (at + 1) * cells);
    const r = meanOf((at) => pearson(table(intact, at), table(frozen, at)));
    return { layer, intact: shares(own), frozen: shares(other), r, dead: units - alive.length };
  });
}
