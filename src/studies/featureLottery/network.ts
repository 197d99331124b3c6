/**
 * Networks that add modulo p on all p² pairs at once, as graphs over the grid of pairs.
 *
 * What depends on a alone or on b alone is computed p times and not p² times; no index is looked up in training. The
 * pairs are the axes `a` and `b` of every activation.
 */
import type { RandomStream } from "../../base/random.ts";
import {
  crossEntropy,
  einsum,
  input,
  mean,
  relu,
  reshape,
  scale,
  slice,
  state,
  sum,
} from "../../graph/build.ts";
import { gradient } from "../../graph/gradient.ts";
import { type Graph, makeGraph } from "../../graph/graph.ts";
import type { Node, Shape } from "../../graph/node.ts";
import { type AdamW, optimizerUpdates } from "../../train/optimizers.ts";

/** Activations of a network on the grid of pairs. */
export interface PairActivations {
  /** What the hidden units get before their rectifier, [a, b, unit]. */
  readonly pre: Node;
  /** [a, b, symbol]; the sums are the first p symbols. */
  readonly logits: Node;
}

/** A kind of network; functions of its weights, which are plain data. */
export interface AdditionNetwork {
  readonly modulus: number;
  readonly units: number;
  /** Weights by name with shape. */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** The weights of one network before training, [...shape]. */
  draw(stream: RandomStream): Record<string, Float32Array>;
  forward(weights: Readonly<Record<string, Node>>): PairActivations;
  /** What a unit adds to the logit of each number as it rises by 1, [c, unit]. */
  outputs(weights: Readonly<Record<string, Node>>): Node;
}

/** Every weight as a state of a session. */
export function stateNodes({ shapes }: AdditionNetwork): Record<string, Node<"state">> {
  return Object.fromEntries([...shapes].map(([name, shape]) => [name, state(name, shape) as Node<"state">]));
}

/** The sum of every pair modulo p, int32 [a, b]: the targets of every step. */
export function pairSums(modulus: number): Int32Array {
  return Int32Array.from(
    { length: modulus * modulus },
    (_, pair) => (Math.floor(pair / modulus) + (pair % modulus)) % modulus,
  );
}

const targetsOf = ({ modulus }: AdditionNetwork) => input("targets", [modulus, modulus], "int32");

/**
 * By what the loss is multiplied before its gradient is taken, and the gradient divided after. A network that is sure
 * has logits 80 nats apart, and gradients of them below 1e-38, which processors multiply a hundred times slower. A power
 * of 2 rounds nothing, so no weight changes by a bit.
 */
const LIFT = 2 ** 40;

/**
 * One update on all pairs: mean cross-entropy out, nats; weights and moments changed.
 *
 * @param lift  a power of 2; what the loss is multiplied by on the way through its gradient
 */
export function additionStep(network: AdditionNetwork, optimizer: AdamW, lift: number = LIFT): Graph {
  const weights = stateNodes(network);
  const loss = mean(crossEntropy(network.forward(weights).logits, targetsOf(network))); // []
  const names = Object.keys(weights);
  const found = gradient(
    scale(loss, lift),
    names.map((name) => weights[name]),
  );
  const gradients = Object.fromEntries(names.map((name, i) => [name, scale(found[i], 1 / lift)]));
  return makeGraph({ outputs: { loss }, updates: optimizerUpdates(optimizer, weights, gradients) });
}

/**
 * What the features of a network are read from.
 *
 *   byA[a] = mean over b of pre[a, b],  byB[b] = mean over a,  output[c] as {@link AdditionNetwork.outputs}
 *   slopeA[a] = Σ_b dL/dpre[a, b],  slopeB likewise,  slopeOutput[c] = Σ_ab relu(pre) dL/dlogits[c]
 *   active = mean over the pairs of relu(pre), 0 for a unit that no pair wakes
 *
 * In the perceptron the curves are its weights, less a constant, and the slopes are their gradients.
 */
export function portraitGraph(network: AdditionNetwork): Graph {
  const { modulus } = network;
  const weights = stateNodes(network);
  const { pre, logits } = network.forward(weights);
  const loss = mean(crossEntropy(logits, targetsOf(network)));
  const [slope, slopeOfLogits] = gradient(loss, [pre, logits]); // [a, b, unit], [a, b, symbol]
  const ofNumbers = slice(slopeOfLogits, 2, 0, modulus); // [a, b, c]
  const post = relu(pre); // [a, b, unit]
  return makeGraph({
    outputs: {
      ...{ byA: mean(pre, [1]), byB: mean(pre, [0]), output: network.outputs(weights) },
      ...{ slopeA: sum(slope, [1]), slopeB: sum(slope, [0]) },
      slopeOutput: einsum("pair c, pair unit -> c unit", flat(ofNumbers), flat(post)), // [c, unit]
      ...{ active: mean(post, [0, 1]), logits },
    },
  });
}

/** [a, b, last] as [pair, last]. */
function flat(x: Node): Node {
  const [a, b, last] = x.shape;
  return reshape(x, [a * b, last]);
}
