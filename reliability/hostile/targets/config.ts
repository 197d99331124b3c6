import { readdirSync, readFileSync } from "node:fs";
import { UserError } from "../../../src/base/errors.ts";
import { weightShapes } from "../../../src/model/weights.ts";
import { exportFamily } from "../../../src/pretrained/exportModel.ts";
import { describeModel, type ModelDescription } from "../../../src/pretrained/loadModel.ts";
import { memoryFolder } from "../../../src/pretrained/modelFolder.ts";
import { canonicalJson } from "../../../src/record/canonicalJson.ts";
import { pick } from "../../../test/record/mutants.ts";
import { jsonFileMutant } from "../jsonMutants.ts";
import { difference, type Target } from "../target.ts";

const folder = "test/fixtures/pretrained/models";
const seeds = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}/config.json`, "utf8"));

const own = [
  ...[
    '"gpt2"',
    '"gpt_neox"',
    '"llama"',
    '"mistral"',
    '"qwen2"',
    '"bert"',
    '"gelu"',
    '"silu"',
    '"relu"',
    "12",
  ],
  ...['{"rope_type":"linear","factor":2}', '{"rope_type":"llama3"}', '"eager"', '"GPT2LMHeadModel"', "1e-5"],
];

const describe = (text: Uint8Array): Promise<ModelDescription> =>
  describeModel(memoryFolder("model", { "config.json": text }));

/** A model's config.json: the same fields in another order and spacing say the same, and an export says it too. */
export const config: Target = {
  kind: "config.json",
  mutant: (stream) => jsonFileMutant(pick(seeds, stream), stream, { own }),
  async accept(bytes) {
    const said = await describe(bytes);
    // a million shapes are no answer within a second
    if (said.config.nLayers <= 1000) weightShapes(said.config);
    const fields = Object.entries(JSON.parse(new TextDecoder().decode(bytes))).reverse();
    const again = await describe(
      new TextEncoder().encode(JSON.stringify(Object.fromEntries(fields), null, 3)),
    );
    try {
      exportFamily(said.config, {}, said.family.name);
    } catch (error) {
      // a config that no family can express is one sentence
      if (!(error instanceof UserError)) throw error;
    }
    return difference("a config", canonicalJson(said.config), canonicalJson(again.config));
  },
};
