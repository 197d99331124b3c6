/**
 * Experiment 3, systematic mapping: what every unit prefers, how much of its variance the token, the position, their
 * interaction and the context explain, and what class of unit that makes it.
 *
 * Units of random networks are selective too: three lines of random numbers are (the random-projection null). So shares
 * stand next to that null, and label permutation only says what a probe of this length gives to labels without meaning.
 */

import { normalQuantile } from "../../base/normalQuantile.ts";
import { randomStream } from "../../base/random.ts";
import { cellEffects } from "../../features/cellEffects.ts";
import { againstNetworks, type NetworkComparison } from "../../features/networkNull.ts";
import { randomProjectionNull, readsEmbeddingSum } from "../../features/randomProjectionNull.ts";
import { seedInterval } from "../../features/seedInterval.ts";
import { unitMeans } from "../../features/unitMeans.ts";
import { type UnitKind, type UnitSite, unitName } from "../../features/unitSites.ts";
import {
  type CellSource,
  cellSources,
  type Source,
  sources,
  type UnitClass,
} from "../../features/varianceComponents.ts";
import { hasBias, type ModelConfig } from "../../model/config.ts";
import { type Interval, tInterval } from "../../stats/intervals.ts";
import { bh } from "../../stats/multiplicity.ts";
import { quantile } from "../../stats/quantile.ts";
import { type MappingModel, type MappingSite, mappedSites } from "./mappingMeasure.ts";
import type { ExperimentSetup, Section, Verdict } from "./section.ts";

export { type MappingModel, type MappingSite, measureMapping } from "./mappingMeasure.ts";

/** False discovery rate among the units of one network. */
const ALPHA = 0.05;
/** Difference in mean eta² from which on a network is more selective than random projection. */
const MARGIN = 0.05;
/** Units drawn from the random-projection null. */
const NULL_DRAWS = 2000;
/** Units of each group whose heat maps are told: so many with the largest share of each source. */
const MAPS = 2;

/** Every class that a unit can have. */
export const classNames = [...sources, "mixed", "dead"] as const satisfies readonly UnitClass[];

type ByKind<T> = { readonly token: T; readonly position: T };

/** Units of one kind and layer: means over units, then over seeds. */
export interface MappingGroup extends UnitSite {
  /** Units of each class. */
  readonly classes: Readonly<Record<UnitClass, Interval>>;
  /** Shares of variance, eta². */
  readonly shares: Readonly<Record<Source, Interval>>;
  /** Unbiased amounts, activation units squared; and from the product of the two halves of the probe. */
  readonly amounts: Readonly<Record<Source, Interval>>;
  readonly crossValidated: Readonly<Record<CellSource, Interval>>;
  /** Share of the units that prefer each token or position, mean over seeds. */
  readonly preferred: ByKind<readonly number[]>;
  /** Share of the units of which both halves of the probe prefer the same. */
  readonly preferenceKept: ByKind<Interval>;
  /** Share of the units selective beyond permuted labels, at a false discovery rate of 0.05 within each network. */
  readonly beyondPermuted: ByKind<Interval>;
  /** Mean eta² less that of the random-projection null; null where that null says nothing about these units. */
  readonly beyondProjection: ByKind<Interval> | null;
}

/** One unit of the first seed. */
export interface MappedUnit {
  /** `L0N17` */
  readonly name: string;
  readonly kind: UnitKind;
  readonly layer: number;
  readonly class: UnitClass;
  /** Preferred token and position; −1 without variance. */
  readonly token: number;
  readonly position: number;
  readonly shares: Readonly<Record<Source, number>>;
  /** Mean activation at each token, and at each position. */
  readonly tokenCurve: readonly number[];
  readonly positionCurve: readonly number[];
}

/** A heat map of one unit of the first seed. */
export interface UnitMap {
  readonly name: string;
  readonly kind: UnitKind;
  readonly layer: number;
  /** Mean activation in every cell, [token, pos]. */
  readonly cellMeans: readonly number[];
  /** Largest deviation of a cell from the unit's mean that 95 % of label permutations stay below. */
  readonly chance: number;
}

/** The numbers of experiment 3. */
export interface MappingNumbers {
  readonly seeds: readonly number[];
  readonly tokens: number;
  readonly positions: number;
  readonly groups: readonly MappingGroup[];
  /** Of the first seed: all units, and heat maps of the most selective ones. */
  readonly units: readonly MappedUnit[];
  readonly maps: readonly UnitMap[];
}

/** Spread of a share under a null: mean, and the ends of its middle 90 % over units. */
export interface ShareSpread {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Nulls of experiment 3. */
export interface MappingNull {
  /** Random projections of random embeddings, by kind of unit; null where that null says nothing about the kind. */
  readonly projection: Readonly<Record<UnitKind, Readonly<Record<Source, ShareSpread>> | null>>;
  /** Mean eta² with labels permuted, by group. */
  readonly permuted: readonly ByKind<number>[];
  /** Chance that two halves prefer the same. */
  readonly preferenceKept: ByKind<number>;
  /** The same means in random networks, by group. */
  readonly networks: readonly {
    readonly shares: Readonly<Record<Source, NetworkComparison>>;
    readonly classes: Readonly<Record<UnitClass, NetworkComparison>>;
  }[];
}

const meanOf = (values: ArrayLike<number>): number => unitMeans(values, 1).mean[0];

function record<K extends string, V>(keys: readonly K[], of: (key: K) => V): Record<K, V> {
  return Object.fromEntries(keys.map((key) => [key, of(key)])) as Record<K, V>;
}

/** Experiment 3 over seeds. */
export function summariseMapping(
  models: readonly MappingModel[],
  nulls: readonly MappingModel[],
  setup: ExperimentSetup,
): Section<MappingNumbers, MappingNull> {
  const { config, nPos } = setup;
  const sites = mappedSites(config, nPos);
  const projection = projectionNull(setup);
  const ofGroup = (list: readonly MappingModel[], index: number) => list.map((model) => model.sites[index]);
  const groups = sites.map((site, index) =>
    groupOf(ofGroup(models, index), projection[site.kind], config.dVocab, nPos),
  );
  const first = models[0]?.sites ?? [];
  const numbers: MappingNumbers = {
    seeds: models.map(({ seed }) => seed),
    tokens: config.dVocab,
    positions: nPos,
    groups,
    units: first.flatMap((site) => unitsOf(site, nPos)),
    maps: first.flatMap((site) => mapsOf(site, config.dVocab * nPos)),
  };
  const against = (index: number, of: (site: MappingSite) => number) =>
    againstNetworks(ofGroup(models, index).map(of), ofGroup(nulls, index).map(of));
  const permuted = (index: number, kind: "token" | "position") =>
    seedInterval(ofGroup(models, index).map((site) => site.permuted[kind].chance)).estimate;
  const excesses = groups.flatMap(({ kind }, index) => excessesOf(ofGroup(models, index), projection[kind]));
  return {
    question: "What does every unit prefer, and is it more selective than random projections are?",
    numbers,
    null: {
      projection,
      permuted: sites.map((_, index) => ({
        token: permuted(index, "token"),
        position: permuted(index, "position"),
      })),
      preferenceKept: { token: 1 / config.dVocab, position: 1 / nPos },
      networks: sites.map((_, index) => ({
        shares: record(sources, (source) => against(index, ({ eta2 }) => meanOf(eta2[source]))),
        classes: record(classNames, (name) => against(index, countOf(name))),
      })),
    },
    verdict: verdictOf(excesses, { groups, positions: nPos, config }),
  };
}

const countOf =
  (name: UnitClass) =>
  ({ classes }: MappingSite): number =>
    classes.filter((one) => one === name).length;

function groupOf(
  sites: readonly MappingSite[],
  projection: MappingNull["projection"][UnitKind],
  dVocab: number,
  nPos: number,
): MappingGroup {
  const over = (of: (site: MappingSite) => number) => seedInterval(sites.map(of));
  const byKind = <T>(of: (kind: "token" | "position") => T): ByKind<T> => ({
    token: of("token"),
    position: of("position"),
  });
  const levels = { token: dVocab, position: nPos };
  return {
    ...sites[0].site,
    classes: record(classNames, (name) => over(countOf(name))),
    shares: record(sources, (source) => over(({ eta2 }) => meanOf(eta2[source]))),
    amounts: record(sources, (source) => over(({ amount }) => meanOf(amount[source]))),
    crossValidated: record(cellSources, (source) => over((site) => meanOf(site.crossValidated[source]))),
    preferred: byKind((kind) =>
      Array.from(
        { length: levels[kind] },
        (_, level) =>
          over(({ preferred }) =>
            meanOf(Float64Array.from(preferred[kind], (one) => (one === level ? 1 : 0))),
          ).estimate,
      ),
    ),
    preferenceKept: byKind((kind) => over(({ preferred }) => meanOf(preferred[`${kind}Kept`]))),
    beyondPermuted: byKind((kind) => over(({ permuted }) => discovered(permuted[kind].p))),
    beyondProjection:
      projection === null
        ? null
        : byKind((kind) => over(({ eta2 }) => meanOf(eta2[kind]) - projection[kind].mean)),
  };
}

/** Share of the units with a p that are selective at the false discovery rate. */
function discovered(p: Float64Array): number {
  const tested = p.filter((value) => !Number.isNaN(value));
  return bh(tested).filter((value) => value <= ALPHA).length / tested.length;
}

/**
 * The random-projection null of every kind of unit it says something about: neurons read a normed stream through random
 * weights, and a residual dimension is a coordinate of the stream, which for normal embeddings has the law of a linear
 * projection. Heads average over positions, and have random networks as their null.
 */
function projectionNull({ config, nPos }: ExperimentSetup): MappingNull["projection"] {
  const { dModel, dVocab, positions, normalization, actFn } = config;
  if (positions !== "learned" || !readsEmbeddingSum(config) || nPos < 2)
    return { neuron: null, residual: null, head: null };
  const draw = (kind: UnitKind, options: { actFn: typeof actFn | "none"; norm: boolean }) => {
    const stream = randomStream("experiments", "mapping", "projection", kind);
    const { token, position } = randomProjectionNull({
      ...{ dModel, dVocab, nPos, stream },
      draws: NULL_DRAWS,
      ...options,
    });
    const interaction = token.map((share, unit) => 1 - share - position[unit]);
    const spread = (values: Float64Array): ShareSpread => ({
      mean: meanOf(values),
      low: quantile(values, 0.05),
      high: quantile(values, 0.95),
    });
    const context = { mean: 0, low: 0, high: 0 };
    return { token: spread(token), position: spread(position), interaction: spread(interaction), context };
  };
  return {
    neuron: hasBias(config, "mlp") ? draw("neuron", { actFn, norm: normalization !== "none" }) : null,
    residual: draw("residual", { actFn: "none", norm: normalization === "post" }),
    head: null,
  };
}

/** Mean eta² less the null's, [seed], of both kinds; none where the null does not apply. */
function excessesOf(
  sites: readonly MappingSite[],
  projection: MappingNull["projection"][UnitKind],
): { name: string; excess: number[] }[] {
  if (projection === null || sites.length === 0) return [];
  const { kind, layer } = sites[0].site;
  return (["token", "position"] as const).map((source) => ({
    name: `layer ${layer} ${kind} ${source}`,
    excess: sites.map(({ eta2 }) => meanOf(eta2[source]) - projection[source].mean).filter(Number.isFinite),
  }));
}

function unitsOf({ site, classes, preferred, eta2, cellMeans }: MappingSite, nPos: number): MappedUnit[] {
  const cells = cellMeans.length / site.units;
  return classes.map((name, unit) => {
    const { mean, token, position } = cellEffects(cellMeans.subarray(unit * cells, (unit + 1) * cells), nPos);
    return {
      name: unitName(site, unit),
      kind: site.kind,
      layer: site.layer,
      class: name,
      token: preferred.token[unit],
      position: preferred.position[unit],
      shares: record(sources, (source) => eta2[source][unit]),
      tokenCurve: Array.from(token, (value) => mean + value),
      positionCurve: Array.from(position, (value) => mean + value),
    };
  });
}

/** Heat maps of the units with the largest share of each source that cells show, each unit once. */
function mapsOf({ site, eta2, amount, cellMeans, replicates }: MappingSite, cells: number): UnitMap[] {
  const chosen = new Set<number>();
  for (const source of cellSources) {
    const order = Array.from(eta2[source].keys())
      .filter((unit) => !Number.isNaN(eta2[source][unit]) && !chosen.has(unit))
      .sort((a, b) => eta2[source][b] - eta2[source][a]);
    for (const unit of order.slice(0, MAPS)) chosen.add(unit);
  }
  // permuted cell means are close to normal with the unit's variance over the activations a cell; of so many cells
  const largest = -normalQuantile((1 - 0.95 ** (1 / cells)) / 2);
  return Array.from(chosen, (unit) => ({
    name: unitName(site, unit),
    kind: site.kind,
    layer: site.layer,
    cellMeans: Array.from(cellMeans.subarray(unit * cells, (unit + 1) * cells)),
    chance: largest * Math.sqrt(sources.reduce((sum, source) => sum + amount[source][unit], 0) / replicates),
  }));
}

function verdictOf(
  excesses: readonly { name: string; excess: number[] }[],
  { groups, positions, config }: { groups: readonly MappingGroup[]; positions: number; config: ModelConfig },
): Verdict {
  const statement =
    "Units are more selective for token or position than random projections of random embeddings.";
  const rule = `mean eta² less the null's, for token and position of each layer's neurons and residual dimensions: in one of them the t interval over seeds (95 % for all of them together, Bonferroni) lies above ${MARGIN}; refuted if in all of them it lies below`;
  const told = (holds: boolean | null, evidence: string): Verdict => ({ holds, statement, rule, evidence });
  if (positions < 2) return told(null, "A single position has no token × position map.");
  if (groups.length === 0) return told(null, "This config has no blocks, and so no units.");
  if (excesses.length === 0)
    return told(
      null,
      config.positions === "learned"
        ? "The random-projection null says nothing about this config: its first block reads more than the sum of token and position embeddings."
        : "The random-projection null says nothing about this config: it has no learned positions.",
    );
  if (excesses.some(({ excess }) => excess.length < 2)) return told(null, "One seed has no interval.");
  const intervals = excesses.map(({ name, excess }) => ({
    name,
    ...tInterval(excess, 1 - ALPHA / excesses.length),
  }));
  const most = intervals.reduce((best, one) => (one.low > best.low ? one : best));
  const signed = (value: number) => `${value < 0 ? "" : "+"}${value.toFixed(3)}`;
  const evidence = `furthest above: ${most.name} ${signed(most.estimate)} [${signed(most.low)}, ${signed(most.high)}], of ${intervals.length} compared`;
  if (most.low > MARGIN) return told(true, evidence);
  return told(intervals.every(({ high }) => high < MARGIN) ? false : null, evidence);
}
