/** Every comparison of a seed's network with its own start, with its stranger and with its twin. */
import {
  identityRecovery,
  originalCriterion,
  type Pairing,
  subspacePersistence,
  type TuningCurves,
  transitionCounts,
  tuningCorrelation,
  unitClasses,
  unitMeans,
  varianceComponents,
} from "../../features/index.ts";
import { groups } from "./plan.ts";

/** One layer and kind of one seed. */
export interface GroupTold {
  readonly maintained: number;
  /** Null (a): any unit of the trained layer. */
  readonly nullShuffle: number;
  /** Null (b): the stranger's unit of the same index. */
  readonly nullStranger: number;
  readonly kappa: number;
  /** Mean over units of the correlation of tuning: with the own start, of the stranger with it, of the twin with the own end. */
  readonly r: number;
  readonly strangerR: number;
  readonly twinR: number;
}

/** Counts of class transitions, row after row, of the own units and of the stranger's. */
export interface TransitionsTold {
  readonly own: Float64Array;
  readonly stranger: Float64Array;
}

/** One layer of one seed. */
export interface LayerTold {
  /** Mean over units of the correlation over all cells: with the own start, and of the stranger with it. */
  readonly r: number;
  readonly strangerR: number;
  /** Share of units that matching gives back to themselves, and the mean correlation of matched pairs. */
  readonly recovered: number;
  readonly matched: number;
  /** The same with the stranger's end. */
  readonly strangerRecovered: number;
  readonly strangerMatched: number;
  /** In the order of {@link thresholds}. */
  readonly transitions: readonly TransitionsTold[];
  /** Mean over units of the left-out R² of trained pre-activations on the initial stream: own, and the stranger's. */
  readonly subspace: number;
  readonly subspaceStranger: number;
}

/** Shares of variance that make a class; 0 is the largest share alone. */
export const thresholds = [0.5, 0.4, 0.6, 0] as const;

/** Tuning before and after training, of networks, then their strangers, then their twins, by site. */
export interface Looks {
  readonly seeds: number;
  readonly before: ReadonlyMap<string, TuningCurves>;
  readonly after: ReadonlyMap<string, TuningCurves>;
}

/** Layers of the networks of both arms. */
export const layers = [0, 1];

const curvesAt = (of: ReadonlyMap<string, TuningCurves>, site: string) => of.get(site) as TuningCurves;
/** Networks with what comes after them; all others with nobody. */
const kin =
  (seeds: number, away: 0 | 1 | 2): Pairing =>
  (model) =>
    model < seeds ? model + away * seeds : Number.NaN;

/** The original criterion of one layer and kind, of networks and of their strangers by the networks' start. */
function criteria({ seeds, before, after }: Looks, { layer, kind }: (typeof groups)[number]) {
  const site = `blocks.${layer}.mlp.hook_post`;
  const shares = (of: ReadonlyMap<string, TuningCurves>) => varianceComponents(curvesAt(of, site)).eta2[kind];
  const [initial, final] = [shares(before), shares(after)];
  const size = initial.length / 3; // networks, strangers, twins
  const start = initial.subarray(0, size);
  return {
    own: originalCriterion(start, final.subarray(0, size), seeds),
    stranger: originalCriterion(start, final.subarray(size, 2 * size), seeds),
  };
}

/** Kappa of every group, [group][seed]. */
export function kappas(looks: Looks): Float64Array[] {
  return groups.map((group) => criteria(looks, group).own.kappa);
}

/** Every layer and kind, [group][seed]. */
export function groupsTold(looks: Looks): GroupTold[][] {
  const { seeds, before, after } = looks;
  return groups.map((group) => {
    const { layer, kind } = group;
    const site = `blocks.${layer}.mlp.hook_post`;
    const { own, stranger } = criteria(looks, group);
    const [start, end] = [curvesAt(before, site), curvesAt(after, site)];
    const meanR = (from: TuningCurves, away: 0 | 1 | 2) =>
      unitMeans(tuningCorrelation(from, end, { kind, partner: kin(seeds, away) }), start.models).mean;
    const [r, strangerR, twinR] = [meanR(start, 0), meanR(start, 1), meanR(end, 2)];
    return Array.from({ length: seeds }, (_, seed) => ({
      maintained: own.maintained[seed],
      nullShuffle: own.nullShuffle[seed],
      nullStranger: stranger.maintained[seed],
      kappa: own.kappa[seed],
      ...{ r: r[seed], strangerR: strangerR[seed], twinR: twinR[seed] },
    }));
  });
}

/** Every layer, [layer][seed]. */
export function layersTold({ seeds, before, after }: Looks): LayerTold[][] {
  return layers.map((layer) => {
    const [start, end] = [before, after].map((of) => curvesAt(of, `blocks.${layer}.mlp.hook_post`));
    const stream = curvesAt(before, `blocks.${layer}.hook_resid_mid`);
    const inputs = curvesAt(after, `blocks.${layer}.mlp.hook_pre`);
    const { models } = start;
    const by = (away: 0 | 1) => {
      const partner = kin(seeds, away);
      const { recovered, matchedMean } = identityRecovery(start, end, { partner });
      return {
        ...{ recovered, matched: matchedMean },
        r: unitMeans(tuningCorrelation(start, end, { partner }), models).mean,
        subspace: unitMeans(subspacePersistence(stream, inputs, { partner }).r2, models).mean,
      };
    };
    const [own, stranger] = [by(0), by(1)];
    const transitions = thresholds.map((threshold) => transitionsOf(start, end, threshold, seeds));
    return Array.from({ length: seeds }, (_, seed) => ({
      ...{ r: own.r[seed], strangerR: stranger.r[seed] },
      ...{ recovered: own.recovered[seed], matched: own.matched[seed] },
      ...{ strangerRecovered: stranger.recovered[seed], strangerMatched: stranger.matched[seed] },
      ...{ subspace: own.subspace[seed], subspaceStranger: stranger.subspace[seed] },
      transitions: transitions.map((of) => of[seed]),
    }));
  });
}

/** Class transitions of every seed at one threshold. */
function transitionsOf(
  start: TuningCurves,
  end: TuningCurves,
  threshold: number,
  seeds: number,
): TransitionsTold[] {
  const { units } = start;
  const [first, last] = [start, end].map((curves) => unitClasses(varianceComponents(curves), threshold));
  const counts = (seed: number, away: 0 | 1) => {
    const after = (seed + away * seeds) * units;
    const table = transitionCounts(
      first.slice(seed * units, (seed + 1) * units),
      last.slice(after, after + units),
    );
    return Float64Array.from(table.flatMap((row) => Array.from(row)));
  };
  return Array.from({ length: seeds }, (_, seed) => ({ own: counts(seed, 0), stranger: counts(seed, 1) }));
}
