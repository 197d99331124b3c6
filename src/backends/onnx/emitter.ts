/** What the writers of ops write to: operators and constants of an ONNX graph under construction. */
import { type ComputedOp, type Node, type Shape, sameShape } from "../../graph/node.ts";
import type { Attribute, Initializer, OnnxNode } from "./onnxModel.ts";

/** A tensor of the ONNX graph. */
export interface Value {
  readonly name: string;
  /** Shape of one model. */
  readonly shape: Shape;
  /** Whether the model axis stands first; without it the tensor is the same for all models. */
  readonly hasModels: boolean;
}

/** An ONNX graph under construction. */
export interface Emitter {
  /** Number of models. */
  readonly models: number;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
  /** Appends an operator; returns the name of what it makes. */
  call(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>): string;
  /** Name of a constant tensor; equal ones, such as the mask of every layer, are one. */
  constant(values: Initializer["values"], shape: Shape): string;
  /** Name of a float32 number. */
  number(value: number): string;
  /** Name of a list of int64, which operators take as shapes, axes and bounds. */
  list(values: readonly number[]): string;
}

/**
 * How an op is written in ONNX operators.
 *
 * @returns  the name of the result, whose shape is the node's; it has the model axis if any operand has
 */
export type Writer<P extends ComputedOp> = (
  node: Node<P>,
  operands: readonly Value[],
  emitter: Emitter,
) => string;

/** Whether two tensors hold the same bits, but for the payload of NaN. */
function sameValues(a: Initializer["values"], b: Initializer["values"]): boolean {
  if (a.constructor !== b.constructor || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** An empty graph. */
export function openEmitter(models: number): Emitter {
  const nodes: OnnxNode[] = [];
  const initializers: Initializer[] = [];
  const byShape = new Map<string, Initializer[]>();
  const constant: Emitter["constant"] = (values, shape) => {
    const alike = byShape.get(String(shape)) ?? [];
    const known = alike.find((other) => sameValues(other.values, values));
    if (known !== undefined) return known.name;
    const made = { name: `constant.${initializers.length}`, shape, values };
    initializers.push(made);
    byShape.set(String(shape), [...alike, made]);
    return made.name;
  };
  return {
    models,
    nodes,
    initializers,
    call(op, inputs, attributes = {}) {
      const output = `node.${nodes.length}`;
      nodes.push({ op, inputs, output, attributes });
      return output;
    },
    constant,
    number: (value) => constant(Float32Array.of(value), []),
    list: (values) => constant(BigInt64Array.from(values, BigInt), [values.length]),
  };
}

/** Sizes of all axes of a value, the model axis among them if it has one. */
export function sizesOf(value: Value, { models }: Emitter): Shape {
  return value.hasModels ? [models, ...value.shape] : value.shape;
}

/** A tensor with the same elements and other sizes; nothing is copied. */
export function resized(name: string, from: Shape, to: Shape, emitter: Emitter): string {
  return sameShape(from, to) ? name : emitter.call("Reshape", [name, emitter.list(to)]);
}

/** The same elements under another shape of one model. */
export function reshaped(value: Value, shape: Shape, emitter: Emitter): string {
  return resized(value.name, sizesOf(value, emitter), sizesOf({ ...value, shape }, emitter), emitter);
}

/** Names of operands such that ONNX, which aligns axes at the end, broadcasts every model with itself. */
export function aligned(operands: readonly Value[], emitter: Emitter): string[] {
  const rank = Math.max(...operands.map(({ shape }) => shape.length));
  return operands.map((value) => {
    if (!value.hasModels) return value.name;
    const ones = new Array<number>(rank - value.shape.length).fill(1);
    return reshaped(value, [...ones, ...value.shape], emitter);
  });
}
