/** A graph as an ONNX model: any runtime that reads ONNX can execute it. */
import { InternalError } from "../../base/errors.ts";
import { type GradientRule, gradientRules } from "../../graph/gradients.ts";
import { type Graph, topologicalOrder } from "../../graph/graph.ts";
import { type ComputedOp, type DType, type Node, sizeOf } from "../../graph/node.ts";
import { type Emitter, openEmitter, type Value, type Writer } from "./emitter.ts";
import { fusionOf } from "./fusions.ts";
import { elementTypes, type OnnxModel, type OnnxNode, onnxBytes, type Port } from "./onnxModel.ts";
import { openRewrites, type Rewrite } from "./rewrites.ts";
import { withModels } from "./shapeWriters.ts";
import { writers } from "./writers.ts";

/** Names of a graph's tensors in its ONNX model. */
export const onnxNames = {
  input: (name: string) => `input.${name}`,
  state: (name: string) => `state.${name}`,
  output: (name: string) => `output.${name}`,
  update: (name: string) => `update.${name}`,
};

/**
 * The ONNX file of a graph for a population, every tensor with the model axis first: [model, ...shape].
 *
 * Inputs of the model are `input.NAME` and `state.NAME`, its outputs `output.NAME` and `update.NAME`, all float32 but
 * for int32 inputs. Updates are outputs like any other: whoever runs the model puts them in the place of the states.
 */
export function graphToOnnx(graph: Graph, models: number): Uint8Array {
  return onnxBytes(writeGraph(graph, models));
}

/** The model before it becomes bytes. */
export function writeGraph(graph: Graph, models: number): OnnxModel {
  const emitter = openEmitter(models);
  const values = new Map<Node, Value>();
  writeNodes(graph.order, { values, emitter, rewrite: openRewrites(graph) });
  const port = (name: string, { shape, dtype }: Node, type: DType = dtype): Port => ({
    ...{ name, type },
    shape: [models, ...shape],
  });
  const results = [
    ...[...graph.outputs].map(([name, node]) => ({ name: onnxNames.output(name), node })),
    ...[...graph.updates].map(([name, node]) => ({ name: onnxNames.update(name), node })),
  ];
  const renamed = new Map<string, string>();
  for (const { name, node } of results) {
    const from = resultOf(node, values.get(node) as Value, emitter);
    // a tensor can have one name: whoever comes second gets a copy
    const own = renamed.has(from) || !from.startsWith("node.") ? emitter.call("Identity", [from]) : from;
    renamed.set(own, name);
  }
  const rename = (name: string) => renamed.get(name) ?? name;
  const { nodes, read } = neededFor(renamed.keys(), emitter.nodes);
  return {
    nodes: nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      output: rename(node.output),
    })),
    initializers: emitter.initializers.filter(({ name }) => read.has(name)),
    inputs: [
      ...[...graph.inputs].map(([name, node]) => port(onnxNames.input(name), node)),
      // a state that is only written goes in nowhere
      ...[...graph.states]
        .filter(([, node]) => values.has(node))
        .map(([name, node]) => port(onnxNames.state(name), node)),
    ],
    outputs: results.map(({ name, node }) => port(name, node, "float32")),
  };
}

/** Name of a result as it leaves the model: of every model, in float32. */
function resultOf(node: Node, value: Value, emitter: Emitter): string {
  const { name } = withModels(value, emitter);
  return node.dtype === "float32" ? name : emitter.call("Cast", [name], { to: elementTypes.float32 });
}

/** The operators that results depend on, and the names of all that these read: fusions leave others without a reader. */
function neededFor(
  results: Iterable<string>,
  nodes: readonly OnnxNode[],
): { nodes: OnnxNode[]; read: ReadonlySet<string> } {
  const read = new Set(results);
  const needed = nodes.toReversed().filter(({ inputs, output }) => {
    if (!read.has(output)) return false;
    for (const name of inputs) read.add(name);
    return true;
  });
  return { nodes: needed.reverse(), read };
}

/** A graph while it is written. */
interface Writing {
  /** What has been written. */
  readonly values: Map<Node, Value>;
  readonly emitter: Emitter;
  readonly rewrite: Rewrite;
}

/** Writes nodes whose operands stand before them; those that have a value already are left as they are. */
function writeNodes(order: readonly Node[], writing: Writing): void {
  const { values } = writing;
  for (const node of order) if (!values.has(node)) values.set(node, writeNode(node, writing));
}

function writeNode(node: Node, writing: Writing): Value {
  const { values, emitter, rewrite } = writing;
  const { shape } = node;
  if (node.op === "input") return { name: onnxNames.input(node.attrs.name), shape, hasModels: true };
  if (node.op === "state") return { name: onnxNames.state(node.attrs.name), shape, hasModels: true };
  if (node.op === "constant") return { name: writeConstant(node, emitter), shape, hasModels: false };
  const other = rewrite(node) ?? (node.op in writers ? undefined : definitionOf(node));
  if (other !== undefined) {
    writeNodes(topologicalOrder([other], new Set(values.keys())), writing);
    return values.get(other) as Value;
  }
  const fusion = fusionOf(node);
  const operands = (fusion?.operands ?? node.inputs).map((operand) => values.get(operand) as Value);
  const hasModels = operands.some((operand) => operand.hasModels);
  if (fusion !== undefined) return { name: fusion.write(operands, emitter), shape, hasModels };
  const writer = writers[node.op] as Writer<ComputedOp>;
  return { name: writer(node, operands, emitter), shape, hasModels };
}

/** The definition of a node's op in simpler ones. */
function definitionOf(node: Node<ComputedOp>): Node {
  const how = gradientRules[node.op] as GradientRule<ComputedOp>;
  if ("definition" in how) return how.definition(node);
  throw new InternalError({
    where: "graphToOnnx",
    rule: `op ${node.op} has neither writer nor definition`,
  });
}

function writeConstant({ attrs: { values, dtype }, shape }: Node<"constant">, emitter: Emitter): string {
  const make = dtype === "int32" ? Int32Array : Float32Array;
  if (values.length === sizeOf(shape)) return emitter.constant(make.from(values), shape);
  const one = emitter.constant(make.from(values), []);
  return emitter.call("Expand", [one, emitter.list(shape)]); // a large one takes no room in the file
}
