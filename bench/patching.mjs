// What a patching sweep costs: patchSweep against one forward pass for each patch (runWithHooks on the same network), and
// against PyTorch, one forward pass with hooks for each patch, where a Python has it.
//
//   node bench/patching.mjs        (after npm run build)
//
// Two 6-layer models of the preset `gpt`: `seed` has its own sizes, those of the original study; `small` those of the
// table's `small`, where the arithmetic outweighs the cost of a call. One pair of inputs that differ in one token: the
// first, which leaves a sweep the most to compute, or that in the middle. The metric reads the last position.
//
// Rounds alternate between both ways; the least time of each is taken, since what other processes do only adds to it.
// Every metric of the sweep is compared with that of the patch made alone: all must have the same bits.
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { hook, initialPopulation, presets, randomStream, wasmBackend } from "palimpsest";
import {
  edit,
  logitDifference,
  openNetwork,
  patchSweep,
  runWithCache,
  runWithHooks,
} from "palimpsest/interp";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    configs: { type: "string", default: "seed,small" },
    python: { type: "string", default: process.env.PYTHON ?? "python3" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(`node bench/patching.mjs [--rounds 5] [--configs seed,small] [--python /path/to/python3] [--json]

Times of full patching sweeps of 6-layer models, in ms: every patch by a forward pass of its own, all by patchSweep
(first call, with compilation, and later calls), and by PyTorch if the Python has it.`);
  process.exit();
}
const rounds = Number(values.rounds);
const here = dirname(fileURLToPath(import.meta.url));

const configs = {
  seed: { ...presets.gpt, nLayers: 6 },
  small: {
    ...{ ...presets.gpt, nLayers: 6 },
    ...{ dVocab: 64, dModel: 64, nHeads: 4, dHead: 16, dMlp: 256, nCtx: 32 },
  },
};

const range = (count) => Array.from({ length: count }, (_, i) => i);

/** Every sweep: the sites, the axes, and its patches one by one in the order of the result. */
function sweepsOf({ nLayers, nHeads, nCtx }) {
  const [layers, heads, positions] = [nLayers, nHeads, nCtx].map(range);
  return {
    resid_pre: {
      over: hook.residPre,
      by: ["layer", "pos"],
      patches: layers.flatMap((layer) => positions.map((pos) => [hook.residPre(layer), { pos }])),
    },
    z: {
      over: hook.z,
      by: ["layer", "head", "pos"],
      patches: layers.flatMap((layer) =>
        heads.flatMap((head) => positions.map((pos) => [hook.z(layer), { heads: head, pos }])),
      ),
    },
    pattern: {
      over: hook.pattern,
      by: ["layer", "head"],
      patches: layers.flatMap((layer) => heads.map((head) => [hook.pattern(layer), { heads: head }])),
    },
  };
}

async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { milliseconds: performance.now() - start, result };
}

/** One sweep of one model, the inputs differing at one position. */
async function measured(config, weights, { over, by, patches }, at) {
  const network = openNetwork(wasmBackend(), config, weights);
  const clean = [range(config.nCtx).map((pos) => pos % config.dVocab)];
  const corrupt = [clean[0].with(at, (clean[0][at] + 1) % config.dVocab)];
  const metric = logitDifference(1, 2);
  const sweep = async () =>
    (await patchSweep(network, { clean, corrupt, over: [over("all")], by, metric })).patched.data;
  const alone = async () => {
    const { cache } = await runWithCache(network, clean, { sites: [over("all")] });
    const found = [];
    for (const [site, region] of patches) {
      const edits = [edit(site, region, { kind: "fromCache", cache })];
      found.push(metric.measure((await runWithHooks(network, corrupt, { edits })).logits).data[0]);
    }
    return found;
  };
  const first = await timed(sweep);
  const times = [];
  const end = performance.now() + 2000; // the small model's rounds are so short that they begin uncompiled
  while (times.length <= rounds || performance.now() < end)
    times.push([await timed(alone), await timed(sweep)]);
  const [one] = times[0];
  if (one.result.some((value, i) => value !== first.result[i]))
    throw new Error("a patch has other bits in a sweep");
  const least = (which) => Math.min(...times.slice(1).map((pair) => pair[which].milliseconds));
  const memoryMb = network.session.memoryBytes() / 1e6;
  network.close();
  return { alone: least(0), sweep: least(1), first: first.milliseconds, memoryMb };
}

/** Milliseconds of PyTorch by sweep: the better of one and two threads. */
function torch(name) {
  const runs = [1, 2].map((threads) => {
    const script = join(here, "peers/patch_torch.py");
    const args = [script, "--config", name, "--threads", String(threads), "--rounds", String(rounds)];
    const { status, stdout, stderr } = spawnSync(values.python, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr.trim().split("\n").at(-1));
    return JSON.parse(stdout);
  });
  const { peer } = runs[0];
  const best = (sweep) => Math.min(...runs.map(({ milliseconds }) => milliseconds[sweep]));
  return {
    peer,
    milliseconds: Object.fromEntries(Object.keys(runs[0].milliseconds).map((s) => [s, best(s)])),
  };
}

const hasTorch = spawnSync(values.python, ["-c", "import torch"]).status === 0;
const rows = values.configs.split(",").flatMap((name) => {
  const config = configs[name];
  const weights = initialPopulation(config, { scheme: "pytorch" }, [randomStream("bench", "patching")]);
  const peer = hasTorch ? torch(name) : undefined;
  return Object.entries(sweepsOf(config)).flatMap(([sweep, plan]) =>
    [0, config.nCtx / 2].map((at) => ({
      ...{ config: name, site: sweep, by: plan.by, patches: plan.patches.length, differsAt: at },
      ...measured(config, weights, plan, at),
      ...(peer === undefined ? {} : { peer: peer.peer, torch: peer.milliseconds[sweep] }),
    })),
  );
});

const machine = `${cpus()[0].model.trim()}, ${availableParallelism()} processors, Node ${process.version}`;
if (values.json) console.log(JSON.stringify({ machine, rounds, rows }, undefined, 2));
else {
  console.log(machine);
  if (!hasTorch) console.log(`no torch in ${values.python}: its columns are left out`);
  const shown = (x, digits = 1) => (x === undefined ? "" : x.toFixed(digits)).padStart(9);
  const times = (ratio) => (Number.isFinite(ratio) ? `${ratio.toFixed(1)}x` : "").padStart(9);
  const header = ["alone", "sweep", "ratio", "first", "torch", "ratio"].map((title) => title.padStart(9));
  console.log(`\nms, least of at least ${rounds} rounds`);
  console.log(`${"model, sweep, token that differs".padEnd(44)} patches${header.join("")}`);
  for (const row of rows) {
    const label = `${row.config}  ${row.site} by ${row.by.join(", ")};  ${row.differsAt}`;
    console.log(
      `${label.padEnd(44)} ${String(row.patches).padStart(7)}${shown(row.alone)}${shown(row.sweep)}${times(row.alone / row.sweep)}${shown(row.first)}${shown(row.torch)}${times(row.torch / row.sweep)}`,
    );
  }
}
