/**
 * Experiment 2, hypothesis testing: does a unit respond to a token at a position?
 *
 * Every unit's strongest cell is found on one half of the probe and tested on the other, so that what was picked for its
 * size is not judged by it. The test rotates labels within Latin blocks and is exact; its p values are corrected over all
 * units of a network. The whole procedure is repeated with labels that mean nothing, to see that it keeps its level.
 */
import { againstNetworks, type NetworkComparison } from "../../features/networkNull.ts";
import { seedInterval } from "../../features/seedInterval.ts";
import { type UnitSite, unitName } from "../../features/unitSites.ts";
import type { Interval } from "../../stats/intervals.ts";
import { median } from "../../stats/quantile.ts";
import {
  ALPHA,
  drawsFor,
  type Effects,
  type HypothesesModel,
  type HypothesesSite,
  REPETITIONS,
} from "./hypothesesMeasure.ts";
import type { ExperimentSetup, Section, Verdict } from "./section.ts";

export { type HypothesesModel, type HypothesesSite, measureHypotheses } from "./hypothesesMeasure.ts";
export { type UnitResponse, unitResponse } from "./hypothesesResponse.ts";

/** Units of one kind and layer; shares are of its tested units. */
export interface HypothesesGroup extends UnitSite {
  /** Share of the units that could be tested: the others are constant on half 0. */
  readonly testable: Interval;
  /** Share with p ≤ 0.05 after Holm's correction, and the sign found before. */
  readonly confirmedHolm: Interval;
  /** Share with p ≤ 0.05 after Benjamini and Hochberg's correction, and the sign found before. */
  readonly confirmedBh: Interval;
  /** |d| where the cell was found, and d on the other half with the sign of the first: medians, d has a long tail. */
  readonly selectedD: Interval;
  readonly testedD: Interval;
  /** 1 − tested / selected, median: what selection had added, as a share. */
  readonly shrinkage: Interval;
  /** Share of all (unit, token, position) with |d| ≥ 0.8. */
  readonly largeShare: Interval;
}

/** One hypothesis and its answer. */
export interface HypothesisResult {
  /** `L0N17` */
  readonly name: string;
  readonly kind: UnitSite["kind"];
  readonly layer: number;
  readonly token: number;
  readonly pos: number;
  /** Cohen's d with its 95 % interval, where the cell was found and where it was tested. */
  readonly selected: Interval;
  readonly tested: Interval;
  readonly p: number;
  readonly holm: number;
  readonly bh: number;
}

/** The numbers of experiment 2. */
export interface HypothesesNumbers {
  readonly seeds: readonly number[];
  readonly alpha: number;
  /** Units of a network, the hypotheses that are corrected for, and cells of which each had its choice. */
  readonly hypotheses: number;
  readonly cells: number;
  readonly draws: number;
  /** The smallest p that so many permutations can give, times the hypotheses: above alpha, Holm can confirm none. */
  readonly smallestHolm: number;
  readonly groups: readonly HypothesesGroup[];
  /** Share of all tested units confirmed with Holm's correction. */
  readonly confirmed: Interval;
  /** Of the first seed, every testable unit. */
  readonly results: readonly HypothesisResult[];
}

/** Nulls of experiment 2. */
export interface HypothesesNull {
  /** The whole procedure with labels permuted, in the same networks. */
  readonly permuted: {
    readonly repetitions: number;
    /** Share of tests with p ≤ alpha before correction: alpha where the level is kept. */
    readonly rejected: Interval;
    readonly selectedD: Interval;
    readonly testedD: Interval;
    /** Middle 95 % of d on the test half, mean over groups and seeds. */
    readonly d: { readonly low: number; readonly high: number };
    readonly largeShare: Interval;
  };
  /** The same means in random networks, by group. */
  readonly networks: readonly {
    readonly confirmed: NetworkComparison;
    readonly testedD: NetworkComparison;
  }[];
}

/** Experiment 2 over seeds. */
export function summariseHypotheses(
  models: readonly HypothesesModel[],
  nulls: readonly HypothesesModel[],
  setup: ExperimentSetup,
): Section<HypothesesNumbers, HypothesesNull> {
  const sites = models[0]?.sites ?? [];
  const hypotheses = sites.reduce((total, { site }) => total + site.units, 0);
  const draws = drawsFor(hypotheses, setup.draws);
  const pooled = (of: (site: HypothesesSite) => number, weight: (site: HypothesesSite) => number) =>
    seedInterval(
      models.map((model) => {
        const total = model.sites.reduce((sum, site) => sum + weight(site), 0);
        return (
          model.sites.reduce((sum, site) => sum + (weight(site) === 0 ? 0 : of(site) * weight(site)), 0) /
          total
        );
      }),
    );
  const ofPermuted = (of: (permuted: HypothesesSite["permuted"]) => number) =>
    pooled(
      ({ permuted }) => of(permuted),
      ({ permuted }) => permuted.tests,
    );
  const numbers: HypothesesNumbers = {
    seeds: models.map(({ seed }) => seed),
    alpha: ALPHA,
    hypotheses,
    cells: setup.config.dVocab * setup.nPos,
    draws,
    smallestHolm: hypotheses / (1 + draws),
    groups: sites.map((_, index) => groupOf(models.map((model) => model.sites[index]))),
    confirmed: pooled(confirmedShare("holm"), testable),
    results: sites.flatMap(resultsOf),
  };
  const against = (of: (site: HypothesesSite) => number, index: number) =>
    againstNetworks(
      models.map((model) => of(model.sites[index])),
      nulls.map((model) => of(model.sites[index])),
    );
  const none: HypothesesNull = {
    permuted: {
      repetitions: REPETITIONS,
      rejected: ofPermuted(({ rejected, tests }) => rejected / tests),
      selectedD: ofPermuted(({ selectedD }) => selectedD),
      testedD: ofPermuted(({ testedD }) => testedD),
      d: { low: ofPermuted(({ low }) => low).estimate, high: ofPermuted(({ high }) => high).estimate },
      largeShare: ofPermuted(({ largeShare }) => largeShare),
    },
    networks: sites.map((_, index) => ({
      confirmed: against(confirmedShare("holm"), index),
      testedD: against(typicalTested, index),
    })),
  };
  return {
    question: "Does unit u respond to token t at position p?",
    numbers,
    null: none,
    verdict: verdictOf(numbers, none),
  };
}

const testable = ({ p }: HypothesesSite): number => p.filter((value) => !Number.isNaN(value)).length;

/** Share of the tested units whose corrected p is at most alpha, and whose effect kept its sign. */
const confirmedShare = (correction: "holm" | "bh") => (site: HypothesesSite) =>
  site[correction].filter((p, unit) => p <= ALPHA && site.selected.d[unit] * site.tested.d[unit] > 0).length /
  testable(site);

/** |d| where the cell was found, and d on the other half with the sign of the first, of the units that have both. */
function aligned({ selected, tested }: HypothesesSite): { found: number; again: number }[] {
  return Array.from(selected.d, (d, unit) => ({
    found: Math.abs(d),
    again: tested.d[unit] * Math.sign(d),
  })).filter(({ found, again }) => !Number.isNaN(found) && !Number.isNaN(again));
}

const typicalSelected = (site: HypothesesSite): number => median(aligned(site).map(({ found }) => found));
const typicalTested = (site: HypothesesSite): number => median(aligned(site).map(({ again }) => again));
/** Where d is infinite on both halves, there is nothing to divide. */
const typicalShrinkage = (site: HypothesesSite): number =>
  median(aligned(site).flatMap(({ found, again }) => (Number.isFinite(found) ? [1 - again / found] : [])));

function groupOf(sites: readonly HypothesesSite[]): HypothesesGroup {
  const over = (of: (site: HypothesesSite) => number) => seedInterval(sites.map(of));
  return {
    ...sites[0].site,
    testable: over((site) => testable(site) / site.site.units),
    confirmedHolm: over(confirmedShare("holm")),
    confirmedBh: over(confirmedShare("bh")),
    selectedD: over(typicalSelected),
    testedD: over(typicalTested),
    shrinkage: over(typicalShrinkage),
    largeShare: over(({ largeShare }) => largeShare),
  };
}

function resultsOf({
  site,
  cells,
  selected,
  tested,
  p,
  holm: byHolm,
  bh: byBh,
}: HypothesesSite): HypothesisResult[] {
  const effect = ({ d, low, high }: Effects, unit: number) => ({
    estimate: d[unit],
    low: low[unit],
    high: high[unit],
  });
  return Array.from({ length: site.units }, (_, unit) => unit)
    .filter((unit) => cells.token[unit] >= 0)
    .map((unit) => ({
      name: unitName(site, unit),
      kind: site.kind,
      layer: site.layer,
      token: cells.token[unit],
      pos: cells.pos[unit],
      selected: effect(selected, unit),
      tested: effect(tested, unit),
      p: p[unit],
      holm: byHolm[unit],
      bh: byBh[unit],
    }));
}

function verdictOf(
  { confirmed, smallestHolm, hypotheses }: HypothesesNumbers,
  { permuted }: HypothesesNull,
): Verdict {
  const statement =
    "Most units respond to the token and position that one half of the probe picks for them, when asked on the other half.";
  const rule =
    "the 95 % t interval over seeds of the share confirmed (Holm 0.05 over all units of a network, same sign) lies above one half, and with labels permuted no more than 5 % of tests reject (interval reaches 0.05 or lies below); refuted if the share lies below one half";
  const told = (holds: boolean | null, evidence: string): Verdict => ({ holds, statement, rule, evidence });
  if (hypotheses === 0) return told(null, "This config has no blocks, and so no units.");
  if (smallestHolm > ALPHA)
    return told(
      null,
      `${hypotheses} hypotheses need more permutations than were drawn for Holm to confirm any.`,
    );
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const shown = ({ estimate, low, high }: Interval) =>
    Number.isFinite(low) ? `${percent(estimate)} [${percent(low)}, ${percent(high)}]` : percent(estimate);
  const evidence = `${shown(confirmed)} confirmed; with labels permuted ${shown(permuted.rejected)} rejected. A unit is a fixed function of its input, so that this says the token matters there; the effect sizes say how much.`;
  if (!Number.isFinite(confirmed.low)) return told(null, `${evidence} One seed has no interval.`);
  if (permuted.rejected.low > ALPHA) return told(null, `${evidence} The level was not kept.`);
  if (confirmed.low > 0.5) return told(true, evidence);
  return told(confirmed.high < 0.5 ? false : null, evidence);
}
