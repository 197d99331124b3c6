/**
 * The reference backend: a loop per op in float64, one model after the other.
 *
 * It is slow and meant to be read. What an op means is what its loop here does, and the other backends are tested
 * against it.
 */

import { integerIn } from "../../base/check.ts";
import { inTurn } from "../../base/inTurn.ts";
import type { Backend, Program, RunInputs, Session, SessionOptions } from "../../graph/backend.ts";
import type { Graph } from "../../graph/graph.ts";
import { type ComputedOp, type Node, type Shape, sizeOf } from "../../graph/node.ts";
import { checkedInput, checkStates, checkWrite, heldState } from "../checks.ts";
import type { Executor, Kernel } from "./executor.ts";
import { executors } from "./executors.ts";

/** Executes graphs in float64; the oracle of the tests. */
export const referenceBackend: Backend = { name: "reference", precision: "float64", open };

/** The states of a population: [model, ...shape] by name. */
type States = Map<string, { shape: Shape; values: Float64Array }>;

function open({ models, states: shapes, clock = () => 0 }: SessionOptions): Session {
  integerIn("population", models, 1);
  const states: States = new Map(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { shape, values: new Float64Array(models * sizeOf(shape)) },
    ]),
  );
  let milliseconds = 0;
  let scratchBytes = 0;
  return {
    models,
    compile: (graph) => {
      checkStates(graph, states);
      const { program, bytes } = compile(graph, models, states);
      scratchBytes += bytes;
      return {
        run: async (inputs) => {
          const start = clock();
          const outputs = await program.run(inputs);
          milliseconds += clock() - start;
          return outputs;
        },
      };
    },
    runInTurn: (calls) => inTurn(calls, ({ program, inputs }) => program.run(inputs)),
    write: (name, values) => {
      const held = heldState(states, name);
      checkWrite(name, values.length, models, held.shape);
      held.values.set(values);
    },
    read: async (name) => heldState(states, name).values.slice(),
    kernelMilliseconds: () => milliseconds,
    memoryBytes: () =>
      [...states.values()].reduce((bytes, { values }) => bytes + values.byteLength, scratchBytes),
    close: () => states.clear(),
  };
}

/** One computed node: its loop, where its operands lie and where its result goes. */
interface Step {
  kernel: Kernel;
  operands: readonly number[];
  result: number;
}

/** A leaf whose values change from model to model. */
interface Leaf {
  node: Node<"input"> | Node<"state">;
  at: number;
}

function compile(graph: Graph, models: number, states: States): { program: Program; bytes: number } {
  const position = new Map(graph.order.map((node, at) => [node, at]));
  const at = (node: Node) => position.get(node) as number;
  const steps: Step[] = [];
  const leaves: Leaf[] = [];
  let bytes = 0;
  // the values of every node for the model at hand, in the order of the graph
  const values: Float64Array[] = graph.order.map((node, result) => {
    if (node.op === "input" || node.op === "state") {
      leaves.push({ node, at: result });
      return new Float64Array(0);
    }
    const own = new Float64Array(sizeOf(node.shape));
    bytes += own.byteLength;
    if (node.op === "constant")
      node.attrs.values.length === 1 ? own.fill(node.attrs.values[0]) : own.set(node.attrs.values);
    else {
      const executor = executors[node.op] as Executor<ComputedOp>;
      steps.push({ kernel: executor(node), operands: node.inputs.map(at), result });
    }
    return own;
  });

  const run = async (inputs: RunInputs) => {
    const given = new Map(
      [...graph.inputs].map(([name, node]) => [name, Float64Array.from(checkedInput(node, inputs, models))]),
    );
    const collect = (nodes: ReadonlyMap<string, Node>) =>
      [...nodes].map(([name, node]) => ({
        name,
        at: at(node),
        size: sizeOf(node.shape),
        all: new Float64Array(models * sizeOf(node.shape)),
      }));
    const outputs = collect(graph.outputs);
    const updates = collect(graph.updates);
    for (let model = 0; model < models; model++) {
      for (const { node, at } of leaves) {
        const size = sizeOf(node.shape);
        const all =
          node.op === "input"
            ? (given.get(node.attrs.name) as Float64Array)
            : (states.get(node.attrs.name)?.values as Float64Array);
        const start = all.length === size ? 0 : model * size; // one copy alone is shared by all models
        values[at] = all.subarray(start, start + size);
      }
      for (const { kernel, operands, result } of steps)
        kernel(
          operands.map((operand) => values[operand]),
          values[result],
        );
      for (const { all, at, size } of [...outputs, ...updates]) all.set(values[at], model * size);
    }
    // only now, when every model went through: an update sees old states, and an error leaves all of them as they were
    for (const { name, all } of updates) states.get(name)?.values.set(all);
    return Object.fromEntries(outputs.map(({ name, all }) => [name, all]));
  };
  return { program: { run }, bytes };
}
