/** What kinds of heads are there? Scores of attention heads, less what uniform attention has, against random networks. */
import { initialPopulation, initialWeights, presets, randomStream, wasmBackend } from "palimpsest";
import { headScoresFigure } from "palimpsest/figures";
import {
  headClasses,
  headScoreNames,
  headScoreNull,
  headScores,
  openNetwork,
  repeatedTokens,
} from "palimpsest/interp";
import { quantile } from "palimpsest/stats";

const config = presets.causal;
const init = { scheme: "pytorch" } as const;
const streams = [0, 1].map((seed) => randomStream("init", seed));
const network = openNetwork(wasmBackend(), config, initialPopulation(config, init, streams));

const stream = randomStream("heads");
const sequences = repeatedTokens({ dVocab: 10, half: 4, count: 8, stream: stream.child("tokens") });
const scores = await headScores(network, sequences);
const drawn = await headScoreNull(wasmBackend(), config, (own) => initialWeights(config, init, own), {
  draws: 479, // 24 scores are tested in each network, at alpha 0.05
  stream: stream.child("null"),
  tokens: sequences,
});
export const { heads } = headClasses(scores, drawn, { stream: stream.child("intervals") });
for (const { model, layer, head, class: kind, scores: judged } of heads) {
  const { corrected, percentile } = judged.previous;
  const interval = [corrected.low, corrected.high].map((end) => end.toFixed(2)).join(", ");
  console.log(
    `network ${model} L${layer}H${head}: ${kind}; as a previous-token head ${corrected.estimate.toFixed(2)} [${interval}], percentile ${(100 * percentile).toFixed(0)}`,
  );
}
network.close();

/** Scores of the first network's heads over the band of random ones. */
export const figure = headScoresFigure({
  subject: { name: "causal at initialisation", seeds: 2, seed: 0, time: "then" },
  heads: heads
    .filter(({ model }) => model === 0)
    .map(({ layer, head, class: kind, scores: judged }) => ({
      layer,
      head,
      class: kind,
      scores: Object.fromEntries(
        headScoreNames.map((name) => {
          const [low, middle, high] = [0.025, 0.5, 0.975].map((p) =>
            quantile(drawn.sorted[name][layer][head], p),
          );
          return [name, { ...judged[name].corrected, null: { low, middle, high } }];
        }),
      ),
    })),
});
