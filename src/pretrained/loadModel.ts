/** A model in Hugging Face layout, read from a folder into our layout. */
import { FileError, UserError } from "../base/errors.ts";
import { type ModelConfig, validateConfig } from "../model/config.ts";
import { readWidened } from "../record/tensorReader.ts";
import { type AxisSizes, takeWeight } from "./axes.ts";
import { readConfigJson } from "./configJson.ts";
import { familyOf } from "./families.ts";
import { axisSizes, type Family } from "./family.ts";
import { type ModelFolder, shownName } from "./modelFolder.ts";
import { checkOtherFields } from "./otherFields.ts";
import type { PretrainedModel } from "./pretrainedModel.ts";
import { type FileTensor, openTensors } from "./tensorFiles.ts";
import { type PlannedTensor, weightPlan } from "./weightPlan.ts";

/** What config.json says. */
export interface ModelDescription {
  readonly config: ModelConfig;
  readonly family: Family;
  /** Fields that nobody here knows and that were not used; transformers does not use them for the family either. */
  readonly unreadFields: readonly string[];
}

/** How the files were read. */
export interface LoadReport {
  /** Files of weights. */
  readonly files: readonly string[];
  /** How many of the tensors that were used are stored as what: F32, F16, BF16, F64. */
  readonly dtypes: Readonly<Record<string, number>>;
  /** Tensors that were float64 and have been rounded to float32. */
  readonly narrowed: readonly string[];
  /** Tensors that are known and not needed: masks, frequencies, other heads, copies of tied weights. */
  readonly ignored: readonly string[];
  /** Tensors that nobody knows and that were not read. */
  readonly unexpected: readonly string[];
  /** The same of the fields of config.json. */
  readonly unreadFields: readonly string[];
}

/** A model as loaded: weights float32 and otherwise as in the files. */
export interface LoadedModel extends PretrainedModel {
  readonly family: string;
  readonly report: LoadReport;
}

/** What is told while loading. */
export interface LoadOptions {
  /** Called after each tensor with the bytes of tensors read so far, and in all. */
  readonly onProgress?: (bytes: number, total: number) => void;
}

/**
 * The model that a folder's config.json describes, without its weights.
 *
 * @throws FileError naming file and field for what is missing, out of bounds or not supported
 */
export async function describeModel(folder: ModelFolder): Promise<ModelDescription> {
  const fields = await readConfigJson(folder);
  const family = familyOf(fields);
  const config = family.readConfig(fields);
  const unreadFields = checkOtherFields(fields);
  try {
    return { config: validateConfig(config), family, unreadFields };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new FileError({
      where: fields.file,
      rule: `describes a model that cannot be: ${error.message.replace(/\.$/, "")}`,
    });
  }
}

/** A tensor's name with the number of its layer replaced by `{l}`. */
const templateOf = (name: string) => name.replace(/(?<=^|\.)\d+(?=\.)/, "{l}");

/** What the files hold, by what it is for. */
interface Sorted {
  /** By the name that transformers writes. */
  readonly needed: Map<string, FileTensor>;
  readonly copies: Map<string, FileTensor>;
  readonly ignored: readonly string[];
  readonly unexpected: readonly string[];
}

/** Sorts the tensors of files; refuses two of one name, and weights of layers or biases that config.json leaves out. */
function sortTensors(
  family: Family,
  plan: ReadonlyMap<string, PlannedTensor>,
  tensors: ReadonlyMap<string, FileTensor>,
): Sorted {
  const copyNames = new Set(family.copies.map(([copy]) => copy));
  const ignorable = new Set(family.ignored);
  const ruled = new Set(family.weights.map(([, theirs]) => theirs));
  const known = (name: string) =>
    plan.has(name) || copyNames.has(name) || ignorable.has(templateOf(name)) || ruled.has(templateOf(name));
  const today = (name: string) => {
    const former = family.formerEndings.find(([ending]) => name.endsWith(ending));
    const renamed = former === undefined ? name : name.slice(0, -former[0].length) + former[1];
    return !known(renamed) && known(family.prefix + renamed) ? family.prefix + renamed : renamed;
  };
  const needed = new Map<string, FileTensor>();
  const copies = new Map<string, FileTensor>();
  const ignored: string[] = [];
  const unexpected: string[] = [];
  for (const [name, tensor] of tensors) {
    const now = today(name);
    const where = `${tensor.source.name}, tensor ${shownName(name)}`;
    if (plan.has(now)) {
      const other = needed.get(now);
      if (other !== undefined)
        throw new FileError({ where, rule: "must be there once", got: `${shownName(other.place.name)} too` });
      needed.set(now, tensor);
    } else if (copyNames.has(now)) {
      copies.set(now, tensor);
    } else if (ignorable.has(templateOf(now))) {
      ignored.push(name);
    } else if (ruled.has(templateOf(now))) {
      throw new FileError({
        where,
        rule: "is a weight that the model of config.json has not",
        wayOut: "config.json belongs to another model, or leaves out a layer or a bias.",
      });
    } else unexpected.push(name);
  }
  return { needed, copies, ignored, unexpected };
}

function checkTensors(
  folder: ModelFolder,
  plan: ReadonlyMap<string, PlannedTensor>,
  needed: ReadonlyMap<string, FileTensor>,
): void {
  const missing = [...plan.keys()].filter((name) => !needed.has(name));
  if (missing.length > 0)
    throw new FileError({
      where: folder.name,
      rule: `${missing.length} of the ${plan.size} tensors that config.json asks for are missing`,
      got: `none named ${missing.slice(0, 3).map(shownName).join(", ")}${missing.length > 3 ? ", …" : ""}`,
    });
  for (const [name, { shape }] of plan) {
    const { source, place } = needed.get(name) as FileTensor;
    if (shape.length === place.shape.length && shape.every((size, axis) => size === place.shape[axis]))
      continue;
    throw new FileError({
      where: `${source.name}, tensor ${shownName(place.name)}`,
      rule: `config.json asks for shape [${shape.join(", ")}]`,
      got: `[${place.shape.join(", ")}]`,
    });
  }
}

const comparedAtOnce = 2 ** 20; // elements: 4 MiB of each

/** Refuses a copy of a tied weight that differs from it: which of the two counts would be a guess. */
async function checkCopy(copy: FileTensor, original: FileTensor): Promise<void> {
  const where = `${copy.source.name}, tensor ${shownName(copy.place.name)}`;
  const count = original.place.shape.reduce((product, size) => product * size, 1);
  let same = copy.place.shape.join() === original.place.shape.join();
  for (let from = 0; same && from < count; from += comparedAtOnce) {
    const elements = [from, Math.min(count, from + comparedAtOnce)] as const;
    const { data } = await readWidened(copy.source, copy.place, { elements });
    const other = await readWidened(original.source, original.place, { elements });
    same = data.every((value, i) => Object.is(value, other.data[i]));
  }
  if (same) return;
  throw new FileError({
    where,
    rule: `is tied to ${shownName(original.place.name)}, but the two differ`,
    wayOut: "tie_word_embeddings of config.json says whether token embedding and unembedding are one.",
  });
}

/** The weights in one tensor, each in our layout. */
function partsOf(planned: PlannedTensor, values: Float32Array, sizes: AxisSizes): [string, Float32Array][] {
  return planned.parts.map(({ name, layout, axes }) => [name, takeWeight(values, layout, axes, sizes)]);
}

/**
 * Reads a folder's model and gives its weights away one after the other, each in our layout, in the order of the files.
 * Besides what was given away no more than one tensor is held, twice where its layout differs.
 *
 * Every tensor that config.json asks for must be there with its shape before the first is read.
 *
 * @param take  receives our name and the numbers, which are its own to keep
 * @throws FileError naming file and tensor or field, for everything that cannot be read or believed
 */
export async function streamModel(
  folder: ModelFolder,
  take: (name: string, values: Float32Array) => void | Promise<void>,
  options: LoadOptions = {},
): Promise<Omit<LoadedModel, "weights">> {
  const { config, family, unreadFields } = await describeModel(folder);
  const { files, tensors } = await openTensors(folder);
  const plan = weightPlan(family, config);
  const { needed, copies, ignored, unexpected } = sortTensors(family, plan, tensors);
  for (const [copy, original, untied] of family.copies) {
    const [own, other] = [copies.get(copy), needed.get(original)];
    if (own === undefined || untied !== "own" || config.tiedUnembed) continue;
    needed.set(original, own);
    if (other !== undefined) copies.set(original, other);
    copies.delete(copy);
  }
  checkTensors(folder, plan, needed);
  for (const [copy, original] of family.copies) {
    const [one, other] = [copies.get(copy), needed.get(original)];
    if (one !== undefined && other !== undefined) await checkCopy(one, other);
  }

  const sizes = axisSizes(config);
  const dtypes: Record<string, number> = {};
  const narrowed: string[] = [];
  const bytesOf = ({ place }: FileTensor) => place.end - place.start;
  const total = [...needed.values()].reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  let done = 0;
  for (const [name, tensor] of needed) {
    const { source, place } = tensor;
    const read = await readWidened(source, place);
    if (read.narrowed) narrowed.push(place.name);
    dtypes[place.dtype] = (dtypes[place.dtype] ?? 0) + 1;
    for (const [ours, values] of partsOf(plan.get(name) as PlannedTensor, read.data, sizes))
      await take(ours, values);
    done += bytesOf(tensor);
    options.onProgress?.(done, total);
  }
  const copied = [...copies.values()].map(({ place }) => place.name);
  const report = { files, dtypes, narrowed, ignored: [...ignored, ...copied], unexpected, unreadFields };
  return { config, family: family.name, processing: [], report };
}

/**
 * A folder's model with all its weights.
 *
 * @throws FileError as {@link streamModel}
 */
export async function loadModel(folder: ModelFolder, options: LoadOptions = {}): Promise<LoadedModel> {
  const weights: Record<string, Float32Array> = {};
  const model = await streamModel(
    folder,
    (name, values) => {
      weights[name] = values;
    },
    options,
  );
  return { ...model, weights };
}
