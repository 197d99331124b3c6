/** A pretrained model as the experiments take it: on a sample of its vocabulary and its first positions. */
import { basename } from "node:path";
import { ArgumentError } from "../../base/errors.ts";
import { randomStream } from "../../base/random.ts";
import { unitSites } from "../../features/unitSites.ts";
import type { ModelConfig } from "../../model/config.ts";
import { type Weights, weightShapes } from "../../model/weights.ts";
import type { PopulationSpec } from "../../studies/experiments/spec.ts";
import { freshModels } from "../inspect/pretrainedNull.ts";
import { tokenShown } from "../inspect/tokenText.ts";
import type { RunIo } from "../io.ts";
import { loadWeights, type ModelChoice, openModel } from "../models/openModel.ts";

/** How a pretrained model is asked for. */
export interface ExperimentModelChoice extends ModelChoice {
  /** Tokens of the sample; null for {@link TOKENS}, or all where there are no more. */
  readonly vocabulary: number | null;
}

/** Tokens of a sample, and positions, unless asked for: those of the presets that the experiments were made for, and more. */
const [TOKENS, POSITIONS] = [16, 7];
/** Most units: everything about every unit is held for every network. */
const UNITS = 5000;

/** A population with the tokens that stand for its vocabulary. */
export interface ExperimentModel {
  readonly population: PopulationSpec;
  /** Of the model's vocabulary, ascending. */
  readonly tokens: readonly number[];
  /** What was left out, in words; also the tokens as text where there is a tokenizer. */
  readonly says: string;
}

/** Different tokens, drawn uniformly; all of them in order where as many are asked for. */
function sampleTokens(dVocab: number, count: number): number[] {
  const order = randomStream("experiments", "vocabulary").permutation(dVocab);
  return [...order.subarray(0, count)].sort((a, b) => a - b);
}

/** The config of a model that knows some tokens and some positions only. */
const restrictedConfig = (config: ModelConfig, dVocab: number, nCtx: number): ModelConfig => ({
  ...config,
  dVocab,
  nCtx,
});

/**
 * The same network on fewer tokens and positions: the rows of the embeddings and the columns of the unembedding that are
 * left. Every activation on those inputs is that of the whole model; logits are those of the tokens that are left.
 */
function restricted(
  config: ModelConfig,
  weights: Weights,
  tokens: readonly number[],
  nCtx: number,
): { config: ModelConfig; weights: Weights } {
  const { dVocab, dModel } = config;
  const small = restrictedConfig(config, tokens.length, nCtx);
  const rows = (values: ArrayLike<number>) =>
    Float32Array.from({ length: tokens.length * dModel }, (_, i) => {
      return values[tokens[Math.floor(i / dModel)] * dModel + (i % dModel)];
    });
  const columns = (values: ArrayLike<number>) =>
    Float32Array.from({ length: (values.length / dVocab) * tokens.length }, (_, i) => {
      return values[Math.floor(i / tokens.length) * dVocab + tokens[i % tokens.length]];
    });
  const kept: Record<string, Weights[string]> = {};
  for (const name of weightShapes(small).keys()) {
    const values = weights[name];
    if (name === "embed.W_E") kept[name] = rows(values);
    else if (name === "unembed.W_U" || name === "unembed.b_U") kept[name] = columns(values);
    else if (name === "pos_embed.W_pos") kept[name] = values.slice(0, nCtx * dModel);
    else kept[name] = values;
  }
  return { config: small, weights: kept };
}

/**
 * Loads a model for the experiments, with its null: fresh models of its family on as many tokens and positions, which are
 * what restricting whole fresh models would give.
 *
 * @param nulls      networks of the null
 * @param positions  null for 7, or as many as the model reads
 * @throws ArgumentError  for a sample larger than the vocabulary, or a model with too many units
 * @throws FileError      as `openModel`
 */
export async function experimentModel(
  choice: ExperimentModelChoice,
  { nulls, positions }: { nulls: number; positions: number | null },
  io: RunIo,
): Promise<ExperimentModel> {
  const model = await openModel(choice, io);
  try {
    const { config: original, family, initStd, processing, tokenizer } = model;
    // keys of the result and names of figures are made of it: where the folder lies is none of their business
    const name = basename(model.name) || family;
    const { dVocab } = original;
    const count = choice.vocabulary ?? Math.min(TOKENS, dVocab);
    if (count > dVocab)
      throw new ArgumentError({
        where: "--vocabulary",
        rule: `the model knows ${dVocab} tokens`,
        got: String(count),
      });
    const nCtx = Math.min(original.nCtx, (positions ?? POSITIONS) + 1);
    const units = unitSites(original).reduce((sum, site) => sum + site.units, 0);
    if (units > UNITS)
      throw new ArgumentError({
        where: "palimpsest experiments",
        rule: `takes models of at most ${UNITS} units (MLP neurons, stream and head dimensions of all layers)`,
        got: `${units} of ${name}`,
        wayOut: "inspect asks single questions of larger ones.",
      });
    const tokens = sampleTokens(dVocab, count);
    const loaded = await loadWeights(model, io);
    const { config, weights } = restricted(loaded.config, loaded.weights, tokens, nCtx);
    const texts =
      tokenizer === null ? "" : `: ${tokens.map((token) => tokenShown(tokenizer, token)).join(" ")}`;
    const init = `${family}, normal of standard deviation ${initStd}`;
    return {
      population: {
        ...{ name, config, weights, step: null, seeds: [0] },
        init: { scheme: "gpt2" },
        initSays: init,
        ...(nulls === 0
          ? {}
          : {
              nullWeights: freshModels(
                restrictedConfig(original, count, nCtx),
                { family, initStd, processing },
                { first: 0, count: nulls, stream: randomStream("experiments", "null") },
              ),
            }),
      },
      tokens,
      says: `${name} on ${count === dVocab ? `all ${count}` : `a random sample of ${count} of its ${dVocab}`} tokens${texts}`,
    };
  } finally {
    await model.close();
  }
}
