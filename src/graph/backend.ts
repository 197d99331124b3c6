/**
 * The backend interface: who can execute a graph.
 *
 * A backend opens a session for a population; the session holds the states of every model and compiles graphs that
 * read and change them. There is no other code path: one model is a population of one.
 *
 * What computes or fetches numbers returns a promise, since a native runtime and a graphics card answer later. Of one
 * session only one run may be under way: await each before the next.
 */
import type { Graph } from "./graph.ts";
import type { Shape } from "./node.ts";

/** Numbers of a tensor with the model axis first; Float64Array on the reference backend. */
export type TensorData = Float32Array | Float64Array;

/** What a run is given, by input name: [model, ...shape], or [...shape] to give every model the same. */
export type RunInputs = Readonly<Record<string, Float32Array | Float64Array | Int32Array>>;

/** A graph compiled for one session. */
export interface Program {
  /**
   * Runs the graph once for every model and applies its updates.
   *
   * @param inputs  by name: [model, ...shape] row-major, or [...shape] to give every model the same
   * @returns       outputs by name, [model, ...shape]; a fresh array each time
   * @throws ShapeError if an input is missing or has another number of elements
   * @throws ArgumentError if an int32 input holds what is no whole number, or no index of the table that it looks up in
   */
  run(inputs: RunInputs): Promise<Record<string, TensorData>>;
  /** Why the backend takes a slower way with this graph than with others, to be said aloud; undefined where it does not. */
  slowerBecause?(): string | undefined;
}

/** One run of a program. */
export interface Call {
  readonly program: Program;
  readonly inputs: RunInputs;
}

/** The states of a population, and the programs that work on them. */
export interface Session {
  /** Number of models. */
  readonly models: number;
  /** Compiles a graph; its states must be among the session's, with equal shapes. */
  compile(graph: Graph): Program;
  /**
   * Runs programs of this session one after the other, as their own `run` would, and with the same bits. A backend may
   * take some models through all of them before the next ones, so that what they share stays in a cache.
   *
   * @returns  the outputs of every call
   */
  runInTurn(calls: readonly Call[]): Promise<Record<string, TensorData>[]>;
  /** Sets a state, [model, ...shape]. */
  write(name: string, values: ArrayLike<number>): void;
  /** A copy of a state, [model, ...shape]. */
  read(name: string): Promise<TensorData>;
  /** Milliseconds spent inside compiled kernels so far; equals all run time where a backend has no such split. */
  kernelMilliseconds(): number;
  /** Bytes the session holds, states and scratch. */
  memoryBytes(): number;
  /** Frees the session; it must not be used afterwards. */
  close(): void;
}

/** What a session is opened for. */
export interface SessionOptions {
  /** Number of models, at least 1. */
  models: number;
  /** Every state by name with its shape, zero at first. */
  states: Readonly<Record<string, Shape>>;
  /** A monotonic clock in milliseconds for {@link Session.kernelMilliseconds}; without it that is 0. */
  clock?: () => number;
}

/** An executor of graphs. */
export interface Backend {
  readonly name: string;
  /** Element type of what it computes in. */
  readonly precision: "float32" | "float64";
  /**
   * Whether training gives it batches whole, however large, because larger matrices are faster. By default a large batch
   * is cut into blocks of sequences that stay in a cache.
   */
  readonly wholeBatches?: true;
  /**
   * Updates that training likes to give it in one {@link Session.runInTurn}, from 1, because each handing over costs it
   * time. By default they are given one by one.
   */
  readonly stepsAtOnce?: number;
  open(options: SessionOptions): Session;
}
