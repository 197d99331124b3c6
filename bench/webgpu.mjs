// Populations on a graphics card: model-steps per second of the webgpu backend by number of models, and of JAX (vmap) on
// the same card, where PALIMPSEST_JAX names a Python that has jax with CUDA. Rounds alternate between ours and theirs, so
// that a card that changes its clock changes it for both; the table shows medians over rounds with the range.
//
//   npm run build && [PALIMPSEST_JAX=/path/to/python3] node bench/webgpu.mjs [--config seed] [--models 132,…,8192]
//       [--rounds 3] [--seconds 3]
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    config: { type: "string", default: "seed" },
    models: { type: "string", default: "132,264,528,1056,2112,4224,8192" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
  },
});
const { config, seconds } = values;
const sizes = values.models.split(",").map(Number);
const rounds = Number(values.rounds);
const here = dirname(fileURLToPath(import.meta.url));
const python = process.env.PALIMPSEST_JAX;

/** What the command says that measures; the bench ends with its sentence where there is no card. */
function ours(models) {
  const asked = `bench train --backend webgpu --config ${config} --models ${models} --seconds ${seconds} --json --quiet`;
  const { stdout, status, stderr } = spawnSync(
    process.execPath,
    [join(here, "../bin/palimpsest.js"), ...asked.split(" ")],
    { encoding: "utf8" },
  );
  if (status === 0) return JSON.parse(stdout);
  console.log(`Nothing was measured. ${stderr.trim().split("\n").at(-1)}`);
  process.exit(status ?? 1);
}

/** The peer's line, or null where it cannot do as many. */
function theirs(models) {
  const { stdout, status, stderr } = spawnSync(
    python,
    [
      join(here, "peers/train_jax.py"),
      ...["--config", config, "--models", String(models), "--seconds", seconds],
    ],
    { encoding: "utf8", env: { ...process.env, JAX_PLATFORMS: "cuda" } },
  );
  if (status === 0) return JSON.parse(stdout);
  console.log(`jax, ${models} models: ${stderr.trim().split("\n").at(-1)}`);
  return null;
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const shown = (numbers) =>
  `${String(Math.round(median(numbers))).padStart(9)}  (${Math.round(Math.min(...numbers))} to ${Math.round(Math.max(...numbers))})`;

const measured = sizes.map(() => ({ ours: [], theirs: [], ratios: [] }));
let card;
let peer;
for (let round = 0; round < rounds; round++)
  for (const [at, models] of sizes.entries()) {
    const own = ours(models);
    card ??= own.card;
    measured[at].ours.push(own.modelStepsPerSecond);
    const other = python === undefined ? null : theirs(models);
    if (other === null) continue;
    peer ??= `${other.peer} vmap on ${other.device}`;
    measured[at].theirs.push(other.modelStepsPerSecond);
    measured[at].ratios.push(own.modelStepsPerSecond / other.modelStepsPerSecond);
  }

console.log(`${config}: model-steps per second, median (range) of ${rounds} rounds of ${seconds} s`);
console.log(`palimpsest, webgpu on ${card}`);
if (python === undefined) console.log("no JAX: PALIMPSEST_JAX names no Python");
else console.log(peer ?? "no JAX: it could not be measured");
for (const [at, models] of sizes.entries()) {
  const { ours, theirs, ratios } = measured[at];
  const compared = theirs.length === 0 ? "" : `   jax ${shown(theirs)}   ${median(ratios).toFixed(2)}x`;
  console.log(`  ${String(models).padStart(5)} models ${shown(ours)}${compared}`);
}
