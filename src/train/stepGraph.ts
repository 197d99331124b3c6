/** The graphs of a training step: loss, gradient and update of one model, cut into blocks where a batch is large. */

import { type Scored, scoredPositions } from "../data/scored.ts";
import { add, constant, input, scale, state } from "../graph/build.ts";
import { gradient } from "../graph/gradient.ts";
import { type Graph, makeGraph } from "../graph/graph.ts";
import type { Node, Shape } from "../graph/node.ts";
import { totalLoss } from "../model/loss.ts";
import { weightNodes } from "../model/weights.ts";
import { modelOutput, type OutputSpec } from "./modelOutput.ts";
import { type Optimizer, optimizerUpdates, type UpdateOptions } from "./optimizers.ts";

/** What a step is: the model and how its output is read, its optimiser, and what is special about the update. */
export interface StepSpec extends OutputSpec, UpdateOptions {
  optimizer: Optimizer;
}

/** Which targets of a batch a step is taken on. */
export interface StepTargets {
  /** 1 for each position that counts, else 0, [pos]; all count where undefined. */
  scored?: Scored;
}

interface BlockLoss {
  weights: Record<string, Node<"state">>;
  /** Sum of cross-entropy over the block divided by the targets of the whole batch that count, []. */
  loss: Node;
  gradients: Record<string, Node>;
}

function blockLoss(
  spec: OutputSpec,
  block: number,
  nPos: number,
  batch: number,
  { scored }: StepTargets,
): BlockLoss {
  const weights = weightNodes(spec.config);
  const tokens = input("tokens", [block, nPos], "int32"); // [batch, pos]
  const targets = input("targets", [block, nPos], "int32"); // [batch, pos]
  const logits = modelOutput(spec, weights, tokens); // [batch, pos, dVocab]
  const counting = batch * scoredPositions(scored, nPos).length;
  const loss = scale(totalLoss(logits, targets, scored), 1 / counting); // []
  const names = Object.keys(weights);
  const found = gradient(
    loss,
    names.map((name) => weights[name]),
  );
  return { weights, loss, gradients: Object.fromEntries(names.map((name, i) => [name, found[i]])) };
}

/** A step whose batch is one block: loss out, weights and moments updated. */
export function wholeStep(spec: StepSpec, batch: number, nPos: number, options: StepTargets = {}): Graph {
  const { weights, loss, gradients } = blockLoss(spec, batch, nPos, batch, options);
  return makeGraph({
    outputs: { loss },
    updates: optimizerUpdates(spec.optimizer, weights, gradients, spec),
  });
}

/** Gradient accumulators of a step in blocks, by state name with shape. */
export function accumulatorStates(weights: ReadonlyMap<string, Shape>): Record<string, Shape> {
  return Object.fromEntries([...weights].map(([name, shape]) => [`gradient/${name}`, shape]));
}

const accumulator = (name: string, shape: Shape) => state(`gradient/${name}`, shape) as Node<"state">;

/** One block of a larger batch: its share of the loss out, its gradients added to the accumulators. */
export function blockStep(
  spec: StepSpec,
  block: number,
  nPos: number,
  batch: number,
  options: StepTargets = {},
): Graph {
  const { loss, gradients } = blockLoss(spec, block, nPos, batch, options);
  const updates = new Map<Node<"state">, Node>();
  for (const [name, found] of Object.entries(gradients)) {
    const sofar = accumulator(name, found.shape);
    updates.set(sofar, add(found, sofar));
  }
  return makeGraph({ outputs: { loss }, updates });
}

/** The update after the last block: weights and moments from the accumulators, which are cleared. */
export function updateStep(spec: StepSpec): Graph {
  const weights = weightNodes(spec.config);
  const gradients: Record<string, Node> = {};
  const cleared = new Map<Node<"state">, Node>();
  for (const [name, weight] of Object.entries(weights)) {
    const sofar = accumulator(name, weight.shape);
    gradients[name] = sofar;
    cleared.set(sofar, constant(0, weight.shape));
  }
  const updates = optimizerUpdates(spec.optimizer, weights, gradients, spec);
  return makeGraph({ updates: new Map([...updates, ...cleared]) });
}
