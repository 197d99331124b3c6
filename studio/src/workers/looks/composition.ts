/** Composition scores of heads, judged against random networks of the same initialisation. */
import { randomStream } from "../../../../src/base/random.ts";
import {
  type CompositionKind,
  compositionScores,
  type Network,
  type WeightNull,
  weightNull,
  weightPlaces,
  weightSource,
} from "../../../../src/interp/index.ts";
import { type InitOptions, initialWeights } from "../../../../src/model/init.ts";
import { weightShapes } from "../../../../src/model/weights.ts";
import { quantileSorted } from "../../../../src/stats/quantile.ts";

/** What is asked. */
export interface CompositionRequest {
  readonly init: Required<InitOptions>;
}

/** One way in of one pair of heads, in every network that did not diverge. */
export interface CompositionCell {
  /** `L0H1>L1H0` */
  readonly pair: string;
  readonly kind: CompositionKind;
  /** By model. */
  readonly scores: readonly number[];
  /** P values of scores this high, corrected for all pairs of the kind, by model. */
  readonly p: readonly number[];
  /** Middle 95 % and median of single random networks. */
  readonly null: { readonly low: number; readonly middle: number; readonly high: number };
}

/** What is seen. */
export interface CompositionSeen {
  /** Models that did not diverge: the order of scores. */
  readonly models: readonly number[];
  readonly draws: number;
  readonly atRandom: number;
  readonly cells: readonly CompositionCell[];
}

/** Random networks: those of `palimpsest inspect RUN circuits`. */
const DRAWS = 199;
const kinds = ["q", "k", "v"] as const;

/** The null of the last config and initialisation: drawing takes longer than all else here. */
let kept: { key: string; drawn: WeightNull<CompositionKind> } | undefined;

async function nullOf(
  { config }: Network,
  init: Required<InitOptions>,
): Promise<WeightNull<CompositionKind>> {
  const key = JSON.stringify([config, init]);
  if (kept?.key !== key) {
    const drawn = await weightNull(
      config,
      (stream) => initialWeights(config, init, stream),
      (source) => compositionScores(source),
      { draws: DRAWS, stream: randomStream("inspect", "null") },
    );
    kept = { key, drawn };
  }
  return kept.drawn;
}

/** The weights of the models that have no number which is none. */
async function soundSource({ config, models, session }: Network) {
  const names = [...weightShapes(config).keys()];
  const weights = new Map<string, Float32Array>();
  for (const name of names) weights.set(name, Float32Array.from(await session.read(name)));
  const sizeOf = (values: Float32Array) => values.length / models;
  const sound = Array.from({ length: models }, (_, model) => model).filter((model) =>
    [...weights.values()].every((values) =>
      values.subarray(model * sizeOf(values), (model + 1) * sizeOf(values)).every(Number.isFinite),
    ),
  );
  const some = [...weights].map(([name, values]) => {
    const size = sizeOf(values);
    const out = new Float32Array(sound.length * size);
    sound.forEach((model, i) => {
      out.set(values.subarray(model * size, (model + 1) * size), i * size);
    });
    return [name, out] as const;
  });
  return { sound, source: weightSource(config, Object.fromEntries(some)) };
}

/** @throws ArgumentError where heads cannot compose, in a sentence that says why */
export async function composition(network: Network, { init }: CompositionRequest): Promise<CompositionSeen> {
  const { sound, source } = await soundSource(network);
  if (sound.length === 0)
    return { models: sound, draws: 0, atRandom: 1 / Math.sqrt(network.config.dModel), cells: [] };
  const measured = await compositionScores(source);
  const drawn = await nullOf(network, init);
  const places = weightPlaces(measured, drawn);
  const { components, scores, atRandom } = measured;
  const cells = components.flatMap((pair, component) =>
    kinds.map((kind): CompositionCell => {
      const sorted = drawn.scores[kind].sorted[component];
      const [low, middle, high] = [0.025, 0.5, 0.975].map((p) => quantileSorted(sorted, p));
      const at = (model: number) => model * components.length + component;
      return {
        ...{ pair, kind },
        scores: sound.map((_, model) => scores[kind].data[at(model)]),
        p: sound.map((_, model) => places[kind].familywise.high.data[at(model)]),
        null: { low, middle, high },
      };
    }),
  );
  return { models: sound, draws: drawn.draws, atRandom, cells };
}
