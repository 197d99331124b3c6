/**
 * Runs that repeat an unchanged one but for some replaced activations, computing only what can differ from it.
 *
 * Rows go through the network block by block. A row enters at the block where something of it is replaced; below, it is
 * the unchanged run. Under a causal mask it is also the unchanged run before the first position that was replaced, so
 * only the positions from there on are computed, with keys and values before them taken from the unchanged run. After
 * the last block only the positions that are read remain. A row whose replacement has the bits of what it replaces, or
 * lies behind what is read, is not computed at all.
 *
 * What is computed goes through the same operations in the same order as in a whole run and has the same bits. That
 * rests on a pattern of 0 hiding what is masked, but 0 · Infinity is NaN: where a replacement or an answer is not
 * finite, whole runs are made. (Values that overflow only inside, behind all that is read, still hide.)
 */
import type { RunInputs, TensorData } from "../graph/backend.ts";
import type { ModelConfig } from "../model/config.ts";
import { hook, type Site, type SiteName } from "../model/hookPoints.ts";
import { type ActivationCache, cached, requireFresh } from "./activationCache.ts";
import type { Region } from "./edits.ts";
import type { Network } from "./network.ts";
import { runPass } from "./pass.ts";
import { type BlockForm, blockGraph, logitGraph } from "./suffixGraphs.ts";
import { changesOf, offsetsOf, type SweepCell } from "./sweepCell.ts";
import { emptyLike, type Tensor } from "./tensor.ts";
import type { TokenArray } from "./tokens.ts";

/** Positions of one run, all rows together: enough to forget the cost of a call, few enough to stay in cache. */
const RUN_POSITIONS = 128;
/** Most places where a suffix may begin: each needs programs of its own, fewer compute more that did not change. */
const SUFFIXES = 8;
/** Numbers of streams held at a time; cells are taken in portions for it. */
const HELD_NUMBERS = 2 ** 22;

/** What is asked of the runs. */
export interface SuffixRequest {
  /** Cells whose sites all lie in one block. */
  readonly cells: readonly SweepCell[];
  /** What the cells become, by site, one row for each sequence. */
  readonly replacement: ActivationCache;
  /** Positions whose logits are read, start ≤ pos < end. */
  readonly reads: readonly [start: number, end: number];
  /** Most rows of one run. */
  readonly maxRows: number;
}

/** Whether the runs of a cell can be such runs. */
export function inOneBlock({ sites }: SweepCell): boolean {
  return sites.every(({ layer }) => layer !== undefined && layer === sites[0].layer);
}

/** A request with what its runs share. */
interface Sweep extends SuffixRequest {
  readonly network: Network;
  readonly batch: number;
  readonly pos: number;
  /** The unchanged run. */
  readonly cache: ActivationCache;
  readonly logits: Tensor;
}

/** A changed sequence between two blocks. */
interface Row {
  readonly cell: number;
  /** The sequence that it is made from. */
  readonly sequence: number;
  /** First position of the stream. */
  readonly first: number;
  /** [model, pos from first, dModel], ending with the input, after the last block with the positions that are read. */
  readonly stream: TensorData;
}

/** A row that is to pass a block with something in it replaced. */
interface Entry extends Omit<Row, "cell"> {
  readonly sites: readonly Site[];
  /** What is replaced, and for which cell; where it stays in place, each cell has a position of its own. */
  readonly parts: readonly { cell: number; region: Region; at: number }[];
  readonly inPlace: boolean;
}

/** Masks and values of a site, [model, row, …site]. */
interface Replaced {
  readonly set: Float32Array;
  readonly value: TensorData;
}

/**
 * Runs the network with each cell replaced by itself.
 *
 * @param answer  called once for each cell with its logits [model, batch, pos, dVocab], those of the unchanged run at
 *                positions that are not read; with undefined where a whole run is needed
 */
export async function runSuffixes(
  network: Network,
  tokens: TokenArray,
  request: SuffixRequest,
  answer: (cell: number, logits: Tensor | undefined) => void,
): Promise<void> {
  const { cells } = request;
  if (cells.length === 0) return;
  const { nLayers, dModel } = network.config;
  const sweep = await prepared(network, tokens, request);
  const layerOf = (cell: number) => cells[cell].sites[0].layer as number;
  const order = cells.map((_, cell) => cell).sort((a, b) => layerOf(a) - layerOf(b));
  const numbers = network.models * tokens.batch * tokens.pos * dModel;
  const portion = Math.max(1, Math.floor(HELD_NUMBERS / numbers));
  for (let from = 0; from < order.length; from += portion) {
    const own = order.slice(from, from + portion);
    const refused = new Set<number>();
    let rows: Row[] = [];
    for (let layer = layerOf(own[0]); layer < nLayers; layer++) {
      const here = own.filter((cell) => layerOf(cell) === layer);
      const { before, through } = entering(sweep, layer, here, refused);
      rows = [
        ...(await advanced(sweep, layer, [...rows, ...before])),
        ...(await entered(sweep, layer, through)),
      ];
    }
    const changed = await changedLogits(sweep, rows);
    for (const cell of own)
      answer(cell, refused.has(cell) ? undefined : withRows(sweep, changed.get(cell) ?? []));
  }
}

async function prepared(network: Network, tokens: TokenArray, request: SuffixRequest): Promise<Sweep> {
  const { config } = network;
  requireFresh(network, request.replacement);
  const sites = new Set<SiteName>(request.cells.flatMap((cell) => cell.sites.map(({ name }) => name)));
  const lowest = Math.min(...request.cells.map((cell) => cell.sites[0].layer as number));
  for (let layer = lowest; layer < config.nLayers; layer++) {
    sites.add(hook.residPre(layer)).add(hook.residPost(layer));
    if (config.causal && !config.mlpOnly) sites.add(hook.k(layer)).add(hook.v(layer));
  }
  const { cache, logits } = await runPass(network, tokens, { sites: [...sites] });
  return { ...request, network, batch: tokens.batch, pos: tokens.pos, cache, logits };
}

/** Where the suffix begins that is computed for a change at a position. */
function suffixAt({ network, pos }: Sweep, position: number): number {
  const apart = Math.max(2, Math.ceil(pos / SUFFIXES));
  return network.config.causal ? position - (position % apart) : 0;
}

/** Positions of a row's stream after a block. */
function extentAfter({ network, pos, reads }: Sweep, layer: number, first: number): [number, number] {
  return layer < network.config.nLayers - 1 ? [first, pos] : [Math.max(first, reads[0]), reads[1]];
}

/** Whether what changes at a site stays at its position until the next block: no other position attends to it. */
function staysInPlace({ normalization }: ModelConfig, { name }: Site): boolean {
  if (/\.(hook_resid_pre|attn\.hook_k|attn\.hook_rot_k|attn\.hook_v)$/.test(name)) return false;
  return normalization !== "pre" || !name.includes(".ln1.");
}

/** Some positions of one sequence in the unchanged run, [model, pos, …]. */
function unchanged(
  { cache, batch, pos }: Sweep,
  site: SiteName,
  sequence: number,
  [start, end]: readonly [number, number],
): TensorData {
  const { data, shape } = cached(cache, site);
  const [models] = shape;
  const perPosition = data.length / (models * batch * pos);
  const size = (end - start) * perPosition;
  const out = emptyLike(data, models * size);
  for (let model = 0; model < models; model++) {
    const from = ((model * batch + sequence) * pos + start) * perPosition;
    out.set(data.subarray(from, from + size), model * size);
  }
  return out;
}

/** The rows that begin at a block: before it where its stream is replaced, through it where something inside is. */
function entering(
  sweep: Sweep,
  layer: number,
  cells: readonly number[],
  refused: Set<number>,
): { before: Row[]; through: Entry[] } {
  const { network, cache, replacement, reads, pos } = sweep;
  const { config } = network;
  const before: Row[] = [];
  const through = new Map<string, Omit<Entry, "first" | "stream"> & { parts: Entry["parts"][number][] }>();
  for (const cell of cells) {
    const { sites, region } = sweep.cells[cell];
    const inPlace = typeof region.pos === "number" && sites.every((site) => staysInPlace(config, site));
    for (const [sequence, change] of changesOf(sweep.cells[cell], cache, replacement).entries()) {
      if (change === undefined) continue;
      const { first: at, finite } = change;
      const passed = config.causal && at >= reads[1];
      const aside = inPlace && layer === config.nLayers - 1 && (at < reads[0] || at >= reads[1]);
      if (!finite) refused.add(cell);
      else if (passed || aside) continue;
      else if (sites.every(({ name }) => name === hook.residPre(layer)))
        before.push(replacedStream(sweep, cell, sequence, suffixAt(sweep, at)));
      else {
        const names = sites.map(({ name }) => name);
        const key = JSON.stringify([sequence, inPlace ? [names, { ...region, pos: undefined }] : cell]);
        const entry = through.get(key) ?? { sequence, sites, inPlace, parts: [] };
        entry.parts.push({ cell, region, at });
        through.set(key, entry);
      }
    }
  }
  const entries = [...through.values()].map((entry): Entry => {
    const first = suffixAt(sweep, Math.min(...entry.parts.map(({ at }) => at)));
    return {
      ...entry,
      first,
      stream: unchanged(sweep, hook.residPre(layer), entry.sequence, [first, pos]),
    };
  });
  return { before, through: entries };
}

/** The row of a cell that is replaced before its block. */
function replacedStream(sweep: Sweep, cell: number, sequence: number, first: number): Row {
  const { network, batch, pos, replacement } = sweep;
  const { dModel } = network.config;
  const [site] = sweep.cells[cell].sites;
  const { data } = cached(replacement, site.name);
  const stream = unchanged(sweep, site.name, sequence, [first, pos]);
  for (const offset of offsetsOf(site, sweep.cells[cell].region, pos)) {
    const to = offset - first * dModel;
    if (to < 0) continue; // the same bits as before
    for (let model = 0; model < network.models; model++)
      stream[model * (pos - first) * dModel + to] = data[(model * batch + sequence) * pos * dModel + offset];
  }
  return { cell, sequence, first, stream };
}

/** Rows after a block. */
async function advanced(sweep: Sweep, layer: number, rows: readonly Row[]): Promise<Row[]> {
  const after: Row[] = [];
  for (const together of inRuns(sweep, rows)) {
    const streams = await throughBlock(sweep, layer, together);
    for (const [i, row] of together.entries())
      after.push({ ...row, first: extentAfter(sweep, layer, row.first)[0], stream: streams[i] });
  }
  return after;
}

/** Rows after the block in which they begin. */
async function entered(sweep: Sweep, layer: number, entries: readonly Entry[]): Promise<Row[]> {
  const { network } = sweep;
  const after: Row[] = [];
  for (const together of inRuns(sweep, entries)) {
    const rows = programRows(sweep, together.length);
    const streams = await throughBlock(sweep, layer, together, replaced(sweep, together, rows));
    for (const [i, { sequence, first, parts, inPlace }] of together.entries())
      for (const { cell, at } of parts) {
        const [start, end] = extentAfter(sweep, layer, inPlace ? suffixAt(sweep, at) : first);
        if (!inPlace) {
          after.push({ cell, sequence, first: start, stream: streams[i] });
          continue;
        }
        const stream = unchanged(sweep, hook.residPost(layer), sequence, [start, end]);
        const [own, { dModel }] = [extentAfter(sweep, layer, first)[0], network.config];
        const [length, ownLength] = [(end - start) * dModel, (end - own) * dModel];
        for (let model = 0; model < network.models; model++) {
          const from = model * ownLength + (at - own) * dModel;
          stream.set(streams[i].subarray(from, from + dModel), model * length + (at - start) * dModel);
        }
        after.push({ cell, sequence, first: start, stream });
      }
  }
  return after;
}

/** Which elements of the sites are replaced, and the sites' unchanged values with the replacements in them. */
function replaced(sweep: Sweep, together: readonly Entry[], rows: number): Map<SiteName, Replaced> {
  const { network, batch, pos, cache, replacement } = sweep;
  const bySite = new Map<SiteName, Replaced>();
  for (const [row, { sequence, sites, parts }] of together.entries())
    for (const site of sites) {
      const [own, put] = [cached(cache, site.name).data, cached(replacement, site.name).data];
      const perRow = own.length / (network.models * batch);
      const size = network.models * rows * perRow;
      const arrays = bySite.get(site.name) ?? { set: new Float32Array(size), value: emptyLike(own, size) };
      bySite.set(site.name, arrays);
      const offsets = parts.map(({ region }) => offsetsOf(site, region, pos));
      for (let model = 0; model < network.models; model++) {
        const [from, to] = [(model * batch + sequence) * perRow, (model * rows + row) * perRow];
        arrays.value.set(own.subarray(from, from + perRow), to);
        for (const list of offsets)
          for (const offset of list) {
            arrays.set[to + offset] = 1;
            arrays.value[to + offset] = put[from + offset];
          }
      }
    }
  return bySite;
}

/** Streams after a block, of rows with one first position. */
async function throughBlock(
  sweep: Sweep,
  layer: number,
  together: readonly Omit<Row, "cell">[],
  bySite: ReadonlyMap<SiteName, Replaced> = new Map(),
): Promise<TensorData[]> {
  const { network, batch, pos } = sweep;
  const { config, models } = network;
  const [{ first }] = together;
  const rows = programRows(sweep, together.length);
  const form: BlockForm = {
    ...{ layer, rows, batch, pos, first },
    wanted: extentAfter(sweep, layer, first),
    replaced: [...bySite.keys()],
  };
  const program = network.program(`block ${JSON.stringify(form)}`, () => blockGraph(config, form));
  const sequences = together.map(({ sequence }) => sequence);
  const inputs: Record<string, RunInputs[string]> = {
    stream: stacked(models, together, rows),
    sequence: Int32Array.from({ length: rows }, (_, row) => sequences[row] ?? 0),
  };
  for (const [name, { set, value }] of bySite) {
    inputs[`set ${name}`] = set;
    inputs[`value ${name}`] = value;
  }
  if (first > 0 && !config.mlpOnly)
    for (const site of [hook.k(layer), hook.v(layer)]) {
      const before = Array.from({ length: batch }, (_, sequence) => {
        return { stream: unchanged(sweep, site, sequence, [0, first]) };
      });
      inputs[`known ${site}`] = stacked(models, before, batch);
    }
  return unstacked(models, (await program.run(inputs)).stream, rows);
}

/** Logits of each row at the positions that are read, [model, pos from first, dVocab], by cell. */
async function changedLogits(sweep: Sweep, rows: readonly Row[]): Promise<Map<number, Row[]>> {
  const { network, reads } = sweep;
  const { config, models } = network;
  const changed = new Map<number, Row[]>();
  for (const together of inRuns(sweep, rows)) {
    const form = { rows: programRows(sweep, together.length), pos: reads[1] - together[0].first };
    const program = network.program(`logits ${JSON.stringify(form)}`, () => logitGraph(config, form));
    const { logits } = await program.run({ stream: stacked(models, together, form.rows) });
    const own = unstacked(models, logits, form.rows);
    for (const [i, row] of together.entries()) {
      const list = changed.get(row.cell) ?? [];
      list.push({ ...row, stream: own[i] });
      changed.set(row.cell, list);
    }
  }
  return changed;
}

/** The unchanged logits with those of a cell's rows where they are read; undefined if not all of those are finite. */
function withRows({ network, batch, pos, logits }: Sweep, rows: readonly Row[]): Tensor | undefined {
  const { models, config } = network;
  if (rows.length === 0) return logits;
  const data = logits.data.slice();
  for (const { sequence, first, stream } of rows) {
    if (!stream.every((logit) => Number.isFinite(logit))) return undefined;
    const size = stream.length / models;
    for (let model = 0; model < models; model++) {
      const to = ((model * batch + sequence) * pos + first) * config.dVocab;
      data.set(stream.subarray(model * size, (model + 1) * size), to);
    }
  }
  return { ...logits, data };
}

/** Rows with one first position, and the same sites replaced, in runs of nearly one size. */
function inRuns<T extends { first: number; stream: TensorData; sites?: readonly Site[] }>(
  { network, maxRows }: Sweep,
  rows: readonly T[],
): T[][] {
  const perPosition = network.models * network.config.dModel;
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = [row.first, ...(row.sites ?? []).map(({ name }) => name)].join(" ");
    const own = groups.get(key) ?? [];
    groups.set(key, own);
    own.push(row);
  }
  return [...groups.values()].flatMap((own) => {
    const positions = own[0].stream.length / perPosition;
    const most = Math.min(maxRows, Math.max(1, Math.floor(RUN_POSITIONS / positions)));
    const perRun = Math.ceil(own.length / Math.ceil(own.length / most));
    return Array.from({ length: Math.ceil(own.length / perRun) }, (_, i) => {
      return own.slice(i * perRun, (i + 1) * perRun);
    });
  });
}

/** Rows of the program that a run goes through: three significant bits, so that a few programs serve all numbers. */
function programRows({ maxRows }: Sweep, rows: number): number {
  const unit = 2 ** Math.max(0, Math.floor(Math.log2(rows)) - 2);
  return Math.min(maxRows, Math.ceil(rows / unit) * unit);
}

/** Streams [model, …] side by side, [model, row, …]; the last is repeated up to the number of rows. */
function stacked(models: number, own: readonly { stream: TensorData }[], rows: number): TensorData {
  const size = own[0].stream.length / models;
  const out = emptyLike(own[0].stream, models * rows * size);
  for (let model = 0; model < models; model++)
    for (let row = 0; row < rows; row++) {
      const { stream } = own[Math.min(row, own.length - 1)];
      out.set(stream.subarray(model * size, (model + 1) * size), (model * rows + row) * size);
    }
  return out;
}

/** The rows of [model, row, …], each [model, …]. */
function unstacked(models: number, data: TensorData, rows: number): TensorData[] {
  const size = data.length / (models * rows);
  return Array.from({ length: rows }, (_, row) => {
    if (models === 1) return data.subarray(row * size, (row + 1) * size);
    const out = emptyLike(data, models * size);
    for (let model = 0; model < models; model++) {
      const from = (model * rows + row) * size;
      out.set(data.subarray(from, from + size), model * size);
    }
    return out;
  });
}
