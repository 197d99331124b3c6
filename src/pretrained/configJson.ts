/** config.json: read strictly, within bounds, and nothing in it is executed. */
import { FileError } from "../base/errors.ts";
import { parseStrictJson, strictUtf8 } from "../record/strictJson.ts";
import { type JsonFields, jsonFields } from "./jsonFields.ts";
import { type ModelFolder, readWhole } from "./modelFolder.ts";

/** Largest config.json that is read, in bytes; real ones have a few thousand. */
export const configLimit = 2 ** 20;
/** Deepest nesting, and most values. */
const bounds = { maxDepth: 16, maxValues: 20_000 };

/**
 * The fields of a JSON file whose value is an object.
 *
 * @param limit  most bytes
 * @throws FileError naming file and byte: missing, too large, not UTF-8, not JSON, equal keys, too deep, no object
 */
export async function readJsonObject(
  folder: ModelFolder,
  name: string,
  { limit, ...bounded }: { limit: number; maxDepth: number; maxValues: number },
): Promise<JsonFields> {
  const file = `${folder.name}/${name}`;
  const root = parseStrictJson(strictUtf8(await readWhole(folder, name, limit), file), { file, ...bounded });
  if (root instanceof Map) return jsonFields(file, root);
  throw new FileError({ where: file, rule: "must hold an object" });
}

/**
 * The fields of a folder's config.json.
 *
 * @throws FileError as {@link readJsonObject}; also for a model that brings code of its own or whose weights are
 *                   quantised
 */
export async function readConfigJson(folder: ModelFolder): Promise<JsonFields> {
  const fields = await readJsonObject(folder, "config.json", { limit: configLimit, ...bounds });
  const code = "the model wants code from its own repository to be run, and no file is ever run here";
  fields.without("auto_map", code);
  fields.without("trust_remote_code", code);
  fields.without("quantization_config", "quantised weights are not read");
  return fields;
}
