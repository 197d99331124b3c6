/** Which component tells which? Direct paths between heads of random networks, and from all components to the logits. */
import { hook, initialPopulation, presets, randomStream, wasmBackend } from "palimpsest";
import { patchingMap } from "palimpsest/figures";
import { logitDifference, openNetwork, pathPatching, pick } from "palimpsest/interp";

const config = presets.gpt;
const streams = [0, 1].map((seed) => randomStream("init", seed));
const network = openNetwork(wasmBackend(), config, initialPopulation(config, { scheme: "pytorch" }, streams));

const clean = [[0, 1, 2, 3, 4, 5, 6]];
const corrupt = [[0, 1, 2, 3, 4, 9, 6]]; // another token at position 5
const metric = logitDifference(7, 0); // logit of token 7 less that of token 0, at the last position

const heads = [hook.z("all")];
const by = ["layer", "head"] as const;
export const paths = await pathPatching(network, {
  clean,
  corrupt,
  metric,
  senders: [
    { over: [hook.embed], by: [] },
    { over: heads, by },
  ],
  receivers: [hook.q("all"), hook.k("all"), hook.v("all")].map((over) => ({ over: [over], by })),
});
const { estimate } = paths.effect; // [model, sender, receiver]
for (const [sender, { name }] of paths.senders.entries())
  for (const [receiver, { name: into }] of paths.receivers.entries()) {
    const effects = pick(estimate, { sender, receiver }).data; // [model]; NaN where there is no path
    if (!Number.isNaN(effects[0]))
      console.log(`${name} > ${into}: ${Array.from(effects, (effect) => effect.toFixed(3)).join(" ")}`);
  }

/** Direct effects on the logits, with the scale of the final norm held; the attention outputs are the sums of their heads. */
export const direct = await pathPatching(network, {
  clean,
  corrupt,
  metric,
  senders: [
    { over: heads, by },
    { over: [hook.attnOut("all")], by: ["layer"] },
  ],
  receivers: [{ over: [hook.logits], by: [] }],
  norms: "frozen",
});
network.close();

const effects = pick(estimate, { model: 0 }).data; // [sender, receiver]
const into = paths.receivers.map(({ name }) => name.split("."));
/** The same effects in the first network: a row a sender, a column the head that receives. */
export const figure = patchingMap({
  subject: { name: "gpt at initialisation", seeds: 2, seed: 0, time: "then" },
  method: "path patching",
  metric: metric.name,
  pairs: 1,
  rowTitle: "from",
  columnTitle: "into",
  rowLabels: paths.senders.map(({ name }) => name),
  columnLabels: [...new Set(into.map(([head]) => head))],
  maps: (["q", "k", "v"] as const).map((input) => ({
    title: `${input} of the head`,
    effects: effects.filter((_, i) => into[i % into.length][1] === input),
  })),
});
