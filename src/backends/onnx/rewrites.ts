/**
 * Parts of a graph that are written as other parts with the same numbers, to rounding, for less work. Where somebody reads
 * what stands inside, an activation that is asked for or a gradient, the graph stays as it is.
 */
import { add, concat, constant, makeNode, reshape, scale, slice, softmax } from "../../graph/build.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Node, sizeOf } from "../../graph/node.ts";

/**
 * Queries that attend together under a causal mask. Fewer make more and smaller products, more multiply more of what the
 * mask hides: with 1024 positions, 12 heads and dHead 64 a layer's attention takes 15.7 ms by 128, 17.6 ms by 64 or by
 * 256, 23 ms by 512 and 35 ms whole, on two cores.
 */
const QUERIES = 128;

/** What is written in a node's place, made of nodes that the node depends on; undefined where it stays as it is. */
export type Rewrite = (node: Node) => Node | undefined;

/** The rewrites of one graph. */
export function openRewrites({ order, outputs, updates }: Graph): Rewrite {
  const readers = new Map<Node, number>();
  for (const node of [...order.flatMap(({ inputs }) => inputs), ...outputs.values(), ...updates.values()])
    readers.set(node, (readers.get(node) ?? 0) + 1);
  const isReadOnce = (node: Node) => readers.get(node) === 1;
  const masks = new Map<Node, readonly Node[] | undefined>();
  const blocksOf = (mask: Node) => {
    if (!masks.has(mask)) masks.set(mask, causalBlocks(mask));
    return masks.get(mask);
  };
  return (node) => scaledProduct(node, isReadOnce) ?? causalAttention(node, isReadOnce, blocksOf);
}

/** by · (a · b) as (by · a) · b, where a has fewer numbers than the product. */
function scaledProduct(node: Node, isReadOnce: (node: Node) => boolean): Node | undefined {
  if (node.op !== "scale") return undefined;
  const [product] = node.inputs;
  if (product.op !== "einsum" || !isReadOnce(product)) return undefined;
  const [a, b] = product.inputs;
  const [sizeOfA, sizeOfB] = [sizeOf(a.shape), sizeOf(b.shape)];
  if (Math.min(sizeOfA, sizeOfB) >= sizeOf(product.shape)) return undefined;
  const { by } = node.attrs;
  const operands = sizeOfA <= sizeOfB ? [scale(a, by), b] : [a, scale(b, by)];
  return makeNode("einsum", operands, product.attrs);
}

/**
 * Attention under a causal mask as that of one block of queries after the other, each with the keys up to its last query:
 *
 *   softmax(by · q · k + mask) · v  =  concat over blocks of softmax(by · q[start, end) · k[0, end) + mask) · v[0, end)
 *
 * What is left out has a pattern of exactly 0. With many blocks that is half of the work, and scores of all pairs of
 * positions never exist at once.
 */
function causalAttention(
  node: Node,
  isReadOnce: (node: Node) => boolean,
  blocksOf: (mask: Node) => readonly Node[] | undefined,
): Node | undefined {
  if (node.op !== "einsum") return undefined;
  const [stackedPattern, values] = node.inputs;
  const pattern = unstacked(stackedPattern);
  if (pattern.op !== "softmax") return undefined;
  const [masked] = pattern.inputs;
  if (masked.op !== "add") return undefined;
  const [scaled, mask] = masked.inputs;
  if (scaled.op !== "scale") return undefined;
  const [stackedProducts] = scaled.inputs;
  const products = unstacked(stackedProducts);
  if (products.op !== "einsum") return undefined;
  const inside = [stackedPattern, pattern, masked, scaled, stackedProducts, products];
  const blocks = blocksOf(mask);
  const ofScores = axesOfScores(products);
  const ofMix = axesOfMix(node);
  if (!inside.every(isReadOnce) || !blocks || !ofScores || !ofMix) return undefined;

  const [query, key] = products.inputs;
  const scaledQuery = scale(query, scaled.attrs.by);
  let start = 0;
  const parts = blocks.map((block) => {
    const [count, end] = block.shape;
    const stacked = (x: Node, like: Node) => reshape(x, [...like.shape.slice(0, -2), count, end]);
    const q = part(scaledQuery, ofScores.query, start, end);
    const k = part(key, ofScores.key, 0, end);
    const scores = makeNode("einsum", [q, k], products.attrs);
    const own = softmax(add(stacked(scores, stackedProducts), block));
    start = end;
    return makeNode("einsum", [stacked(own, stackedPattern), part(values, ofMix.values, 0, end)], node.attrs);
  });
  return concat(parts, ofMix.result);
}

/** What a reshape was made of, if it left the last two axes as they were. */
function unstacked(x: Node): Node {
  if (x.op !== "reshape") return x;
  const [from] = x.inputs;
  return from.shape.at(-1) === x.shape.at(-1) && from.shape.at(-2) === x.shape.at(-2) ? from : x;
}

/** Elements start ≤ i < end of an axis, or the whole where that is all of them. */
const part = (x: Node, axis: number, start: number, end: number) =>
  end - start === x.shape[axis] ? x : slice(x, axis, start, end);

/** Where the operands of scores [..., query, key] have these axes; undefined where both operands have one of them. */
function axesOfScores({ attrs: { a, b, out } }: Node<"einsum">): { query: number; key: number } | undefined {
  const [query, key] = out.slice(-2);
  if (!a.includes(query) || b.includes(query) || !b.includes(key) || a.includes(key)) return undefined;
  return { query: a.indexOf(query), key: b.indexOf(key) };
}

/** Where values have the keys, and the result the queries, of a pattern [..., query, key]. */
function axesOfMix({ attrs: { a, b, out } }: Node<"einsum">): { values: number; result: number } | undefined {
  const [query, key] = a.slice(-2);
  if (!b.includes(key) || b.includes(query) || !out.includes(query) || out.includes(key)) return undefined;
  return { values: b.indexOf(key), result: out.indexOf(query) };
}

/**
 * A mask [queryPos, keyPos] as blocks of its rows, each without the keys after its last query; undefined for a mask that
 * lets one of those through, and for one that is no larger than a block.
 */
function causalBlocks(mask: Node): Node[] | undefined {
  if (mask.op !== "constant" || mask.shape.length !== 2) return undefined;
  const [pos, keys] = mask.shape;
  const { values } = mask.attrs;
  if (pos !== keys || pos <= QUERIES || values.length !== pos * pos) return undefined;
  const blocks: Node[] = [];
  for (let start = 0; start < pos; start += QUERIES) {
    const end = Math.min(start + QUERIES, pos);
    const block = new Float32Array((end - start) * end);
    for (let query = start; query < end; query++)
      for (let key = 0; key < pos; key++) {
        const value = values[query * pos + key];
        if (key < end) block[(query - start) * end + key] = value;
        else if (value !== Number.NEGATIVE_INFINITY) return undefined;
      }
    blocks.push(constant(block, [end - start, end]));
  }
  return blocks;
}
