/** Next-token loss of logits, in nats. */
import { crossEntropy, mean } from "../graph/build.ts";
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
