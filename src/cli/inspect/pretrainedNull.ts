/** Networks that a pretrained model is held against: fresh ones of its family, or its own numbers in another order. */
import type { RandomStream } from "../../base/random.ts";
import type { Network } from "../../interp/network.ts";
import type { ModelConfig } from "../../model/config.ts";
import { fanOf } from "../../model/fans.ts";
import { initialWeights } from "../../model/init.ts";
import { stackWeights, type Weights, weightShapes } from "../../model/weights.ts";
import { type ProcessedModel, processings } from "../models/openModel.ts";
import type { ProcessingName } from "../models/processingNames.ts";
import type { PretrainedSubject } from "./inspected.ts";

/** Standard deviation of the scheme `gpt2`. */
const GPT2_STD = 0.02;
/** Families whose writes to the stream begin smaller, by the root of how many there are. */
const scaledWrites: readonly string[] = ["gpt2"];

/**
 * A model as `transformers` makes a fresh one of the family: every matrix and embedding normal with the standard deviation
 * `initializer_range`, in GPT-2 divided by sqrt(2 nLayers) where it writes to the stream; biases 0, norms 1. It is
 * processed as the subject was.
 *
 * @param config  as config.json describes it, before any processing
 */
export function freshModel(
  config: ModelConfig,
  { family, initStd }: Pick<PretrainedSubject, "family" | "initStd">,
  processing: readonly ProcessingName[],
  stream: RandomStream,
): ProcessedModel {
  const weights = initialWeights(config, { scheme: "gpt2" }, stream);
  const undone = scaledWrites.includes(family) ? 1 : Math.sqrt(2 * config.nLayers);
  for (const [name, values] of Object.entries(weights)) {
    const { role, writes } = fanOf(config, name);
    if (role === "normWeight" || role === "normBias") continue;
    const factor = (initStd / GPT2_STD) * (writes ? undone : 1);
    if (factor !== 1) weights[name] = values.map((value) => value * factor);
  }
  return processing.reduce((model, name) => processings[name](model), {
    ...{ config, weights, processing: [] as string[] },
  });
}

/** Several fresh models as one population; model i draws from `stream.child(first + i)`. */
export function freshModels(
  config: ModelConfig,
  subject: Pick<PretrainedSubject, "family" | "initStd" | "processing">,
  { first, count, stream }: { first: number; count: number; stream: RandomStream },
): Weights {
  const models = Array.from({ length: count }, (_, i) =>
    freshModel(config, subject, subject.processing, stream.child(first + i)),
  );
  return stackWeights(
    models[0].config,
    models.map(({ weights }) => weights),
  );
}

/** Puts the numbers of a weight into a random order. @source Fisher & Yates, as Durstenfeld 1964 */
function shuffle(values: Float32Array, stream: RandomStream): void {
  for (let last = values.length - 1; last > 0; last--) {
    const other = stream.integer(last + 1);
    [values[last], values[other]] = [values[other], values[last]];
  }
}

/** Several models with the numbers of a network's own, each weight in another order; draws as {@link freshModels}. */
export async function shuffledModels(
  { config, session }: Network,
  { first, count, stream }: { first: number; count: number; stream: RandomStream },
): Promise<Weights> {
  const weights: Record<string, Float32Array> = {};
  for (const name of weightShapes(config).keys()) {
    const own = await session.read(name);
    const all = new Float32Array(own.length * count);
    for (let i = 0; i < count; i++) {
      const values = all.subarray(i * own.length, (i + 1) * own.length);
      values.set(own);
      shuffle(values, stream.child(first + i, name));
    }
    weights[name] = all;
  }
  return weights;
}
