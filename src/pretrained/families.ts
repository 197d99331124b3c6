/** The families that are read. A new one is a file in families/, a line here, and a fixture. */
import { FileError, nearest } from "../base/errors.ts";
import { bert } from "./families/bert.ts";
import { gpt2 } from "./families/gpt2.ts";
import { gptNeox } from "./families/gptNeox.ts";
import { llama, mistral, qwen2 } from "./families/llama.ts";
import type { Family } from "./family.ts";
import type { JsonFields } from "./jsonFields.ts";

/** Every family, in the order in which an export tries them. */
export const families: readonly Family[] = [gpt2, gptNeox, llama, mistral, qwen2, bert];

/**
 * The family of a config.json, by its `model_type` and `architectures`.
 *
 * @throws FileError naming what the file says and what there is
 */
export function familyOf(fields: JsonFields): Family {
  const modelType = fields.text("model_type");
  const family = families.find((candidate) => candidate.modelType === modelType);
  if (family === undefined) {
    const known = families.map((candidate) => candidate.modelType);
    const hint = modelType.length <= 80 ? `Nearest: "${nearest(modelType, known)}".` : undefined;
    return fields.fail("model_type", `must be one of ${known.join(", ")}`, hint);
  }
  const architectures = fields.texts("architectures", [family.architectures[0]]);
  if (architectures.some((name) => family.architectures.includes(name))) return family;
  const said = architectures.slice(0, 4).map((name) => JSON.stringify(name.slice(0, 60)));
  throw new FileError({
    where: `${fields.file}, architectures`,
    rule: `of ${modelType} only ${family.architectures.join(" and ")} are read, which predict tokens`,
    got: said.join(", ") || "none",
  });
}
