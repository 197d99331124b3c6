/**
 * Tuning of units on text: cell means over positions that are sorted by what stands there.
 *
 * As with tuningCurves.ts the sums are taken inside the graph, a block of sequences at a time: memory does not grow with
 * the probe. Any number of tables is filled in one pass, and the next-token loss comes with it.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { Session } from "../graph/backend.ts";
import { add, crossEntropy, input, mul, reshape, scatterAdd, slice, state, sum } from "../graph/build.ts";
import { makeGraph } from "../graph/graph.ts";
import { type Node, type Shape, sizeOf } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { resolveSites, type Site, type SiteSelector } from "../model/hookPoints.ts";
import { forward } from "../model/transformer.ts";
import { weightNodes } from "../model/weights.ts";
import { cellsOf, type FactorTable, type TableCells, type TextProbe } from "./textFactors.ts";

/** Sums of one site over the cells of one table, for a population. */
export interface TextCells {
  readonly site: string;
  readonly models: number;
  readonly units: number;
  readonly table: FactorTable;
  /** Positions in each cell, [half][cell]. */
  readonly counts: readonly [Float64Array, Float64Array];
  /** Mean activation by half, [half][model, unit, cell]; NaN in a cell that the half never visits. */
  readonly means: readonly [Float64Array, Float64Array];
  /** Mean of the squared activation in each cell, over both halves, [model, unit, cell]. */
  readonly squares: Float64Array;
  /** A variance below this share of the mean square is rounding. */
  readonly resolution: number;
}

/** What a measurement on text gives. */
export interface TextTuning {
  /** By site in firing order, a {@link TextCells} for each table. */
  readonly cells: ReadonlyMap<string, readonly TextCells[]>;
  /** Mean next-token loss of each sequence, nats, [model, sequence]; null for a model that sees what comes after. */
  readonly losses: Float64Array | null;
}

/** What is measured. */
export interface TextTuningOptions {
  /** `blocks.*.mlp.hook_post` stands for that site of every layer. */
  readonly sites: readonly SiteSelector[];
  readonly probe: TextProbe;
  readonly tables: readonly FactorTable[];
  /** Most sequences in one run of the graph: bounds the scratch memory, changes no result. By default what takes some 64 MiB. */
  readonly blockSize?: number;
}

/** A compiled measurement. */
export interface TextTuningProgram {
  /**
   * Tuning under the session's present weights.
   *
   * @param onBlock  called after each block with the sequences that were read, and all
   */
  measure(onBlock?: (done: number, total: number) => void): Promise<TextTuning>;
}

/** See tuningCurves.ts. */
const resolutionOf = { float32: 2 ** -20, float64: 2 ** -44 } as const;
/** Numbers that one block may hold in its largest activation. */
const blockNumbers = 2 ** 24;

const sumsName = (site: Site, table: number) => `textTuning.${site.name}.${table}.sums`;
const squaresName = (site: Site, table: number) => `textTuning.${site.name}.${table}.squares`;
const cellName = (table: number) => `cell ${table}`;
/** Rows by half and cell, and one more that takes what belongs nowhere. */
const rowsOf = ({ rows, columns }: FactorTable) => 2 * rows.levels.length * columns.levels.length + 1;
const unitsOf = (site: Site) => sizeOf(site.shape(1, 1));

/**
 * The accumulators of {@link textTuningProgram}: open the session with these among its states.
 *
 *   textTuning.{site}.{table}.sums, .squares   [2 · cells + 1, units]   Σ a, Σ a² by half and cell
 *
 * @throws NameError      if the model has no such site
 * @throws ArgumentError  if a site has no axes [batch, pos, …]
 */
export function textTuningStates(
  config: ModelConfig,
  { sites, tables }: Pick<TextTuningOptions, "sites" | "tables">,
): Record<string, Shape> {
  const states: Record<string, Shape> = {};
  for (const site of sitesWithUnits(config, sites))
    tables.forEach((table, t) => {
      states[sumsName(site, t)] = [rowsOf(table), unitsOf(site)];
      states[squaresName(site, t)] = [rowsOf(table), unitsOf(site)];
    });
  return states;
}

/**
 * Compiles the measurement for an open session; it reads whatever weights the session then holds.
 *
 * @throws NameError      if the model has no such site, or the session was opened without {@link textTuningStates}
 * @throws ArgumentError  if a site has no axes [batch, pos, …], the probe has another vocabulary, or is too long
 */
export function textTuningProgram(
  session: Session,
  config: ModelConfig,
  { sites: selectors, probe, tables, blockSize }: TextTuningOptions,
): TextTuningProgram {
  const { count, nPos, dVocab } = probe;
  if (dVocab !== config.dVocab)
    throw new ArgumentError({
      where: "tuning on text",
      rule: "probe and model must have the same vocabulary",
      got: `dVocab ${dVocab} and ${config.dVocab}`,
    });
  const widest = nPos * Math.max(config.dVocab, config.dMlp, config.nHeads * nPos);
  const most = integerIn(
    "tuning on text, block size",
    blockSize ?? Math.max(1, Math.min(64, Math.floor(blockNumbers / widest))),
    1,
  );
  const sites = sitesWithUnits(config, selectors);
  const batch = Math.ceil(count / Math.ceil(count / most)); // blocks of equal size: the least padding
  const withLoss = config.causal && nPos > 1;
  const program = session.compile(accumulation(config, sites, tables, { batch, nPos, withLoss }));
  const cells = tables.map((table) => cellsOf(probe, table));
  const zeros = new Map(
    Object.entries(textTuningStates(config, { sites: selectors, tables })).map(([name, shape]) => [
      name,
      new Float32Array(session.models * sizeOf(shape)),
    ]),
  );
  return {
    measure: async (onBlock) => {
      for (const [name, values] of zeros) session.write(name, values);
      const losses = withLoss ? new Float64Array(session.models * count) : null;
      for (let first = 0; first < count; first += batch) {
        const rows = Math.min(batch, count - first);
        const { loss } = await program.run(blockInputs(probe, cells, { first, rows, batch }));
        for (let model = 0; losses !== null && model < session.models; model++)
          for (let row = 0; row < rows; row++)
            losses[model * count + first + row] = loss[model * batch + row] / (nPos - 1);
        onBlock?.(first + rows, count);
      }
      const bySite = new Map<string, TextCells[]>();
      for (const site of sites) {
        const own: TextCells[] = [];
        for (const [t, table] of tables.entries()) {
          const sums = await session.read(sumsName(site, t));
          const squares = await session.read(squaresName(site, t));
          const frame = { site: site.name, models: session.models, units: unitsOf(site), table };
          own.push(cellsFromSums(sums, squares, { ...frame, counts: cells[t].counts }));
        }
        bySite.set(site.name, own);
      }
      return { cells: bySite, losses };
    },
  };
}

function sitesWithUnits(config: ModelConfig, selectors: readonly SiteSelector[]): Site[] {
  const sites = resolveSites(config, selectors);
  for (const { name, axes } of sites) {
    if (axes[0] === "batch" && axes[1] === "pos" && axes.length > 2) continue;
    throw new ArgumentError({
      where: `tuning on text of "${name}"`,
      rule: "a site must have axes [batch pos …]",
      got: `[${axes.join(" ")}]`,
    });
  }
  return sites;
}

/** One block: forward pass, both sums of every site and table added to the accumulators, and the loss of each sequence. */
function accumulation(
  config: ModelConfig,
  sites: readonly Site[],
  tables: readonly FactorTable[],
  { batch, nPos, withLoss }: { batch: number; nPos: number; withLoss: boolean },
) {
  const seen = new Map<string, Node>();
  const tokens = input("tokens", [batch, nPos], "int32");
  const asked = new Set<string>(sites.map(({ name }) => name));
  const logits = forward(
    config,
    weightNodes(config),
    tokens,
    (name, node) => {
      if (asked.has(name)) seen.set(name, node);
      return node;
    },
    { asked },
  );
  const updates = new Map<Node<"state">, Node>();
  for (const site of sites) {
    const units = unitsOf(site);
    const activation = reshape(seen.get(site.name) as Node, [batch * nPos, units]); // [position, unit]
    const squared = mul(activation, activation); // [position, unit]
    tables.forEach((table, t) => {
      const rows = rowsOf(table);
      const cell = input(cellName(t), [batch * nPos], "int32");
      const sums = state(sumsName(site, t), [rows, units]) as Node<"state">;
      const squares = state(squaresName(site, t), [rows, units]) as Node<"state">;
      updates.set(sums, add(sums, scatterAdd(cell, activation, rows)));
      updates.set(squares, add(squares, scatterAdd(cell, squared, rows)));
    });
  }
  if (!withLoss) return makeGraph({ updates });
  const targets = input("targets", [batch, nPos - 1], "int32");
  const nats = crossEntropy(slice(logits, 1, 0, nPos - 1), targets); // [batch, pos − 1]
  return makeGraph({ updates, outputs: { loss: sum(nats, [1]) } });
}

/** The inputs of one block; the rows that fill up the last one point past the cells that count. */
function blockInputs(
  { tokens, nPos, half }: TextProbe,
  tables: readonly TableCells[],
  { first, rows, batch }: { first: number; rows: number; batch: number },
): Record<string, Int32Array> {
  const inputs: Record<string, Int32Array> = {
    tokens: new Int32Array(batch * nPos),
    targets: new Int32Array(batch * (nPos - 1)),
  };
  inputs.tokens.set(tokens.subarray(first * nPos, (first + rows) * nPos));
  for (let row = 0; row < rows; row++)
    inputs.targets.set(tokens.subarray((first + row) * nPos + 1, (first + row + 1) * nPos), row * (nPos - 1));
  tables.forEach(({ cells, of }, t) => {
    const cell = new Int32Array(batch * nPos).fill(2 * cells);
    for (let at = 0; at < rows * nPos; at++) {
      const own = of[first * nPos + at];
      if (own >= 0) cell[at] = half[first + Math.floor(at / nPos)] * cells + own;
    }
    inputs[cellName(t)] = cell;
  });
  return inputs;
}

type Frame = Pick<TextCells, "site" | "models" | "units" | "table" | "counts">;

/**
 * @param sums     [model, row, unit], rows by half and cell, and one of padding
 * @param squares  likewise
 */
function cellsFromSums(sums: ArrayLike<number>, squares: ArrayLike<number>, frame: Frame): TextCells {
  const { models, units, table, counts } = frame;
  const rows = rowsOf(table);
  const cells = (rows - 1) / 2;
  const means: [Float64Array, Float64Array] = [
    new Float64Array(models * units * cells),
    new Float64Array(models * units * cells),
  ];
  const meanSquares = new Float64Array(models * units * cells);
  for (let model = 0; model < models; model++)
    for (let cell = 0; cell < cells; cell++) {
      const total = counts[0][cell] + counts[1][cell];
      const from = [0, 1].map((half) => (model * rows + half * cells + cell) * units);
      for (let unit = 0; unit < units; unit++) {
        const to = (model * units + unit) * cells + cell;
        means[0][to] = sums[from[0] + unit] / counts[0][cell]; // 0 / 0 = NaN: never visited
        means[1][to] = sums[from[1] + unit] / counts[1][cell];
        meanSquares[to] = (squares[from[0] + unit] + squares[from[1] + unit]) / total;
      }
    }
  const resolution = resolutionOf[sums instanceof Float64Array ? "float64" : "float32"];
  return { ...frame, means, squares: meanSquares, resolution };
}

/**
 * Tuning of activations that are already there, such as planted ones; {@link textTuningProgram} streams them.
 *
 * @param activations  [model, sequence, pos, unit]
 */
export function textCellsOf(
  activations: ArrayLike<number>,
  {
    site,
    models,
    units,
    probe,
    table,
  }: { site: string; models: number; units: number; probe: TextProbe; table: FactorTable },
): TextCells {
  const { count, nPos, half } = probe;
  integerIn(
    "tuning on text, activations",
    activations.length,
    models * count * nPos * units,
    models * count * nPos * units,
  );
  const { cells, of, counts } = cellsOf(probe, table);
  const rows = rowsOf(table);
  const sums = new Float64Array(models * rows * units);
  const squares = new Float64Array(models * rows * units);
  for (let model = 0; model < models; model++)
    of.forEach((cell, at) => {
      if (cell < 0) return;
      const row = half[Math.floor(at / nPos)] * cells + cell;
      for (let unit = 0; unit < units; unit++) {
        const value = activations[(model * count * nPos + at) * units + unit];
        sums[(model * rows + row) * units + unit] += value;
        squares[(model * rows + row) * units + unit] += value * value;
      }
    });
  return cellsFromSums(sums, squares, { site, models, units, table, counts });
}
