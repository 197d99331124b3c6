/** What the most token-tuned neuron of a random network is tuned to, and how much of its variance that explains. */
import {
  hook,
  initialPopulation,
  latinBlocks,
  presets,
  randomStream,
  wasmBackend,
  weightShapes,
} from "palimpsest";
import {
  randomProjectionNull,
  tuningProgram,
  tuningStates,
  unitCurves,
  varianceComponents,
} from "palimpsest/features";
import { tokenSelectivity, unitName } from "palimpsest/figures";
import { quantile } from "palimpsest/stats";

const config = presets.original;
const nPos = config.nCtx - 1;
const sites = [hook.mlpPre(0)];
const probe = latinBlocks({ dVocab: config.dVocab, nPos, blocks: 100, stream: randomStream("probe") });

// a session holds the states of a population: here its weights and the sums that tuning is measured with
const session = wasmBackend().open({
  models: 1,
  states: { ...Object.fromEntries(weightShapes(config)), ...tuningStates(config, sites, { nPos }) },
});
const weights = initialPopulation(config, { scheme: "pytorch" }, [randomStream("init", 0)]);
for (const [name, values] of Object.entries(weights)) session.write(name, values);

const tuning = await tuningProgram(session, config, { sites, probe }).measure(); // by site
const curves = tuning.get("blocks.0.mlp.hook_pre")!;
const { eta2 } = varianceComponents(curves); // shares of variance by source, [model, unit]
/** The neuron with the largest token share. */
export const unit = eta2.token.indexOf(Math.max(...eta2.token));
/** Its shares of variance: token, position, interaction, context. */
export const shares = [eta2.token, eta2.position, eta2.interaction, eta2.context].map((of) => of[unit]);
/** Its token curve: mean activation at each token, less the mean over tokens, [token]. */
export const token = unitCurves(curves).token.values.subarray(
  unit * config.dVocab,
  (unit + 1) * config.dVocab,
);

console.log(`L0N${unit}: token ${shares[0].toFixed(2)}, position ${shares[1].toFixed(2)} of its variance`);
console.log(Array.from(token, (value, t) => `${t}: ${value.toFixed(2)}`).join("  "));
session.close();

const units = Array.from({ length: config.dMlp }, (_, unit) => unit);
const { values } = unitCurves(curves).token;
const chance = randomProjectionNull({
  ...{ dModel: config.dModel, dVocab: config.dVocab, nPos, actFn: "none", draws: 400 },
  stream: randomStream("null"),
});
/** Every neuron's token curve, and how many are more selective than random projections are. */
export const figure = tokenSelectivity({
  subject: { name: "original at initialisation", seeds: 1, seed: 0, time: "then" },
  levels: Array.from({ length: config.dVocab }, (_, t) => String(t)),
  groups: [
    {
      title: "layer 0 · MLP, before ReLU",
      units: units.map((unit) => ({
        name: unitName(0, unit),
        curve: values.subarray(unit * config.dVocab, (unit + 1) * config.dVocab),
        share: eta2.token[unit],
      })),
      null: { low: quantile(chance.token, 0.05), high: quantile(chance.token, 0.95) },
    },
  ],
  nullName: "random projections of random embeddings",
});
