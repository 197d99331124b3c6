// A model of GPT-2's small size (124 million numbers) with random weights, in the layout of Hugging Face: for measurements
// on a machine that has none.
//
//   node bench/makeGpt2Small.mjs FOLDER [--layers 12]   (after npm run build)
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { exportModel, initialWeights, randomStream } from "palimpsest";

/** Sizes of the published model. */
const gpt2Small = {
  nLayers: 12,
  nHeads: 12,
  dModel: 768,
  dHead: 64,
  dMlp: 3072,
  dVocab: 50257,
  nCtx: 1024,
  actFn: "gelu_new",
  normalization: "pre",
  finalNorm: true,
  causal: true,
  positions: "learned",
  attention: "projected",
  attnOnly: false,
  mlpOnly: false,
  tiedUnembed: true,
  biases: ["qkv", "attnOut", "mlp", "norm"],
  eps: 1e-5,
};

const { values, positionals } = parseArgs({
  options: { layers: { type: "string", default: "12" } },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined || positionals.length > 1) {
  console.error("usage: node bench/makeGpt2Small.mjs FOLDER [--layers 12]");
  process.exit(2);
}
const config = { ...gpt2Small, nLayers: Number(values.layers) };
const weights = initialWeights(config, { scheme: "gpt2" }, randomStream("bench", "gpt2-small"));
mkdirSync(folder, { recursive: true });
for (const [name, bytes] of Object.entries(exportModel({ config, weights }))) {
  writeFileSync(join(folder, name), bytes);
  console.log(`${join(folder, name)}  ${bytes.length} bytes`);
}
