/** What a network in training says: its logits, or how far they have moved from where they began, on a scale. */
import { numberIn } from "../base/check.ts";
import { scale, state, sub } from "../graph/build.ts";
import type { Node, Shape } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { forward } from "../model/transformer.ts";
import { weightShapes } from "../model/weights.ts";

/** A model, and how its output is read. */
export interface OutputSpec {
  config: ModelConfig;
  /**
   * α of a centred and scaled output; the plain logits unless given. Large α makes a network lazy: the same change of
   * output needs 1/α of the motion, so that it stays where its linearisation holds; small α makes it rich.
   */
  outputScale?: number;
}

/** Name of the state that holds a weight of the network whose output counts as 0. */
export const originName = (name: string) => `origin/${name}`;

/** The states that a centred output reads besides the weights, by name with shape. */
export function originStates(config: ModelConfig): Record<string, Shape> {
  return Object.fromEntries([...weightShapes(config)].map(([name, shape]) => [originName(name), shape]));
}

/**
 * Logits of a model, or α times their change since θ₀.
 *
 *   f_α(x; θ) = α · (f(x; θ) − f(x; θ₀)),  θ₀ = the states origin/{name}
 *
 * No gradient flows into θ₀. Where θ = θ₀ all logits are 0 and the loss is ln dVocab.
 *
 * @param tokens  int32 [batch, pos]
 * @returns       [batch, pos, dVocab]
 * @throws ArgumentError if α is not a finite number above 0
 * @source Chizat, Oyallon & Bach 2019, section 1.2 (their h(w) is our f(θ))
 */
export function modelOutput(
  { config, outputScale }: OutputSpec,
  weights: Readonly<Record<string, Node>>,
  tokens: Node,
): Node {
  const logits = forward(config, weights, tokens); // [batch, pos, dVocab]
  if (outputScale === undefined) return logits;
  numberIn("output scale", outputScale, Number.MIN_VALUE);
  const origin = Object.fromEntries(
    [...weightShapes(config)].map(([name, shape]) => [name, state(originName(name), shape)]),
  );
  return scale(sub(logits, forward(config, origin, tokens)), outputScale); // [batch, pos, dVocab]
}
