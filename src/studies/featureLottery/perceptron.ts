/** A perceptron with one hidden layer on the concatenated one-hot codes of a and b. */
import { add, einsum, relu, reshape, transpose } from "../../graph/build.ts";
import type { Shape } from "../../graph/node.ts";
import type { AdditionNetwork } from "./network.ts";

/**
 * The perceptron.
 *
 *   pre[a, b] = W_a[a] + W_b[b],  logits = relu(pre) · W_out
 *
 * @param scale  standard deviation of every weight before training
 */
export function perceptron({
  modulus: p,
  units,
  scale,
}: {
  modulus: number;
  units: number;
  scale: number;
}): AdditionNetwork {
  const shapes = new Map<string, Shape>([
    ["W_a", [p, units]],
    ["W_b", [p, units]],
    ["W_out", [units, p]],
  ]);
  return {
    ...{ modulus: p, units, shapes },
    draw: (stream) =>
      Object.fromEntries(
        [...shapes].map(([name, [rows, columns]]) => {
          const own = stream.child(name);
          return [name, Float32Array.from({ length: rows * columns }, () => scale * own.normal())];
        }),
      ),
    forward: ({ W_a, W_b, W_out }) => {
      const pre = add(reshape(W_a, [p, 1, units]), reshape(W_b, [1, p, units])); // [a, b, unit]
      const logits = einsum("a b unit, unit c -> a b c", relu(pre), W_out); // [a, b, c]
      return { pre, logits };
    },
    outputs: ({ W_out }) => transpose(W_out, [1, 0]), // [c, unit]
  };
}
