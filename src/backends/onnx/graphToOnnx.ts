/** A graph as an ONNX model: any runtime that reads ONNX can execute it. */
import { InternalError } from "../../base/errors.ts";
import { type GradientRule, gradientRules } from "../../graph/gradients.ts";
import { type Graph, topologicalOrder } from "../../graph/graph.ts";
import { type ComputedOp, type DType, type Node, sizeOf } from "../../graph/node.ts";
import { type Emitter, openEmitter, type Value, type Writer } from "./emitter.ts";
import { elementTypes, type OnnxModel, onnxBytes, type Port } from "./onnxModel.ts";
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
  writeNodes(graph.order, values, emitter);
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
  return {
    nodes: emitter.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      output: rename(node.output),
    })),
    initializers: emitter.initializers,
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

/** Writes nodes whose operands stand before them; those that have a value already are left as they are. */
function writeNodes(order: readonly Node[], values: Map<Node, Value>, emitter: Emitter): void {
  for (const node of order) if (!values.has(node)) values.set(node, writeNode(node, values, emitter));
}

function writeNode(node: Node, values: Map<Node, Value>, emitter: Emitter): Value {
  const { shape } = node;
  if (node.op === "input") return { name: onnxNames.input(node.attrs.name), shape, hasModels: true };
  if (node.op === "state") return { name: onnxNames.state(node.attrs.name), shape, hasModels: true };
  if (node.op === "constant") return { name: writeConstant(node, emitter), shape, hasModels: false };
  const writer = writers[node.op] as Writer<ComputedOp> | undefined;
  if (writer === undefined) return writeDefinition(node, values, emitter);
  const operands = node.inputs.map((operand) => values.get(operand) as Value);
  return {
    name: writer(node, operands, emitter),
    shape,
    hasModels: operands.some((operand) => operand.hasModels),
  };
}

/** A node by the definition of its op in simpler ones. */
function writeDefinition(node: Node<ComputedOp>, values: Map<Node, Value>, emitter: Emitter): Value {
  const how = gradientRules[node.op] as GradientRule<ComputedOp>;
  if (!("definition" in how))
    throw new InternalError({
      where: "graphToOnnx",
      rule: `op ${node.op} has neither writer nor definition`,
    });
  const definition = how.definition(node);
  writeNodes(topologicalOrder([definition], new Set(node.inputs)), values, emitter);
  return values.get(definition) as Value;
}

function writeConstant({ attrs: { values, dtype }, shape }: Node<"constant">, emitter: Emitter): string {
  const make = dtype === "int32" ? Int32Array : Float32Array;
  if (values.length === sizeOf(shape)) return emitter.constant(make.from(values), shape);
  const one = emitter.constant(make.from(values), []);
  return emitter.call("Expand", [one, emitter.list(shape)]); // a large one takes no room in the file
}
