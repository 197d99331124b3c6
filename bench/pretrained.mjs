// A pretrained model of GPT-2's family from its folder to its activations: time to load, time of a forward pass that keeps
// the residual stream of every layer beside that of its matrix products alone, and the largest memory of the process after
// one pass and after more; the same in PyTorch where there is one. Each is a process on the same cores. They take turns
// pass by pass, one running while the other waits, so that a machine that changes its speed changes it for both; ratios are
// of neighbours in a turn.
//
//   node bench/makeGpt2Small.mjs FOLDER
//   node bench/pretrained.mjs FOLDER [--positions 1024] [--threads 2] [--starts 3] [--turns 5] [--clock wall]
//     [--python PYTHON]                                                                              (after npm run build)
//
// PYTHON is one that has torch, transformers and safetensors. The clock of passes is that on the wall, or the processor's
// time (`--clock processor`), which other programs disturb less; threads that wait for each other count in it, so it
// belongs to one thread.
import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeModel, onnxBackend, streamModel } from "palimpsest";
import { openEmptyNetwork, runWithCache } from "palimpsest/interp";
import { productsGraph } from "./products.mjs";

const { values, positionals } = parseArgs({
  options: {
    positions: { type: "string", default: "1024" },
    threads: { type: "string", default: String(availableParallelism()) },
    starts: { type: "string", default: "3" },
    turns: { type: "string", default: "5" },
    clock: { type: "string", default: "wall" }, // or processor
    python: { type: "string" },
    own: { type: "boolean", default: false }, // measure in this process, as the lines of the input say
  },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined || positionals.length > 1) {
  console.error(
    "usage: node bench/pretrained.mjs FOLDER [--positions n] [--threads n] [--starts n] [--turns n] [--clock wall|processor] [--python PYTHON]",
  );
  process.exit(2);
}
const positions = Number(values.positions);
const threads = Number(values.threads);

const clocks = {
  wall: () => performance.now(),
  processor: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

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

/** Loads, and then does what every line of the input says: `kept` or `products`. Answers in lines of JSON. */
async function measureOwn() {
  const backend = await onnxBackend({ threads });
  const start = performance.now();
  const source = openFolder(folder);
  const { config } = await describeModel(source);
  const network = openEmptyNetwork(backend, config, { models: 1 });
  await streamModel(source, network.session.write); // so that the weights are held once
  source.close();
  const loadMs = performance.now() - start;
  const { graph, flop } = productsGraph(config, positions);
  console.log(JSON.stringify({ loadMs, flop }));
  const tokens = [Array.from({ length: positions }, (_, i) => (i * 7919) % config.dVocab)];
  const x = Float32Array.from(
    { length: positions * config.dModel },
    (_, i) => ((i * 7919) % 2003) / 1001 - 1,
  );
  const now = clocks[values.clock];
  const kinds = {
    kept: () => runWithCache(network, tokens, { sites: ["blocks.*.hook_resid_post"] }),
    products: () => network.session.compile(graph).run({ x }),
  };
  for await (const kind of createInterface({ input: process.stdin })) {
    const before = now();
    await kinds[kind]();
    const ms = now() - before;
    console.log(JSON.stringify({ ms, peakBytes: process.resourceUsage().maxRSS * 1024 }));
  }
  network.close();
}

/** A process that answers every line by a line. */
function openPeer(program, args) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${program} ended`);
    return JSON.parse(value);
  };
  return {
    loaded: next,
    ask: (kind) => {
      child.stdin.write(`${kind}\n`);
      return next();
    },
    close: () => child.stdin.end(),
  };
}

/** Least, median and greatest. */
function spread(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const three = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted[sorted.length - 1]];
  return three.map((value) => value.toFixed(2).padStart(8)).join("");
}

/** What is compared: a process, and the kinds of pass that it makes in every turn. */
function participants() {
  const sizes = ["--positions", values.positions, "--threads", values.threads, "--clock", values.clock];
  const file = (name) => fileURLToPath(new URL(name, import.meta.url));
  const own = [process.execPath, [file("pretrained.mjs"), folder, "--own", ...sizes], ["kept", "products"]];
  const torch = [
    values.python,
    [file("peers/run_torch.py"), folder, ...sizes],
    ["kept", "plain", "products"],
  ];
  return [own, ...(values.python === undefined ? [] : [torch])].map(([program, args, kinds]) => ({
    ...{ program, args, loads: [], firsts: [], peaks: [], laterPeaks: [], about: {} },
    times: Object.fromEntries(kinds.map((kind) => [kind, []])),
  }));
}

/** One start of every process, and their turns. */
async function measure(all, busy) {
  const peers = [];
  for (const one of all) {
    const peer = openPeer(one.program, one.args);
    one.about = await peer.loaded();
    one.loads.push(one.about.loadMs / 1000);
    const first = await peer.ask("kept");
    one.firsts.push(first.ms / 1000);
    one.peaks.push(first.peakBytes / 1e9);
    for (const kind of Object.keys(one.times)) await peer.ask(kind); // some is compiled or allocated at first
    peers.push(peer);
  }
  for (let turn = 0; turn < Number(values.turns); turn++) {
    busy.push(loadavg()[0]);
    for (const [i, { times }] of all.entries())
      for (const kind of Object.keys(times)) times[kind].push((await peers[i].ask(kind)).ms / 1000);
  }
  for (const [i, { laterPeaks }] of all.entries()) {
    laterPeaks.push((await peers[i].ask("kept")).peakBytes / 1e9);
    peers[i].close();
  }
}

function report(all, busy) {
  const [own, torch] = all;
  const row = (label, numbers) => console.log(`${label.padEnd(44)}${spread(numbers)}`);
  const ratio = (label, a, b) =>
    row(
      label,
      a.map((value, turn) => value / b[turn]),
    );
  console.log(
    `${cpus()[0].model.trim()}, ${threads} threads, Node ${process.version}, ${positions} positions`,
  );
  console.log(
    `${values.starts} starts of ${values.turns} turns; passes by the clock of the ${values.clock}; load of the machine${spread(busy)}`,
  );
  console.log(`${"".padEnd(44)}   least  median greatest`);
  for (const one of all) {
    const name = one === own ? "palimpsest, onnx" : `PyTorch ${one.about.version}`;
    row(`${name}: load, s`, one.loads);
    row("  first pass, s", one.firsts);
    row("  pass, stream of every layer kept, s", one.times.kept);
    if (one.times.plain !== undefined) row("  pass, nothing kept, s", one.times.plain);
    row("  its matrix products alone, s", one.times.products);
    row(
      "  that is, GFLOP/s",
      one.times.products.map((seconds) => own.about.flop / 1e9 / seconds),
    );
    row("  peak memory after the first pass, GB", one.peaks);
    row("  after more, GB", one.laterPeaks);
  }
  ratio("pass / its products alone", own.times.kept, own.times.products);
  if (torch === undefined) return;
  ratio("products alone / PyTorch's", own.times.products, torch.times.products);
  ratio("PyTorch's pass / its products alone", torch.times.kept, torch.times.products);
  ratio("pass / PyTorch's, stream kept by both", own.times.kept, torch.times.kept);
  ratio("pass / PyTorch's that keeps nothing", own.times.kept, torch.times.plain);
}

if (values.own) await measureOwn();
else {
  const all = participants();
  const busy = [];
  for (let start = 0; start < Number(values.starts); start++) await measure(all, busy);
  report(all, busy);
}
