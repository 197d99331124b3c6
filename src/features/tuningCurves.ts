/**
 * Tuning curves: the mean activation of every unit in every cell (token, position) of a probe.
 *
 * The cell sums are taken inside the graph, a block of sequences at a time, so memory does not grow with the probe and
 * no activation is ever copied out of the backend.
 */

import { integerIn } from "../base/check.ts";
import { ArgumentError, ShapeError } from "../base/errors.ts";
import { inTurn } from "../base/inTurn.ts";
import type { Probe } from "../data/probes.ts";
import type { Session } from "../graph/backend.ts";
import { add, input, mul, reshape, scatterAdd, state, sum } from "../graph/build.ts";
import { makeGraph } from "../graph/graph.ts";
import { type Node, type Shape, showShape, sizeOf } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { resolveSites, type Site, type SiteSelector } from "../model/hookPoints.ts";
import { forward } from "../model/transformer.ts";
import { weightNodes } from "../model/weights.ts";
import type { CellMeans } from "./unitCurves.ts";

/** One array for each half of the probe. */
export type Halves<A = Float64Array> = readonly [A, A];

/** Cell means and sums of squares of every unit of one site, for a population. Cells count `token · nPos + pos`. */
export interface TuningCurves extends CellMeans {
  /** Activations in each cell, [half][token, pos]. */
  readonly counts: Halves;
  /** Mean by half, [half][model, unit, token, pos]; NaN in a cell that the half never visits. */
  readonly halfMean: Halves;
  /** Σ a², not centred, [half][model, unit]. */
  readonly squares: Halves;
  /** Σ (a − mean of its cell)², [model, unit]: what tokens before and after, the context, do to the unit. */
  readonly contextSS: Float64Array;
  /** Σ (a − grand mean)², [model, unit]. */
  readonly totalSS: Float64Array;
  /** A context sum of squares below this share of Σ a² is rounding, and was set to 0. */
  readonly resolution: number;
}

/** Which activations are measured on which probe. */
export interface TuningOptions {
  /** `blocks.*.mlp.hook_post` stands for that site of every layer. */
  sites: readonly SiteSelector[];
  probe: Probe;
  /** Most sequences in one run of the graph, 64 unless given: bounds the scratch memory, changes no result. */
  blockSize?: number;
}

/** A compiled measurement. */
export interface TuningProgram {
  /** Curves of the session's present weights, by site name in firing order. */
  measure(): Promise<Map<string, TuningCurves>>;
}

/**
 * A sum of squares minus another of nearly its size keeps an error of a few roundings of either: about √(block) units
 * in the last place of float32. Contexts that explain less than this share of Σ a² cannot be told from none.
 */
const resolutionOf = { float32: 2 ** -20, float64: 2 ** -44 } as const;

const sumsName = (site: Site) => `tuning.${site.name}.sums`;
const squaresName = (site: Site) => `tuning.${site.name}.squares`;
/** Rows by cell and half, and one more that takes the padding of the last block. */
const sumRows = (dVocab: number, nPos: number) => 2 * dVocab * nPos + 1;

/**
 * The accumulators of {@link tuningProgram}: open the session with these among its states.
 *
 *   tuning.{site}.sums     [2 · dVocab · nPos + 1, units]   Σ a by (half, token, pos)
 *   tuning.{site}.squares  [3, units]                       Σ a² by half
 *
 * Probes of equal nPos share them; each measurement starts from zero.
 *
 * @throws NameError      if the model has no such site
 * @throws ArgumentError  if a site has no axes [batch, pos, …]
 */
export function tuningStates(
  config: ModelConfig,
  sites: readonly SiteSelector[],
  { nPos }: { nPos: number },
): Record<string, Shape> {
  const states: Record<string, Shape> = {};
  for (const site of sitesWithUnits(config, sites)) {
    const units = unitsOf(site);
    states[sumsName(site)] = [sumRows(config.dVocab, nPos), units];
    states[squaresName(site)] = [3, units];
  }
  return states;
}

/**
 * Compiles the measurement of tuning curves for an open session; it reads whatever weights the session then holds.
 *
 * The graph runs the forward pass only as far as the asked sites need it. Nothing is subtracted while adding up: cell
 * sums of float32 numbers are good to about 1e-7, and Σ a² is summed over positions, sequences and blocks in turn, so
 * that no long chain of additions loses digits; {@link TuningCurves.resolution} says what that leaves of the context.
 *
 * @throws NameError      if the model has no such site, or the session was opened without {@link tuningStates}
 * @throws ArgumentError  if a site has no axes [batch, pos, …], the probe has another vocabulary, or is too long
 */
export function tuningProgram(
  session: Session,
  config: ModelConfig,
  { sites: selectors, probe, blockSize = 64 }: TuningOptions,
): TuningProgram {
  const { dVocab, nPos, count } = probe;
  if (dVocab !== config.dVocab)
    throw new ArgumentError({
      where: "tuning curves",
      rule: "probe and model must have the same vocabulary",
      got: `dVocab ${dVocab} and ${config.dVocab}`,
      wayOut: "Make the probe with the model's dVocab.",
    });
  integerIn("tuning curves, block size", blockSize, 1);
  const sites = sitesWithUnits(config, selectors);
  const batch = Math.ceil(count / Math.ceil(count / blockSize)); // blocks of equal size: the least padding
  const program = session.compile(accumulation(config, sites, batch, nPos));
  const blocks = blocksOf(probe, batch);
  const counts = cellCounts(probe);
  const zeros = new Map(
    Object.entries(tuningStates(config, selectors, probe)).map(([name, shape]) => [
      name,
      new Float32Array(session.models * sizeOf(shape)),
    ]),
  );
  return {
    measure: async () => {
      for (const [name, values] of zeros) session.write(name, values);
      for (const block of blocks) await program.run(block);
      return new Map(
        await inTurn(sites, async (site) => {
          const sums = await session.read(sumsName(site));
          return [
            site.name,
            curvesFromSums(sums, await session.read(squaresName(site)), {
              site: site.name,
              models: session.models,
              units: unitsOf(site),
              dVocab,
              nPos,
              counts,
              resolution: resolutionOf[sums instanceof Float64Array ? "float64" : "float32"],
            }),
          ];
        }),
      );
    },
  };
}

function sitesWithUnits(config: ModelConfig, selectors: readonly SiteSelector[]): Site[] {
  const sites = resolveSites(config, selectors);
  for (const { name, axes } of sites) {
    if (axes[0] === "batch" && axes[1] === "pos" && axes.length > 2) continue;
    throw new ArgumentError({
      where: `tuning curves of "${name}"`,
      rule: "a site must have axes [batch pos …]",
      got: `[${axes.join(" ")}]`,
      wayOut: "Take hook_z or hook_result for what a head does at a position.",
    });
  }
  return sites;
}

const unitsOf = (site: Site) => sizeOf(site.shape(1, 1));

/** One block: forward pass, then both sums added to the accumulators. */
function accumulation(config: ModelConfig, sites: readonly Site[], batch: number, nPos: number) {
  const seen = new Map<string, Node>();
  const tokens = input("tokens", [batch, nPos], "int32");
  const cell = input("cell", [batch * nPos], "int32");
  const half = input("half", [batch], "int32");
  const asked = new Set<string>(sites.map(({ name }) => name));
  const observe = (name: string, node: Node) => {
    if (asked.has(name)) seen.set(name, node);
    return node;
  };
  forward(config, weightNodes(config), tokens, observe, { asked });
  const updates = new Map<Node<"state">, Node>();
  for (const site of sites) {
    const units = unitsOf(site);
    const rows = sumRows(config.dVocab, nPos);
    const activation = reshape(seen.get(site.name) as Node, [batch, nPos, units]); // [batch, pos, unit]
    const sums = state(sumsName(site), [rows, units]) as Node<"state">;
    const squares = state(squaresName(site), [3, units]) as Node<"state">;
    const byCell = scatterAdd(cell, reshape(activation, [batch * nPos, units]), rows); // [row, unit]
    const bySequence = sum(mul(activation, activation), [1]); // [batch, unit]
    updates.set(sums, add(sums, byCell));
    updates.set(squares, add(squares, scatterAdd(half, bySequence, 3)));
  }
  return makeGraph({ updates });
}

/** The probe cut into inputs of equal size; the rows that fill up the last point past the cells that count. */
function blocksOf(probe: Probe, batch: number): Record<string, Int32Array>[] {
  const { tokens, count, nPos, dVocab, half } = probe;
  const cells = dVocab * nPos;
  return Array.from({ length: Math.ceil(count / batch) }, (_, block) => {
    const inputs = {
      tokens: new Int32Array(batch * nPos),
      cell: new Int32Array(batch * nPos).fill(2 * cells),
      half: new Int32Array(batch).fill(2),
    };
    for (let row = 0; row < batch && block * batch + row < count; row++) {
      const sequence = block * batch + row;
      inputs.half[row] = half[sequence];
      for (let pos = 0; pos < nPos; pos++) {
        const token = tokens[sequence * nPos + pos];
        inputs.tokens[row * nPos + pos] = token;
        inputs.cell[row * nPos + pos] = half[sequence] * cells + token * nPos + pos;
      }
    }
    return inputs;
  });
}

function cellCounts({ tokens, count, nPos, dVocab, half }: Probe): Halves {
  const counts: Halves = [new Float64Array(dVocab * nPos), new Float64Array(dVocab * nPos)];
  for (let sequence = 0; sequence < count; sequence++)
    for (let pos = 0; pos < nPos; pos++) counts[half[sequence]][tokens[sequence * nPos + pos] * nPos + pos]++;
  return counts;
}

type Frame = Pick<TuningCurves, "site" | "models" | "units" | "dVocab" | "nPos" | "counts" | "resolution">;

/**
 * @param sums     [model, row, unit], rows by half, token and position, and one of padding
 * @param squares  [model, 3, unit]
 */
function curvesFromSums(sums: ArrayLike<number>, squares: ArrayLike<number>, frame: Frame): TuningCurves {
  const { models, units, dVocab, nPos, counts } = frame;
  const cells = dVocab * nPos;
  const rows = sumRows(dVocab, nPos);
  const means = [0, 1].map((half) => {
    const mean = new Float64Array(models * units * cells);
    for (let model = 0; model < models; model++)
      for (let cell = 0; cell < cells; cell++) {
        const from = (model * rows + half * cells + cell) * units;
        const n = counts[half][cell];
        for (let unit = 0; unit < units; unit++)
          mean[(model * units + unit) * cells + cell] = sums[from + unit] / n; // 0 / 0 = NaN: never visited
      }
    return mean;
  });
  const byHalf = [0, 1].map((half) =>
    Float64Array.from({ length: models * units }, (_, at) => {
      const model = Math.floor(at / units);
      return squares[(model * 3 + half) * units + (at % units)];
    }),
  );
  return assemble(frame, [means[0], means[1]], [byHalf[0], byHalf[1]]);
}

/** Everything that follows from means, counts and Σ a² by half. */
function assemble(frame: Frame, halfMean: Halves, squares: Halves): TuningCurves {
  const { counts, models, units, dVocab, nPos, resolution } = frame;
  const cells = dVocab * nPos;
  const cellMean = new Float64Array(models * units * cells);
  const contextSS = new Float64Array(models * units);
  const totalSS = new Float64Array(models * units);
  for (let at = 0; at < models * units; at++) {
    let weighted = 0;
    let total = 0;
    for (let cell = 0; cell < cells; cell++) {
      const here = at * cells + cell;
      const [first, second] = [counts[0][cell], counts[1][cell]];
      // a half without the cell has mean NaN and must not touch the other's
      const sumHere = (first && first * halfMean[0][here]) + (second && second * halfMean[1][here]);
      cellMean[here] = sumHere / (first + second);
      weighted += sumHere;
      total += first + second;
    }
    const grand = weighted / total;
    const raw = squares[0][at] + squares[1][at];
    let ofCells = 0;
    let between = 0;
    for (let cell = 0; cell < cells; cell++) {
      const n = counts[0][cell] + counts[1][cell];
      if (n === 0) continue;
      ofCells += n * cellMean[at * cells + cell] ** 2;
      between += n * (cellMean[at * cells + cell] - grand) ** 2;
    }
    // the difference of two large sums; rounding alone can even make it negative
    const context = raw - ofCells;
    contextSS[at] = context < resolution * raw ? 0 : context;
    totalSS[at] = between + contextSS[at];
  }
  return { ...frame, cellMean, halfMean, squares, contextSS, totalSS };
}

/**
 * Tuning curves of activations that are already there, such as planted ones; {@link tuningProgram} streams them.
 *
 * @param activations  [model, sequence, pos, unit]
 * @throws ShapeError if their number does not fit the probe
 */
export function tuningCurvesOf(
  activations: ArrayLike<number>,
  { site, models, units, probe }: { site: string; models: number; units: number; probe: Probe },
): TuningCurves {
  const { tokens, count, nPos, dVocab, half } = probe;
  if (activations.length !== models * count * nPos * units)
    throw new ShapeError({
      where: `tuning curves of "${site}"`,
      rule: `activations must be ${showShape([models, count, nPos, units])}`,
      got: `${activations.length} numbers`,
      wayOut: "Give [model, sequence, pos, unit] of the probe's own sequences.",
    });
  const rows = sumRows(dVocab, nPos);
  const sums = new Float64Array(models * rows * units);
  const squares = new Float64Array(models * 3 * units);
  for (let model = 0; model < models; model++)
    for (let sequence = 0; sequence < count; sequence++)
      for (let pos = 0; pos < nPos; pos++) {
        const cell = (half[sequence] * dVocab + tokens[sequence * nPos + pos]) * nPos + pos;
        const from = ((model * count + sequence) * nPos + pos) * units;
        for (let unit = 0; unit < units; unit++) {
          const value = activations[from + unit];
          sums[(model * rows + cell) * units + unit] += value;
          squares[(model * 3 + half[sequence]) * units + unit] += value * value;
        }
      }
  const counts = cellCounts(probe);
  const resolution = resolutionOf.float64;
  return curvesFromSums(sums, squares, { site, models, units, dVocab, nPos, counts, resolution });
}

/**
 * The curves that one half of the probe alone gives: predictor from one half and outcome from the other share no noise.
 *
 * @param half  0 or 1
 */
export function halfOf(curves: TuningCurves, half: 0 | 1): TuningCurves {
  const { counts, halfMean, squares } = curves;
  const none = new Float64Array(counts[0].length);
  const frame = { ...curves, counts: [counts[half], none] as const };
  return assemble(
    frame,
    [halfMean[half], new Float64Array(curves.cellMean.length).fill(Number.NaN)],
    [squares[half], new Float64Array(squares[0].length)],
  );
}
