/** A pretrained model that a command was pointed at: found, described, its tokenizer and its weights on request. */
import { FileError } from "../../base/errors.ts";
import { tokenizerOf } from "../../data/tokenizer.ts";
import type { Tokenizer } from "../../data/tokenizerTypes.ts";
import type { ModelConfig } from "../../model/config.ts";
import { readConfigJson } from "../../pretrained/configJson.ts";
import { describeModel, type LoadedModel, loadModel, streamModel } from "../../pretrained/loadModel.ts";
import { readWhole } from "../../pretrained/modelFolder.ts";
import { centerUnembed, centerWrites, foldLayerNorm } from "../../pretrained/processing.ts";
import type { RunIo } from "../io.ts";
import { printable } from "../printable.ts";
import type { Picture } from "../progress.ts";
import { bar } from "../renderBoard.ts";
import { type OpenFolder, openModelFolder } from "./fileSource.ts";
import { resolveModel } from "./modelCache.ts";
import type { ProcessingName } from "./processingNames.ts";
import { bytesText } from "./transfer.ts";

/** Every processing by its name. */
export const processings = {
  "fold-layer-norm": foldLayerNorm,
  "center-writes": centerWrites,
  "center-unembed": centerUnembed,
} as const satisfies Record<ProcessingName, unknown>;

/** Which model, and what is done to its weights. */
export interface ModelChoice {
  /** A folder, or a repository that `models pull` has fetched. */
  readonly model: string;
  /** Of a repository; null for `main`. */
  readonly revision: string | null;
  /** The cache; null for the one of the environment. */
  readonly cache: string | null;
  readonly processing: readonly ProcessingName[];
}

/** A model whose folder is open. */
export interface OpenModel {
  /** As the user named it. */
  readonly name: string;
  readonly family: string;
  readonly config: ModelConfig;
  /** Fields of config.json that nobody here knows and that were not used. */
  readonly unreadFields: readonly string[];
  readonly processing: readonly ProcessingName[];
  readonly folder: OpenFolder;
  /** `initializer_range` of config.json: what the family's own initialisation has as its standard deviation. */
  readonly initStd: number;
  /** From its `tokenizer.json`; null if it has none. */
  readonly tokenizer: Tokenizer | null;
  close(): Promise<void>;
}

/** Largest files of a tokenizer that are read, in bytes. */
const [tokenizerLimit, tokenizerConfigLimit] = [2 ** 26, 2 ** 24];

/** The tokenizer that lies in a folder, with the roles of its tokens where they are told; null if there is none. */
export async function readTokenizer(folder: OpenFolder): Promise<Tokenizer | null> {
  if (!folder.names.includes("tokenizer.json")) return null;
  const configFile = "tokenizer_config.json";
  const config = folder.names.includes(configFile)
    ? await readWhole(folder, configFile, tokenizerConfigLimit)
    : undefined;
  return tokenizerOf(await readWhole(folder, "tokenizer.json", tokenizerLimit), {
    file: `${folder.name}/tokenizer.json`,
    ...(config === undefined ? {} : { config, configFile: `${folder.name}/${configFile}` }),
  });
}

/** Transformers' default, for a config.json that does not say it. */
const defaultInitStd = 0.02;

/**
 * Finds a model and reads what is small: its config and its tokenizer. Close it.
 *
 * @throws FileError  one sentence: no such folder or repository, a config or tokenizer that cannot be believed
 */
export async function openModel(choice: ModelChoice, { cwd }: Pick<RunIo, "cwd">): Promise<OpenModel> {
  const { model, revision, cache, processing } = choice;
  const path = await resolveModel(model, {
    cwd,
    ...(revision === null ? {} : { revision }),
    ...(cache === null ? {} : { cache }),
  });
  const folder = await openModelFolder(path, model);
  try {
    const { config, family, unreadFields } = await describeModel(folder);
    const fields = await readConfigJson(folder);
    return {
      ...{ name: model, family: family.name, config, unreadFields, processing, folder },
      initStd: fields.number("initializer_range", [0, 100], defaultInitStd),
      tokenizer: await readTokenizer(folder),
      close: () => folder.close(),
    };
  } catch (error) {
    await folder.close();
    throw error;
  }
}

/** @throws FileError if the model has no tokenizer, naming the option that needs it */
export function requireTokenizer({ name, tokenizer }: OpenModel, flag: string): Tokenizer {
  if (tokenizer !== null) return tokenizer;
  throw new FileError({
    where: flag,
    rule: `takes text, and ${name} has no tokenizer.json`,
    wayOut: "Put it beside config.json, or give numbers of tokens.",
  });
}

/** How far loading is. */
function loadingPicture(name: string, bytes: number, size: number, started: number): Picture {
  const share = size > 0 ? bytes / size : 1;
  const line = `loading ${name}  ${bar(share)} ${String(Math.floor(share * 100)).padStart(3)} %  ${bytesText(bytes)} of ${bytesText(size)}`;
  return {
    lines: (_, width) => [printable(line).replaceAll("\n", " ").slice(0, width)],
    record: (now) => ({
      ...{ event: "progress", title: printable(`loading ${name}`), seconds: (now - started) / 1000 },
      ...{ bytes, size },
    }),
  };
}

function telling({ name }: OpenModel, { board, clock, signal }: RunIo) {
  const started = clock();
  return (bytes: number, size: number) => {
    signal.throwIfAborted();
    board.draw(loadingPicture(name, bytes, size, started));
  };
}

/** A model's weights with the config that belongs to them after processing. */
export type ProcessedModel = Pick<LoadedModel, "config" | "weights">;

/**
 * Reads all weights and processes them.
 *
 * @throws FileError      for a file that cannot be read or believed
 * @throws ArgumentError  for a processing that this model cannot have
 */
export async function loadWeights(model: OpenModel, io: RunIo): Promise<ProcessedModel> {
  let loaded = await loadModel(model.folder, { onProgress: telling(model, io) });
  for (const name of model.processing) loaded = processings[name](loaded);
  return loaded;
}

/**
 * Gives weights away one after the other, so that never more than one is held besides; all at once where they are
 * processed.
 *
 * @param open  receives the config that the weights belong to, and returns who takes them
 * @throws as {@link loadWeights}
 */
export async function passWeights<T>(
  model: OpenModel,
  io: RunIo,
  open: (config: ModelConfig) => { result: T; take: (name: string, values: Float32Array) => void },
): Promise<T> {
  if (model.processing.length === 0) {
    const { result, take } = open(model.config);
    await streamModel(model.folder, take, { onProgress: telling(model, io) });
    return result;
  }
  const { config, weights } = await loadWeights(model, io);
  const { result, take } = open(config);
  for (const [name, values] of Object.entries(weights)) take(name, values);
  return result;
}
