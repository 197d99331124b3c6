/** Look at an attention pattern, then silence a head, in a population of three random networks. */
import {
  forward,
  hook,
  initialPopulation,
  makeGraph,
  type Node,
  ops,
  presets,
  randomStream,
  type SiteVisitor,
  wasmBackend,
  weightNodes,
  weightShapes,
} from "palimpsest";
import { attentionPatterns } from "palimpsest/figures";

const config = presets.causal;
const seeds = [0, 1, 2];
const session = wasmBackend().open({
  models: seeds.length,
  states: Object.fromEntries(weightShapes(config)),
});
const streams = seeds.map((seed) => randomStream("init", seed));
const weights = initialPopulation(config, { scheme: "pytorch" }, streams);
for (const [name, values] of Object.entries(weights)) session.write(name, values);

const tokens = ops.input("tokens", [1, 7], "int32"); // [batch, pos]
let seen: Node | undefined;
const observe: SiteVisitor = (name, node) => {
  if (name === hook.pattern(0)) seen = node; // [batch, head, queryPos, keyPos]
  return node;
};
const logits = forward(config, weightNodes(config), tokens, observe);

const keepSecondHead = ops.constant([0, 1], [2, 1]); // [head, 1]
const silence: SiteVisitor = (name, node) => (name === hook.z(0) ? ops.mul(node, keepSecondHead) : node);
const ablated = forward(config, weightNodes(config), tokens, silence);

const difference = ops.sub(ablated, logits);
const change = ops.sum(ops.mul(difference, difference));
const graph = makeGraph({ outputs: { pattern: seen!, change } });
const run = await session.compile(graph).run({ tokens: Int32Array.of(0, 1, 2, 3, 4, 5, 6) });

/** [model, batch, head, queryPos, keyPos] */
export const pattern = run.pattern;
/** Squared change of all logits when head L0H0 is silent, [model]. */
export const changes = run.change;
console.log(
  `L0H0 of seed 0, last query: ${Array.from(pattern.subarray(42, 49), (p) => p.toFixed(2)).join(" ")}`,
);
console.log(
  `without L0H0 the logits move by ${Array.from(changes, (c) => Math.sqrt(c).toFixed(2)).join(", ")}`,
);
session.close();

/** Where the heads of seed 0 look in this sequence. */
export const figure = attentionPatterns({
  subject: { name: "causal at initialisation", seeds: seeds.length, seed: 0, time: "then" },
  nPos: 7,
  causal: config.causal,
  heads: [0, 1].map((head) => ({ layer: 0, head, pattern: pattern.subarray(head * 49, (head + 1) * 49) })),
});
