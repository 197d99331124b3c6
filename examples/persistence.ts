/** Is a neuron still tuned as it was at initialisation? Eight seeds, and each against another one's start. */
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
import {
  neighbourModel,
  ownModel,
  persistence,
  tuningProgram,
  tuningStates,
  unitMeans,
} from "palimpsest/features";
import { tuningStrips } from "palimpsest/figures";
import { tInterval } from "palimpsest/stats";

const config = presets.causal;
const [models, batch, nPos] = [8, 32, config.nCtx - 1];
const sites = [hook.mlpPost("all")];
const probe = latinBlocks({ dVocab: config.dVocab, nPos, blocks: 100, stream: randomStream("probe") });
const data = fixedBatches(trainingSet(tasks.patterns(), ["data"], 500), batch);

const population = { config, models, batch, nPos, optimizer: optimizers.adam };
const extraStates = tuningStates(config, sites, { nPos });
const trainer = openTrainer(wasmBackend(), { ...population, extraStates });
const streams = Array.from({ length: models }, (_, seed) => randomStream("init", seed));
trainer.writeWeights(initialPopulation(config, { scheme: "pytorch" }, streams));

const tuning = tuningProgram(trainer.session, config, { sites, probe });
const before = await tuning.measure(); // curves of every neuron of every model, by site
for (let step = 1; step <= 160; step++) await trainer.step([data.batch(step - 1)], step, [1e-3]);
const after = await tuning.measure();

/** Correlation of tuning before and after training, mean over the neurons of a layer, [model]. */
export const meanR = (site: string, partner = ownModel) =>
  unitMeans(persistence(before.get(site)!, after.get(site)!, { partner }).r.all, models).mean;

for (const site of before.keys()) {
  const own = tInterval(meanR(site)); // over seeds: neurons of one network are no replicates
  const other = tInterval(meanR(site, neighbourModel(models))); // the null: another network's start
  console.log(`${site}: r ${own.estimate.toFixed(2)}, null ${other.estimate.toFixed(2)}`);
}
trainer.session.close();

/** Cell means of the first seed's neurons, [unit][token][pos]. */
const cellsOf = (curves: typeof before, site: string) =>
  curves.get(site)!.cellMean.subarray(0, config.dMlp * config.dVocab * nPos);
const seeds = Array.from({ length: models }, (_, seed) => seed);
/** Tuning then and now of the neurons that kept it best and least. */
export const figure = tuningStrips([
  {
    summary: { preset: "causal", seeds, models: seeds.map(() => ({ divergedAt: null })) },
    config,
    probe: { dVocab: config.dVocab, nPos },
    layers: [...before.keys()].map((site, layer) => ({
      layer,
      exemplar: { seed: 0, units: config.dMlp, before: cellsOf(before, site), after: cellsOf(after, site) },
    })),
  },
]);
