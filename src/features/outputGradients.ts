/**
 * Gradients of single outputs in all weights: rows of a network's Jacobian.
 *
 * One number that a network says, the logit of a token at a position of a sequence, is linear in the weights near where
 * they are, and its gradient says how. The rows serve the linearised network and the neural tangent kernel alike.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import type { Backend, TensorData } from "../graph/backend.ts";
import { gather, input, reshape, sum } from "../graph/build.ts";
import { gradient } from "../graph/gradient.ts";
import { type Graph, makeGraph } from "../graph/graph.ts";
import type { ModelConfig } from "../model/config.ts";
import { forward } from "../model/transformer.ts";
import { modelCount, type Weights, weightNodes, weightShapes } from "../model/weights.ts";
import type { Sequences } from "./siteActivations.ts";

/** One number that a network says: the logit of a token at a position of a sequence. */
export interface Output {
  readonly sequence: number;
  readonly pos: number;
  readonly token: number;
}

/** Some outputs of one network at some weights, and their gradients. */
export interface OutputGradients {
  /** f(θ), the logits, [output]. */
  readonly values: TensorData;
  /** G = ∂f/∂θ by weight, [output, ...shape] row-major. */
  readonly gradients: Readonly<Record<string, TensorData>>;
}

/** Outputs whose gradients can be asked for at any weights; close it after use. */
export interface OutputGradientProgram {
  /**
   * Values and gradients at the weights of one network.
   *
   * @param weights  [1, ...shape] by name
   * @throws ArgumentError if they are not those of one network of the config
   */
  at(weights: Weights): Promise<OutputGradients>;
  close(): void;
}

/**
 * Opens the gradients of some outputs.
 *
 * Each output is a model of the session: the same weights, and its own sequence. So a single run fills the vectors and
 * gives all rows, and the memory is about 3 · outputs · parameters numbers.
 *
 * @param sequences  that the outputs are found in
 * @param outputs    at least one; the same may stand there twice
 * @throws ArgumentError for no output, or one outside the sequences or the vocabulary
 */
export function openOutputGradients(
  backend: Backend,
  config: ModelConfig,
  { tokens, count, nPos }: Sequences,
  outputs: readonly Output[],
): OutputGradientProgram {
  integerIn("output gradients, number of outputs", outputs.length, 1);
  const inputs = {
    tokens: new Int32Array(outputs.length * nPos), // [output, 1, pos]
    place: new Int32Array(outputs.length), // [output, 1]
  };
  outputs.forEach(({ sequence, pos, token }, at) => {
    const where = `output ${at}`;
    const first = integerIn(`${where}, sequence`, sequence, 0, count - 1) * nPos;
    inputs.tokens.set(tokens.subarray(first, first + nPos), at * nPos);
    inputs.place[at] =
      integerIn(`${where}, position`, pos, 0, nPos - 1) * config.dVocab +
      integerIn(`${where}, token`, token, 0, config.dVocab - 1);
  });
  const shapes = weightShapes(config);
  const session = backend.open({ models: outputs.length, states: Object.fromEntries(shapes) });
  const program = session.compile(rowGraph(config, nPos));
  return {
    at: async (weights) => {
      const models = modelCount(config, weights);
      if (models !== 1)
        throw new ArgumentError({
          where: "output gradients",
          rule: "are those of one network",
          got: `${models} networks`,
          wayOut: "Take them apart with weightsOfModel.",
        });
      for (const name of shapes.keys()) session.write(name, repeated(weights[name], outputs.length));
      const { value, ...gradients } = await program.run(inputs);
      return { values: value, gradients };
    },
    close: () => session.close(),
  };
}

/** The logit at a place, and its gradient in every weight. */
function rowGraph(config: ModelConfig, nPos: number): Graph {
  const weights = weightNodes(config);
  const names = Object.keys(weights);
  const logits = forward(config, weights, input("tokens", [1, nPos], "int32")); // [1, pos, dVocab]
  const column = reshape(logits, [nPos * config.dVocab, 1]); // [pos · dVocab, 1]
  const value = sum(gather(column, input("place", [1], "int32"))); // []
  const found = gradient(
    value,
    names.map((name) => weights[name]),
  );
  return makeGraph({
    outputs: { value, ...Object.fromEntries(names.map((name, at) => [name, found[at]])) },
  });
}

function repeated(values: TensorData, times: number): TensorData {
  const all =
    values instanceof Float64Array
      ? new Float64Array(times * values.length)
      : new Float32Array(times * values.length);
  for (let at = 0; at < times; at++) all.set(values, at * values.length);
  return all;
}
