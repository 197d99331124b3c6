/** From a graph to instruction words: places in memory first, then one kernel call a step. */
import { InternalError } from "../../base/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Node, sizeOf } from "../../graph/node.ts";
import { Arena } from "./arena.ts";
import type { Emission } from "./emission.ts";
import { emitters } from "./emit.ts";
import { emitProduct } from "./emitProduct.ts";
import { type Fusion, fuse, readsOf, writesOf } from "./fusion.ts";
import { InstructionWriter } from "./instructions.ts";
import { type Layout, VECTOR_BYTES } from "./layout.ts";
import { isLeaf, type Schedule, scheduleOf, source } from "./schedule.ts";
import { copyLoops } from "./strides.ts";

/** A lowered graph. Offsets of inputs, constants and outputs are elements from the start of the program's block. */
export interface Lowered {
  words: readonly number[];
  inputs: ReadonlyMap<string, { node: Node<"input">; offset: number }>;
  constants: readonly { node: Node<"constant">; offset: number }[];
  outputs: ReadonlyMap<string, { node: Node; address: number }>;
  /** Elements of the program's block: inputs, constants and scratch. */
  blockElements: number;
}

/**
 * @param blockStart   byte address where the program's block will be
 * @param stateOffset  byte offset of a state in its group's states
 */
export function lower(
  graph: Graph,
  { elementBytes }: Layout,
  blockStart: number,
  stateOffset: (name: string) => number,
): Lowered {
  const perVector = VECTOR_BYTES / elementBytes;
  const wholeVectors = (elements: number) => Math.ceil(elements / perVector) * perVector;
  const schedule = scheduleOf(graph);
  const fusion = fuse(schedule);
  const steps = schedule.order.filter((node) => !fusion.absorbed.has(node));
  const places = new Map<Node, number>();
  const inputs = new Map<string, { node: Node<"input">; offset: number }>();
  const constants: { node: Node<"constant">; offset: number }[] = [];
  let fixed = 0;
  const reserve = (node: Node): number => {
    const offset = fixed;
    fixed += wholeVectors(sizeOf(node.shape));
    places.set(node, blockStart + offset * elementBytes);
    return offset;
  };
  for (const node of graph.order) {
    if (node.op === "constant") constants.push({ node, offset: reserve(node) });
    if (node.op === "state") places.set(node, stateOffset(node.attrs.name) | 1);
    if (node.op === "input") {
      const known = inputs.get(node.attrs.name);
      if (known === undefined) inputs.set(node.attrs.name, { node, offset: reserve(node) });
      else places.set(node, blockStart + known.offset * elementBytes);
    }
  }
  const scratchStart = blockStart + fixed * elementBytes;
  const arena = new Arena();
  const writer = new InstructionWriter(elementBytes);
  const updates = planUpdates(graph, fusion, steps, stateOffset);
  for (const [node, address] of updates.inPlace) places.set(node, address);

  const at = (node: Node): number => {
    const place = places.get(source(node));
    if (place === undefined)
      throw new InternalError({
        where: "wasm lowering",
        rule: "a node is read before it has a place",
        got: node.op,
      });
    return place;
  };
  const take = (elements: number) => {
    const count = wholeVectors(elements);
    const start = arena.take(count);
    return { start, count, address: scratchStart + start * elementBytes };
  };
  const lastRead = lastReads(steps, fusion, schedule);
  const held = new Map<Node, { start: number; count: number }>();
  steps.forEach((node, index) => {
    for (const result of writesOf(node, fusion)) {
      if (places.has(result)) continue;
      const { start, count, address } = take(sizeOf(result.shape));
      places.set(result, address);
      held.set(result, { start, count });
    }
    const temporaries: { start: number; count: number }[] = [];
    const temporary = (elements: number) => {
      const { start, count, address } = take(elements);
      temporaries.push({ start, count });
      return address;
    };
    const emission: Emission = { writer, fusion, at, temporary };
    emitStep(node, emission);
    for (const { start, count } of temporaries) arena.release(start, count);
    const touched = new Set([...readsOf(node, fusion), ...writesOf(node, fusion)]);
    for (const used of touched) {
      const range = held.get(used);
      if (range === undefined || (lastRead.get(used) ?? index) > index) continue;
      arena.release(range.start, range.count);
      held.delete(used);
    }
  });

  const outputs = new Map<string, { node: Node; address: number }>();
  const copyTo = (address: number, node: Node) => {
    const count = [sizeOf(node.shape)];
    writer.copy(address, at(node), copyLoops(count, [1], [1]));
  };
  for (const [name, node] of graph.outputs) {
    let address = at(node);
    const root = source(node);
    if (root.op === "state" && graph.updates.has(root.attrs.name)) {
      // the old value is asked for, and its memory is about to change
      address = take(sizeOf(node.shape)).address;
      copyTo(address, node);
    }
    outputs.set(name, { node, address });
  }
  const staged = updates.copied.map(({ target, value }) => {
    const root = source(value);
    if (!isLeaf(root)) return { target, address: at(value), value };
    const { address } = take(sizeOf(value.shape)); // a state may itself be overwritten by another update
    copyTo(address, value);
    return { target, address, value };
  });
  for (const { target, address, value } of staged)
    writer.copy(target, address, copyLoops([sizeOf(value.shape)], [1], [1]));
  return { words: writer.words, inputs, constants, outputs, blockElements: fixed + arena.size };
}

/** The kernel calls of one step: a fused group at its last node, or a node by itself. */
function emitStep(node: Node, emission: Emission): void {
  const { fusion, writer, at } = emission;
  const product = fusion.products.get(node);
  const norm = fusion.layerNorms.get(node);
  if (product !== undefined) emitProduct(node, product, emission);
  else if (norm !== undefined) {
    const { scale, normalized, weight, bias } = norm;
    const results = [at(scale), at(normalized), at(node)] as const;
    const width = node.shape[node.shape.length - 1];
    writer.layerNorm(
      results,
      at(scale.inputs[0]),
      at(weight),
      at(bias),
      sizeOf(scale.shape),
      width,
      scale.attrs.eps,
    );
  } else emitters[node.op](node as never, emission);
}

/** The step after which a node's memory is free; wanted nodes are kept to the end. */
function lastReads(steps: readonly Node[], fusion: Fusion, schedule: Schedule): Map<Node, number> {
  const last = new Map<Node, number>();
  steps.forEach((node, index) => {
    for (const read of readsOf(node, fusion)) last.set(read, index);
  });
  for (const node of schedule.wanted) last.set(node, Number.POSITIVE_INFINITY);
  return last;
}

/** Ops whose kernel reads element i of an operand before it writes element i of the result, and none later. */
const elementwise = new Set([
  "add",
  "sub",
  "mul",
  "div",
  "maximum",
  "minimum",
  "gate",
  "scale",
  "offset",
  "ema",
  "emaSquare",
  "adamUpdate",
]);

/** Which updates are written straight into their state, and which are copied there at the end. */
function planUpdates(
  graph: Graph,
  fusion: Fusion,
  steps: readonly Node[],
  stateOffset: (name: string) => number,
) {
  const inPlace = new Map<Node, number>();
  const copied: { target: number; value: Node }[] = [];
  const position = new Map(steps.map((node, i) => [node, i]));
  const outputs = new Set([...graph.outputs.values()].map(source));
  const readAtEnd = new Set<string>();
  for (const value of [...graph.outputs.values(), ...graph.updates.values()]) {
    const root = source(value);
    if (root.op === "state") readAtEnd.add(root.attrs.name);
  }
  for (const [name, value] of graph.updates) {
    const root = source(value);
    const target = stateOffset(name) | 1;
    const end = position.get(root);
    const readsState = (node: Node) =>
      readsOf(node, fusion).filter((read) => read.op === "state" && read.attrs.name === name);
    const othersAreDone =
      end !== undefined && steps.every((node, i) => i <= end || readsState(node).length === 0);
    const ownRead = end === undefined ? [] : readsState(root);
    const aligned = ownRead.every(
      (read) => sizeOf(read.shape) === sizeOf(root.shape) && readsElementwise(root, read, fusion),
    );
    if (othersAreDone && aligned && !inPlace.has(root) && !outputs.has(root) && !readAtEnd.has(name))
      inPlace.set(root, target);
    else copied.push({ target, value });
  }
  return { inPlace, copied };
}

/** Whether a step may write over the operand `read`: it reads each of its elements just before writing that element. */
function readsElementwise(node: Node, read: Node, fusion: Fusion): boolean {
  const product = fusion.products.get(node);
  if (product === undefined) return elementwise.has(node.op);
  return (
    product.einsum.inputs.every((operand) => source(operand) !== read) &&
    (product.bias === undefined || source(product.bias) !== read)
  );
}
