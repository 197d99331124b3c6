// A pretrained model from its folder to its activations: time to load, time of a forward pass that keeps the residual
// stream of every layer, and the largest memory of the process after one pass and after more, beside PyTorch where there is
// one. Every measurement is a process of its own on the same cores, and rounds alternate between the two, so that a machine
// that changes its speed changes it for both.
//
//   node bench/makeGpt2Small.mjs FOLDER
//   node bench/pretrained.mjs FOLDER [--positions 1024] [--threads 2] [--rounds 3] [--python PYTHON]   (after npm run build)
//
// PYTHON is one that has torch, transformers and safetensors.
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeModel, onnxBackend, streamModel } from "palimpsest";
import { openEmptyNetwork, runWithCache } from "palimpsest/interp";

const { values, positionals } = parseArgs({
  options: {
    positions: { type: "string", default: "1024" },
    threads: { type: "string", default: String(availableParallelism()) },
    rounds: { type: "string", default: "3" },
    python: { type: "string" },
    own: { type: "boolean", default: false }, // measure in this process and print a line of JSON
  },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined || positionals.length > 1) {
  console.error(
    "usage: node bench/pretrained.mjs FOLDER [--positions n] [--threads n] [--rounds n] [--python PYTHON]",
  );
  process.exit(2);
}
const positions = Number(values.positions);
const threads = Number(values.threads);
/** Passes after the first, of which the fastest counts. */
const PASSES = 3;

/** A folder of the file system, read by range. */
function openFolder(path) {
  const opened = [];
  return {
    name: path,
    names: readdirSync(path),
    open: async (name) => {
      const file = openSync(join(path, name), "r");
      opened.push(file);
      return {
        name: `${path}/${name}`,
        size: statSync(join(path, name)).size,
        read: async (start, end) => {
          const bytes = new Uint8Array(end - start);
          return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, start));
        },
      };
    },
    close: () => {
      for (const file of opened) closeSync(file);
    },
  };
}

async function measureOwn() {
  const backend = await onnxBackend({ threads });
  const start = performance.now();
  const source = openFolder(folder);
  const { config } = await describeModel(source);
  const network = openEmptyNetwork(backend, config, { models: 1 });
  await streamModel(source, network.session.write); // so that the weights are held once
  source.close();
  const loadMs = performance.now() - start;
  const tokens = [Array.from({ length: positions }, (_, i) => (i * 7919) % config.dVocab)];
  const times = [];
  const peaks = [];
  for (let pass = 0; pass <= PASSES; pass++) {
    const before = performance.now();
    await runWithCache(network, tokens, { sites: ["blocks.*.hook_resid_post"] });
    times.push(performance.now() - before);
    peaks.push(process.resourceUsage().maxRSS * 1024);
  }
  network.close();
  return {
    loadMs,
    firstMs: times[0],
    forwardMs: Math.min(...times.slice(1)),
    peakBytes: peaks[0],
    laterPeakBytes: peaks[PASSES],
  };
}

if (values.own) {
  console.log(JSON.stringify(await measureOwn()));
} else {
  const own = [fileURLToPath(import.meta.url), folder, "--own"];
  const peer = [fileURLToPath(new URL("peers/run_torch.py", import.meta.url)), folder];
  const sizes = ["--positions", values.positions, "--threads", values.threads];
  const commands = [["palimpsest, onnx", process.execPath, [...own, ...sizes]]];
  if (values.python !== undefined) commands.push(["PyTorch", values.python, [...peer, ...sizes]]);
  const found = new Map(commands.map(([name]) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round++)
    for (const [name, program, args] of commands)
      found.get(name).push(JSON.parse(execFileSync(program, args, { encoding: "utf8", maxBuffer: 2 ** 20 })));
  console.log(
    `${cpus()[0].model.trim()}, ${threads} threads, Node ${process.version}, load ${loadavg()[0].toFixed(1)}`,
  );
  console.log(`${positions} positions, the stream of every layer kept; least of ${values.rounds} rounds`);
  console.log("                      load s   first pass s   pass s   peak GB   after more GB");
  for (const [name, rounds] of found) {
    const least = (key, unit) => (Math.min(...rounds.map((round) => round[key])) / unit).toFixed(2);
    const label = rounds[0].version === undefined ? name : `${name} ${rounds[0].version}`;
    console.log(
      [
        label.padEnd(20),
        least("loadMs", 1000).padStart(8),
        least("firstMs", 1000).padStart(15),
        least("forwardMs", 1000).padStart(9),
        least("peakBytes", 1e9).padStart(10),
        least("laterPeakBytes", 1e9).padStart(16),
      ].join(""),
    );
  }
}
