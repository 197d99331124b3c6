/** What the circuits of a population are told in. */
import type { NetworkComparison } from "../../features/networkNull.ts";
import type { Interval } from "../../stats/intervals.ts";

/** |r| beyond which the original study called two units connected. */
export const CONNECTED = 0.8;
/** Bins of histograms of r. */
export const R_BINS = 40;
/** Most edges of the network figure, and pairs in a list of strongest. */
export const [MOST_EDGES, MOST_LISTED] = [200, 10];

/** A pair of units. */
export interface CircuitEdge {
  readonly from: string;
  readonly to: string;
  /** Correlation over cells, each counted once. */
  readonly r: number;
  /** 95 % interval of r for as many independent inputs as there are effectively (Fisher's z with n_eff). */
  readonly low: number;
  readonly high: number;
  /** Effective number of distinct inputs. */
  readonly nEff: number;
  /** Correlation over all activations, context included. */
  readonly overActivations: number;
  /** Family-wise p under label permutation. */
  readonly p: number;
  /** Share of comparisons of two random networks with a stronger pair, counted as a p; NaN without random networks. */
  readonly pNetworks: number;
  /** Whether it exceeds both nulls. */
  readonly edge: boolean;
}

/** A unit in the network figure. */
export interface CircuitNode {
  readonly name: string;
  readonly layer: number;
  /** Number of edges that end here. */
  readonly edges: number;
  /** Share of variance that token and position leave over. */
  readonly contextShare: number;
}

/** Pairs between two layers, or within one; means over seeds. */
export interface LayerPair {
  readonly from: number;
  readonly to: number;
  readonly pairs: number;
  /** Pairs with |r| above {@link CONNECTED}. */
  readonly strong: Interval;
  /** As many are expected under label permutation. */
  readonly expected: Interval;
  readonly edges: Interval;
}

/** Numbers of the section; every Interval is a mean over seeds with its 95 % t interval. */
export interface CircuitsNumbers {
  readonly seeds: readonly number[];
  /** Units that were compared, of each layer with units, and how many the layer has. */
  readonly units: readonly { readonly layer: number; readonly compared: number; readonly all: number }[];
  readonly pairs: number;
  /** Distinct inputs: cells (token, position). */
  readonly cells: number;
  /** Effective number of inputs behind a pair, median over pairs. */
  readonly nEff: Interval;
  /** Pairs with |r| above {@link CONNECTED}, and of them those above and below 0. */
  readonly strong: Interval;
  readonly correlated: Interval;
  readonly opposed: Interval;
  /** Pairs that would be called at level 0.05 / pairs if every activation were an independent input. */
  readonly naive: Interval;
  /** Pairs beyond the label-permuted null, family-wise at 0.05. */
  readonly beyondLabels: Interval;
  /** Pairs beyond both nulls, and of them those above and below 0. */
  readonly edges: Interval;
  readonly edgesCorrelated: Interval;
  readonly edgesOpposed: Interval;
  readonly bySeed: readonly {
    readonly seed: number;
    readonly strong: number;
    readonly beyondLabels: number;
    readonly edges: number;
  }[];
  readonly layerPairs: readonly LayerPair[];
  /** The original's search in every layer. */
  readonly original: readonly {
    readonly layer: number;
    readonly units: number;
    readonly pairs: number;
    readonly called: Interval;
    /** What the effective number of inputs predicts of unrelated units. */
    readonly expected: Interval;
    readonly distinctInputs: Interval;
    readonly nEff: Interval;
  }[];
  /** Histogram of r over pairs, mean share over seeds, in {@link R_BINS} equal bins of [−1, 1]. */
  readonly histogram: readonly number[];
  /** The first seed's network: all units, and its edges, strongest first, at most {@link MOST_EDGES}. */
  readonly network: { readonly nodes: readonly CircuitNode[]; readonly edges: readonly CircuitEdge[] };
  /** The first seed's strongest pairs, edges or not. */
  readonly strongest: {
    readonly correlated: readonly CircuitEdge[];
    readonly opposed: readonly CircuitEdge[];
  };
  /** Cell means of the units among the strongest pairs, [token][pos]. */
  readonly tables: Readonly<Record<string, readonly (readonly number[])[]>>;
}

/** The nulls of the section. */
export interface CircuitsNull {
  readonly labels: {
    readonly draws: number;
    /** Pairs with |r| above {@link CONNECTED}: mean over seeds, and its 95 % quantile over draws, mean over seeds. */
    readonly strong: Interval;
    readonly strongHigh: Interval;
    /** The same from n_eff and the normal distribution. */
    readonly strongByNEff: Interval;
  };
  /** Random networks, each by itself. */
  readonly networks: {
    readonly strong: NetworkComparison;
    readonly beyondLabels: NetworkComparison;
    readonly edges: NetworkComparison;
  };
  /** Units of different random networks. */
  readonly across: {
    /** Pairs of networks that were compared. */
    readonly comparisons: number;
    /** Mean number of pairs of units with |r| above {@link CONNECTED}. */
    readonly strong: number;
    /** Quantiles 0.025, 0.5 and 0.975 of r, means over comparisons. */
    readonly quantiles: readonly number[];
    /** As `histogram` of the numbers. */
    readonly histogram: readonly number[];
  };
}
