/** Next-token loss of logits, in nats. */
import { constant, crossEntropy, mean, mul, sum } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";

/**
 * Mean cross-entropy over batch and positions, in nats.
 *
 * @param logits   [batch, pos, dVocab]
 * @param targets  int32 [batch, pos]
 * @returns        one number a model, []
 */
export function meanLoss(logits: Node, targets: Node): Node {
  return mean(crossEntropy(logits, targets));
}

/**
 * Mean cross-entropy of each position over the batch, in nats.
 *
 * @param logits   [batch, pos, dVocab]
 * @param targets  int32 [batch, pos]
 * @returns        [pos]
 */
export function lossByPosition(logits: Node, targets: Node): Node {
  return mean(crossEntropy(logits, targets), [0]);
}

/**
 * Sum of cross-entropy over batch and positions, in nats: what a step in blocks adds up.
 *
 * @param logits   [batch, pos, dVocab]
 * @param targets  int32 [batch, pos]
 * @param scored   1 for each position that counts, else 0, [pos]; all count where undefined
 * @returns        []
 */
export function totalLoss(logits: Node, targets: Node, scored?: ArrayLike<number>): Node {
  const nats = crossEntropy(logits, targets); // [batch, pos]
  return sum(scored === undefined ? nats : mul(nats, constant(scored, [scored.length])));
}
