// What following every unit costs: tuning curves of all MLP neurons over 1000 probe sequences, for 32 models of the
// `original` preset in one thread, against 100 training steps of the same models in the same process.
//
//   node bench/tuning.mjs        (after npm run build)
import {
  fixedBatches,
  hook,
  initialPopulation,
  latinBlocks,
  openTrainer,
  optimizers,
  presets,
  randomStream,
  tasks,
  trainingSet,
  wasmBackend,
} from "palimpsest";
import { tuningProgram, tuningStates } from "palimpsest/features";

const models = 32;
const rounds = 5;
const config = presets.original;
const nPos = config.nCtx - 1;
const sites = [hook.mlpPost("all")];
const trainer = openTrainer(wasmBackend(), {
  ...{ config, models, nPos, batch: 32, optimizer: optimizers.adam },
  extraStates: tuningStates(config, sites, { nPos }),
});
const streams = Array.from({ length: models }, (_, seed) => randomStream("bench", seed));
trainer.writeWeights(initialPopulation(config, { scheme: "pytorch" }, streams));
const probe = latinBlocks({ dVocab: config.dVocab, nPos, blocks: 100, stream: randomStream("probe") });
const tuning = tuningProgram(trainer.session, config, { sites, probe });
const data = fixedBatches(trainingSet(tasks.patterns(), ["bench"], 512), 32);

async function milliseconds(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

let step = 0;
const train = async () => {
  for (let i = 0; i < 100; i++) await trainer.step([data.batch(step)], ++step, [1e-3]);
};
await train();
await tuning.measure();
const times = [];
for (let round = 0; round < rounds; round++)
  times.push([await milliseconds(train), await milliseconds(() => tuning.measure())]);
const [steps, curves] = [0, 1].map((at) => median(times.map((pair) => pair[at])));
console.log(`100 steps of ${models} models         ${steps.toFixed(0)} ms`);
console.log(
  `tuning curves, 1000 sequences    ${curves.toFixed(0)} ms, ${((100 * curves) / steps).toFixed(1)} % of them`,
);
