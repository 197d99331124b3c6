/** From a graph to instruction words: places in memory first, then one kernel call a step. */
import type { Graph } from "../../graph/graph.ts";
import { type Node, sizeOf } from "../../graph/node.ts";
import { isLeaf, type Schedule, scheduleOf, source } from "../plan/schedule.ts";
import type { Emission } from "./emission.ts";
import { emitters } from "./emit.ts";
import { emitProduct } from "./emitProduct.ts";
import { type Fusion, fuse, readsOf, writesOf } from "./fusion.ts";
import { InstructionWriter } from "./instructions.ts";
import type { Layout } from "./layout.ts";
import { copyLoops } from "./loops.ts";
import { Placement } from "./placement.ts";
import { planUpdates, type UpdatePlan } from "./updates.ts";

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
  layout: Layout,
  blockStart: number,
  stateOffset: (name: string) => number,
): Lowered {
  const schedule = scheduleOf(graph);
  const fusion = fuse(schedule);
  const steps = schedule.order.filter((node) => !fusion.absorbed.has(node));
  const updates = planUpdates(graph, fusion, steps, stateOffset);
  const placement = new Placement(graph, layout, blockStart, stateOffset);
  for (const [node, address] of updates.inPlace) placement.assign(node, address);
  const writer = new InstructionWriter(layout.elementBytes);

  emitSteps(steps, schedule, fusion, placement, writer);
  const outputs = placeOutputs(graph, placement, writer);
  copyUpdates(updates, placement, writer);
  const { inputs, constants, blockElements } = placement;
  return { words: writer.words, inputs, constants, outputs, blockElements };
}

/** Kernel calls of all steps; a node's memory is free for others after its last reader. */
function emitSteps(
  steps: readonly Node[],
  schedule: Schedule,
  fusion: Fusion,
  placement: Placement,
  writer: InstructionWriter,
): void {
  const lastRead = lastReads(steps, fusion, schedule);
  steps.forEach((node, index) => {
    const results = writesOf(node, fusion);
    for (const result of results) placement.hold(result);
    const temporaries: ReturnType<Placement["take"]>[] = [];
    const temporary = (elements: number) => {
      const range = placement.take(elements);
      temporaries.push(range);
      return range.address;
    };
    emitStep(node, { writer, fusion, at: placement.at, temporary });
    for (const range of temporaries) placement.giveBack(range);
    for (const used of new Set([...readsOf(node, fusion), ...results])) {
      if ((lastRead.get(used) ?? index) <= index) placement.release(used);
    }
  });
}

/** The kernel calls of one step: a fused group at its last node, or a node by itself. */
function emitStep(node: Node, emission: Emission): void {
  const { fusion, writer, at } = emission;
  const product = fusion.products.get(node);
  const norm = fusion.layerNorms.get(node);
  const adam = fusion.adamSteps.get(node);
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
  } else if (adam !== undefined) {
    const { m, v, gradient } = adam;
    const [weight, , , ...rates] = node.inputs;
    const { eps } = (node as Node<"adamUpdate">).attrs;
    const betas = [m.attrs.beta, v.attrs.beta] as const;
    const operands = [weight, m.inputs[0], v.inputs[0], gradient, ...rates].map(at);
    writer.adamStep([at(m), at(v), at(node)], operands, betas, eps, sizeOf(node.shape));
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

function copyTo(address: number, node: Node, { at }: Placement, writer: InstructionWriter): void {
  writer.copy(address, at(node), copyLoops([sizeOf(node.shape)], [1], [1]));
}

/** Where outputs are after a run; the old value of a state that is about to change is copied away first. */
function placeOutputs(graph: Graph, placement: Placement, writer: InstructionWriter): Lowered["outputs"] {
  const outputs = new Map<string, { node: Node; address: number }>();
  for (const [name, node] of graph.outputs) {
    const root = source(node);
    const changes = root.op === "state" && graph.updates.has(root.attrs.name);
    const address = changes ? placement.take(sizeOf(node.shape)).address : placement.at(node);
    if (changes) copyTo(address, node, placement, writer);
    outputs.set(name, { node, address });
  }
  return outputs;
}

/** Brings the updates that were computed elsewhere into their states, all after all were computed. */
function copyUpdates({ copied }: UpdatePlan, placement: Placement, writer: InstructionWriter): void {
  const staged = copied.map(({ target, value }) => {
    if (!isLeaf(source(value))) return { target, from: placement.at(value), value };
    const { address } = placement.take(sizeOf(value.shape)); // a state may itself be overwritten by another update
    copyTo(address, value, placement, writer);
    return { target, from: address, value };
  });
  for (const { target, from, value } of staged)
    writer.copy(target, from, copyLoops([sizeOf(value.shape)], [1], [1]));
}
