import { expect, test } from "vitest";
import { referenceBackend } from "../../src/backends/reference/referenceBackend.ts";
import { wasmBackend } from "../../src/backends/wasm/index.ts";
import { randomStream } from "../../src/base/random.ts";
import {
  add,
  broadcast,
  concat,
  constant,
  einsum,
  gelu,
  input,
  mul,
  normalize,
  normScale,
  reshape,
  scale,
  select,
  slice,
  softmax,
  sum,
} from "../../src/graph/build.ts";
import { makeGraph } from "../../src/graph/graph.ts";
import type { Node } from "../../src/graph/node.ts";
import { partMaker } from "../../src/interp/partOf.ts";

const x = input("x", [3, 5, 4]);
const y = input("y", [3, 5, 4]);
const normed = normalize(x, normScale(x, 1e-5));
const scores = scale(einsum("b q d, b k d -> b q k", x, y), 0.5);
const mask = constant(
  Float32Array.from({ length: 25 }, (_, i) => -i),
  [5, 5],
);
const pattern = softmax(add(scores, mask));
/** A node, and the axis that it is cut along. */
const nodes: Record<string, [Node, number]> = {
  input: [x, 1],
  elementwise: [gelu(add(mul(x, constant([1, -2, 3, 0.5], [4])), y)), 1],
  "last axis of a broadcast": [mul(x, constant([1, -2, 3, 0.5], [4])), 2],
  select: [select(y, x, scale(y, 2)), 0],
  norm: [mul(normed, y), 1],
  "norm along its own axis": [normed, 2],
  pattern: [pattern, 1],
  "pattern by key": [pattern, 2],
  attention: [einsum("b q k, b k d -> b q d", pattern, y), 1],
  concat: [concat([x, scale(y, 3), x], 1), 1],
  "concat along another axis": [concat([x, y], 2), 1],
  reshape: [reshape(add(x, y), [3, 5, 2, 2]), 1],
  "reshape across the axis": [reshape(add(x, y), [5, 12]), 0],
  "broadcast, slice and sum": [add(sum(x, [0]), slice(broadcast(constant([4]), [9, 4]), 0, 2, 7)), 0],
};
const values = (name: string) => {
  const stream = randomStream("part", name);
  return Float32Array.from({ length: 60 }, () => stream.normal());
};
const inputs = { x: values("x"), y: values("y") };

test.each(Object.keys(nodes))("%s: a part has the bits of the slice of the whole", async (name) => {
  const [node, axis] = nodes[name];
  for (const backend of [wasmBackend(), referenceBackend]) {
    const session = backend.open({ models: 1, states: {} });
    const run = async (out: Node) => {
      const graph = makeGraph({ outputs: { out } });
      const needed = Object.entries(inputs).filter(([key]) => graph.inputs.has(key));
      return (await session.compile(graph).run(Object.fromEntries(needed))).out;
    };
    const part = partMaker();
    for (const [start, end] of [
      [0, 1],
      [1, 3],
      [2, node.shape[axis]],
      [0, node.shape[axis]],
    ])
      expect(await run(part(node, axis, start, end))).toEqual(await run(slice(node, axis, start, end)));
    session.close();
  }
});

test("a part is made once, and only what it needs is computed", () => {
  const part = partMaker();
  expect(part(pattern, 1, 4, 5)).toBe(part(pattern, 1, 4, 5));
  expect(part(pattern, 1, 0, 5)).toBe(pattern);
  const last = makeGraph({ outputs: { out: part(pattern, 1, 4, 5) } });
  const [product] = last.order.filter(({ op }) => op === "einsum");
  expect(product.shape).toEqual([3, 1, 5]); // one query, all keys
});
