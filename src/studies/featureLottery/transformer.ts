/** A transformer of one block that adds: what it does at the last position, on all pairs. */
import {
  add,
  broadcast,
  concat,
  constant,
  einsum,
  relu,
  reshape,
  scale as scaled,
  slice,
  softmax,
} from "../../graph/build.ts";
import type { Node } from "../../graph/node.ts";
import type { ModelConfig } from "../../model/config.ts";
import { initialWeights } from "../../model/init.ts";
import { weightShapes } from "../../model/weights.ts";
import type { AdditionNetwork } from "./network.ts";

/** The config of which {@link transformer} computes the last position; no norms and no biases, so that all is exact. */
export function transformerConfig(modulus: number, units: number): ModelConfig {
  return {
    ...{ nLayers: 1, nHeads: 4, dModel: 64, dHead: 16, dMlp: units, dVocab: modulus + 1, nCtx: 4 },
    ...{ actFn: "relu", normalization: "none", finalNorm: false, causal: true, positions: "learned" },
    ...{ attention: "projected", attnOnly: false, mlpOnly: false, tiedUnembed: false },
    ...{ biases: false, eps: 1e-5 },
  };
}

/**
 * The transformer on sequences `a b =`, at the `=`.
 *
 *   x_t = W_E[token] + W_pos[t];  q = x_2 W_Q;  pattern[a, b] = softmax over t of q · x_t W_K / sqrt(dHead)
 *   mid = x_2 + Σ_head Σ_t pattern · x_t W_V W_O;  pre = mid W_in;  logits = (mid + relu(pre) W_out) W_U
 *
 * Keys and values of a, b and `=` are computed once a number, not once a pair.
 *
 * @param scale  multiplies every weight of PyTorch's initialisation
 */
export function transformer({
  modulus: p,
  units,
  scale,
}: {
  modulus: number;
  units: number;
  scale: number;
}): AdditionNetwork {
  const config = transformerConfig(p, units);
  return {
    ...{ modulus: p, units, shapes: weightShapes(config) },
    draw: (stream) =>
      Object.fromEntries(
        Object.entries(initialWeights(config, { scheme: "pytorch" }, stream)).map(([name, values]) => [
          name,
          values.map((value) => scale * value),
        ]),
      ),
    forward: (weights) => {
      const gathered = reader(config, p, weights);
      const [W_in, W_out] = ["W_in", "W_out"].map((name) => weights[`blocks.0.mlp.${name}`]);
      const W_U = weights["unembed.W_U"];
      const pre = gathered(W_in); // [a, b, unit]
      const direct = einsum("unit dModel, dModel c -> unit c", W_out, W_U); // [unit, c]
      const logits = add(gathered(W_U), einsum("a b unit, unit c -> a b c", relu(pre), direct)); // [a, b, c]
      return { pre, logits };
    },
    outputs: (weights) => {
      const direct = einsum(
        "unit dModel, dModel c -> c unit",
        weights["blocks.0.mlp.W_out"],
        weights["unembed.W_U"],
      );
      return slice(direct, 0, 0, p); // [c, unit]
    },
  };
}

/** What the units of the transformer read at the `=`: the stream before them, [a, b, dModel]. */
export function streamOnGrid(
  { modulus, units }: Pick<AdditionNetwork, "modulus" | "units">,
  weights: Readonly<Record<string, Node>>,
): Node {
  const config = transformerConfig(modulus, units);
  const { dModel } = config;
  const identity = Float32Array.from({ length: dModel * dModel }, (_, i) => (i % (dModel + 1) === 0 ? 1 : 0));
  return reader(config, modulus, weights)(constant(identity, [dModel, dModel]));
}

/** What a matrix `into` reads of the stream at the `=` after attention: `into` [dModel, out] to [a, b, out]. */
function reader(
  { nHeads, dHead }: ModelConfig,
  p: number,
  weights: Readonly<Record<string, Node>>,
): (into: Node) => Node {
  const attn = (name: string) => weights[`blocks.0.attn.${name}`];
  const positions = slice(weights["pos_embed.W_pos"], 0, 0, 3); // [pos, dModel]
  const numbers = slice(weights["embed.W_E"], 0, 0, p); // [number, dModel]
  const equals = slice(weights["embed.W_E"], 0, p, p + 1); // [1, dModel]
  const at = (tokens: Node, t: number) => add(tokens, slice(positions, 0, t, t + 1));
  const streams = [at(numbers, 0), at(numbers, 1), at(equals, 2)]; // [number, dModel], twice; [1, dModel]
  const last = streams[2];

  const query = einsum("one dModel, head dModel dHead -> one head dHead", last, attn("W_Q"));
  const q = scaled(reshape(query, [nHeads, dHead]), 1 / Math.sqrt(dHead)); // [head, dHead]
  const scores = streams.map((x, t) => {
    const key = einsum("n dModel, head dModel dHead -> n head dHead", x, attn("W_K"));
    const score = einsum("n head dHead, head dHead -> n head", key, q); // [number, head]
    return onGrid(score, t, p); // [a, b, head, 1]
  });
  const pattern = softmax(concat(scores, 3)); // [a, b, head, pos]
  // what each head moves from each number, in the coordinates of the units and of the logits
  const moved = streams.map((x) => {
    const value = einsum("n dModel, head dModel dHead -> n head dHead", x, attn("W_V"));
    return einsum("n head dHead, head dHead dModel -> n head dModel", value, attn("W_O"));
  });
  return (into) =>
    moved
      .map((x, t) => {
        const weight = reshape(slice(pattern, 3, t, t + 1), [p, p, nHeads]); // [a, b, head]
        const said = einsum("n head dModel, dModel out -> n head out", x, into); // [number, head, out]
        return heads(weight, said, t);
      })
      .reduce(
        (sum, part) => add(sum, part),
        reshape(einsum("one dModel, dModel out -> one out", last, into), [1, 1, into.shape[1]]),
      );
}

/** Σ_head weight · said, where `said` belongs to a (t = 0), to b (t = 1) or to `=` (t = 2): [a, b, out]. */
function heads(weight: Node, said: Node, t: number): Node {
  if (t === 0) return einsum("a b head, a head out -> a b out", weight, said);
  if (t === 1) return einsum("a b head, b head out -> a b out", weight, said);
  return einsum("a b head, head out -> a b out", weight, reshape(said, said.shape.slice(1)));
}

/** Scores of a (t = 0), of b (t = 1) or of `=` (t = 2), [number, head], for every pair: [a, b, head, 1]. */
function onGrid(score: Node, t: number, p: number): Node {
  const nHeads = score.shape[1];
  const shape = t === 0 ? [p, 1, nHeads, 1] : t === 1 ? [1, p, nHeads, 1] : [1, 1, nHeads, 1];
  return broadcast(reshape(score, shape), [p, p, nHeads, 1]);
}
