/**
 * Masks that are learned while every weight stays what it was before training: a supermask found by descent.
 *
 * Each entry of a masked weight has a score s instead of a rate of its own. A mask m of 0 and 1 is made from the scores
 * at every step, the network w₀ · m is run, and the scores follow the loss as if making the mask had been the identity
 * (edge-popup) or its probability (Bernoulli): "straight through" a step whose own gradient is 0 or does not exist.
 *
 *   edge-popup   m = 1 for the largest scores of each tensor, the share `keep`     ds = ∂L/∂(w₀ m) · w₀
 *   bernoulli    m = 1 with probability p = 1 / (1 + e^−s), drawn at every step    ds = ∂L/∂(w₀ m) · w₀ · p (1 − p)
 *
 * Nothing else is trained, biases, layer norms and embeddings included. Entries that are out of the mask are scored too,
 * so that they can come in.
 *
 * @source edge-popup: Ramanujan et al. 2020 (arXiv 1911.13299), section 3; their code ranks |s|, ours s as the text does,
 * so that no score turns round at 0. Bernoulli: Zhou et al. 2019 (arXiv 1905.01067), section 5
 */
import { integerIn, numberIn } from "../base/check.ts";
import { ArgumentError, unknownName } from "../base/errors.ts";
import { log } from "../base/exact.ts";
import type { RandomStream } from "../base/random.ts";
import type { BatchSource } from "../data/batches.ts";
import { scoredPositions } from "../data/scored.ts";
import type { Sequences } from "../data/types.ts";
import type { Backend, RunInputs } from "../graph/backend.ts";
import {
  constant,
  crossEntropy,
  div,
  exp,
  greater,
  input,
  mean,
  mul,
  offset,
  scale,
  state,
  sum,
} from "../graph/build.ts";
import { gradient } from "../graph/gradient.ts";
import { type Graph, makeGraph } from "../graph/graph.ts";
import { type Node, type Shape, sizeOf } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { fanOf } from "../model/fans.ts";
import { forward } from "../model/transformer.ts";
import { modelCount, type Weights, weightNodes, weightShapes } from "../model/weights.ts";
import { finiteMean } from "../train/grow.ts";
import {
  type Optimizer,
  optimizerStates,
  optimizers,
  optimizerUpdates,
  stepNumbers,
} from "../train/optimizers.ts";
import { constantRate, rateFactor, type Schedule } from "../train/schedules.ts";
import { largest, matrixNames } from "./lotteryMasks.ts";

/** How masks come from scores. */
export const maskRules = ["edge-popup", "bernoulli"] as const;
export type MaskRule = (typeof maskRules)[number];

/** What masks are learned of. */
export interface MaskLearnerOptions {
  readonly rule: MaskRule;
  /**
   * Share of each tensor's entries that stays, in (0, 1). The mask of `edge-popup` has it at every step. That of
   * `bernoulli` has it on average before the first step, and is cut to it in the end.
   */
  readonly keep: number;
  /** Names of the weights to mask; the matrices of the blocks unless given. */
  readonly names?: readonly string[];
  /** One a model; each weight draws from the child under its name, so the cut of a population changes nothing. */
  readonly streams: readonly RandomStream[];
  /** What moves the scores; Adam unless given. */
  readonly optimizer?: Optimizer;
}

/** Masks being learned; close it after use. */
export interface MaskLearner {
  /**
   * One update of every model's scores.
   *
   * @param batches  one batch for all models or one each, of the size that was opened
   * @param step     number of this update, from 1
   * @param rates    one learning rate for all models, or one each
   * @returns        mean loss of each masked network before the update, over the positions that count, nats
   * @throws ArgumentError if batches are not as many or not of that size
   */
  step(batches: readonly Sequences[], step: number, rates: readonly number[]): Promise<Float64Array>;
  /** The scores s by name, [model, ...shape]. */
  scores(): Promise<Weights>;
  /** Masks of the largest scores of each tensor, the share `keep`: 0 or 1 by name, [model, ...shape]. */
  masks(): Promise<Weights>;
  close(): void;
}

const scoreName = (name: string) => `score/${name}`;
const maskInput = (name: string) => `mask/${name}`;
const drawInput = (name: string) => `draw/${name}`;

/**
 * Opens scores over the frozen weights of a population.
 *
 * Scores begin uniform on ±1/√fanIn (edge-popup: only their order counts, so that any constant could be added), or all
 * at ln(keep / (1 − keep)) (Bernoulli: every probability is `keep`).
 *
 * @param weights  w₀, [model, ...shape]
 * @param size     sequences in a batch, and positions of each
 * @throws NameError      for a rule or weight that does not exist
 * @throws ArgumentError  for a keep outside (0, 1), or without a stream a model
 */
export function openMaskLearner(
  backend: Backend,
  config: ModelConfig,
  weights: Weights,
  { rule, keep, names = matrixNames(config), streams, optimizer = optimizers.adam }: MaskLearnerOptions,
  { count, nPos }: { readonly count: number; readonly nPos: number },
): MaskLearner {
  if (!maskRules.includes(rule)) throw unknownName("learned masks, rule", String(rule), maskRules);
  numberIn("share to keep", keep, Number.MIN_VALUE, 1 - 2 ** -24);
  const models = modelCount(config, weights);
  if (streams.length !== models)
    throw new ArgumentError({
      where: "learned masks",
      rule: "need one stream a model",
      got: `${streams.length} for ${models}`,
    });
  const all = weightShapes(config);
  const shapes = new Map<string, Shape>();
  for (const name of names) {
    const shape = all.get(name);
    if (shape === undefined) throw unknownName("learned masks, weight", name, all.keys());
    shapes.set(name, shape);
  }
  const scoreShapes = [...shapes].map(([name, shape]) => [scoreName(name), shape] as const);
  const session = backend.open({
    models,
    states: {
      ...Object.fromEntries(all),
      ...Object.fromEntries(scoreShapes),
      ...optimizerStates(optimizer, shapes),
    },
  });
  // one stream a weight and model for all of its draws: first the scores, then the masks step by step
  const draws = new Map(names.map((name) => [name, streams.map((stream) => stream.child(name))]));
  for (const name of all.keys()) session.write(name, weights[name]);
  for (const [name, shape] of shapes) {
    const first =
      rule === "bernoulli"
        ? new Float64Array(models * sizeOf(shape)).fill(log(keep / (1 - keep)))
        : uniforms(draws.get(name) ?? [], shape).map(
            (u) => (2 * u - 1) / Math.sqrt(fanOf(config, name).fanIn),
          );
    session.write(scoreName(name), first);
  }
  const program = session.compile(scoreStep(config, { rule, shapes, optimizer, count, nPos }));

  const scores = async (): Promise<Weights> => {
    const found: Record<string, Weights[string]> = {};
    for (const name of names) found[name] = await session.read(scoreName(name));
    return found;
  };
  const masks = async (): Promise<Weights> =>
    Object.fromEntries(
      Object.entries(await scores()).map(([name, of]) => [name, largestOfEach(of, keep, models)]),
    );
  const maskInputs = async (): Promise<RunInputs> => {
    if (rule === "bernoulli")
      return Object.fromEntries(
        [...shapes].map(([name, shape]) => [drawInput(name), uniforms(draws.get(name) ?? [], shape)]),
      );
    return Object.fromEntries(Object.entries(await masks()).map(([name, mask]) => [maskInput(name), mask]));
  };
  return {
    step: async (batches, number, rates) => {
      const fits = batches.length === 1 || batches.length === models;
      if (!fits || batches.some((batch) => batch.count !== count || batch.nPos !== nPos))
        throw new ArgumentError({
          where: "learned masks",
          rule: `need one batch for all ${models} models or one each, of ${count} sequences with ${nPos} positions`,
          got: batches.map((batch) => `${batch.count}x${batch.nPos}`).join(" "),
        });
      const { loss } = await program.run({
        ...(await maskInputs()),
        ...stacked(batches),
        ...stepNumbers(optimizer, number, rates),
      });
      return Float64Array.from(loss);
    },
    scores,
    masks,
    close: () => session.close(),
  };
}

/** A step of the scores as a graph. */
function scoreStep(
  config: ModelConfig,
  {
    rule,
    shapes,
    optimizer,
    count,
    nPos,
  }: {
    rule: MaskRule;
    shapes: ReadonlyMap<string, Shape>;
    optimizer: Optimizer;
    count: number;
    nPos: number;
  },
): Graph {
  const weights = weightNodes(config);
  const names = [...shapes.keys()];
  const scores: Record<string, Node<"state">> = {};
  const masked: Record<string, Node> = {};
  const slopes: Record<string, Node> = {}; // ∂(w₀ m)/∂s, straight through
  for (const [name, shape] of shapes) {
    const score = state(scoreName(name), shape) as Node<"state">;
    scores[name] = score;
    if (rule === "bernoulli") {
      const p = div(constant(1), offset(exp(scale(score, -1)), 1));
      masked[name] = mul(weights[name], greater(p, input(drawInput(name), shape)));
      slopes[name] = mul(weights[name], mul(p, offset(scale(p, -1), 1)));
    } else {
      masked[name] = mul(weights[name], input(maskInput(name), shape));
      slopes[name] = weights[name];
    }
  }
  const tokens = input("tokens", [count, nPos], "int32"); // [batch, pos]
  const targets = input("targets", [count, nPos], "int32"); // [batch, pos]
  const logits = forward(config, { ...weights, ...masked }, tokens); // [batch, pos, dVocab]
  const nats = mul(crossEntropy(logits, targets), input("share", [nPos])); // [batch, pos]
  const loss = sum(mean(nats, [0])); // []
  const found = gradient(
    loss,
    names.map((name) => masked[name]),
  );
  const gradients = Object.fromEntries(names.map((name, at) => [name, mul(found[at], slopes[name])]));
  return makeGraph({ outputs: { loss }, updates: optimizerUpdates(optimizer, scores, gradients) });
}

/** Uniform draws on (0, 1) of 32 bits, [model, ...shape]. */
function uniforms(streams: readonly RandomStream[], shape: Shape): Float64Array {
  const size = sizeOf(shape);
  const drawn = new Float64Array(streams.length * size);
  streams.forEach((stream, model) => {
    for (let i = 0; i < size; i++) drawn[model * size + i] = (stream.uint32() + 0.5) * 2 ** -32;
  });
  return drawn;
}

function largestOfEach(scores: Weights[string], keep: number, models: number): Float32Array<ArrayBuffer> {
  const size = scores.length / models;
  const mask = new Float32Array(scores.length);
  for (let model = 0; model < models; model++)
    mask.set(largest(scores.subarray(model * size, (model + 1) * size), keep), model * size);
  return mask;
}

/** Batches as inputs: for all models, or [model, ...]; `share` is what each position adds to the mean. */
function stacked(batches: readonly Sequences[]): RunInputs {
  const [{ count, nPos }] = batches;
  const tokens = new Int32Array(batches.length * count * nPos);
  const targets = new Int32Array(tokens.length);
  const share = new Float64Array(batches.length * nPos);
  batches.forEach((batch, model) => {
    tokens.set(batch.inputs, model * count * nPos);
    targets.set(batch.targets, model * count * nPos);
    const positions = scoredPositions(batch.scored, nPos);
    for (const position of positions) share[model * nPos + position] = 1 / positions.length;
  });
  return { tokens, targets, share };
}

/** How long masks are learned, from what, and how fast. */
export interface LearnMasksOptions extends MaskLearnerOptions {
  /** One for all models, or one each. */
  readonly sources: readonly BatchSource[];
  /** Number of updates. */
  readonly steps: number;
  readonly rate: number;
  /** Constant unless given. */
  readonly schedule?: Schedule;
  /** Told from time to time: the step, and the mean loss of the masked networks. */
  readonly progress?: (step: number, loss: number) => void;
}

/** Masks that were learned. */
export interface LearnedMasks {
  /** 0 or 1 by name, [model, ...shape]: the share `keep` of each tensor that has the largest scores. */
  readonly masks: Weights;
  /** The scores, [model, ...shape]; under `bernoulli` 1 / (1 + e^−s) is the probability of an entry. */
  readonly scores: Weights;
  /** Loss of the masked networks before every update, under the masks of that step, [step][model] in nats. */
  readonly losses: readonly Float64Array[];
}

/** Steps between two reports of progress. */
const REPORT_EVERY = 32;

/**
 * Learns masks of a population from the first step to the last. Batches must be of one size.
 *
 * @param weights  w₀, [model, ...shape]; not changed
 * @throws what {@link openMaskLearner} and its steps throw; ArgumentError if `steps` is not a whole number of at least 0
 */
export async function learnMasks(
  backend: Backend,
  config: ModelConfig,
  weights: Weights,
  { sources, steps, rate, schedule = constantRate, progress, ...options }: LearnMasksOptions,
): Promise<LearnedMasks> {
  integerIn("steps", steps, 0);
  const { count, nPos } = sources[0].batch(0);
  const learner = openMaskLearner(backend, config, weights, options, { count, nPos });
  try {
    const losses: Float64Array[] = [];
    for (let step = 1; step <= steps; step++) {
      const batches = sources.map((source) => source.batch(step - 1));
      const loss = await learner.step(batches, step, [rate * rateFactor(schedule, step, steps)]);
      losses.push(loss);
      if (step % REPORT_EVERY === 0) progress?.(step, finiteMean(loss));
    }
    return { masks: await learner.masks(), scores: await learner.scores(), losses };
  } finally {
    learner.close();
  }
}
