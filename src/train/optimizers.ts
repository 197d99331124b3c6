/** Optimisers as graphs: from weights, gradients and what is remembered, the new values of both. */
import { numberIn } from "../base/check.ts";
import { unknownName } from "../base/errors.ts";
import { integerPower } from "../base/exact.ts";
import {
  adamUpdate,
  add,
  constant,
  div,
  ema,
  emaSquare,
  input,
  minimum,
  mul,
  offset,
  scale,
  sqrt,
  state,
  sub,
  sum,
} from "../graph/build.ts";
import type { Node, Shape } from "../graph/node.ts";

/** Adam. @source Kingma & Ba 2015, algorithm 1; eps is added after the root of the corrected v, as PyTorch does */
export interface Adam {
  name: "adam";
  beta1: number;
  beta2: number;
  eps: number;
}

/** Adam with decoupled weight decay. @source Loshchilov & Hutter 2019, algorithm 2 */
export interface AdamW extends Omit<Adam, "name"> {
  name: "adamw";
  /** Share of a weight that a step of rate 1 would take away. */
  weightDecay: number;
}

/** Stochastic gradient descent with momentum: v ← momentum · v + g, weight ← weight − rate · v. */
export interface Sgd {
  name: "sgd";
  /** 0 for plain descent, below 1. */
  momentum: number;
}

export type Optimizer = Adam | AdamW | Sgd;

/** The optimisers by name, with their usual constants. */
export const optimizers = {
  adam: { name: "adam", beta1: 0.9, beta2: 0.999, eps: 1e-8 },
  adamw: { name: "adamw", beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 },
  sgd: { name: "sgd", momentum: 0.9 },
} as const satisfies Record<string, Optimizer>;

/** The optimiser of a name; throws NameError with the nearest. */
export function optimizerNamed(name: string): Optimizer {
  if (Object.hasOwn(optimizers, name)) return optimizers[name as keyof typeof optimizers];
  throw unknownName("optimizer", name, Object.keys(optimizers));
}

/** Checks constants that came from outside; throws ArgumentError. */
export function validateOptimizer(optimizer: Optimizer): Optimizer {
  if (optimizer.name === "sgd") numberIn("momentum", optimizer.momentum, 0, 1 - 2 ** -24);
  else {
    numberIn("beta1", optimizer.beta1, 0, 1 - 2 ** -24);
    numberIn("beta2", optimizer.beta2, 0, 1 - 2 ** -24);
    numberIn("eps", optimizer.eps, Number.MIN_VALUE);
    if (optimizer.name === "adamw") numberIn("weightDecay", optimizer.weightDecay, 0);
  }
  return optimizer;
}

/** What an optimiser remembers, by state name with shape: one moment or two for every weight. */
export function optimizerStates(
  optimizer: Optimizer,
  weights: ReadonlyMap<string, Shape>,
): Record<string, Shape> {
  const moments = optimizer.name === "sgd" ? ["velocity"] : ["m", "v"];
  return Object.fromEntries(
    [...weights].flatMap(([name, shape]) => moments.map((moment) => [`${moment}/${name}`, shape])),
  );
}

/** The numbers a step needs, as inputs of the graph: {@link stepNumbers} gives their values. */
interface Rates {
  rate: Node;
  correction1: Node;
  correction2: Node;
}

/**
 * Values of the inputs `rate`, `correction1`, `correction2` at a step.
 *
 *   correction_i = 1 − beta_i^step
 *
 * @param step   number of this update, from 1
 * @param rates  learning rate of every model, or of all
 */
export function stepNumbers(
  optimizer: Optimizer,
  step: number,
  rates: readonly number[],
): Record<string, Float64Array> {
  const numbers: Record<string, Float64Array> = { rate: Float64Array.from(rates) };
  if (optimizer.name === "sgd") return numbers;
  numbers.correction1 = Float64Array.of(1 - integerPower(optimizer.beta1, step));
  numbers.correction2 = Float64Array.of(1 - integerPower(optimizer.beta2, step));
  return numbers;
}

/** Name of the state that says which entries of a weight are trained. */
export const maskName = (name: string) => `mask/${name}`;

/** How a step differs from the plain one. */
export interface UpdateOptions {
  /** Largest Euclidean norm of all gradients of one model together; none if undefined. */
  clip?: number;
  /**
   * Factors of the learning rate by name of the weight, 1 where a weight is not named. 0 freezes a weight: it has no
   * part in the norm that is clipped, and nothing is computed for it.
   */
  rateFactors?: Readonly<Record<string, number>>;
  /**
   * Weights with a mask: their gradient is multiplied by the state `mask/{name}`, so that where that is 0 an entry stays
   * as it is. (Weight decay shrinks it nevertheless, unless it is 0.)
   */
  masked?: readonly string[];
}

/**
 * New values of weights and moments.
 *
 * @param weights    state nodes by name
 * @param gradients  by the same names
 * @throws NameError if an option names a weight that does not exist
 */
export function optimizerUpdates(
  optimizer: Optimizer,
  weights: Readonly<Record<string, Node<"state">>>,
  gradients: Readonly<Record<string, Node>>,
  { clip, rateFactors = {}, masked = [] }: UpdateOptions = {},
): Map<Node<"state">, Node> {
  for (const name of [...Object.keys(rateFactors), ...masked])
    if (!Object.hasOwn(weights, name)) throw unknownName("weight", name, Object.keys(weights));
  const trained: Record<string, Node> = {};
  for (const [name, gradient] of Object.entries(gradients)) {
    if (rateFactors[name] === 0) continue;
    trained[name] = masked.includes(name) ? mul(gradient, state(maskName(name), gradient.shape)) : gradient;
  }
  const factor = clip === undefined ? undefined : clipFactor(Object.values(trained), clip);
  const common: Rates = {
    rate: input("rate", []),
    correction1: input("correction1", []),
    correction2: input("correction2", []),
  };
  const updates = new Map<Node<"state">, Node>();
  for (const [name, found] of Object.entries(trained)) {
    const weight = weights[name];
    const gradient = factor === undefined ? found : mul(found, factor);
    const speed = rateFactors[name] ?? 1;
    const rates = speed === 1 ? common : { ...common, rate: scale(common.rate, speed) };
    const moment = (kind: string) => state(`${kind}/${name}`, weight.shape) as Node<"state">;
    if (optimizer.name === "sgd") {
      const velocity = moment("velocity");
      const next = add(scale(velocity, optimizer.momentum), gradient);
      updates.set(velocity, next);
      updates.set(weight, sub(weight, mul(rates.rate, next)));
      continue;
    }
    const { beta1, beta2, eps } = optimizer;
    const m = moment("m");
    const v = moment("v");
    const nextM = ema(m, gradient, beta1);
    const nextV = emaSquare(v, gradient, beta2);
    const decayed = optimizer.name === "adamw" ? decay(weight, rates.rate, optimizer.weightDecay) : weight;
    updates.set(m, nextM);
    updates.set(v, nextV);
    updates.set(weight, adamUpdate(decayed, nextM, nextV, { ...rates, eps }));
  }
  return updates;
}

function decay(weight: Node, rate: Node, weightDecay: number): Node {
  return mul(weight, offset(scale(rate, -weightDecay), 1));
}

/**
 * min(1, clip / (norm + 1e-6)), the factor that brings gradients to norm `clip` at most.
 *
 * @source Pascanu, Mikolov & Bengio 2013, algorithm 1; the 1e-6 as in PyTorch's clip_grad_norm_
 */
function clipFactor(gradients: readonly Node[], clip: number): Node {
  const squares = gradients.map((gradient) => sum(mul(gradient, gradient)));
  const norm = sqrt(squares.reduce((total, square) => add(total, square)));
  return minimum(constant(1), div(constant(clip), offset(norm, 1e-6)));
}
