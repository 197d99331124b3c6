/** A population in WebAssembly memory: one call of the interpreter a group of models and run. */
import { integerIn } from "../../base/check.ts";
import { ArgumentError } from "../../base/errors.ts";
import type { Program, RunInputs, Session, SessionOptions, TensorData } from "../../graph/backend.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Node, type Shape, sizeOf } from "../../graph/node.ts";
import { checkedInput, checkIndices, checkStates, checkWrite, heldState, indexLimits } from "../checks.ts";
import { type Layout, VECTOR_BYTES } from "./layout.ts";
import { type Lowered, lower } from "./lower.ts";

const PAGE_BYTES = 65536;
/** Kernels may read a vector that begins with the last element of memory. */
const SLACK_BYTES = 16;
/** Wasm addresses are 32 bits wide; one page is kept below the first block. */
const MAX_PAGES = 65536;

/** A run whose inputs are checked. */
interface Begun {
  readonly results: Record<string, TensorData>;
  /** @param isFresh  whether what all models share has to be written again */
  runGroup(group: number, isFresh: boolean): void;
}

type Run = (start: number, end: number, groupBase: number) => void;

/** Opens a session on the kernels compiled for `layout`. */
export function openSession(kernels: WebAssembly.Module, layout: Layout, options: SessionOptions): Session {
  const { models, states, clock } = options;
  integerIn("population", models, 1);
  const { lanes, elementBytes } = layout;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES });
  const { run } = new WebAssembly.Instance(kernels, { env: { memory } }).exports as unknown as {
    run: Run;
  };
  let top = PAGE_BYTES; // the first page is the kernels' own
  let floats = new Float32Array(memory.buffer);
  let ints = new Int32Array(memory.buffer);
  const allocate = (bytes: number): number => {
    const start = top;
    top += Math.ceil(bytes / 64) * 64; // a cache line
    const missing = Math.ceil((top + SLACK_BYTES - memory.buffer.byteLength) / PAGE_BYTES);
    if (missing > 0) grow(memory, missing);
    floats = new Float32Array(memory.buffer);
    ints = new Int32Array(memory.buffer);
    return start;
  };

  const groups = Math.ceil(models / lanes);
  const held = new Map<string, { shape: Shape; offset: number }>();
  let groupBytes = 0;
  for (const [name, shape] of Object.entries(states)) {
    held.set(name, { shape, offset: groupBytes });
    groupBytes += Math.ceil((sizeOf(shape) * elementBytes) / VECTOR_BYTES) * VECTOR_BYTES;
  }
  groupBytes = Math.ceil(groupBytes / 64) * 64;
  const statesStart = allocate(groups * groupBytes);
  const groupBase = (group: number) => statesStart + group * groupBytes;
  /** Where the models of a group are in arrays of [model, element]. */
  const place = (group: number): Place => ({
    lanes,
    first: group * lanes,
    filled: Math.min(lanes, models - group * lanes),
  });
  let kernelTime = 0;
  const beginnings = new WeakMap<Program, (inputs: RunInputs) => Begun>();

  const compile = (graph: Graph): Program => {
    checkStates(graph, held);
    const lowered = lower(graph, layout, top, (name) => heldState(held, name).offset);
    const block = allocate(lowered.blockElements * elementBytes); // begins at what was the top
    const code = allocate(lowered.words.length * 4);
    const codeEnd = code + lowered.words.length * 4;
    ints.set(lowered.words, code / 4);
    for (const { node, offset } of lowered.constants) writeConstant(node, block / 4 + offset * lanes);
    const limits = indexLimits(graph);

    /** Checks what a run is given; then every group can be taken through it, and the results are there. */
    const begin = (inputs: RunInputs): Begun => {
      checkInputs(lowered, inputs, models, limits);
      const results: Record<string, TensorData> = {};
      for (const [name, { node }] of lowered.outputs)
        results[name] = new Float32Array(models * sizeOf(node.shape));
      const runGroup = (group: number, isFresh: boolean) => {
        for (const [name, { node, offset }] of lowered.inputs) {
          const values = inputs[name];
          const target = node.dtype === "int32" ? ints : floats;
          const shared = values.length !== models * sizeOf(node.shape);
          if (!shared) pack(target, block / 4 + offset * lanes, values, sizeOf(node.shape), place(group));
          else if (isFresh) spreadShared(target, block / 4 + offset * lanes, values, lanes);
        }
        const started = clock?.() ?? 0;
        run(code, codeEnd, groupBase(group));
        if (clock !== undefined) kernelTime += clock() - started;
        for (const [name, { node, address }] of lowered.outputs) {
          const from = (address & 1 ? groupBase(group) + (address & ~1) : address) / 4;
          const source = node.dtype === "int32" ? ints : floats;
          unpack(results[name], source, from, sizeOf(node.shape), place(group));
        }
      };
      return { results, runGroup };
    };
    const program: Program = { run: async (inputs) => groupByGroup([begin(inputs)])[0] };
    beginnings.set(program, begin);
    return program;
  };

  /** Group by group: a model's weights and accumulators stay in the cache from one run to the next. */
  const groupByGroup = (begun: readonly Begun[]): Record<string, TensorData>[] => {
    for (let group = 0; group < groups; group++)
      for (const { runGroup } of begun) runGroup(group, group === 0 || begun.length > 1);
    return begun.map(({ results }) => results);
  };

  const writeConstant = (node: Node<"constant">, start: number) => {
    const target = node.dtype === "int32" ? ints : floats;
    const { values } = node.attrs;
    const count = sizeOf(node.shape);
    for (let i = 0; i < count; i++)
      target.fill(values[values.length === 1 ? 0 : i], start + i * lanes, start + (i + 1) * lanes);
  };

  return {
    models,
    compile,
    runInTurn: async (calls) =>
      groupByGroup(
        calls.map(({ program, inputs }) => {
          const begin = beginnings.get(program);
          if (begin !== undefined) return begin(inputs);
          throw new ArgumentError({ where: "wasm session", rule: "can only run programs that it compiled" });
        }),
      ),
    write(name, values) {
      const { shape, offset } = heldState(held, name);
      const size = sizeOf(shape);
      checkWrite(name, values.length, models, shape);
      for (let group = 0; group < groups; group++)
        pack(floats, (groupBase(group) + offset) / 4, values, size, place(group));
    },
    async read(name) {
      const { shape, offset } = heldState(held, name);
      const size = sizeOf(shape);
      const out = new Float32Array(models * size);
      for (let group = 0; group < groups; group++)
        unpack(out, floats, (groupBase(group) + offset) / 4, size, place(group));
      return out;
    },
    kernelMilliseconds: () => kernelTime,
    memoryBytes: () => memory.buffer.byteLength,
    close() {
      floats = new Float32Array(0);
      ints = new Int32Array(0);
    },
  };
}

function grow(memory: WebAssembly.Memory, pages: number): void {
  try {
    memory.grow(pages);
  } catch {
    const gigabytes = ((memory.buffer.byteLength + pages * PAGE_BYTES) / 2 ** 30).toFixed(2);
    throw new ArgumentError({
      where: "wasm backend",
      rule: "a worker can hold 4 GB at most",
      got: `${gigabytes} GB asked for`,
      wayOut: "Use more workers or fewer models at a time.",
    });
  }
}

/** The models of one group: `filled` of its lanes, the first of them model number `first` of the population. */
interface Place {
  lanes: number;
  first: number;
  filled: number;
}

/** Writes the models of one group from [model, element] into lanes; lanes without a model stay zero. */
function pack(
  target: Float32Array | Int32Array,
  start: number,
  values: ArrayLike<number>,
  size: number,
  { lanes, first, filled }: Place,
): void {
  if (filled === 4) {
    // lane after lane would visit every cache line of the target four times
    const one = first * size;
    const [two, three, four] = [one + size, one + 2 * size, one + 3 * size];
    for (let i = 0, to = start; i < size; i++, to += 4) {
      target[to] = values[one + i];
      target[to + 1] = values[two + i];
      target[to + 2] = values[three + i];
      target[to + 3] = values[four + i];
    }
    return;
  }
  for (let lane = 0; lane < filled; lane++) {
    const from = (first + lane) * size;
    for (let i = 0, to = start + lane; i < size; i++, to += lanes) target[to] = values[from + i];
  }
}

/** Writes [element] into every lane. */
function spreadShared(
  target: Float32Array | Int32Array,
  start: number,
  values: ArrayLike<number>,
  lanes: number,
): void {
  for (let i = 0, to = start; i < values.length; i++)
    for (let lane = 0; lane < lanes; lane++) target[to++] = values[i];
}

function unpack(
  target: TensorData,
  source: Float32Array | Int32Array,
  start: number,
  size: number,
  { lanes, first, filled }: Place,
): void {
  for (let lane = 0; lane < filled; lane++) {
    const to = (first + lane) * size;
    for (let i = 0, from = start + lane; i < size; i++, from += lanes) target[to + i] = source[from];
  }
}

/** Throws where an input is missing, misshapen or would read outside its table. */
function checkInputs(
  lowered: Lowered,
  inputs: RunInputs,
  models: number,
  limits: ReadonlyMap<string, number>,
): void {
  for (const [name, { node }] of lowered.inputs) {
    checkIndices(name, checkedInput(node, inputs, models), limits.get(name));
  }
}
