/** Take two random networks apart: look, silence heads, read the stream through the logit lens, patch and ablate. */
import { hook, initialPopulation, presets, randomStream, wasmBackend } from "palimpsest";
import { lensTable } from "palimpsest/figures";
import {
  ablate,
  edit,
  gradients,
  logitDifference,
  logitLens,
  openNetwork,
  patchSweep,
  runWithCache,
  runWithHooks,
  topTokens,
} from "palimpsest/interp";

const config = presets.gpt;
const streams = [0, 1].map((seed) => randomStream("init", seed));
const network = openNetwork(wasmBackend(), config, initialPopulation(config, { scheme: "pytorch" }, streams));

const tokens = [[0, 1, 2, 3, 4, 5, 6]]; // [batch][pos], the same for both networks
export const { logits, cache } = await runWithCache(network, tokens, {
  sites: [hook.residPost("all"), hook.pattern(0), hook.lnFinalScale],
});
const lastQuery = cache.get("blocks.0.attn.hook_pattern", { model: 0, batch: 0, head: 1, queryPos: 6 }); // [keyPos]
console.log(
  `L0H1 of the first network, last query: ${Array.from(lastQuery.data, (p) => p.toFixed(2)).join(" ")}`,
);

// one run, four rows, each with another head silent
const heads = [0, 1].flatMap((layer) => [0, 1].map((head) => ({ layer, head })));
const silenced = await runWithHooks(
  network,
  heads.map(() => tokens[0]),
  {
    edits: heads.map(({ layer, head }, row) =>
      edit(hook.z(layer), { batch: row, heads: head }, { kind: "zero" }),
    ),
  },
);
/** What each edit touched and changed. */
export const report = silenced.report;

const metric = logitDifference(7, 0); // logit of token 7 less that of token 0, at the last position
const clean = metric.measure(logits).data; // [model, batch 1]
/** Loss of logit difference by silent head, [model, head]. */
export const drops = Array.from(
  metric.measure(silenced.logits).data,
  (value, i) => clean[Math.floor(i / heads.length)] - value,
);
for (const [i, { layer, head }] of heads.entries())
  console.log(`without L${layer}H${head} the logit difference falls by ${drops[i].toFixed(3)}`);

export const lens = await logitLens(network, cache, { norm: "recomputed" }); // [model, site, batch, pos, dVocab]
const top = topTokens(lens, 3); // [model, site, batch, pos, 3]
for (const [site, name] of lens.sites.entries()) {
  const last = (site * 7 + 6) * 3;
  console.log(`${name}: tokens ${[...top.tokens.subarray(last, last + 3)].join(" ")}`);
}

const slopes = await gradients(network, tokens, { of: metric, sites: [hook.mlpPost(1)] });
const neurons = slopes.cache.get("blocks.1.mlp.hook_post", { batch: 0, pos: 6 }).data; // [model, dMlp]
const slope = slopes.gradients.get("blocks.1.mlp.hook_post", { batch: 0, pos: 6 }).data;
/** The neuron of each network whose silence would cost most, to first order. */
export const attribution = [0, 1].map((model) => {
  const effect = Array.from(
    { length: config.dMlp },
    (_, n) => neurons[model * config.dMlp + n] * slope[model * config.dMlp + n],
  );
  return effect.indexOf(Math.max(...effect));
});
console.log(`largest first-order effect: ${attribution.map((neuron) => `L1N${neuron}`).join(", ")}`);

const corrupt = [[0, 1, 2, 3, 4, 9, 6]]; // another token at position 5
/** Effect of every head's output, [model, layer, head]. */
export const patched = (
  await patchSweep(network, {
    clean: tokens,
    corrupt,
    over: [hook.z("all")],
    by: ["layer", "head"],
    metric,
  })
).effect.estimate;
console.log(`effects of patched heads: ${Array.from(patched.data, (effect) => effect.toFixed(2)).join(" ")}`);

/** What the logit difference loses with each neuron at its mean, [model, layer, unit]. */
export const impacts = (
  await ablate(network, [...tokens, ...corrupt], {
    over: [hook.mlpPost("all")],
    by: ["layer", "unit"],
    how: "mean",
    metric,
  })
).impact.estimate;
console.log(`largest loss by a neuron at its mean: ${Math.min(...impacts.data).toFixed(3)}`);
network.close();

const best = topTokens(lens, 1);
const places = lens.sites.length * 7;
/** What the first network would answer at each site, if it stopped there. */
export const figure = lensTable({
  subject: { name: "gpt at initialisation", seeds: 2, seed: 0, time: "then" },
  lens: "logit lens, norm recomputed",
  tokens: Array.from({ length: config.dVocab }, (_, token) => String(token)),
  input: tokens[0],
  sites: lens.sites,
  top: best.tokens.subarray(0, places),
  probability: best.probabilities.subarray(0, places),
});
