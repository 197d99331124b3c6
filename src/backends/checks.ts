/** What every backend checks before it runs: names, shapes and whole numbers, with the same sentences everywhere. */
import { ArgumentError, ShapeError, unknownName } from "../base/errors.ts";
import type { RunInputs } from "../graph/backend.ts";
import { type Graph, topologicalOrder } from "../graph/graph.ts";
import { type Node, type Shape, sameShape, showShape, sizeOf } from "../graph/node.ts";

/** The entry of a state; throws NameError with the nearest match. */
export function heldState<T>(states: ReadonlyMap<string, T>, name: string): T {
  const found = states.get(name);
  if (found === undefined) throw unknownName("state", name, states.keys());
  return found;
}

/** Throws unless the session holds every state of the graph in the graph's shape. */
export function checkStates(graph: Graph, states: ReadonlyMap<string, { shape: Shape }>): void {
  for (const [name, node] of graph.states) {
    const { shape } = heldState(states, name);
    if (sameShape(shape, node.shape)) continue;
    throw new ShapeError({
      where: `state "${name}"`,
      rule: `the session holds it as ${showShape(shape)}`,
      got: showShape(node.shape),
      wayOut: "Open the session with the shapes of the graph.",
    });
  }
}

/** Throws unless `count` numbers are those of every model. */
export function checkWrite(name: string, count: number, models: number, shape: Shape): void {
  const wanted = models * sizeOf(shape);
  if (count === wanted) return;
  throw new ShapeError({
    where: `state "${name}"`,
    rule: `takes ${wanted} numbers: ${models} models of ${showShape(shape)}`,
    got: String(count),
    wayOut: "Give the values of every model, the model axis first.",
  });
}

/** The values given for an input: of every model, or one copy that all share. Throws where they are not that. */
export function checkedInput(node: Node<"input">, inputs: RunInputs, models: number): RunInputs[string] {
  const { name, dtype } = node.attrs;
  const size = sizeOf(node.shape);
  const wanted = () =>
    `${size} numbers for all models or ${models * size}, [model ${models}] of ${dtype} ${showShape(node.shape)}`;
  if (!Object.hasOwn(inputs, name))
    throw new ShapeError({
      where: `input "${name}"`,
      rule: `must be given, ${wanted()}`,
      got: Object.keys(inputs).length === 0 ? "no input" : `inputs ${Object.keys(inputs).join(", ")}`,
      wayOut: "Name every input of the graph.",
    });
  const given = inputs[name];
  if (given.length !== size && given.length !== models * size)
    throw new ShapeError({
      where: `input "${name}"`,
      rule: `takes ${wanted()}`,
      got: String(given.length),
      wayOut: "Give the values of every model, the model axis first, or one copy that they share.",
    });
  if (dtype === "int32" && !(given instanceof Int32Array) && !given.every(Number.isInteger))
    throw new ArgumentError({
      where: `input "${name}"`,
      rule: "takes whole numbers",
      got: String(given.find((value) => !Number.isInteger(value))),
      wayOut: "Give an Int32Array.",
    });
  return given;
}

/**
 * The number of rows behind every integer input, by name: an index outside would read what is not the table's.
 * Followed from each op that looks up by index to the inputs that its index is made of.
 */
export function indexLimits(graph: Graph): Map<string, number> {
  const limits = new Map<string, number>();
  for (const node of graph.order) {
    const [position, rows] = indexOperand(node);
    if (position === undefined) continue;
    for (const origin of topologicalOrder([node.inputs[position]])) {
      if (origin.op !== "input") continue;
      limits.set(origin.attrs.name, Math.min(rows, limits.get(origin.attrs.name) ?? rows));
    }
  }
  return limits;
}

function indexOperand(node: Node): [position: number | undefined, rows: number] {
  if (node.op === "gather") return [1, node.inputs[0].shape[0]];
  if (node.op === "scatterAdd") return [0, node.attrs.rows];
  if (node.op === "crossEntropy" || node.op === "crossEntropyGrad")
    return [1, node.inputs[0].shape[node.inputs[0].shape.length - 1]];
  return [undefined, 0];
}

/** Throws where a value of an input is no index below its limit, if it has one. */
export function checkIndices(name: string, values: RunInputs[string], limit: number | undefined): void {
  if (limit === undefined) return;
  // by index: iterating a typed array costs as much as packing it
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value >= 0 && value < limit) continue;
    throw new ArgumentError({
      where: `input "${name}"`,
      rule: `an index must be from 0 to ${limit - 1}`,
      got: String(value),
    });
  }
}
