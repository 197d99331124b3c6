/**
 * Which nodes become a step together.
 *
 * Views, and elementwise ops that one other step reads, are computed on the spot by their reader. Elementwise steps join
 * the step of what they read, be it a product, a row-wise op or another elementwise step, wherever element i needs only
 * element i of it; what others still read is stored on the way.
 */
import { type Node, sizeOf } from "../../graph/node.ts";
import { isLeaf, type Schedule, source } from "../plan/schedule.ts";
import { isElementwise, isLiteral } from "./expression.ts";
import { isIdentity, stridedView, viewOf } from "./indices.ts";

/** Nodes that are computed in one step; its place in the order is that of the last. */
export interface Draft {
  /** The op whose kernel it is; without one it is elementwise. */
  core?: Node;
  /** With a `normalize` as core: the scale that it takes, if the same kernel computes it. */
  scale?: Node<"normScale">;
  /** Elementwise from the core's result on; those before the last may be stored besides. */
  readonly nodes: Node[];
}

/** The steps of a graph, in order, and what they leave in memory. */
export interface Drafts {
  readonly drafts: readonly Draft[];
  /** Whether a node's numbers lie in memory: leaves, and what steps store. */
  hasMemory(node: Node): boolean;
}

/** Work of an elementwise op and what is computed with it; above this nothing is computed twice. */
const CHEAP = 4;
const WORK: Readonly<Record<string, number>> = {
  exp: 10,
  log: 10,
  tanh: 10,
  erf: 20,
  gelu: 20,
  geluGrad: 20,
  div: 4,
  sqrt: 4,
  gather: 3,
  concat: 3,
  adamUpdate: 10,
};

const isView = (node: Node): node is Node<"transpose" | "broadcast" | "slice"> =>
  node.op === "transpose" || node.op === "broadcast" || node.op === "slice";
/** Ops whose value at an index can be written down where it is needed. */
const isExpression = (node: Node) =>
  isElementwise(node) || node.op === "gather" || node.op === "oneHot" || node.op === "concat";
const isOptimiser = (node: Node) => node.op === "ema" || node.op === "emaSquare" || node.op === "adamUpdate";

/**
 * @param maxTensors  tensors that one step may touch
 */
export function draftSteps({ order, readers, wanted }: Schedule, maxTensors: number): Drafts {
  const position = new Map(order.map((node, i) => [node, i]));
  const at = (node: Node) => position.get(node) as number;
  const stored = new Set<Node>();
  const hasMemory = (node: Node) => stored.has(node) || (isLeaf(node) && !isLiteral(node));
  const works = new Map<Node, number>();

  /** Readers of a node, through views. */
  const users = (node: Node): Node[] =>
    (readers.get(node) ?? []).flatMap((reader) =>
      isView(reader) && !stored.has(reader) ? users(reader) : [reader],
    );
  /** What has memory among what a node is computed from, and whether element i needs only element i of it. */
  const leavesOf = (node: Node): Map<Node, boolean> => {
    const found = new Map<Node, boolean>();
    const visit = (operand: Node, aligned: boolean) => {
      const x = source(operand);
      if (isLiteral(x)) return;
      if (hasMemory(x)) found.set(x, aligned && (found.get(x) ?? true));
      else visitOperands(x, aligned);
    };
    const visitOperands = (x: Node, aligned: boolean) => {
      for (const operand of x.inputs) {
        const whole = isView(x) ? isIdentity(viewOf(x)) : sizeOf(operand.shape) === sizeOf(x.shape);
        visit(operand, aligned && whole && (isElementwise(x) || isView(x)));
      }
    };
    visitOperands(node, true);
    return found;
  };
  const workOf = (node: Node): number => {
    let work = works.get(node);
    if (work === undefined) {
      work = isElementwise(node) ? (WORK[node.op] ?? 1) : isView(node) ? 0 : (WORK[node.op] ?? 1);
      for (const operand of node.inputs) {
        const x = source(operand);
        if (!hasMemory(x) && !isLiteral(x)) work += workOf(x);
      }
      works.set(node, work);
    }
    return work;
  };

  /** Whether a reader may compute `node` on the spot. */
  const goesInto = (node: Node, reader: Node): boolean => {
    if (reader.op === "einsum") return false;
    if (reader.op === "gather" && source(reader.inputs[0]) === node) return false;
    if (workOf(node) <= CHEAP) return true;
    const repeats = sizeOf(reader.shape) > sizeOf(node.shape);
    return (isElementwise(reader) && !repeats) || reader.op === "sum";
  };

  for (const node of order) {
    const used = users(node);
    if (wanted.has(node) || !(isView(node) || isExpression(node))) stored.add(node);
    else if (isExpression(node) && (used.length !== 1 || !goesInto(node, used[0]))) stored.add(node);
    if (node.op === "einsum" || node.op === "gather") {
      // operands that are read again and again lie in memory
      for (const operand of node.op === "einsum" ? node.inputs : [node.inputs[0]]) {
        const hasOrLiteral = (x: Node) => hasMemory(x) || isLiteral(x);
        if (stridedView(operand, hasOrLiteral) === undefined) stored.add(source(operand));
      }
    }
    // a step touches few tensors: the operand that needs the most is stored
    for (let leaves = leavesOf(node); leaves.size >= maxTensors - 1; leaves = leavesOf(node)) {
      const inside = node.inputs.map(source).filter((x) => !hasMemory(x) && !isLiteral(x));
      if (inside.length === 0) break;
      stored.add(inside.reduce((a, b) => (leavesOf(b).size > leavesOf(a).size ? b : a)));
    }
  }

  const draftOf = new Map<Node, Draft>();
  for (const node of order) {
    if (!stored.has(node)) continue;
    const isCore = !(isView(node) || isExpression(node));
    draftOf.set(node, { ...(isCore ? { core: node } : {}), nodes: [node] });
  }
  const join = makeJoin();
  for (const node of order) {
    const draft = draftOf.get(node);
    if (draft === undefined) continue;
    if (node.op === "normalize") takeScale(node, draft);
    else if (isElementwise(node)) join(node);
  }
  const drafts = [...new Set(draftOf.values())].sort((a, b) => at(end(a)) - at(end(b)));
  return { drafts, hasMemory };

  /** Whether all that read a node, but for what is computed with `members`, come after `last`. */
  function waits(node: Node, members: readonly Node[], last: Node): boolean {
    const inside = new Set<Node>();
    const visit = (x: Node) => {
      if (inside.has(x)) return;
      inside.add(x);
      for (const operand of x.inputs) if (!hasMemory(source(operand))) visit(source(operand));
    };
    members.forEach(visit);
    return (readers.get(node) ?? []).every((reader) => inside.has(reader) || at(reader) > at(last));
  }

  /** normalize takes its own row's scale along. */
  function takeScale(node: Node<"normalize">, draft: Draft): void {
    const [x, scale] = node.inputs;
    const other = draftOf.get(scale);
    if (scale.op !== "normScale" || scale.inputs[0] !== x || other === undefined) return;
    if (other.nodes.length > 1 || !waits(scale, [node], node)) return;
    draft.scale = scale;
    draftOf.set(scale, draft);
    if (!wanted.has(scale) && readers.get(scale)?.length === 1) stored.delete(scale);
  }

  /** Puts an elementwise node behind the steps of its aligned operands, where nobody needs those before it. */
  function makeJoin() {
    return (node: Node): void => {
      for (;;) {
        const own = draftOf.get(node) as Draft;
        const leaves = leavesOf(node);
        const candidates = [...leaves]
          .filter(([leaf, aligned]) => aligned && draftOf.has(leaf) && draftOf.get(leaf) !== own)
          .map(([leaf]) => draftOf.get(leaf) as Draft)
          .sort((a, b) => at(end(b)) - at(end(a)));
        const other = candidates.find((candidate) => mayJoin(candidate, own, node, leaves));
        if (other === undefined) return;
        const nodes = [...other.nodes, ...own.nodes].sort((a, b) => at(a) - at(b));
        const joined: Draft = { ...other, ...own, nodes };
        for (const [key, draft] of draftOf) if (draft === other || draft === own) draftOf.set(key, joined);
        for (const member of other.nodes)
          if (!wanted.has(member) && readsEndIn(member, joined)) stored.delete(member);
      }
    };
  }

  /** Whether everything that reads a node is computed in the draft. */
  function readsEndIn(node: Node, draft: Draft): boolean {
    const isInside = (reader: Node): boolean =>
      draft.nodes.includes(reader) ||
      (!hasMemory(reader) && !isLeaf(reader) && users(reader).length > 0 && users(reader).every(isInside));
    return (readers.get(node) ?? []).every(isInside);
  }

  function mayJoin(other: Draft, own: Draft, node: Node, leaves: ReadonlyMap<Node, boolean>): boolean {
    if (other.core !== undefined && (own.core !== undefined || own.nodes.some(isOptimiser))) return false;
    if (sizeOf(end(other).shape) !== sizeOf(node.shape)) return false;
    if (!other.nodes.every((member) => leaves.get(member) !== false)) return false;
    const members = [...other.nodes, ...own.nodes];
    const { scale } = other;
    if (scale !== undefined && (leaves.has(scale) || !waits(scale, members, node))) return false;
    if (!other.nodes.every((member) => waits(member, members, node))) return false;
    // members are computed one after the other at one index: what one reads of another must lie there too
    const aligned = own.nodes.every((member) =>
      [...leavesOf(member)].every(([leaf, isAligned]) => isAligned || !members.includes(leaf)),
    );
    return aligned && tensorsOf(members).size <= maxTensors;
  }

  function tensorsOf(nodes: readonly Node[]): Set<Node | string> {
    const found = new Set<Node | string>();
    for (const node of nodes) {
      for (const leaf of leavesOf(node).keys()) if (!nodes.includes(leaf)) found.add(leaf);
      // a moment or a weight is mostly written where it is read
      if (!isOptimiser(node)) found.add(node);
    }
    return found;
  }
}

/** The last node of a draft, at whose place it is computed. */
export function end(draft: Draft): Node {
  return draft.nodes[draft.nodes.length - 1];
}
