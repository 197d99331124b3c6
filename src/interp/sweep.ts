/**
 * Sweeps: one question asked of many parts of a network in turn, in as few runs as possible.
 *
 * A cell is one part: some sites and a region of them. Its activations are replaced, all else is left as it is. Every
 * cell with every sequence is one row of a batch, and rows never see each other, so the packed runs have the bits of
 * the same replacements made one at a time.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError, ShapeError, unknownName } from "../base/errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { hook, type Site } from "../model/hookPoints.ts";
import { type ActivationCache, cached } from "./activationCache.ts";
import { edit, regionOf } from "./edits.ts";
import type { Metric } from "./metrics.ts";
import type { Network } from "./network.ts";
import { chosenSites, runPass, type SiteChoice, type StreamStart } from "./pass.ts";
import { repeatSequences, someRows } from "./rows.ts";
import { inOneBlock, runSuffixes } from "./suffixRuns.ts";
import { offsetsOf, type SweepCell } from "./sweepCell.ts";
import { emptyLike, indicesOf, type Tensor, type TensorAxis } from "./tensor.ts";
import type { TokenArray } from "./tokens.ts";

/** What a sweep tells apart. `pos` are the positions that attend, `keyPos` those that are attended to. */
export type SweepAxis = "layer" | "pos" | "keyPos" | "head" | "unit";

/** Which parts of a network a sweep visits. */
export interface SweepOptions {
  /**
   * The sites. Those that `by` does not tell apart are replaced together: by layer, `attn.hook_k` and `attn.hook_v` of a
   * layer are one part. `attn.hook_result` cannot be swept; `attn.hook_z` by head is the same intervention.
   */
  readonly over: SiteChoice;
  /**
   * Axes of the result, in this order; an axis of the site that is not named is replaced whole. A unit is an index of
   * the site's last axis: at `attn.hook_z` a component of a head, without `head` that component of every head.
   */
  readonly by: readonly SweepAxis[];
  /** Instead of single units: lists of them, each replaced together; the last axis of the result is then `group`. */
  readonly groups?: readonly (readonly number[])[];
}

export type { SweepCell };

/** The parts that a sweep visits, row-major along its axes. */
export interface SweepPlan {
  readonly sites: readonly Site[];
  readonly axes: readonly TensorAxis[];
  readonly shape: readonly number[];
  readonly cells: readonly SweepCell[];
  /** The layer at each index of the axis `layer`; those of all sites where the axis is not asked for. */
  readonly layers: readonly number[];
}

const partOf = { pos: "pos", keyPos: "keys", head: "heads", unit: "units" } as const;
const sweepAxes: readonly SweepAxis[] = ["layer", "pos", "keyPos", "head", "unit"];

/**
 * Lays a sweep out.
 *
 * @param pos  positions of the sequences
 * @throws NameError      for a site that does not exist or an axis of another name
 * @throws ArgumentError  for an axis named twice or missing at a site, `unit` together with groups, no or an empty group,
 *                        a gated site
 * @throws ShapeError     if an axis has different sizes at the sites
 */
export function sweepPlan(config: ModelConfig, { over, by, groups }: SweepOptions, pos: number): SweepPlan {
  const sites = chosenSites(config, over);
  const gated = sites.find((site) => site.gated);
  if (gated !== undefined)
    throw new ArgumentError({
      where: `sweep over "${gated.name}"`,
      rule: "editing this site sums the heads in another order, so nothing would be compared like with like",
      wayOut: "Sweep attn.hook_z by head; it is the same intervention.",
    });
  for (const axis of by) if (!sweepAxes.includes(axis)) throw unknownName("sweep, by", axis, sweepAxes);
  if (new Set(by).size < by.length || (groups !== undefined && by.includes("unit")))
    throw new ArgumentError({
      where: "sweep, by",
      rule: groups === undefined ? "must name each axis once" : "groups stand in the place of the axis unit",
      got: by.join(" "),
    });
  const layers = [...new Set(sites.map(({ layer }) => layer))].filter((layer) => layer !== undefined);
  layers.sort((a, b) => a - b);

  let cells: SweepCell[] = [{ sites, region: {} }];
  const shape: number[] = [];
  const split = <T>(choices: readonly T[], narrowed: (cell: SweepCell, choice: T) => SweepCell) => {
    cells = cells.flatMap((cell) => choices.map((choice) => narrowed(cell, choice)));
    shape.push(choices.length);
  };
  for (const axis of by) {
    if (axis === "layer") {
      const outside = sites.find(({ layer }) => layer === undefined);
      if (outside !== undefined) throw lacking(outside, axis);
      split(layers, (cell, layer) => ({ ...cell, sites: cell.sites.filter((site) => site.layer === layer) }));
    } else {
      const part = partOf[axis];
      const indices = indicesOf(`sweep, ${axis}`, undefined, sizeAlong(sites, axis, pos));
      split(indices, (cell, index) => ({ ...cell, region: { ...cell.region, [part]: index } }));
    }
  }
  if (groups !== undefined) {
    if (groups.length === 0)
      throw new ArgumentError({ where: "sweep, groups", rule: "must hold at least one list of units" });
    const size = sizeAlong(sites, "unit", pos);
    const lists = groups.map((units, i) => indicesOf(`sweep, group ${i}`, units, size));
    split(lists, (cell, units) => ({ ...cell, region: { ...cell.region, units } }));
  }
  const axes: TensorAxis[] = groups === undefined ? [...by] : [...by, "group"];
  return { sites, axes, shape, cells, layers };
}

function sizeAlong(sites: readonly Site[], axis: Exclude<SweepAxis, "layer">, pos: number): number {
  const sizes = sites.map((site) => {
    const at = site.axes.findIndex((name) => regionOf[partOf[axis]].includes(name));
    if (at < 0) throw lacking(site, axis);
    return site.shape(1, pos)[at];
  });
  if (new Set(sizes).size === 1) return sizes[0];
  throw new ShapeError({
    where: `sweep by ${axis}`,
    rule: "must have one size at all sites",
    got: sites.map(({ name }, i) => `${name} ${sizes[i]}`).join(", "),
    wayOut: "Sweep them one after the other.",
  });
}

function lacking({ name, axes }: Site, axis: SweepAxis): ArgumentError {
  return new ArgumentError({
    where: `sweep over "${name}"`,
    rule: `this site has no axis ${axis}`,
    got: `axes ${axes.join(" ")}`,
    wayOut: "Leave it out of by, or take sites that have it.",
  });
}

/** Most rows of one run unless another maximum is given: what a few megabytes of activations of a small model allow. */
const MAX_ROWS = 256;

/**
 * The metric with every cell replaced in turn.
 *
 * Where all of a cell lies in one block, only what can differ from the unchanged run is computed (suffixRuns.ts). Other
 * cells are spread evenly over as few whole runs as `maxRows` allows; one such run holds at least one cell, with all
 * sequences.
 *
 * @param replacement  what the cells become, by site, one row for each sequence
 * @returns            [model, ...axes of the plan, batch]
 */
export async function replacedMetric(
  network: Network,
  tokens: TokenArray,
  {
    plan,
    replacement,
    metric,
    maxRows = MAX_ROWS,
  }: { plan: SweepPlan; replacement: ActivationCache; metric: Metric; maxRows?: number },
): Promise<Tensor> {
  const { models } = network;
  const { batch, pos } = tokens;
  integerIn("sweep, maxRows", maxRows, 1);
  const data = new Float64Array(models * plan.cells.length * batch);
  const answer = (cell: number, logits: Tensor) => {
    // the metric sees the sequences of one cell, as it would in a run of its own
    const values = metric.measure(logits).data; // [model, batch]
    for (let model = 0; model < models; model++)
      data.set(
        values.subarray(model * batch, (model + 1) * batch),
        (model * plan.cells.length + cell) * batch,
      );
  };
  const all = plan.cells.map((_, cell) => cell);
  const bySuffix = all.filter((cell) => inOneBlock(plan.cells[cell]));
  const whole = all.filter((cell) => !inOneBlock(plan.cells[cell]));
  const read = metric.positions?.(pos) ?? [0, pos - 1];
  const reads = [Math.min(...read), Math.max(...read) + 1] as const;
  const cells = bySuffix.map((cell) => plan.cells[cell]);
  await runSuffixes(network, tokens, { cells, replacement, reads, maxRows }, (i, logits) => {
    if (logits === undefined) whole.push(bySuffix[i]);
    else answer(bySuffix[i], logits);
  });
  await runWhole(network, tokens, { plan, cells: whole, replacement, maxRows }, answer);
  return sweepTensor(plan, models, batch, data);
}

/** The logits of cells by packed runs that start at the first block in which something is replaced. */
async function runWhole(
  network: Network,
  tokens: TokenArray,
  request: { plan: SweepPlan; cells: readonly number[]; replacement: ActivationCache; maxRows: number },
  answer: (cell: number, logits: Tensor) => void,
): Promise<void> {
  const { plan, replacement, maxRows } = request;
  const { batch } = tokens;
  const most = Math.max(1, Math.floor(maxRows / batch));
  const groups = cellsByStart(plan, request.cells);
  const later = [...groups.keys()].filter((layer) => layer > 0);
  const before =
    later.length === 0
      ? undefined
      : await runPass(network, tokens, { sites: later.map((layer) => hook.residPre(layer)) });
  for (const [layer, indices] of groups) {
    const perRun = Math.ceil(indices.length / Math.ceil(indices.length / most));
    for (let first = 0; first < indices.length; first += perRun) {
      const together = indices.slice(first, first + perRun);
      const rows = repeatSequences(tokens, together.length);
      const from = Array.from({ length: rows.batch }, (_, row) => row % batch);
      const edits = together.flatMap((cell, k) => {
        const { sites, region } = plan.cells[cell];
        const own = Array.from({ length: batch }, (_, row) => k * batch + row);
        return sites.map(({ name }) =>
          edit(name, { ...region, batch: own }, { kind: "fromCache", cache: replacement, batch: from }),
        );
      });
      const start = before && layer > 0 ? startOf(before.cache, layer, together.length) : undefined;
      const { logits } = await runPass(network, rows, { edits, start });
      for (const [k, cell] of together.entries()) answer(cell, someRows(logits, k * batch, batch));
    }
  }
}

/**
 * The same to first order, from one run and its gradients: how much the metric would change.
 *
 *   change[cell, row] = Σ over the cell's sites and region ( replacement − activation ) · ∂ metric[row] / ∂ activation
 *
 * A difference of 0 counts as 0 whatever the slope, so scores that the mask hides take no part.
 *
 * @returns  `change` [model, ...axes of the plan, batch]; `logits` of the run
 * @throws ArgumentError if the metric is not differentiable
 */
export async function firstOrderChange(
  network: Network,
  tokens: TokenArray,
  { plan, replacement, metric }: { plan: SweepPlan; replacement: ActivationCache; metric: Metric },
): Promise<{ change: Tensor; logits: Tensor }> {
  const { models } = network;
  const { batch, pos } = tokens;
  const { sites, cells } = plan;
  const run = await runPass(network, tokens, { sites: sites.map(({ name }) => name), gradientsOf: metric });
  const gradients = run.gradients as ActivationCache;
  const bySite = new Map(
    sites.map(({ name }) => {
      const own = cached(run.cache, name).data;
      const put = cached(replacement, name).data;
      const slope = cached(gradients, name).data;
      return [name, Float64Array.from(own, (x, i) => (put[i] === x ? 0 : (put[i] - x) * slope[i]))];
    }),
  );
  const data = new Float64Array(models * cells.length * batch);
  for (const [c, cell] of cells.entries())
    for (const site of cell.sites) {
      const terms = bySite.get(site.name) as Float64Array; // [model, batch, …]
      const perRow = terms.length / (models * batch);
      const offsets = offsetsOf(site, cell.region, pos);
      for (let i = 0; i < models * batch; i++) {
        const to = (Math.floor(i / batch) * cells.length + c) * batch + (i % batch);
        for (const offset of offsets) data[to] += terms[i * perRow + offset];
      }
    }
  return { change: sweepTensor(plan, models, batch, data), logits: run.logits };
}

function sweepTensor({ axes, shape }: SweepPlan, models: number, batch: number, data: Float64Array): Tensor {
  return { axes: ["model", ...axes, "batch"], shape: [models, ...shape, batch], data };
}

/** Indices of cells by the first block that they change anything in; 0 where a site lies outside of blocks. */
function cellsByStart({ cells }: SweepPlan, chosen: readonly number[]): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const index of chosen) {
    const start = Math.min(...cells[index].sites.map(({ layer }) => layer ?? 0));
    const group = groups.get(start);
    if (group === undefined) groups.set(start, [index]);
    else group.push(index);
  }
  return groups;
}

/** The stream before a block with its batch several times over, [model, times · batch, pos, dModel]. */
function startOf(cache: ActivationCache, layer: number, times: number): StreamStart {
  const { data, shape } = cached(cache, hook.residPre(layer));
  const [models] = shape;
  const size = data.length / models;
  const stream = emptyLike(data, data.length * times);
  for (let copy = 0; copy < models * times; copy++) {
    const from = Math.floor(copy / times) * size;
    stream.set(data.subarray(from, from + size), copy * size);
  }
  return { layer, stream };
}
