/**
 * Experiment 4, circuit discovery: units that are correlated or opposed, and how many are by chance.
 *
 * Correlations are over cells (token, position), each counted once. An edge between two units is a correlation stronger
 * than the strongest of all pairs in 95 % of label permutations, and in 95 % of comparisons of two random networks.
 */
import type { FirstEntries } from "../../features/firstEntries.ts";
import { againstNetworks } from "../../features/networkNull.ts";
import { seedInterval } from "../../features/seedInterval.ts";
import {
  correlationStrength,
  effectiveInputs,
  pairCorrelations,
  pairCount,
  pairsOf,
} from "../../features/unitPairs.ts";
import { type UnitTables, unitTables } from "../../features/unitTables.ts";
import { correlationP, fisherZ } from "../../stats/correlation.ts";
import { median, quantile } from "../../stats/quantile.ts";
import { type CircuitsModel, chosenUnits, layerPair, layersOf, namesOf } from "./circuitsMeasure.ts";
import {
  type CircuitEdge,
  type CircuitsNull,
  type CircuitsNumbers,
  CONNECTED,
  type LayerPair,
  MOST_EDGES,
  MOST_LISTED,
  R_BINS,
} from "./circuitsNumbers.ts";
import type { ExperimentSetup, Section, Verdict } from "./section.ts";

export { type CircuitsModel, measureCircuits } from "./circuitsMeasure.ts";
export type {
  CircuitEdge,
  CircuitNode,
  CircuitsNull,
  CircuitsNumbers,
  LayerPair,
} from "./circuitsNumbers.ts";

const ALPHA = 0.05;
/** Most pairs of random networks that are compared: the 95 % quantile of 300 maxima is known to 1 %. */
const MOST_COMPARISONS = 300;

/** Correlations of one network, with what they must exceed. */
interface Judged {
  readonly model: CircuitsModel;
  readonly r: Float64Array;
  readonly nEff: Float64Array;
  readonly strength: Float64Array;
  /** [pair] */
  readonly beyondLabels: Uint8Array;
  readonly edge: Uint8Array;
}

/**
 * Circuits of a population beside three nulls: labels permuted, pairs of units of different random networks, and the
 * number of edges in random networks.
 *
 * @param nulls  the same measured on random networks; may be empty, and then edges only need to exceed the labels' null
 */
export function summariseCircuits(
  models: readonly CircuitsModel[],
  nulls: readonly CircuitsModel[],
  setup: ExperimentSetup,
): Section<CircuitsNumbers, CircuitsNull> {
  const { config, nPos } = setup;
  const chosen = chosenUnits(config, nPos);
  const names = namesOf(chosen);
  const layers = layersOf(chosen);
  const size = { dVocab: config.dVocab, nPos };
  const tablesOf = ({ cellMeans }: CircuitsModel) => unitTables(cellMeans, size);
  const random = nulls.map(tablesOf);
  const across = acrossNetworks(random);
  const judge = (tables: UnitTables, model: CircuitsModel): Judged => {
    const r = pairCorrelations(tables);
    const nEff = effectiveInputs(tables);
    const strength = r.map((value, pair) => correlationStrength(value, nEff[pair]));
    const beyondLabels = Uint8Array.from(strength, (value) =>
      value > 0 && rankP(model.permuted.largest, value) <= ALPHA ? 1 : 0,
    );
    const edge = beyondLabels.map((yes, pair) => (yes && !(strength[pair] <= across.critical) ? 1 : 0));
    return { model, r, nEff, strength, beyondLabels, edge };
  };
  const judged = models.map((model) => judge(tablesOf(model), model));
  const judgedNulls = random.map((tables, i) => judge(tables, nulls[i]));
  const { first, second } = pairsOf(names.length);
  const count = (pick: (one: Judged, pair: number) => boolean | number) => (one: Judged) => {
    let total = 0;
    for (let pair = 0; pair < one.r.length; pair++) if (pick(one, pair)) total++;
    return total;
  };
  const strong = count(({ r }, pair) => Math.abs(r[pair]) > CONNECTED);
  const beyond = count(({ beyondLabels }, pair) => beyondLabels[pair]);
  const edges = count(({ edge }, pair) => edge[pair]);
  const over = (number: (one: Judged) => number) => seedInterval(judged.map(number));
  const samples = setup.blocks * config.dVocab * nPos;
  const naive = ({ model, r }: Judged) =>
    model.overActivations.reduce(
      (total, value) =>
        total + (correlationP(Math.max(-1, Math.min(1, value)), samples) * r.length <= ALPHA ? 1 : 0),
      0,
    );
  const pairs = pairCount(names.length);
  const groups = chosen.length;
  const within = (from: number, to: number) => (pair: number) =>
    layers[first[pair]] === from && layers[second[pair]] === to;
  const layerPairs = chosen.flatMap((_, from) =>
    chosen.slice(from).map((_, step): LayerPair => {
      const to = from + step;
      const here = within(from, to);
      return {
        from: chosen[from].site.layer,
        to: chosen[to].site.layer,
        pairs: Array.from(first.keys()).filter(here).length,
        strong: over(count(({ r }, pair) => here(pair) && Math.abs(r[pair]) > CONNECTED)),
        expected: over(({ model }) => model.permuted.above[layerPair(groups, from, to)]),
        edges: over(count(({ edge }, pair) => here(pair) && edge[pair])),
      };
    }),
  );
  const described =
    (one: Judged) =>
    (pair: number): CircuitEdge => ({
      from: names[first[pair]],
      to: names[second[pair]],
      ...bounded(one.r[pair], one.nEff[pair]),
      nEff: one.nEff[pair],
      overActivations: one.model.overActivations[pair],
      p: rankP(one.model.permuted.largest, one.strength[pair]),
      pNetworks: across.comparisons > 0 ? rankP(across.largest, one.strength[pair]) : Number.NaN,
      edge: one.edge[pair] === 1,
    });
  const strongestOf = (one: Judged, wanted: (pair: number) => boolean | number, most: number) =>
    Array.from(one.r.keys())
      .filter(wanted)
      .sort((a, b) => one.strength[b] - one.strength[a])
      .slice(0, most)
      .map(described(one));
  const shown = judged.at(0);
  const strongest = {
    correlated: shown === undefined ? [] : strongestOf(shown, (pair) => shown.r[pair] > 0, MOST_LISTED),
    opposed: shown === undefined ? [] : strongestOf(shown, (pair) => shown.r[pair] < 0, MOST_LISTED),
  };
  const listed = new Set(
    [...strongest.correlated, ...strongest.opposed].flatMap(({ from, to }) => [from, to]),
  );
  const cells = config.dVocab * nPos;
  const tableOf = (unit: number) =>
    Array.from({ length: config.dVocab }, (_, token) =>
      Array.from({ length: nPos }, (_, pos) => models[0].cellMeans[unit * cells + token * nPos + pos]),
    );
  const degree = (unit: number) =>
    shown === undefined
      ? 0
      : shown.edge.reduce(
          (sum, yes, pair) => sum + (yes && (first[pair] === unit || second[pair] === unit) ? 1 : 0),
          0,
        );
  const numbers: CircuitsNumbers = {
    seeds: models.map(({ seed }) => seed),
    units: chosen.map(({ site, units }) => ({ layer: site.layer, compared: units.length, all: site.units })),
    pairs,
    cells,
    nEff: over(({ nEff }) => medianOf(nEff)),
    strong: over(strong),
    correlated: over(count(({ r }, pair) => r[pair] > CONNECTED)),
    opposed: over(count(({ r }, pair) => r[pair] < -CONNECTED)),
    naive: over(naive),
    beyondLabels: over(beyond),
    edges: over(edges),
    edgesCorrelated: over(count(({ edge, r }, pair) => edge[pair] && r[pair] > 0)),
    edgesOpposed: over(count(({ edge, r }, pair) => edge[pair] && r[pair] < 0)),
    bySeed: judged.map((one) => ({
      ...{ seed: one.model.seed, strong: strong(one), beyondLabels: beyond(one), edges: edges(one) },
    })),
    layerPairs,
    original: chosen.map(({ site }, layer) => {
      const of = (number: (one: FirstEntries) => number) =>
        over(({ model }) => number(model.original[layer]));
      const { units = 0, pairs: tried = 0 } = models.at(0)?.original[layer] ?? {};
      return {
        ...{ layer: site.layer, units, pairs: tried },
        called: of(({ called }) => called),
        expected: of(({ expected }) => expected),
        distinctInputs: of(({ distinctInputs }) => distinctInputs),
        nEff: of(({ nEff }) => nEff),
      };
    }),
    histogram: meanHistogram(judged.map(({ r }) => r)),
    network: {
      nodes: names.map((name, unit) => ({
        ...{ name, layer: chosen[layers[unit]].site.layer, edges: degree(unit) },
        contextShare: models.at(0)?.contextShare[unit] ?? Number.NaN,
      })),
      edges: shown === undefined ? [] : strongestOf(shown, (pair) => shown.edge[pair], MOST_EDGES),
    },
    strongest,
    tables: Object.fromEntries([...listed].map((name) => [name, tableOf(names.indexOf(name))])),
  };
  const compared = (number: (one: Judged) => number) =>
    againstNetworks(judged.map(number), judgedNulls.map(number), "greater");
  const drawn: CircuitsNull = {
    labels: {
      draws: setup.draws,
      strong: over(({ model }) => model.permuted.above.reduce((sum, value) => sum + value, 0)),
      strongHigh: over(({ model }) => quantile(model.permuted.counts, 0.95)),
      strongByNEff: over(({ nEff }) =>
        nEff.reduce((sum, n) => sum + (Number.isNaN(n) ? 0 : n > 2 ? correlationP(CONNECTED, n) : 1), 0),
      ),
    },
    networks: { strong: compared(strong), beyondLabels: compared(beyond), edges: compared(edges) },
    across: {
      ...{ comparisons: across.comparisons, strong: across.strong },
      ...{ quantiles: across.quantiles, histogram: across.histogram },
    },
  };
  return {
    question:
      "Are units correlated or opposed beyond what the few distinct inputs make of unrelated units, and more often than in random networks?",
    numbers,
    null: drawn,
    verdict: verdictOf(numbers, drawn),
  };
}

/** p = (1 + #{null ≥ value}) / (1 + draws) of ascending draws. */
function rankP(ascending: Float64Array, value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < value) low = middle + 1;
    else high = middle;
  }
  return (1 + ascending.length - low) / (1 + ascending.length);
}

function bounded(r: number, nEff: number): { r: number; low: number; high: number } {
  const { low, high } = fisherZ(r, nEff);
  return { r, low, high };
}

/** Median of the numbers that are none NaN. */
function medianOf(values: Float64Array): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? Number.NaN : median(known);
}

/** Share of pairs in every bin of [−1, 1], mean over lists; 0 everywhere where there is no pair. */
function meanHistogram(lists: readonly Float64Array[]): number[] {
  const shares = new Array<number>(R_BINS).fill(0);
  for (const r of lists) {
    const known = r.filter((value) => !Number.isNaN(value));
    for (const value of known) {
      const bin = Math.min(R_BINS - 1, Math.floor(((value + 1) / 2) * R_BINS));
      shares[bin] += 1 / (known.length * lists.length);
    }
  }
  return shares;
}

/**
 * Units of different random networks: the same pairs i < j, i in one network and j in another.
 *
 * Networks are compared with those that follow them, nearest first, until there are enough comparisons.
 */
function acrossNetworks(random: readonly UnitTables[]) {
  const lists: Float64Array[] = [];
  const largest: number[] = [];
  for (let step = 1; step < random.length; step++)
    for (let a = 0; a + step < random.length && lists.length < MOST_COMPARISONS; a++) {
      const r = pairCorrelations(random[a], random[a + step]);
      const nEff = effectiveInputs(random[a], random[a + step]);
      lists.push(r);
      largest.push(
        r.reduce((most, value, pair) => Math.max(most, correlationStrength(value, nEff[pair])), 0),
      );
    }
  const comparisons = lists.length;
  const meanOf = (number: (r: Float64Array) => number) =>
    comparisons === 0 ? Number.NaN : lists.reduce((sum, r) => sum + number(r), 0) / comparisons;
  const known = lists.map((r) => r.filter((value) => !Number.isNaN(value)));
  return {
    comparisons,
    largest: Float64Array.from(largest).sort(),
    /** What an edge has to exceed; NaN, which nothing fails to exceed, without random networks. */
    critical: comparisons === 0 ? Number.NaN : quantile(largest, 1 - ALPHA),
    strong: meanOf((r) => r.filter((value) => Math.abs(value) > CONNECTED).length),
    quantiles: [0.025, 0.5, 0.975].map((p) =>
      comparisons === 0 ? Number.NaN : known.reduce((sum, r) => sum + quantile(r, p), 0) / comparisons,
    ),
    histogram: meanHistogram(lists),
  };
}

/** P(X ≥ k) of n trials with probability p each. */
function atLeastBinomial(k: number, n: number, p: number): number {
  let tail = 0;
  for (let x = k, ways = chooseOf(n, k); x <= n; ways = (ways * (n - x)) / (x + 1), x++)
    tail += ways * p ** x * (1 - p) ** (n - x);
  return Math.min(1, tail);
}

function chooseOf(n: number, k: number): number {
  let ways = 1;
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i;
  return ways;
}

function verdictOf(
  { pairs, edges, bySeed }: CircuitsNumbers,
  { labels, networks, across }: CircuitsNull,
): Verdict {
  const statement =
    "Units are connected beyond chance: correlated or opposed more often than in random networks.";
  const rule =
    networks.edges.networks > 0
      ? "the number of edges (pairs beyond 95 % of label permutations and of comparisons across random networks, each family-wise) is larger than in random networks, permutation test over networks, p ≤ 0.05"
      : "more seeds have a pair beyond the label-permuted null, family-wise at 0.05, than 5 % of them: binomial p ≤ 0.05";
  if (pairs === 0)
    return { holds: null, statement, rule, evidence: "The model has no pair of units: nothing to connect." };
  if (1 / (1 + labels.draws) > ALPHA)
    return {
      holds: null,
      statement,
      rule,
      evidence: `${labels.draws} permutations cannot give p ≤ ${ALPHA}.`,
    };
  const found = `${edges.estimate.toFixed(1)} edges a network among ${pairs} pairs`;
  if (networks.edges.networks > 0) {
    const { p, smallest, mean, networks: count } = networks.edges;
    const beside = `${mean.toFixed(1)} in ${count} random networks (${across.comparisons} comparisons across)`;
    if (smallest > ALPHA)
      return {
        holds: null,
        statement,
        rule,
        evidence: `${found}, ${beside}: too few networks for p ≤ ${ALPHA}.`,
      };
    return { holds: p <= ALPHA, statement, rule, evidence: `${found}, ${beside}; p = ${p.toPrecision(2)}.` };
  }
  const hits = bySeed.filter(({ beyondLabels }) => beyondLabels > 0).length;
  const p = atLeastBinomial(hits, bySeed.length, ALPHA);
  return {
    ...{ holds: p <= ALPHA, statement, rule },
    evidence: `${hits} of ${bySeed.length} networks have one, ${found}; p = ${p.toPrecision(2)}.`,
  };
}
