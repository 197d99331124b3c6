/**
 * Sparse autoencoders, many side by side: a dictionary of directions of which every activation uses few.
 *
 *   f = relu(x W_enc + b_enc)        [row, latent]
 *   x̂ = f W_dec + b_dec              [row, unit]
 *   loss = mean over rows ( ‖x − x̂‖² / units + sparsity · Σ_latent f ‖W_dec[latent]‖ )
 *
 * The penalty counts a latent by how much it writes, so that a dictionary cannot escape it with small activations and
 * large directions. Give activations that are centred and have mean square 1.
 *
 * @source Bricken et al. 2023, "Towards Monosemanticity"; the penalty as in Conerly et al. 2024, "April update"
 */
import { ArgumentError } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import type { Backend } from "../graph/backend.ts";
import { add, einsum, input, mean, mul, offset, relu, scale, sqrt, state, sub, sum } from "../graph/build.ts";
import { gradient } from "../graph/gradient.ts";
import { makeGraph } from "../graph/graph.ts";
import { type Node, type Shape, sizeOf } from "../graph/node.ts";
import { optimizerStates, optimizers, optimizerUpdates, stepNumbers } from "../train/optimizers.ts";

/** Which part of the dictionary is left at random: the baselines of Korznikov et al. 2026 (2602.14111). */
export type FrozenPart = "none" | "encoder" | "decoder";

/** How autoencoders are trained. */
export interface AutoencoderOptions {
  /** Width of the activations. */
  readonly units: number;
  readonly latents: number;
  readonly sparsity: number;
  readonly steps: number;
  /** Rows in a batch. */
  readonly batch: number;
  readonly rate: number;
  readonly frozen?: FrozenPart;
}

/** Trained autoencoders; arrays are [model, ...shape]. */
export interface Autoencoders {
  readonly models: number;
  readonly units: number;
  readonly latents: number;
  /** Latents of rows, [model, row, latent], and their reconstruction, [model, row, unit], from rows [model, row, unit]. */
  encode(rows: Float32Array, count: number): Promise<{ latents: Float32Array; reconstruction: Float32Array }>;
  /** Frees the session. */
  close(): void;
}

const weightNames = ["W_enc", "b_enc", "W_dec", "b_dec"] as const;

function shapesOf({ units, latents }: { units: number; latents: number }): Map<string, Shape> {
  return new Map<string, Shape>([
    ["W_enc", [units, latents]],
    ["b_enc", [latents]],
    ["W_dec", [latents, units]],
    ["b_dec", [units]],
  ]);
}

function coded(weights: Readonly<Record<string, Node>>, x: Node) {
  const latents = relu(add(einsum("row unit, unit latent -> row latent", x, weights.W_enc), weights.b_enc)); // [row, latent]
  return {
    latents,
    reconstruction: add(einsum("row latent, latent unit -> row unit", latents, weights.W_dec), weights.b_dec),
  };
}

/** Squared norms of directions are kept off zero, where the norm has no slope. */
const NORM_FLOOR = 1e-8;

function lossOf(weights: Readonly<Record<string, Node>>, x: Node, sparsity: number): Node {
  const { latents, reconstruction } = coded(weights, x);
  const missed = sub(x, reconstruction);
  const norms = sqrt(offset(sum(mul(weights.W_dec, weights.W_dec), [1]), NORM_FLOOR)); // [latent]
  const penalty = scale(sum(mul(latents, norms)), sparsity / x.shape[0]);
  return add(mean(mul(missed, missed)), penalty);
}

/**
 * Trains one autoencoder for each set of activations.
 *
 * Decoder rows begin as random unit vectors, the encoder as their transpose, biases as 0.
 *
 * @param activations  [model][row, unit], each set with the same number of rows
 * @param stream       draws the dictionary and the batches of one model; models with streams of one key share both
 * @throws ArgumentError if the sets differ in size
 */
export async function trainAutoencoders(
  backend: Backend,
  activations: readonly Float32Array[],
  streams: readonly RandomStream[],
  options: AutoencoderOptions,
): Promise<Autoencoders> {
  const { units, latents, sparsity, steps, batch, rate, frozen = "none" } = options;
  const models = activations.length;
  const rows = activations[0].length / units;
  if (activations.some((set) => set.length !== rows * units) || streams.length !== models)
    throw new ArgumentError({
      where: "sparse autoencoders",
      rule: "need sets of equally many rows, and a stream for each",
      got: `${activations.map((set) => set.length / units).join(", ")} rows and ${streams.length} streams`,
    });
  const shapes = shapesOf(options);
  const session = backend.open({
    models,
    states: { ...Object.fromEntries(shapes), ...optimizerStates(optimizers.adam, shapes) },
  });
  const weights = Object.fromEntries(
    weightNames.map((name) => [name, state(name, shapes.get(name) as Shape) as Node<"state">]),
  );
  writeDictionaries(session.write, streams, options);

  const loss = lossOf(weights, input("x", [batch, units]), sparsity);
  const found = gradient(
    loss,
    weightNames.map((name) => weights[name]),
  );
  const still = frozen === "none" ? [] : frozen === "encoder" ? ["W_enc", "b_enc"] : ["W_dec"];
  const program = session.compile(
    makeGraph({
      outputs: { loss },
      updates: optimizerUpdates(
        optimizers.adam,
        weights,
        Object.fromEntries(weightNames.map((name, i) => [name, found[i]])),
        { rateFactors: Object.fromEntries(still.map((name) => [name, 0])) },
      ),
    }),
  );
  const x = new Float32Array(models * batch * units);
  for (let step = 1; step <= steps; step++) {
    activations.forEach((set, model) => {
      for (let i = 0; i < batch; i++) {
        const row = streams[model].integer(rows);
        x.set(set.subarray(row * units, (row + 1) * units), (model * batch + i) * units);
      }
    });
    await program.run({ x, ...stepNumbers(optimizers.adam, step, [rate]) });
  }

  return {
    models,
    units,
    latents,
    encode: async (given, count) => {
      const told = session.compile(makeGraph({ outputs: coded(weights, input("x", [count, units])) }));
      const outputs = await told.run({ x: given });
      return {
        latents: Float32Array.from(outputs.latents),
        reconstruction: Float32Array.from(outputs.reconstruction),
      };
    },
    close: () => session.close(),
  };
}

function writeDictionaries(
  write: (name: string, values: Float32Array) => void,
  streams: readonly RandomStream[],
  { units, latents }: AutoencoderOptions,
): void {
  const size = units * latents;
  const [encoders, decoders] = [
    new Float32Array(streams.length * size),
    new Float32Array(streams.length * size),
  ];
  streams.forEach((stream, model) => {
    for (let latent = 0; latent < latents; latent++) {
      const direction = Float64Array.from({ length: units }, () => stream.normal());
      const norm = Math.sqrt(direction.reduce((total, value) => total + value * value, 0));
      direction.forEach((value, unit) => {
        decoders[model * size + latent * units + unit] = value / norm;
        encoders[model * size + unit * latents + latent] = value / norm;
      });
    }
  });
  write("W_enc", encoders);
  write("W_dec", decoders);
  for (const name of ["b_enc", "b_dec"] as const)
    write(name, new Float32Array(streams.length * sizeOf(shapesOf({ units, latents }).get(name) as Shape)));
}

/** How well a dictionary reconstructs, and how sparsely. */
export interface DictionaryQuality {
  /** Fraction of variance unexplained, Σ ‖x − x̂‖² / Σ ‖x − mean x‖². */
  readonly fvu: number;
  /** Mean number of latents that are above 0 at once. */
  readonly l0: number;
  /** Share of latents that are never above 0. */
  readonly dead: number;
}

/**
 * Quality of one autoencoder on rows that it was not trained on.
 *
 * @param x               [row, unit]
 * @param reconstruction  [row, unit]
 * @param latents         [row, latent]
 */
export function dictionaryQuality(
  x: ArrayLike<number>,
  reconstruction: ArrayLike<number>,
  latents: ArrayLike<number>,
  { units, width }: { units: number; width: number },
): DictionaryQuality {
  const rows = x.length / units;
  const means = new Float64Array(units);
  for (let i = 0; i < x.length; i++) means[i % units] += x[i] / rows;
  let [missed, total] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    missed += (x[i] - reconstruction[i]) ** 2;
    total += (x[i] - means[i % units]) ** 2;
  }
  const used = new Uint8Array(width);
  let active = 0;
  for (let i = 0; i < latents.length; i++) {
    if (!(latents[i] > 0)) continue;
    active++;
    used[i % width] = 1;
  }
  return { fvu: missed / total, l0: active / rows, dead: 1 - used.reduce((a, b) => a + b, 0) / width };
}

/**
 * How evenly a latent's activation is spread over tokens, by latent: H(p) / ln V with p_t its share of the activation
 * that falls on token t. 0 for a latent of a single token, 1 for one that does not mind; NaN for a dead one.
 *
 * @param latents  [row, latent], none below 0
 * @param tokens   [row], each from 0 to dVocab − 1
 */
export function tokenEntropy(
  latents: ArrayLike<number>,
  tokens: ArrayLike<number>,
  { width, dVocab }: { width: number; dVocab: number },
): Float64Array {
  const mass = new Float64Array(width * dVocab);
  const seen = new Float64Array(dVocab);
  for (let row = 0; row < tokens.length; row++) {
    seen[tokens[row]]++;
    for (let latent = 0; latent < width; latent++)
      mass[latent * dVocab + tokens[row]] += latents[row * width + latent];
  }
  return Float64Array.from({ length: width }, (_, latent) => {
    // mean activation by token, so that a token that comes often counts no more than another
    const own = Array.from(seen, (count, token) => (count > 0 ? mass[latent * dVocab + token] / count : 0));
    const total = own.reduce((a, b) => a + b, 0);
    if (!(total > 0)) return Number.NaN;
    const entropy = own.reduce(
      (h, value) => (value > 0 ? h - (value / total) * Math.log(value / total) : h),
      0,
    );
    return entropy / Math.log(dVocab);
  });
}
