/** Graphs run once on fresh sessions, and numbers compared by their bits: what the tests of the wasm engine share. */
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { type RandomStream, randomStream } from "../../src/base/random.ts";
import type { Backend, RunInputs, Session, TensorData } from "../../src/graph/backend.ts";
import { type Graph, makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { sizeOf } from "../../src/graph/node.ts";

/** The wasm backend in each of its memory layouts, whatever the population. */
export const layouts: readonly Backend[] = [
  wasmBackend({ layout: "lanes" }),
  wasmBackend({ layout: "single" }),
];

/** Normal numbers, rounded to float32 so that every backend computes with the same ones. */
export function normals(stream: RandomStream, count: number): Float32Array {
  return Float32Array.from({ length: count }, () => stream.normal());
}

/** Opens a session with the states of a graph, each filled with normal numbers of its own stream. */
export function openFor(backend: Backend, graphs: readonly Graph[], models: number, seed: string): Session {
  const nodes = new Map(graphs.flatMap((graph) => [...graph.states]));
  const states = Object.fromEntries([...nodes].map(([name, { shape }]) => [name, shape]));
  const session = backend.open({ models, states });
  for (const [name, shape] of Object.entries(states))
    session.write(name, normals(randomStream(seed, name), models * sizeOf(shape)));
  return session;
}

/** Normal numbers for every float32 input of a graph; inputs of indices are drawn below `rows`. */
export function drawnInputs(graph: Graph, models: number, seed: string, rows = 1): RunInputs {
  return Object.fromEntries(
    [...graph.inputs].map(([name, node]) => {
      const stream = randomStream(seed, name);
      const count = models * sizeOf(node.shape);
      if (node.dtype === "float32") return [name, normals(stream, count)];
      return [name, Int32Array.from({ length: count }, () => stream.integer(rows))];
    }),
  );
}

/** Outputs of a graph without updates, on drawn inputs and states. */
export async function outputsOf(
  backend: Backend,
  outputs: Readonly<Record<string, Node>>,
  { models = 5, seed = "outputs", rows = 1 } = {},
): Promise<Record<string, TensorData>> {
  const graph = makeGraph({ outputs });
  const session = openFor(backend, [graph], models, seed);
  const results = await session.compile(graph).run(drawnInputs(graph, models, seed, rows));
  session.close();
  return results;
}

/** float32 numbers as their bit patterns, so that −0 is not 0 and a NaN is itself. */
export function bitsOf(values: TensorData): Uint32Array {
  const floats = Float32Array.from(values);
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
}
