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
import { tuningProgram, tuningStates, unitCurves, varianceComponents } from "palimpsest/features";

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
