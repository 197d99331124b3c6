// From which size on ONNX Runtime is faster than the kernels in WebAssembly: a forward pass with its loss, and a training
// step, of both backends on one core each. Rounds alternate between the two, so that a machine that changes its speed
// changes it for both; shown are the least times, and how many times faster onnx is. On one core the time is the
// processor's, which other programs hardly change.
//
//   node bench/onnxCrossing.mjs [--sizes 16,32,64,…] [--models 1,8] [--rounds 3] [--threads 1]   (after npm run build)
//
// With --threads 2 ONNX Runtime gets two cores and WebAssembly one, which is all that a worker can use there; the time is
// then the clock's.
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import {
  initialPopulation,
  onnxBackend,
  openTrainer,
  optimizers,
  presets,
  randomStream,
  wasmBackend,
} from "palimpsest";

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "16,32,64,128,256,384,512,768" },
    models: { type: "string", default: "1,8" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: "1" },
  },
});
const numbers = (list) => list.split(",").map(Number);
const rounds = Number(values.rounds);
const threads = Number(values.threads);
const BATCH = 8;
/** A round runs for at least this long. */
const ROUND_MILLISECONDS = 300;

/** Two layers, dMlp four times dModel, heads of at most 64: what grows is the matrices. */
function configOf(dModel) {
  const nHeads = Math.max(2, dModel / 64);
  return {
    ...presets.original,
    ...{ dVocab: 64, nCtx: 32, nLayers: 2, dModel, nHeads, dHead: dModel / nHeads, dMlp: 4 * dModel },
  };
}

/** Both pieces of work on a backend, as functions that do them once. */
function openWork(backend, config, models) {
  const nPos = config.nCtx;
  const trainer = openTrainer(backend, { config, optimizer: optimizers.adam, models, batch: BATCH, nPos });
  const streams = Array.from({ length: models }, (_, model) => randomStream("crossing", model));
  trainer.writeWeights(initialPopulation(config, { scheme: "pytorch" }, streams));
  const draw = (stream) => Int32Array.from({ length: BATCH * nPos }, () => stream.integer(config.dVocab));
  const batches = streams.map((stream) => ({
    count: BATCH,
    nPos,
    inputs: draw(stream),
    targets: draw(stream),
  }));
  let step = 0;
  return {
    forward: () => trainer.evaluate(batches),
    step: () => trainer.step(batches, ++step, [1e-4]),
    close: () => trainer.session.close(),
  };
}

/** Milliseconds: of the processor where one core works, else of the clock. */
function now() {
  if (threads > 1) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds of one call, the mean of as many as a round takes. */
async function timed(work) {
  const start = now();
  let calls = 0;
  do {
    await work();
    calls++;
  } while (now() - start < ROUND_MILLISECONDS);
  return (now() - start) / calls;
}

const backends = { wasm: wasmBackend(), onnx: await onnxBackend({ threads }) };

console.log(`${cpus()[0].model.trim()}, ${availableParallelism()} processors, Node ${process.version}`);
console.log(
  `${BATCH} sequences of 32 positions, 2 layers; onnx on ${threads} thread(s); ms, least of ${rounds} rounds`,
);
console.log("models  dModel   forward: wasm      onnx   ratio      step: wasm      onnx   ratio");
for (const models of numbers(values.models)) {
  for (const dModel of numbers(values.sizes)) {
    const least = {
      wasm: { forward: Infinity, step: Infinity },
      onnx: { forward: Infinity, step: Infinity },
    };
    const works = Object.entries(backends).map(([name, backend]) => [
      name,
      openWork(backend, configOf(dModel), models),
    ]);
    for (const [, work] of works) {
      await work.forward(); // compiles
      await work.step();
    }
    for (let round = 0; round < rounds; round++)
      for (const kind of ["forward", "step"])
        for (const [name, work] of works)
          least[name][kind] = Math.min(least[name][kind], await timed(work[kind]));
    for (const [, work] of works) work.close();
    const shown = ["forward", "step"].map((kind) => {
      const [wasm, onnx] = [least.wasm[kind], least.onnx[kind]];
      return [
        wasm.toFixed(2).padStart(15),
        onnx.toFixed(2).padStart(10),
        `${(wasm / onnx).toFixed(2)}x`.padStart(8),
      ].join("");
    });
    console.log(`${String(models).padStart(6)}  ${String(dModel).padStart(6)} ${shown.join(" ")}`);
  }
}
