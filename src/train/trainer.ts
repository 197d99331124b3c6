/** A population in training: an open session with the programs of its step, compiled as batch sizes turn up. */

import { ArgumentError, unknownName } from "../base/errors.ts";
import { inTurn } from "../base/inTurn.ts";
import { type Scored, scoredPositions } from "../data/scored.ts";
import type { Sequences } from "../data/types.ts";
import type { Backend, Call, Program, Session } from "../graph/backend.ts";
import { input } from "../graph/build.ts";
import { makeGraph } from "../graph/graph.ts";
import type { Shape } from "../graph/node.ts";
import { lossByPosition } from "../model/loss.ts";
import { type Weights, weightNodes, weightShapes } from "../model/weights.ts";
import { blockSize } from "./blocks.ts";
import { countRight } from "./countRight.ts";
import { modelOutput, type OutputSpec, originName, originStates } from "./modelOutput.ts";
import { maskName, optimizerStates, stepNumbers } from "./optimizers.ts";
import { accumulatorStates, blockStep, type StepSpec, updateStep, wholeStep } from "./stepGraph.ts";

/** What a trainer is opened with. */
export interface TrainerOptions extends StepSpec {
  /** Number of models. */
  models: number;
  /** Sequences in the largest batch, and positions of each: they decide whether batches are cut into blocks. */
  batch: number;
  nPos: number;
  /** More states the session shall hold, e.g. the accumulators of tuning curves. */
  extraStates?: Readonly<Record<string, Shape>>;
  /** See {@link Session.kernelMilliseconds}. */
  clock?: () => number;
}

/** One update of a population. */
export interface Update {
  /** One batch for all models, or one each; all of one size, and the same positions count in all. */
  batches: readonly Sequences[];
  /** Number of this update, from 1. */
  step: number;
  /** One learning rate for all models, or one each. */
  rates: readonly number[];
}

/** A population that can be stepped, measured and read. */
export interface Trainer {
  readonly session: Session;
  /** Updates that {@link steps} is best given at once; 1 where the backend has no wish. */
  readonly stepsAtOnce: number;
  /**
   * One update of every model, on the targets that count.
   *
   * @param batches  one batch for all models, or one each; all of one size, and the same positions count in all
   * @param step     number of this update, from 1
   * @param rates    one learning rate for all models, or one each
   * @returns        mean loss of each model before the update, over the positions that count, nats
   * @throws ArgumentError if the batches differ in size or in what counts, are empty, or are larger than the trainer was
   *                       opened for
   */
  step(batches: readonly Sequences[], step: number, rates: readonly number[]): Promise<Float64Array>;
  /**
   * Some updates one after the other, to the bit as {@link step} would make them, handed to the backend in one go. Where
   * one of them is refused, none is made.
   *
   * @returns  the losses of each update, [update][model]
   */
  steps(updates: readonly Update[]): Promise<Float64Array[]>;
  /**
   * Why the backend trains this population in a slower way than it trains others, in words to be said aloud; undefined
   * where it does not, or before the first step.
   */
  slowerBecause(): string | undefined;
  /**
   * Mean loss by position, [model, pos] in nats, over sequences that all models share or have each. Positions that do
   * not count have a loss too: `scoredMean` of a model's row is what training reports.
   */
  evaluate(batches: readonly Sequences[]): Promise<Float64Array>;
  /**
   * Share of sequences in which the target has the largest logit, [model, pos] in [0, 1], whether the position counts or
   * not. Of k equally large ones each is right 1/k times; NaN where a logit is.
   */
  accuracy(batches: readonly Sequences[]): Promise<Float64Array>;
  /** Sets every weight, [model, ...shape]. */
  writeWeights(weights: Weights): void;
  /** Sets the mask of every weight that has one, [model, ...shape]; until then nothing of those weights is trained. */
  writeMasks(masks: Weights): void;
  /** Sets the weights whose output counts as 0, [model, ...shape]; only where `outputScale` is given. */
  writeOrigin(weights: Weights): void;
  /** Copies of all weights, [model, ...shape]. */
  readWeights(): Promise<Weights>;
  /** Copies of what the optimiser remembers, by state name, [model, ...shape]: with the weights all that a step needs. */
  readMoments(): Promise<Weights>;
  /** Sets what {@link readMoments} gave, so that training goes on as if it had never stopped. */
  writeMoments(moments: Weights): void;
}

/** Tokens that are stacked for updates at once, at most: with their targets 64 MiB. */
const STACKED = 2 ** 23;
/** Sequences that are evaluated at a time. */
const EVALUATION_BLOCK = 64;

/** Opens a session for a population in training; weights and moments are zero until written. */
export function openTrainer(backend: Backend, options: TrainerOptions): Trainer {
  const { config, optimizer, models, nPos } = options;
  const shapes = weightShapes(config);
  const moments = optimizerStates(optimizer, shapes);
  const block = backend.wholeBatches ? options.batch : blockSize(config, options.batch, nPos);
  const session = backend.open({
    models,
    clock: options.clock,
    states: {
      ...Object.fromEntries(shapes),
      ...moments,
      ...(block < options.batch ? accumulatorStates(shapes) : {}),
      ...maskStates(shapes, options.masked ?? []),
      ...(options.outputScale === undefined ? {} : originStates(config)),
      ...options.extraStates,
    },
  });
  const stacked = makeStack();
  const callStacks: Stack[] = []; // all calls of a turn are read in one go
  const programs = new Map<string, Program>();
  const compiled = (key: string, make: () => Program): Program => {
    const program = programs.get(key) ?? make();
    programs.set(key, program);
    return program;
  };

  /** What an update is in calls, the first of which takes the stack of that number. */
  const callsOf = ({ batches, step, rates }: Update, first: number): Call[] => {
    const { count } = sameSize(batches, models, nPos);
    const scored = commonlyScored(batches);
    const which = scored === undefined ? "" : ` ${scored.join("")}`;
    if (count > options.batch)
      throw new ArgumentError({
        where: "batch",
        rule: `may hold ${options.batch} sequences at most, as the trainer was opened for`,
        got: String(count),
        wayOut: "Open the trainer with the size of the largest batch.",
      });
    const numbers = stepNumbers(optimizer, step, rates);
    const stack = (call: number, start: number, end: number) => {
      callStacks[call] ??= makeStack();
      return callStacks[call](batches, start, end);
    };
    if (count <= block) {
      const program = compiled(`whole ${count}${which}`, () =>
        session.compile(wholeStep(options, count, nPos, { scored })),
      );
      return [{ program, inputs: { ...stack(first, 0, count), ...numbers } }];
    }
    const calls: Call[] = [];
    for (let start = 0; start < count; start += block) {
      const size = Math.min(block, count - start);
      const program = compiled(`block ${size} of ${count}${which}`, () =>
        session.compile(blockStep(options, size, nPos, count, { scored })),
      );
      calls.push({ program, inputs: stack(first + calls.length, start, start + size) });
    }
    const update = compiled("update", () => session.compile(updateStep(options)));
    return [...calls, { program: update, inputs: numbers }];
  };

  const steps: Trainer["steps"] = async (updates) => {
    const calls: Call[] = [];
    const ends = updates.map((update) => calls.push(...callsOf(update, calls.length)));
    const told =
      calls.length === 1 ? [await calls[0].program.run(calls[0].inputs)] : await session.runInTurn(calls);
    return ends.map((end, i) => {
      const parts = told
        .slice(ends[i - 1] ?? 0, end)
        .flatMap(({ loss }) => (loss === undefined ? [] : [loss]));
      if (parts.length === 1) return Float64Array.from(parts[0]);
      const total = new Float64Array(models);
      for (const part of parts) for (let model = 0; model < models; model++) total[model] += part[model];
      return total;
    });
  };

  /** Looks at sequences a block at a time; returns how many there are. */
  const overBlocks = async (
    batches: readonly Sequences[],
    look: (size: number, inputs: Stacked, count: number) => Promise<void>,
  ): Promise<number> => {
    const { count } = sameSize(batches, models, nPos);
    for (let start = 0; start < count; start += EVALUATION_BLOCK) {
      const size = Math.min(EVALUATION_BLOCK, count - start);
      await look(size, stacked(batches, start, start + size), count);
    }
    return count;
  };

  const evaluate: Trainer["evaluate"] = async (batches) => {
    const total = new Float64Array(models * nPos);
    await overBlocks(batches, async (size, inputs, count) => {
      const program = compiled(`evaluate ${size}`, () => session.compile(evaluation(options, size, nPos)));
      const { loss } = await program.run(inputs);
      for (let i = 0; i < total.length; i++) total[i] += (loss[i] * size) / count;
    });
    return total;
  };

  const accuracy: Trainer["accuracy"] = async (batches) => {
    const right = new Float64Array(models * nPos);
    const count = await overBlocks(batches, async (size, { tokens, targets }) => {
      const program = compiled(`logits ${size}`, () => session.compile(logitsOf(options, size, nPos)));
      const { logits } = await program.run({ tokens });
      const ofBlock = countRight(logits, targets, { models, batch: size, nPos, dVocab: config.dVocab });
      for (let i = 0; i < right.length; i++) right[i] += ofBlock[i];
    });
    return right.map((each) => each / count);
  };

  return {
    session,
    stepsAtOnce: Math.max(
      1,
      Math.min(backend.stepsAtOnce ?? 1, Math.floor(STACKED / (models * options.batch * nPos))),
    ),
    step: async (batches, step, rates) => (await steps([{ batches, step, rates }]))[0],
    steps,
    slowerBecause: () => [...programs.values()].flatMap((program) => program.slowerBecause?.() ?? []).at(0),
    evaluate,
    accuracy,
    writeWeights: (weights) => {
      for (const name of shapes.keys()) session.write(name, weights[name]);
    },
    writeMasks: (masks) => {
      for (const name of options.masked ?? []) session.write(maskName(name), masks[name]);
    },
    writeOrigin: (weights) => {
      for (const name of shapes.keys()) session.write(originName(name), weights[name]);
    },
    readWeights: () => statesNamed(session, shapes.keys()),
    readMoments: () => statesNamed(session, Object.keys(moments)),
    writeMoments: (values) => {
      for (const name of Object.keys(moments)) session.write(name, values[name]);
    },
  };
}

async function statesNamed(session: Session, names: Iterable<string>): Promise<Weights> {
  return Object.fromEntries(await inTurn(names, async (name) => [name, await session.read(name)]));
}

function maskStates(shapes: ReadonlyMap<string, Shape>, masked: readonly string[]): Record<string, Shape> {
  return Object.fromEntries(
    masked.map((name) => {
      const shape = shapes.get(name);
      if (shape === undefined) throw unknownName("weight", name, [...shapes.keys()]);
      return [maskName(name), shape];
    }),
  );
}

function evaluation(spec: OutputSpec, size: number, nPos: number) {
  const tokens = input("tokens", [size, nPos], "int32");
  const targets = input("targets", [size, nPos], "int32");
  return makeGraph({
    outputs: { loss: lossByPosition(modelOutput(spec, weightNodes(spec.config), tokens), targets) },
  });
}

function logitsOf(spec: OutputSpec, size: number, nPos: number) {
  const tokens = input("tokens", [size, nPos], "int32");
  return makeGraph({ outputs: { logits: modelOutput(spec, weightNodes(spec.config), tokens) } });
}

/** The positions that count in all batches; undefined where all positions do, which is the graph without a mask. */
function commonlyScored(batches: readonly Sequences[]): Scored {
  const [{ scored, nPos }] = batches;
  if (batches.every((batch) => batch.scored === undefined)) return undefined;
  const positions = scoredPositions(scored, nPos);
  const differs = batches.some(
    (batch) => batch.scored !== scored && scoredPositions(batch.scored, nPos).join() !== positions.join(),
  );
  if (differs)
    throw new ArgumentError({
      where: "batch",
      rule: "the same positions must count for all models",
      got: batches.map((batch) => scoredPositions(batch.scored, nPos).join(",")).join(" and "),
    });
  return positions.length === nPos ? undefined : scored;
}

function sameSize(batches: readonly Sequences[], models: number, nPos: number): Sequences {
  const [first] = batches;
  const fits = batches.length === 1 || batches.length === models;
  const alike = batches.every((batch) => batch.count === first.count && batch.nPos === nPos);
  if (fits && alike && first.count > 0) return first;
  throw new ArgumentError({
    where: "batch",
    rule: `needs one batch for all ${models} models or one each, of one size above 0 with ${nPos} positions`,
    got: batches.map((batch) => `${batch.count}x${batch.nPos}`).join(" "),
  });
}

type Stacked = Record<"tokens" | "targets", Int32Array>;

/** Sequences start ≤ i < end of every batch as inputs: [batch, pos] for all models, or [model, batch, pos]. */
type Stack = (batches: readonly Sequences[], start: number, end: number) => Stacked;

/** A stack whose arrays are written again while the size stays: a program has read them when its run returns. */
function makeStack(): Stack {
  let held: Stacked = { tokens: new Int32Array(0), targets: new Int32Array(0) };
  return (batches, start, end) => {
    const { nPos } = batches[0];
    const size = (end - start) * nPos;
    const length = batches.length * size;
    if (held.tokens.length !== length)
      held = { tokens: new Int32Array(length), targets: new Int32Array(length) };
    const { tokens, targets } = held;
    batches.forEach((batch, model) => {
      tokens.set(batch.inputs.subarray(start * nPos, end * nPos), model * size);
      targets.set(batch.targets.subarray(start * nPos, end * nPos), model * size);
    });
    return held;
  };
}
