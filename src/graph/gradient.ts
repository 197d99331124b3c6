/** Gradient as a graph transformation: reverse accumulation over the nodes between a scalar and what it depends on. */
import { ShapeError } from "../base/errors.ts";
import { add, constant } from "./build.ts";
import { type GradientRule, gradientRules } from "./gradients.ts";
import { topologicalOrder } from "./graph.ts";
import { type Node, type OpName, showShape } from "./node.ts";

/**
 * Gradients of a scalar in any nodes of its graph: weights, inputs or named sites.
 *
 * The result is again a graph, so a gradient can be differentiated, hooked or compiled like anything else. A node on
 * which the scalar does not depend has gradient zero.
 *
 * @param scalar  shape []
 * @param wrt     any float32 nodes
 * @returns       one node for each of `wrt`, of its shape
 * @throws ShapeError if `scalar` is not a scalar
 */
export function gradient(scalar: Node, wrt: readonly Node[]): Node[] {
  if (scalar.shape.length > 0)
    throw new ShapeError({
      where: "gradient",
      rule: "is taken of a single number",
      got: `${scalar.op} ${showShape(scalar.shape)}`,
      wayOut: "Sum or average it first.",
    });
  const found = pullBack(scalar, constant(1), new Set(wrt), topologicalOrder([scalar]));
  return wrt.map((node) => found.get(node) ?? constant(0, node.shape));
}

/**
 * Gradients in `targets` of the scalar whose gradient in `result` is `d`.
 *
 * @param order     the nodes between targets and result, operands first
 * @param boundary  nodes that count as leaves here, whatever they were computed from
 */
function pullBack(
  result: Node,
  d: Node,
  targets: ReadonlySet<Node>,
  order: readonly Node[],
  boundary: ReadonlySet<Node> = new Set(),
): Map<Node, Node> {
  const active = new Set<Node>(); // nodes that depend on a target
  for (const node of order) {
    if (targets.has(node) || node.inputs.some((operand) => active.has(operand))) active.add(node);
  }
  const adjoints = new Map<Node, Node>([[result, d]]);
  for (const node of order.toReversed()) {
    const adjoint = adjoints.get(node);
    if (adjoint === undefined || boundary.has(node)) continue;
    if (!node.inputs.some((operand) => active.has(operand))) continue;
    operandGradients(node, adjoint, targets).forEach((g, position) => {
      const operand = node.inputs[position];
      if (g === undefined || !active.has(operand)) return;
      const sofar = adjoints.get(operand);
      adjoints.set(operand, sofar === undefined ? g : add(sofar, g));
    });
  }
  return adjoints;
}

function operandGradients(node: Node, d: Node, targets: ReadonlySet<Node>): readonly (Node | undefined)[] {
  const how = gradientRules[node.op] as GradientRule<OpName>;
  if ("rule" in how) return how.rule(node, d, targets);
  if ("none" in how) return [];
  const boundary = new Set(node.inputs);
  const definition = how.definition(node);
  // the operands are leaves of the definition: one may be computed from another, and that path is the caller's to walk
  const found = pullBack(definition, d, boundary, topologicalOrder([definition], boundary), boundary);
  // an operand that stands in two places has its whole gradient already: it is counted once
  return node.inputs.map((operand, at) =>
    node.inputs.indexOf(operand) === at ? found.get(operand) : undefined,
  );
}
