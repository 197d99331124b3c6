/** The order in which a graph's nodes are computed, and who reads what. */
import { type Graph, topologicalOrder } from "../../graph/graph.ts";
import type { Node } from "../../graph/node.ts";

/** A graph in execution order. */
export interface Schedule {
  /** Nodes that are computed (no leaves, no reshapes), operands first. */
  order: readonly Node[];
  /** For every node the nodes that read it, through reshapes. */
  readers: ReadonlyMap<Node, readonly Node[]>;
  /** Nodes whose value is wanted after the run: outputs and updates. */
  wanted: ReadonlySet<Node>;
}

/** The node whose memory holds x: a reshape is another name for its operand. */
export function source(x: Node): Node {
  let node = x;
  while (node.op === "reshape") node = node.inputs[0];
  return node;
}

export function isLeaf(node: Node): boolean {
  return node.op === "input" || node.op === "state" || node.op === "constant";
}

/**
 * Execution order of a graph.
 *
 * Updates are visited last to first: built from the weights of a model in forward order, that is the order in which the
 * backward pass meets them, so each gradient is used up as soon as it exists. A new value that overwrites a state which
 * others still read moves to the end, so that it can be written in place.
 */
export function scheduleOf(graph: Graph): Schedule {
  const updates = [...graph.updates];
  const roots = [...graph.outputs.values(), ...updates.map(([, value]) => value).reverse()];
  const all = topologicalOrder(roots);
  const readers = new Map<Node, Node[]>();
  for (const node of all) {
    if (isLeaf(node) || node.op === "reshape") continue;
    for (const operand of node.inputs) {
      const read = source(operand);
      readers.set(read, [...(readers.get(read) ?? []), node]);
    }
  }
  const statesByName = new Map<string, Node[]>();
  for (const node of all) {
    if (node.op === "state")
      statesByName.set(node.attrs.name, [...(statesByName.get(node.attrs.name) ?? []), node]);
  }
  const late = new Set<Node>();
  for (const [name, value] of updates) {
    const root = source(value);
    const states = statesByName.get(name) ?? [];
    if (states.some((state) => readers.get(state)?.some((reader) => reader !== root))) late.add(root);
  }
  const computed = all.filter((node) => !isLeaf(node) && node.op !== "reshape");
  for (const node of computed) if (node.inputs.some((operand) => late.has(source(operand)))) late.add(node);
  const order = [...computed.filter((node) => !late.has(node)), ...computed.filter((node) => late.has(node))];
  return { order, readers, wanted: new Set(roots.map(source)) };
}
