/** A network that can be looked into: a population's weights in an open session, and the programs compiled for it. */
import { ArgumentError } from "../base/errors.ts";
import { inTurn } from "../base/inTurn.ts";
import type { Backend, Program, Session } from "../graph/backend.ts";
import type { Graph } from "../graph/graph.ts";
import { type ModelConfig, validateConfig } from "../model/config.ts";
import { modelCount, type Weights, weightShapes } from "../model/weights.ts";

/** A population under examination. Make it with {@link openNetwork}. */
export interface Network {
  readonly config: ModelConfig;
  /** Number of models; all have the config's architecture. */
  readonly models: number;
  /** The open session. Every write through it, or by a program with updates, counts as a new version. */
  readonly session: Session;
  /** Number of writes so far: what was computed under another version is stale. */
  readonly version: number;
  /** The program of a key, compiled when it is first asked for; a key must say everything that its graph depends on. */
  program(key: string, make: () => Graph): Program;
  /** Sets every weight, [model, ...shape]. */
  writeWeights(weights: Weights): void;
  /** Frees the session; any later use is an error. */
  close(): void;
}

/**
 * Opens a network on a backend.
 *
 * Programs are kept for reuse until the network is closed: one for each batch size, input length, set of sites that are
 * observed and set of sites that are edited. New tokens, new values and new regions of an edit need no new program.
 *
 * @param weights  of the whole population, [model, ...shape]; one model is a population of one
 * @param clock    see {@link Session.kernelMilliseconds}
 * @throws NameError, ArgumentError if the config cannot exist or the weights do not fit it
 */
export function openNetwork(
  backend: Backend,
  config: ModelConfig,
  weights: Weights,
  options: { clock?: () => number } = {},
): Network {
  validateConfig(config);
  const network = openEmptyNetwork(backend, config, { ...options, models: modelCount(config, weights) });
  network.writeWeights(weights);
  return network;
}

/**
 * Opens a network whose weights are all 0, to be written one after the other with `session.write`: a large model then
 * needs no second copy of its weights.
 *
 * @param models  number of models
 * @param clock   see {@link Session.kernelMilliseconds}
 * @throws NameError, ArgumentError if the config cannot exist
 */
export function openEmptyNetwork(
  backend: Backend,
  config: ModelConfig,
  { models, clock }: { models: number; clock?: () => number },
): Network {
  validateConfig(config);
  const shapes = weightShapes(config);
  const opened = backend.open({ models, clock, states: Object.fromEntries(shapes) });
  const programs = new Map<string, Program>();
  let version = 0;
  let closed = false;
  const usable = () => {
    if (!closed) return;
    throw new ArgumentError({
      where: "network",
      rule: "is closed and must not be used any more",
      wayOut: "Open another with openNetwork.",
    });
  };
  const session: Session = {
    models,
    compile: (graph) => {
      usable();
      const program = opened.compile(graph);
      return {
        run: async (inputs) => {
          usable();
          if (graph.updates.size > 0) version++;
          return program.run(inputs);
        },
      };
    },
    runInTurn: (calls) => inTurn(calls, ({ program, inputs }) => program.run(inputs)),
    write: (name, values) => {
      usable();
      opened.write(name, values);
      version++;
    },
    read: async (name) => {
      usable();
      return opened.read(name);
    },
    kernelMilliseconds: () => opened.kernelMilliseconds(),
    memoryBytes: () => (closed ? 0 : opened.memoryBytes()),
    close: () => {
      if (!closed) opened.close();
      closed = true;
      programs.clear();
    },
  };
  const writeWeights = (values: Weights) => {
    const count = modelCount(config, values);
    if (count !== models)
      throw new ArgumentError({
        where: "weights",
        rule: `must be those of ${models} models, as the network was opened with`,
        got: String(count),
        wayOut: "Open another network for another population.",
      });
    for (const name of shapes.keys()) session.write(name, values[name]);
  };
  return {
    config,
    models,
    session,
    get version() {
      return version;
    },
    program: (key, make) => {
      usable();
      const program = programs.get(key) ?? session.compile(make());
      programs.set(key, program);
      return program;
    },
    writeWeights,
    close: session.close,
  };
}
