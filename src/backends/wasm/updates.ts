/** How new values of states get where they belong. */
import type { Graph } from "../../graph/graph.ts";
import { type Node, sizeOf } from "../../graph/node.ts";
import { source } from "../plan/schedule.ts";
import { type Fusion, readsOf, writesOf } from "./fusion.ts";

/** Where every update is written: straight into its state, or elsewhere and copied at the end. */
export interface UpdatePlan {
  /** Address of the state, by the node that is computed into it. */
  inPlace: ReadonlyMap<Node, number>;
  copied: readonly { target: number; value: Node }[];
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

/**
 * An update is written straight into its state where nobody reads the old value afterwards, and its own kernel reads
 * each element before it writes it.
 */
export function planUpdates(
  graph: Graph,
  fusion: Fusion,
  steps: readonly Node[],
  stateOffset: (name: string) => number,
): UpdatePlan {
  const inPlace = new Map<Node, number>();
  const copied: { target: number; value: Node }[] = [];
  /** Place of the step that computes a node. */
  const position = new Map(steps.flatMap((step, i) => writesOf(step, fusion).map((node) => [node, i])));
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
    const step = end === undefined ? undefined : steps[end];
    const ownRead = step === undefined ? [] : readsState(step);
    const aligned = ownRead.every(
      (read) =>
        step !== undefined &&
        sizeOf(read.shape) === sizeOf(root.shape) &&
        readsElementwise(step, read, fusion),
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
