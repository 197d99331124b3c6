/**
 * An ONNX model as plain values, and its bytes.
 *
 * @source https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (field numbers), docs/IR.md (versions)
 */
import type { Shape } from "../../graph/node.ts";
import {
  bytesField,
  type Fields,
  floatField,
  integerField,
  messageBytes,
  messageField,
  textField,
} from "./protobuf.ts";

/** Version of the file format: that of the operator set below. */
const IR_VERSION = 9;
/** Operator set of ONNX 1.15, the first with Gelu; every runtime of ours knows it. */
const OPERATOR_SET = 20;

/** Element types of ONNX by their number. */
export const elementTypes = { float32: 1, int32: 6, int64: 7 } as const;
export type ElementType = keyof typeof elementTypes;

/** An attribute of an operator: a whole number, a list of them, text, or a float32 number. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

/** One operator with the names of what it reads and of the one tensor it makes. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A tensor that is part of the model. */
export interface Initializer {
  readonly name: string;
  readonly shape: Shape;
  readonly values: Float32Array | Int32Array | BigInt64Array;
}

/** A tensor that goes in or comes out. */
export interface Port {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
}

/** A model: operators in an order that can be executed, and what surrounds them. */
export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** The model as an ONNX file. */
export function onnxBytes(model: OnnxModel): Uint8Array {
  return messageBytes([
    ...integerField(1, IR_VERSION),
    ...textField(2, "palimpsest"),
    ...messageField(
      7,
      ...model.nodes.map(nodeField),
      textField(2, "graph"),
      ...model.initializers.map(initializerField),
      ...model.inputs.map((port) => portField(11, port)),
      ...model.outputs.map((port) => portField(12, port)),
    ),
    ...messageField(8, textField(1, ""), integerField(2, OPERATOR_SET)),
  ]);
}

function nodeField({ op, inputs, output, attributes }: OnnxNode): Fields {
  return messageField(
    1,
    ...inputs.map((name) => textField(1, name)),
    textField(2, output),
    textField(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      messageField(5, textField(1, name), attributeValue(value)),
    ),
  );
}

/** The value of an attribute, and the number of its type. */
function attributeValue(value: Attribute): Fields {
  if (typeof value === "number") return [...integerField(3, value), ...integerField(20, 2)];
  if (typeof value === "string") return [...textField(4, value), ...integerField(20, 3)];
  if ("float" in value) return [...floatField(2, value.float), ...integerField(20, 1)];
  return [...value.flatMap((each) => integerField(8, each)), ...integerField(20, 7)];
}

function initializerField({ name, shape, values }: Initializer): Fields {
  const type = values instanceof Float32Array ? "float32" : values instanceof Int32Array ? "int32" : "int64";
  return messageField(
    5,
    shape.flatMap((size) => integerField(1, size)),
    integerField(2, elementTypes[type]),
    textField(8, name),
    // little-endian, as typed arrays are on every machine that runs this
    bytesField(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  );
}

function portField(field: number, { name, type, shape }: Port): Fields {
  const dimensions = shape.flatMap((size) => messageField(1, integerField(1, size)));
  const tensor = messageField(1, integerField(1, elementTypes[type]), messageField(2, dimensions));
  return messageField(field, textField(1, name), messageField(2, tensor));
}
