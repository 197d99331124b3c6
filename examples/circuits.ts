/** What do weights say without any input? Circuits, composition and copying of random heads, with a head that copies. */
import { initialPopulation, initialWeights, presets, randomStream, wasmBackend } from "palimpsest";
import { singularValues as singularValuesFigure } from "palimpsest/figures";
import {
  collapse,
  compositionScores,
  copyingScores,
  openNetwork,
  ovCircuits,
  pick,
  qkCircuits,
  singularDirections,
  singularValues,
  type WeightSource,
  weightNull,
  weightPlaces,
} from "palimpsest/interp";
import { quantile } from "palimpsest/stats";

const config = presets.gpt;
const init = { scheme: "pytorch" } as const;
const streams = [0, 1].map((seed) => randomStream("init", seed));
const network = openNetwork(wasmBackend(), config, initialPopulation(config, init, streams));

// what attending to each token does to each logit, and which positions look at which, by L0H1 of the first network
const at = { models: 0, layers: 0, heads: 1 };
const [moved] = await ovCircuits(network, { from: "tokens", to: "logits", ...at });
const [looked] = await qkCircuits(network, { query: "positions", key: "positions", ...at });
export const logits = collapse(moved.matrix); // [dVocab, dVocab], through dHead numbers
export const scores = collapse(looked.matrix); // [nCtx, nCtx], over √dHead an attention score
const own = Array.from({ length: config.dVocab }, (_, token) => logits.data[token * (config.dVocab + 1)]);
console.log(`L0H1, what a token does to its own logit: ${own.map((value) => value.toFixed(2)).join(" ")}`);

export const composition = await compositionScores(network);
const stream = randomStream("circuits");
const drawn = await weightNull(config, (own) => initialWeights(config, init, own), compositionScores, {
  draws: 99,
  stream,
});
export const places = weightPlaces(composition, drawn);
for (const [pair, name] of composition.components.entries()) {
  const score = composition.scores.k.data[pair].toFixed(2);
  const percentile = (100 * places.k.percentile.data[pair]).toFixed(0);
  console.log(`network 0 ${name} k-composition ${score}, percentile ${percentile} of random networks`);
}

export const copying = (await copyingScores(network)).scores.eigenvalue; // [model, layer, head]
console.log(`copying scores: ${Array.from(copying.data, (score) => score.toFixed(2)).join(" ")}`);

export const [direction] = await singularDirections(network, { of: "W_out", layers: 1, models: 0, k: 2 });
const ends = [...direction.top, ...direction.bottom].map(({ token, p }) => `${token} (p ${p.toFixed(2)})`);
console.log(`the MLP of layer 1 writes most along a direction that reaches tokens ${ends.join(", ")}`);

const spectraOf = (source: WeightSource) => singularValues(source, { of: "OV" });
const spectra = (await spectraOf(network)).scores.value; // [model, layer, head, component]
const drawnSpectra = await weightNull(config, (own) => initialWeights(config, init, own), spectraOf, {
  draws: 99,
  stream: stream.child("spectra"),
});
network.close();

/** Singular values of the OV circuits of the first network, over those of random networks. */
export const figure = singularValuesFigure({
  subject: { name: "gpt at initialisation", seeds: 2, seed: 0, time: "then" },
  matrices: [0, 1, 2, 3].map((place) => {
    const [layer, head] = [place >> 1, place & 1];
    const values = pick(spectra, { model: 0, layer, head }).data;
    const bands = Array.from(values, (_, i) => drawnSpectra.scores.value.sorted[place * values.length + i]);
    const at = (p: number) => bands.map((band) => quantile(band, p));
    return {
      name: `L${layer}H${head} OV`,
      values,
      null: { low: at(0.025), median: at(0.5), high: at(0.975) },
    };
  }),
  nullName: "the same circuits of 99 random networks",
});
