/** A graph ready for a backend: what goes in, what comes out, what it changes, in an order that can be executed. */
import { NameError, ShapeError } from "../base/errors.ts";
import { type Node, sameShape, showShape } from "./node.ts";

/** A tensor program. Build it with {@link makeGraph}. */
export interface Graph {
  /** Tensors given at every run, by name. */
  readonly inputs: ReadonlyMap<string, Node<"input">>;
  /** Tensors the session holds, by name: those read and those written. */
  readonly states: ReadonlyMap<string, Node<"state">>;
  /** What a run returns, by name. */
  readonly outputs: ReadonlyMap<string, Node>;
  /** New values of states, all taken after everything was computed from the old ones. */
  readonly updates: ReadonlyMap<string, Node>;
  /** Every node once, operands before users. */
  readonly order: readonly Node[];
}

/** Every node that the roots depend on, operands first; a node of `boundary` is listed, but not entered. */
export function topologicalOrder(roots: readonly Node[], boundary: ReadonlySet<Node> = new Set()): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  // an explicit stack: deep models would overflow the call stack
  const stack: { node: Node; next: number }[] = [];
  const enter = (node: Node) => {
    if (seen.has(node)) return;
    seen.add(node);
    stack.push({ node, next: 0 });
  };
  for (const root of roots) {
    enter(root);
    while (stack.length > 0) {
      const frame = stack[stack.length - 1];
      if (!boundary.has(frame.node) && frame.next < frame.node.inputs.length)
        enter(frame.node.inputs[frame.next++]);
      else {
        order.push(frame.node);
        stack.pop();
      }
    }
  }
  return order;
}

/**
 * Graph from its results.
 *
 * @param outputs  what a run returns
 * @param updates  new values of states, by the state's name; shapes must agree
 * @throws NameError   if two different inputs or states share a name, or one state has two new values
 * @throws ShapeError  if an update does not fit its state
 */
export function makeGraph(parts: {
  outputs?: Readonly<Record<string, Node>>;
  updates?: ReadonlyMap<Node<"state">, Node>;
}): Graph {
  const outputs = new Map(Object.entries(parts.outputs ?? {}));
  const written = [...(parts.updates ?? new Map<Node<"state">, Node>())];
  const order = topologicalOrder([...outputs.values(), ...written.map(([, value]) => value)]);
  const inputs = new Map<string, Node<"input">>();
  const states = new Map<string, Node<"state">>();
  for (const node of order) {
    if (node.op === "input") claim(inputs, node);
    if (node.op === "state") claim(states, node);
  }
  for (const [target, value] of written) {
    claim(states, target);
    if (!sameShape(target.shape, value.shape))
      throw new ShapeError({
        where: `update of state "${target.attrs.name}"`,
        rule: "must keep its shape",
        got: `${showShape(value.shape)} for ${showShape(target.shape)}`,
        wayOut: "Reshape or sum the new value.",
      });
  }
  const updates = new Map<string, Node>();
  for (const [target, value] of written) {
    if (updates.has(target.attrs.name))
      throw new NameError({
        where: `update of state "${target.attrs.name}"`,
        rule: "a state has one new value",
        got: `${updates.get(target.attrs.name)?.op} and ${value.op}`,
        wayOut: "Use one state node for a name.",
      });
    updates.set(target.attrs.name, value);
  }
  return { inputs, states, outputs, updates, order };
}

function claim<P extends "input" | "state">(known: Map<string, Node<P>>, node: Node<P>): void {
  const other = known.get(node.attrs.name);
  if (other === undefined) known.set(node.attrs.name, node);
  else if (other !== node && !(other.dtype === node.dtype && sameShape(other.shape, node.shape)))
    throw new NameError({
      where: `${node.op} "${node.attrs.name}"`,
      rule: "two tensors of one graph share this name",
      got: `${showShape(other.shape)} and ${showShape(node.shape)}`,
      wayOut: "Give them different names.",
    });
}
