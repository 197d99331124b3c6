/** The cells of a sweep over a network: their names, and how they are shown. */
import { ArgumentError } from "../../base/errors.ts";
import type { SweepAxis, SweepOptions, Tensor } from "../../interp/index.ts";
import { sweepPlan } from "../../interp/sweep.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { SiteSelector } from "../../model/hookPoints.ts";
import type { Judged, Measured } from "./judged.ts";
import { shortSites, siteSelector } from "./siteText.ts";
import { cellList, cellMatrix, type ListOptions, type NamedCell } from "./tables.ts";
import { type Inspection, weightCount } from "./verb.ts";

/** What a sweep can tell apart, as `--by` takes it. */
export const sweepAxes = ["layer", "pos", "keyPos", "head", "unit"] as const satisfies readonly SweepAxis[];

/** How a sweep is asked for. */
export interface SweepChoice {
  /** Short names or full ones; empty for what suits `by`. */
  readonly sites: readonly string[];
  readonly by: readonly SweepAxis[];
  /** Rows of a list. */
  readonly top: number;
}

/** The sites that can tell what `by` asks: heads have their output, keys the pattern, units the neurons, all else the stream. */
function standardSite(by: readonly SweepAxis[], { attnOnly }: ModelConfig): SiteSelector {
  if (by.includes("keyPos")) return shortSites.pattern;
  if (by.includes("head")) return shortSites.z;
  if (by.includes("unit") && !attnOnly) return shortSites["mlp-post"];
  return shortSites["resid-pre"];
}

/** Sites and axes of the library's sweeps. */
export function sweepOf({ sites, by }: SweepChoice, config: ModelConfig): Pick<SweepOptions, "over" | "by"> {
  const over =
    sites.length > 0 ? sites.map((site) => siteSelector(site, config)) : [standardSite(by, config)];
  return { over, by };
}

/** Forward passes of one sequence that a sweep of one network takes. */
export function sweepCost(
  config: ModelConfig,
  sweep: Pick<SweepOptions, "over" | "by">,
  tokens: readonly (readonly number[])[],
): number {
  return sweepPlan(config, sweep, tokens[0].length).cells.length * tokens.length;
}

/** Most passes of one question: some minutes of a small model. */
const costLimit = 20_000_000;

/** Weights times passes of one question of a pretrained model: some minutes where a billion multiplications take a tenth of a second. */
const weightPassLimit = 1e12;

/** @throws ArgumentError for a sweep so large that nobody wants to wait for it */
export function checkSweepCost(cost: number, { subject, network, draws }: Inspection): void {
  const networks = network.models + (draws ?? 0);
  const limit =
    subject.pretrained === null
      ? costLimit
      : Math.min(costLimit, Math.floor(weightPassLimit / weightCount(subject.config)));
  if (cost * networks <= limit) return;
  throw new ArgumentError({
    where: "--by",
    rule: `a sweep may take ${limit} forward passes`,
    got: `${cost} of ${networks} networks`,
    wayOut:
      subject.pretrained === null
        ? "Tell less apart, or take fewer --sequences, --seed or --draws."
        : "Tell less apart, or take a shorter text or fewer --draws.",
  });
}

/** Most sequences of one run by default, and most logits that a run may give. */
const [ROWS, LOGITS] = [256, 2 ** 26];

/** Sequences of one run of a sweep: fewer where the vocabulary is large, since every run gives all logits. It changes no number. */
export function rowsAtOnce({ dVocab }: ModelConfig, tokens: readonly (readonly number[])[]): number {
  return Math.max(1, Math.min(ROWS, Math.floor(LOGITS / (tokens[0].length * dVocab))));
}

/** A sweep's numbers by cell and sequence, from [model, ...by, batch]. */
export function measuredOf({ data, shape }: Tensor): Measured {
  const [models] = shape;
  const rows = shape[shape.length - 1];
  return { models, rows, cells: data.length / models / rows, values: data };
}

/** Names of a sweep's cells along its axes: `layer 0`, `head 1`. */
export interface CellPlace {
  readonly axes: readonly SweepAxis[];
  readonly sizes: readonly number[];
  /** The layer at each index of the axis `layer`. */
  readonly layers: readonly number[];
}

/** Place of every cell, row-major, by axis. */
export function placesOf({ axes, sizes, layers }: CellPlace): Record<string, number>[] {
  const count = sizes.reduce((product, size) => product * size, 1);
  return Array.from({ length: count }, (_, cell) => {
    let rest = cell;
    const place: Record<string, number> = {};
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      const index = rest % sizes[axis];
      rest = Math.floor(rest / sizes[axis]);
      place[axes[axis]] = axes[axis] === "layer" ? layers[index] : index;
    }
    return place;
  });
}

/** The axes and sizes of a sweep's result [model, ...by, batch]. */
export function cellPlace({ axes, shape }: Tensor, layers: readonly number[]): CellPlace {
  return { axes: axes.slice(1, -1) as SweepAxis[], sizes: shape.slice(1, -1), layers };
}

/** A matrix where two axes and one network allow it, else a list of the largest. */
export function sweepTable(
  place: CellPlace,
  judged: readonly Judged[],
  { value, top, over }: Omit<ListOptions, "heads" | "sorted">,
): { lines: string[]; list: boolean } {
  const { axes, sizes } = place;
  const places = placesOf(place);
  if (axes.length === 2 && over !== "seeds") {
    const [rows, columns] = sizes;
    const matrix = cellMatrix(
      `${axes[0]} \\ ${axes[1]}`,
      Array.from({ length: columns }, (_, column) => String(places[column][axes[1]])),
      Array.from({ length: rows }, (_, row) => ({
        label: String(places[row * columns][axes[0]]),
        cells: judged.slice(row * columns, (row + 1) * columns),
      })),
    );
    if (matrix !== null) return { lines: matrix, list: false };
  }
  const cells = judged.map((one, i): NamedCell => {
    return { labels: axes.map((axis) => String(places[i][axis])), judged: one };
  });
  const lines = cellList(cells, { heads: [...axes], value, top, over, sorted: cells.length > top });
  return { lines, list: true };
}

const short: Readonly<Record<string, string>> = {
  layer: "L",
  head: "H",
  unit: "U",
  pos: "pos ",
  keyPos: "key ",
};

/** Cells with names for a figure: `L0 H1`, `L1 pos 3`. */
export function namedCells(place: CellPlace, judged: readonly Judged[]): NamedCell[] {
  const places = placesOf(place);
  return judged.map((one, i) => ({
    labels: place.axes.map((axis) => `${short[axis]}${places[i][axis]}`),
    judged: one,
  }));
}

/** The two axes of a map. */
export function mapAxes(place: CellPlace) {
  const [row, column] = place.axes;
  const places = placesOf(place);
  const labels = (axis: string) => [...new Set(places.map((at) => String(at[axis])))];
  return { rowTitle: row, columnTitle: column, rowLabels: labels(row), columnLabels: labels(column) };
}
