// The table of docs/performance.md: model-steps per second of this engine, and of JAX and PyTorch where a Python has
// them, on the same processors in the same run. Rounds alternate between ours and theirs, so that a machine that changes
// its speed changes it for both; the table shows medians over rounds.
//
//   npm run bench -- [--rounds 5] [--seconds 2] [--configs seed,small] [--python /path/to/python3]
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    configs: { type: "string", default: "seed,small" },
    python: { type: "string", default: process.env.PYTHON ?? "python3" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const here = dirname(fileURLToPath(import.meta.url));
const cli = join(here, "../bin/palimpsest.js");

function lines(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.trim().split("\n").at(-1)}`);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

function ours(config, models, workers, relaxed) {
  const args = [
    "bench",
    "train",
    "--config",
    config,
    "--models",
    models,
    "--workers",
    workers,
    "--seconds",
    seconds,
  ];
  const { stdout, status, stderr } = spawnSync(
    process.execPath,
    [cli, ...args.map(String), ...(relaxed ? ["--relaxed"] : []), "--json", "--quiet"],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr.trim());
  return JSON.parse(stdout);
}

const has = (module) => spawnSync(values.python, ["-c", `import ${module}`]).status === 0;
const peers = { jax: has("jax"), torch: has("torch") };
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const range = (numbers) => `${Math.round(Math.min(...numbers))} to ${Math.round(Math.max(...numbers))}`;

console.log(`${cpus()[0].model.trim()}, ${availableParallelism()} processors, Node ${process.version}`);
for (const name of Object.keys(peers))
  if (!peers[name]) console.log(`no ${name} in ${values.python}: its rows are left out`);
for (const config of values.configs.split(",")) {
  const rows = new Map();
  const add = (name, result) => rows.set(name, [...(rows.get(name) ?? []), result]);
  const sizes = [1, 8, 32, 256];
  for (let round = 0; round < rounds; round++) {
    for (const models of sizes)
      for (const workers of [1, 2]) {
        if (workers > models || (models === 256 && round > 0)) continue;
        add(`palimpsest, ${models} models, ${workers} workers`, ours(config, models, workers, false));
      }
    add("palimpsest relaxed, 32 models, 2 workers", ours(config, 32, 2, true));
    if (peers.jax)
      for (const result of lines(values.python, [
        join(here, "peers/train_jax.py"),
        "--config",
        config,
        "--models",
        "1,32",
        "--seconds",
        String(seconds),
      ]))
        add(`${result.peer} vmap, ${result.models} models, ${result.processors} processors`, result);
    if (peers.torch)
      for (const threads of [1, 2])
        for (const result of lines(values.python, [
          join(here, "peers/train_torch.py"),
          "--config",
          config,
          "--threads",
          String(threads),
          "--seconds",
          String(seconds),
        ]))
          add(`${result.peer} eager, 1 model, ${threads} threads`, result);
  }
  console.log(`\n${config}: model-steps per second, median (range) of ${rounds} rounds of ${seconds} s`);
  for (const [name, results] of rows) {
    const rates = results.map((result) => result.modelStepsPerSecond);
    const share =
      results[0].kernelShare === undefined
        ? ""
        : `   ${(100 * median(results.map((r) => r.kernelShare))).toFixed(0)} % in kernels, ${Math.round(median(results.map((r) => r.peakRssMb)))} MB`;
    console.log(
      `  ${name.padEnd(44)} ${String(Math.round(median(rates))).padStart(7)}  (${range(rates)})${share}`,
    );
  }
  const rate = (name) => rows.get(name)?.map((result) => result.modelStepsPerSecond);
  const find = (start) => [...rows.keys()].find((name) => start.test(name));
  const ratio = (label, a, b) => {
    if (a === undefined || b === undefined) return;
    const pairs = rate(a).map((value, i) => value / rate(b)[i]);
    console.log(
      `  ${label.padEnd(44)} ${median(pairs).toFixed(2)}x  (${Math.min(...pairs).toFixed(2)} to ${Math.max(...pairs).toFixed(2)})`,
    );
  };
  const jax32 = find(/^jax.* 32 models/);
  const jax1 = find(/^jax.* 1 models/);
  ratio("32 models, exact, against JAX vmap", "palimpsest, 32 models, 2 workers", jax32);
  ratio("32 models, relaxed, against JAX vmap", "palimpsest relaxed, 32 models, 2 workers", jax32);
  ratio(
    "32 models, exact, against PyTorch eager",
    "palimpsest, 32 models, 2 workers",
    find(/^torch.* 1 threads/),
  );
  ratio("1 model against JAX, one model", "palimpsest, 1 models, 1 workers", jax1);
  ratio("1 model against PyTorch eager", "palimpsest, 1 models, 1 workers", find(/^torch.* 1 threads/));
}
