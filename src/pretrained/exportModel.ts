/** A model of ours as the files that Hugging Face's libraries read: the inverse of loadModel.ts. */
import { ArgumentError, UserError, unknownName } from "../base/errors.ts";
import { hasBias, keyValueHeads, type ModelConfig } from "../model/config.ts";
import { modelCount, type Weights } from "../model/weights.ts";
import { type JsonValue, readableJson } from "../record/canonicalJson.ts";
import { writeSafetensors } from "../record/safetensors.ts";
import { parseStrictJson } from "../record/strictJson.ts";
import { putWeight } from "./axes.ts";
import { families } from "./families.ts";
import { axisSizes, type Family } from "./family.ts";
import { jsonFields } from "./jsonFields.ts";
import { singleName } from "./tensorFiles.ts";
import { weightPlan } from "./weightPlan.ts";

/** How a model is exported. */
export interface ExportOptions {
  /** Name of the family; by default the one that the model was loaded as, else the first that can express its config. */
  readonly family?: string;
}

/** Every field of a config with its default where it was left out, as text. */
function plainFields(config: ModelConfig): Record<string, string> {
  const { dHead, positions, biases: _, ...rest } = config;
  const rotary = { rotaryDim: dHead, rotaryBase: 10000, ropeScaling: "none" };
  const places = (["qkv", "attnOut", "mlp", "norm", "unembed"] as const).filter((place) =>
    hasBias(config, place),
  );
  const filled = {
    ...{ normKind: "layerNorm", embedNorm: false, parallelBlocks: false, gatedMlp: false, mlmHead: false },
    ...{ dSegments: 0, ...(positions === "rotary" ? rotary : {}) },
    ...{ dHead, positions, ...rest, nKeyValueHeads: keyValueHeads(config), biases: places },
  };
  return Object.fromEntries(Object.entries(filled).map(([field, value]) => [field, JSON.stringify(value)]));
}

/** config.json for a model of a family. */
function configText(family: Family, config: ModelConfig): string {
  const fields: JsonValue = {
    architectures: [family.architectures[0]],
    model_type: family.modelType,
    torch_dtype: "float32",
    bos_token_id: null, // else a family's own default, which may lie beyond the vocabulary
    eos_token_id: null,
    ...family.writeConfig(config),
  };
  return readableJson(fields);
}

/** Why a family cannot express a config: what its config.json, read again, says otherwise. Undefined if it can. */
function obstacle(family: Family, config: ModelConfig): string | undefined {
  try {
    const written = parseStrictJson(configText(family, config), { file: "config.json" });
    const again = plainFields(
      family.readConfig(jsonFields("config.json", written as ReadonlyMap<string, never>)),
    );
    const wanted = plainFields(config);
    const field = Object.keys({ ...wanted, ...again }).find((name) => wanted[name] !== again[name]);
    return field && `${field} must be ${again[field] ?? "left out"}, not ${wanted[field] ?? "left out"}`;
  } catch (error) {
    if (error instanceof UserError) return error.message.replace(/\.$/, "");
    throw error;
  }
}

/**
 * The family that a config is exported as.
 *
 * @param loadedAs  name of the family whose files the model came from: taken if it can still express the config
 * @throws NameError      for a family that does not exist
 * @throws ArgumentError  if the named family, or every family, has no word for something in the config; says what
 */
export function exportFamily(config: ModelConfig, options: ExportOptions = {}, loadedAs?: string): Family {
  const named = families.filter(({ name }) => options.family === undefined || name === options.family);
  if (named.length === 0) {
    const known = families.map(({ name }) => name);
    throw unknownName("export as family", options.family as string, known);
  }
  const obstacles = named.map((family) => ({ family, why: obstacle(family, config) }));
  const able = obstacles.flatMap(({ family, why }) => (why === undefined ? [family] : []));
  const chosen = able.find(({ name }) => name === loadedAs) ?? able.at(0);
  if (chosen !== undefined) return chosen;
  throw new ArgumentError({
    where: "export in Hugging Face layout",
    rule: obstacles.map(({ family, why }) => `as ${family.name} ${why}`).join("; "),
    wayOut: "Train a model of a shape that one of the families has.",
  });
}

/**
 * The files of one model: config.json and model.safetensors (float32), by name.
 *
 * @param model  config, the weights of one model by our names (float64 is rounded to float32), and the family it was
 *               loaded as, if it was
 * @throws ArgumentError  as {@link exportFamily}, or for weights that do not fit the config or are of several models
 */
export function exportModel(
  model: { readonly config: ModelConfig; readonly weights: Weights; readonly family?: string },
  options: ExportOptions = {},
): Record<"config.json" | "model.safetensors", Uint8Array> {
  const { config, weights } = model;
  const models = modelCount(config, weights);
  if (models !== 1)
    throw new ArgumentError({
      where: "export in Hugging Face layout",
      rule: "takes the weights of one model",
      got: `${models}`,
      wayOut: "Take one out of the population with weightsOfModel.",
    });
  const family = exportFamily(config, options, model.family);
  const sizes = axisSizes(config);
  const tensors = [...weightPlan(family, config)].map(([name, { shape, parts }]) => {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    for (const part of parts)
      putWeight(data, part.layout, Float32Array.from(weights[part.name]), part.axes, sizes);
    return [name, { shape, data }] as const;
  });
  for (const [copy, original, untied] of family.copies) {
    const twin = tensors.find(([name]) => name === original);
    if (untied === "own" && !config.tiedUnembed && twin) tensors.push([copy, twin[1]]);
  }
  return {
    "config.json": new TextEncoder().encode(configText(family, config)),
    [singleName]: writeSafetensors(tensors, { metadata: { format: "pt" } }), // "pt": transformers 4 refuses a file without
  };
}
