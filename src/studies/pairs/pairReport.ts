/** Accuracy on minimal pairs, by paradigm, by field and over all, beside the networks of a null. */
import type { MinimalPair } from "../../data/text/minimalPairs.ts";
import { tInterval, welchTest, wilson } from "../../stats/index.ts";
import { mean } from "../../stats/moments.ts";
import { type PairMeasure, type PairOutcomes, pairMeasures } from "./scorePairs.ts";

/** The same number on freshly initialised networks. */
export interface NullAccuracy {
  /** [draw] */
  readonly accuracies: readonly number[];
  readonly mean: number;
  /** Smallest and largest. */
  readonly range: readonly [low: number, high: number];
  /**
   * Of one network: (1 + draws that are as accurate or more) / (1 + draws), uncorrected for the number of paradigms; null
   * where several networks are judged.
   */
  readonly p: number | null;
  /** Of several networks: their mean less that of the draws, with Welch's 95 % interval; null where that has none. */
  readonly difference: { readonly estimate: number; readonly low: number; readonly high: number } | null;
}

/** An accuracy, in [0, 1]; chance is 0.5. */
export interface Accuracy {
  /** Of every network. */
  readonly networks: readonly number[];
  /** Their mean. */
  readonly estimate: number;
  /** 95 %; null where nothing independent was counted. */
  readonly interval: readonly [low: number, high: number] | null;
  /** What the interval is over: pairs (Wilson) of one network, or networks (t). */
  readonly over: "pairs" | "seeds" | null;
  /** null where no network was drawn. */
  readonly null: NullAccuracy | null;
}

/** A paradigm. */
export interface UidReport {
  readonly uid: string;
  readonly field: string | null;
  readonly term: string | null;
  readonly pairs: number;
  /** Pairs that were not judged: the model cannot read them, or they are not made for whole sentences. */
  readonly leftOut: number;
  /** Accuracy of "the sentence of fewer tokens is the good one". */
  readonly shorter: number;
  /** Share of pairs whose good sentence scores higher, ties counted half. */
  readonly accuracy: Readonly<Record<PairMeasure, Accuracy>>;
  /** Ties of every network. */
  readonly ties: Readonly<Record<PairMeasure, readonly number[]>>;
}

/** Several paradigms. */
export interface GroupReport {
  readonly pairs: number;
  readonly uids: number;
  /** Share of all pairs, ties counted half: paradigms weigh by their pairs. */
  readonly share: Readonly<Record<PairMeasure, Accuracy>>;
  /** Mean over paradigms of their accuracies: all weigh the same. */
  readonly macro: Readonly<Record<PairMeasure, Accuracy>>;
  /** Macro mean of the rule of fewer tokens. */
  readonly shorter: number;
}

/** All of it. */
export interface PairReport {
  /** In the order of the files. */
  readonly uids: readonly UidReport[];
  readonly fields: readonly (GroupReport & { readonly field: string | null })[];
  readonly all: GroupReport;
}

/** What is judged. Outcomes are [model, pair] of `pairs`. */
export interface JudgedPairs {
  readonly pairs: readonly MinimalPair[];
  readonly outcomes: PairOutcomes;
  /** Of freshly initialised networks; null for none. */
  readonly fresh: PairOutcomes | null;
  /** [pair] */
  readonly shorter: Int8Array;
  readonly leftOut: readonly MinimalPair[];
}

/** Slack of comparisons between means of fractions that are equal but for rounding. */
const rounding = 1e-12;

function count(outcomes: Int8Array, value: number): number {
  let found = 0;
  for (const outcome of outcomes) if (outcome === value) found++;
  return found;
}

/** Share of outcomes that are 1, those that are 0 counted half. */
const shareOf = (outcomes: Int8Array) => (count(outcomes, 1) + count(outcomes, 0) / 2) / outcomes.length;

/** Outcomes of some pairs, one array a model. */
function ofPairs(outcomes: Int8Array, of: number, which: readonly number[]): Int8Array[] {
  return Array.from({ length: outcomes.length / of }, (_, model) =>
    Int8Array.from(which, (pair) => outcomes[model * of + pair]),
  );
}

function nullOf(networks: readonly number[], draws: readonly number[]): NullAccuracy {
  const as = draws.filter((draw) => draw >= networks[0] - rounding).length;
  const { estimate, low, high, df } = welchTest(networks, draws);
  return {
    accuracies: draws,
    mean: mean(draws),
    range: [Math.min(...draws), Math.max(...draws)],
    p: networks.length === 1 ? (1 + as) / (1 + draws.length) : null,
    difference: networks.length > 1 && Number.isFinite(df) ? { estimate, low, high } : null,
  };
}

/** @param pairs  number of pairs that one network's accuracy is a share of; null where it is none */
function accuracyOf(networks: number[], draws: number[] | null, pairs: number | null): Accuracy {
  const estimate = mean(networks);
  const found = { networks, estimate, null: draws === null ? null : nullOf(networks, draws) };
  if (networks.length > 1) {
    const { low, high } = tInterval(networks);
    return { ...found, interval: [low, high], over: "seeds" };
  }
  if (pairs === null) return { ...found, interval: null, over: null };
  const { low, high } = wilson(estimate * pairs, pairs);
  return { ...found, interval: [low, high], over: "pairs" };
}

const byMeasure = <T>(make: (measure: PairMeasure) => T) =>
  Object.fromEntries(pairMeasures.map((measure) => [measure, make(measure)])) as Record<PairMeasure, T>;

/** Places by a name, names in the order in which they come. */
function grouped<T, K>(items: readonly T[], nameOf: (item: T) => K): Map<K, number[]> {
  const groups = new Map<K, number[]>();
  items.forEach((item, at) => {
    const group = groups.get(nameOf(item));
    if (group === undefined) groups.set(nameOf(item), [at]);
    else group.push(at);
  });
  return groups;
}

const columnMeans = (rows: readonly (readonly number[])[]) =>
  rows[0].map((_, column) => mean(rows.map((row) => row[column])));

/**
 * Accuracies of networks on minimal pairs.
 *
 *   accuracy = (#{ln P(good) > ln P(bad)} + #{ties} / 2) / pairs
 *
 * By paradigm one network has Wilson's interval, which takes pairs for independent draws of the paradigm (they are made
 * from few templates, so it is rather narrow). Over fields and all, one network has none: paradigms were chosen, not
 * drawn. Several networks have Student's t interval over networks everywhere.
 *
 * @returns  paradigms of which every pair was left out are not among them
 */
export function pairReport({ pairs, outcomes, fresh, shorter, leftOut }: JudgedPairs): PairReport {
  const left = grouped(leftOut, ({ uid }) => uid);
  const shares = (of: Int8Array, which: readonly number[]) => ofPairs(of, pairs.length, which).map(shareOf);
  const draws = (measure: PairMeasure, which: readonly number[]) =>
    fresh === null ? null : shares(fresh[measure], which);
  const paradigms = [...grouped(pairs, ({ uid }) => uid)];
  const uids = paradigms.map(([uid, which]): UidReport => {
    const { field, term } = pairs[which[0]];
    return {
      ...{ uid, field, term, pairs: which.length, leftOut: left.get(uid)?.length ?? 0 },
      shorter: shares(shorter, which)[0],
      accuracy: byMeasure((measure) =>
        accuracyOf(shares(outcomes[measure], which), draws(measure, which), which.length),
      ),
      ties: byMeasure((measure) =>
        ofPairs(outcomes[measure], pairs.length, which).map((own) => count(own, 0)),
      ),
    };
  });
  const groupOf = (some: readonly UidReport[]): GroupReport => {
    const names = new Set(some.map(({ uid }) => uid));
    const which = paradigms.flatMap(([uid, own]) => (names.has(uid) ? own : []));
    const macro = (measure: PairMeasure) =>
      accuracyOf(
        columnMeans(some.map(({ accuracy }) => accuracy[measure].networks)),
        fresh === null
          ? null
          : columnMeans(some.map(({ accuracy }) => accuracy[measure].null?.accuracies ?? [])),
        null,
      );
    return {
      ...{ pairs: which.length, uids: some.length },
      share: byMeasure((measure) =>
        accuracyOf(shares(outcomes[measure], which), draws(measure, which), null),
      ),
      macro: byMeasure(macro),
      shorter: mean(some.map((one) => one.shorter)),
    };
  };
  const fields = [...grouped(uids, ({ field }) => field)].map(([field, which]) => ({
    field,
    ...groupOf(which.map((at) => uids[at])),
  }));
  return { uids, fields, all: groupOf(uids) };
}
