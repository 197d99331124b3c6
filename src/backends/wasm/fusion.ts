/**
 * Which nodes are computed inside another node's kernel, so that their value is never stored.
 *
 * Fusion never changes bits: a fused kernel does the same operations in the same order, it only keeps them in registers.
 */
import { type Node, sameShape } from "../../graph/node.ts";
import { type Schedule, source } from "../plan/schedule.ts";
import { type ContractionPlan, planContraction } from "./contraction.ts";

/** A matrix product with what follows it: scale, bias, sum, relu and gate, each at most once and in this order. */
export interface Product {
  einsum: Node<"einsum">;
  alpha: number;
  bias?: Node;
  added?: Node;
  relu: boolean;
  gate?: Node;
  plan: ContractionPlan;
}

/** Layer norm in one kernel: scale and normalized are stored too, because the backward pass reads them. */
export interface LayerNorm {
  scale: Node<"normScale">;
  normalized: Node;
  weight: Node;
  bias: Node;
}

/** Adam in one kernel: both moments and the weight. */
export interface AdamStep {
  m: Node<"ema">;
  v: Node<"emaSquare">;
  gradient: Node;
}

/** What is fused where; the key is the last node of each group, at whose place the kernel runs. */
export interface Fusion {
  products: ReadonlyMap<Node, Product>;
  layerNorms: ReadonlyMap<Node, LayerNorm>;
  adamSteps: ReadonlyMap<Node, AdamStep>;
  /** sum → the product under it that is summed without being stored. */
  sumProducts: ReadonlyMap<Node, Node>;
  /** normalizeGrad → the product d · w that is its first operand. */
  weightedGrads: ReadonlyMap<Node, Node>;
  /** Nodes without memory or kernel of their own. */
  absorbed: ReadonlySet<Node>;
}

export function fuse(schedule: Schedule): Fusion {
  const { order, readers, wanted } = schedule;
  const position = new Map(order.map((node, i) => [node, i]));
  /** The one reader of a node that nobody else wants, and that reads it directly, not under another shape. */
  const onlyReader = (node: Node): Node | undefined => {
    const of = readers.get(node) ?? [];
    return of.length === 1 && !wanted.has(node) && of[0].inputs.includes(node) ? of[0] : undefined;
  };
  const products = new Map<Node, Product>();
  const absorbed = new Set<Node>();
  const sumProducts = new Map<Node, Node>();
  const weightedGrads = new Map<Node, Node>();
  const layerNorms = new Map<Node, LayerNorm>();
  const adamSteps = new Map<Node, AdamStep>();

  for (const node of order) {
    if (node.op === "einsum") {
      // a sum of two products ends one of them only: the other is stored and added
      const { product, last, inside } = growProduct(node, (from) => {
        const reader = onlyReader(from);
        // and an addition that ends a layer norm is already in another kernel
        return reader !== undefined && (products.has(reader) || layerNorms.has(reader)) ? undefined : reader;
      });
      products.set(last, product);
      for (const hidden of inside) absorbed.add(hidden);
    } else if (node.op === "normScale") {
      const found = matchLayerNorm(node, readers, onlyReader, position);
      if (found === undefined || products.has(found.last)) continue;
      layerNorms.set(found.last, found.norm);
      for (const hidden of found.inside) absorbed.add(hidden);
    } else if (node.op === "mul" && sameShape(node.inputs[0].shape, node.inputs[1].shape)) {
      const reader = onlyReader(node);
      if (reader?.op === "sum" && sumsLeadingAxes(reader)) {
        sumProducts.set(reader, node);
        absorbed.add(node);
      }
    } else if (node.op === "mul" && sameShape(node.inputs[1].shape, node.shape.slice(-1))) {
      const reader = onlyReader(node);
      const whole = sameShape(node.inputs[0].shape, node.shape);
      if (whole && reader?.op === "normalizeGrad" && reader.inputs[0] === node) {
        weightedGrads.set(reader, node);
        absorbed.add(node);
      }
    } else if (node.op === "adamUpdate") {
      const step = matchAdam(node, readers);
      if (step === undefined) continue;
      adamSteps.set(node, step);
      absorbed.add(step.m).add(step.v);
    }
  }
  return { products, layerNorms, adamSteps, sumProducts, weightedGrads, absorbed };
}

function sumsLeadingAxes(node: Node<"sum">): boolean {
  return (
    node.attrs.axes.every((axis, i) => axis === i) && node.attrs.axes.length < node.inputs[0].shape.length
  );
}

type Reader = (node: Node) => Node | undefined;

/** Follows single readers from an einsum as long as the kernel's epilogue can do what they do. */
function growProduct(einsum: Node<"einsum">, onlyReader: Reader) {
  let product: Product = { einsum, alpha: 1, relu: false, plan: planContraction(einsum, []) };
  let last: Node = einsum;
  const inside: Node[] = [];
  for (let next = onlyReader(last); next !== undefined; next = onlyReader(last)) {
    const grown = extend(product, last, next);
    if (grown === undefined) break;
    inside.push(last);
    [product, last] = [grown, next];
  }
  return { product, last, inside };
}

/** The product with `next` in its epilogue, or undefined where the order of the epilogue or the shapes forbid it. */
function extend(product: Product, last: Node, next: Node): Product | undefined {
  if (!sameShape(next.shape, product.einsum.shape)) return undefined;
  const { alpha, bias, added, relu, gate } = product;
  const begun = bias !== undefined || added !== undefined || relu || gate !== undefined;
  if (next.op === "scale" && !begun && alpha === 1) return { ...product, alpha: next.attrs.by };
  if (next.op === "relu" && !relu && gate === undefined) return { ...product, relu: true };
  if (
    next.op === "add" &&
    next.inputs[0] !== next.inputs[1] &&
    added === undefined &&
    !relu &&
    gate === undefined
  ) {
    const other = next.inputs[0] === last ? next.inputs[1] : next.inputs[0];
    if (bias === undefined && !sameShape(other.shape, next.shape))
      return planned({ ...product, bias: other });
    return planned({ ...product, added: other });
  }
  if (
    next.op === "gate" &&
    next.inputs[0] === last &&
    next.inputs[1] !== last &&
    added === undefined &&
    gate === undefined
  )
    return planned({ ...product, gate: next.inputs[1] });
  return undefined;
}

/** The product with its plan made anew for its epilogue operands; undefined if the kernel cannot walk them. */
function planned(product: Product): Product | undefined {
  const extra = product.added ?? product.gate;
  const shapes = [product.bias, extra].flatMap((node) => (node === undefined ? [] : [node.shape]));
  const plan = planContraction(product.einsum, shapes);
  const biasFits = product.bias === undefined || plan.row.extras[0] === 0;
  const at = product.bias === undefined ? 0 : 1;
  const extraFits = extra === undefined || plan.col.size === 1 || plan.col.extras[at] === 1;
  return biasFits && extraFits && plan.batch.length <= 3 ? { ...product, plan } : undefined;
}

/** normScale(x) → normalize(x, ·) → mul(·, w) → add(·, b), with all other readers after the add. */
function matchLayerNorm(
  scale: Node<"normScale">,
  readers: ReadonlyMap<Node, readonly Node[]>,
  onlyReader: Reader,
  position: ReadonlyMap<Node, number>,
) {
  const x = scale.inputs[0];
  const normalized = readers
    .get(scale)
    ?.find((node) => node.op === "normalize" && node.inputs[0] === x && node.inputs[1] === scale);
  if (normalized === undefined) return undefined;
  const width = x.shape.slice(-1);
  const weighted = readers
    .get(normalized)
    ?.find(
      (node) => node.op === "mul" && node.inputs[0] === normalized && sameShape(node.inputs[1].shape, width),
    );
  const last = weighted && onlyReader(weighted);
  if (weighted === undefined || last?.op !== "add" || last.inputs[0] !== weighted) return undefined;
  if (!sameShape(last.inputs[1].shape, width)) return undefined;
  const end = position.get(last) as number;
  const waits = (node: Node, own: Node) =>
    readers.get(node)?.every((reader) => reader === own || (position.get(reader) as number) > end);
  if (!waits(scale, normalized) || !waits(normalized, weighted)) return undefined;
  const norm: LayerNorm = { scale, normalized, weight: weighted.inputs[1], bias: last.inputs[1] };
  return { last, norm, inside: [scale, normalized, weighted] };
}

/** adamUpdate(w, ema(·, g), emaSquare(·, g)), where nobody else reads the new moments. */
function matchAdam(
  node: Node<"adamUpdate">,
  readers: ReadonlyMap<Node, readonly Node[]>,
): AdamStep | undefined {
  const [, m, v] = node.inputs;
  if (m.op !== "ema" || v.op !== "emaSquare") return undefined;
  const gradient = m.inputs[1];
  const own = (moment: Node) => readers.get(moment)?.every((reader) => reader === node);
  return v.inputs[1] === gradient && own(m) && own(v) ? { m, v, gradient } : undefined;
}

/** The nodes whose memory a step reads, through fusion and reshapes. */
export function readsOf(node: Node, fusion: Fusion): Node[] {
  const product = fusion.products.get(node);
  if (product !== undefined) {
    const extras = [product.bias, product.added, product.gate].filter((extra) => extra !== undefined);
    return [...product.einsum.inputs, ...extras].map(source);
  }
  const norm = fusion.layerNorms.get(node);
  if (norm !== undefined) return [norm.scale.inputs[0], norm.weight, norm.bias].map(source);
  const adam = fusion.adamSteps.get(node);
  if (adam !== undefined) {
    const [weight, , , ...rates] = node.inputs;
    return [weight, adam.m.inputs[0], adam.v.inputs[0], adam.gradient, ...rates].map(source);
  }
  const summed = fusion.sumProducts.get(node);
  if (summed !== undefined) return summed.inputs.map(source);
  const weighted = fusion.weightedGrads.get(node);
  if (weighted !== undefined) return [...weighted.inputs, ...node.inputs.slice(1)].map(source);
  return node.inputs.map(source);
}

/** The nodes whose memory a step fills. */
export function writesOf(node: Node, fusion: Fusion): Node[] {
  const norm = fusion.layerNorms.get(node);
  if (norm !== undefined) return [norm.scale, norm.normalized, node];
  const adam = fusion.adamSteps.get(node);
  return adam === undefined ? [node] : [adam.m, adam.v, node];
}
