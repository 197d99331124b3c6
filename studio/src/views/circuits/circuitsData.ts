/** What the figures and lists of circuits show of what was seen. */
import { cellEffects } from "../../../../src/features/cellEffects.ts";
import type { UnitNetworkData } from "../../../../src/figures/experiments/unitNetwork.ts";
import type { CompositionRowsData } from "../../../../src/figures/looks/compositionRows.ts";
import type { PairsThenAndNowData } from "../../../../src/figures/looks/pairsThenAndNow.ts";
import { unitName } from "../../../../src/figures/population.ts";
import type { Subject } from "../../../../src/figures/subject.ts";
import { pearson } from "../../../../src/stats/correlation.ts";
import { type Interval, tInterval } from "../../../../src/stats/intervals.ts";
import { quantile } from "../../../../src/stats/quantile.ts";
import { siteOfLayer } from "../../../../src/studies/persistence/spec.ts";
import type { SiteSnapshot } from "../../../../src/studies/population/openPopulation.ts";
import type { CompositionSeen } from "../../workers/looks/composition.ts";
import type { PairMapSeen } from "../../workers/looks/pairMap.ts";
import type { UnitPair, UnitPairsSeen } from "../../workers/looks/unitPairs.ts";

/** A unit by its place. */
export interface UnitPlace {
  readonly layer: number;
  readonly unit: number;
  /** `L0N17` */
  readonly name: string;
}

/** Units of one network with their cell means. */
export interface UnitCells {
  readonly units: readonly UnitPlace[];
  /** [unit, token, pos], layer after layer. */
  readonly cells: Float32Array;
}

/** Units of all layers at most: their pairs grow with the square. Of wider layers every k-th is taken. */
const MOST_UNITS = 256;

/** |r| from which on a pair counts as strong. */
export const STRONG = 0.8;

type Sites = Readonly<Record<string, Pick<SiteSnapshot, "units" | "cellMean">>>;

/**
 * The MLP units of one network and what the tuning probe saw of them; null where the run keeps no cells.
 *
 * Units of a layer are exchangeable before training, so every k-th of a wide layer is as good a sample as any.
 */
export function unitCells(
  sites: Sites,
  { layers, model, cells }: { layers: number; model: number; cells: number },
): UnitCells | null {
  const parts = Array.from({ length: layers }, (_, layer) => ({
    layer,
    site: sites[siteOfLayer(layer)],
  })).filter(({ site }) => site?.cellMean !== undefined);
  if (parts.length === 0) return null;
  const perLayer = Math.max(2, Math.floor(MOST_UNITS / parts.length));
  const units = parts.flatMap(({ layer, site }) => {
    const count = Math.min(site.units, perLayer);
    return Array.from({ length: count }, (_, i): UnitPlace => {
      const unit = Math.floor((i * site.units) / count);
      return { layer, unit, name: unitName(layer, unit) };
    });
  });
  const values = new Float32Array(units.length * cells);
  units.forEach(({ layer, unit }, i) => {
    const { cellMean, units: width } = sites[siteOfLayer(layer)];
    const from = (model * width + unit) * cells;
    if (cellMean !== undefined) values.set(cellMean.subarray(from, from + cells), i * cells);
  });
  return { units, cells: values };
}

/** A network of the pairs beyond label permutations. */
export function networkData(
  seen: UnitPairsSeen,
  { units, subject, before }: { units: readonly UnitPlace[]; subject: Subject; before: UnitPairsSeen | null },
): UnitNetworkData {
  const { beyond, pairs, nEff } = seen;
  return {
    subject,
    units,
    edges: beyond.map(({ a, b, r }) => ({ a, b, r })),
    pairs,
    threshold: beyond.length === 0 ? 1 : Math.min(...beyond.map(({ r }) => Math.abs(r))),
    expected: [],
    beyond: {
      ...{ pairs: seen.count, opposed: seen.opposed },
      before: before === null ? null : before.count,
      null: "labels of tokens and positions permuted, of which 5 % have any such pair",
    },
    effectiveInputs: nEff,
  };
}

/** A row of the list of strongest pairs. */
export interface PairRow {
  readonly key: string;
  readonly a: UnitPlace;
  readonly b: UnitPlace;
  /** Tuning of both, see {@link tuningOf}. */
  readonly tuning: readonly [readonly number[], readonly number[]];
  readonly r: number;
  readonly before: number;
  readonly nEff: number;
  readonly p: number;
}

/** Token and position curve of a unit, deviations over the largest of both; zeros for a silent one. */
export function tuningOf(cells: ArrayLike<number>, nPos: number): number[] {
  const { token, position } = cellEffects(Float64Array.from(cells), nPos);
  const curve = [...token, ...position];
  const largest = curve.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return curve.map((value) => (largest > 0 ? value / largest : 0));
}

/** The strongest pairs, with what they were before training. */
export function pairRows(
  pairs: readonly UnitPair[],
  { now, before, nPos }: { now: UnitCells; before: UnitCells; nPos: number },
): PairRow[] {
  const size = now.cells.length / now.units.length;
  const own = ({ cells }: UnitCells, at: number) => cells.subarray(at * size, (at + 1) * size);
  return pairs.map(({ a, b, r, nEff, p }) => ({
    key: `${now.units[a].name} ${now.units[b].name}`,
    ...{ a: now.units[a], b: now.units[b], r, nEff, p },
    tuning: [tuningOf(own(now, a), nPos), tuningOf(own(now, b), nPos)],
    before: pearson(own(before, a), own(before, b)),
  }));
}

/** A number over seeds, then and now. */
export interface CountRow {
  readonly what: string;
  readonly before: Interval;
  readonly now: Interval;
  /** What label permutations give, where that is a number. */
  readonly expected: Interval | null;
}

/** Mean with its 95 % t interval; the ends are NaN for fewer than two. */
function over(values: readonly number[]): Interval {
  const finite = values.filter(Number.isFinite);
  if (finite.length > 1) return tInterval(finite);
  return { estimate: finite[0] ?? Number.NaN, low: Number.NaN, high: Number.NaN };
}

/** Whether any pair has an r: not in a network that diverged, or whose units are flat. */
export const hasPairs = ({ nEff }: UnitPairsSeen) => !Number.isNaN(nEff);

type CountedSeed = { readonly now: UnitPairsSeen; readonly before: UnitPairsSeen };

/** Seeds that count, then and now. */
export const countedSeeds = (seeds: readonly CountedSeed[]) =>
  seeds.filter(({ now, before }) => hasPairs(now) && hasPairs(before)).length;

/** How many pairs, over the seeds that are counted so far; one without any r is left out of both times. */
export function countRows(all: readonly CountedSeed[]): CountRow[] {
  const seeds = all.filter(({ now, before }) => hasPairs(now) && hasPairs(before));
  const row = (
    what: string,
    of: (seen: UnitPairsSeen) => number,
    expected?: (seen: UnitPairsSeen) => number,
  ): CountRow => ({
    what,
    before: over(seeds.map(({ before }) => of(before))),
    now: over(seeds.map(({ now }) => of(now))),
    expected: expected === undefined ? null : over(seeds.map(({ now }) => expected(now))),
  });
  return [
    row("beyond label permutations", ({ count }) => count),
    row("of them opposed", ({ opposed }) => opposed),
    row(
      `|r| above ${STRONG}`,
      ({ strong }) => strong,
      ({ expected }) => expected.mean,
    ),
  ];
}

/** The map of pairs. */
export function pairMapData({ counts, kept, others }: PairMapSeen, subject: Subject): PairsThenAndNowData {
  const finite = others.filter(Number.isFinite);
  const end = (p: number) => (finite.length === 0 ? Number.NaN : quantile(finite, p));
  return { subject, counts, kept: over(kept), null: { low: end(0.025), high: end(0.975) } };
}

/** Composition scores of one network, others behind it; null where it diverged. */
export function compositionData(
  { now, before }: { now: CompositionSeen; before: CompositionSeen },
  { model, subject }: { model: number; subject: Subject },
): CompositionRowsData | null {
  const [at, first] = [now.models.indexOf(model), before.models.indexOf(model)];
  if (at < 0 || first < 0) return null;
  return {
    subject,
    pairs: now.cells.map(({ pair, kind, scores, p, null: band }, i) => ({
      ...{ pair, kind, score: scores[at], before: before.cells[i].scores[first] },
      ...{ networks: scores, null: band, p: p[at] },
    })),
    atRandom: now.atRandom,
    draws: now.draws,
  };
}
