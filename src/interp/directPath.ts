/** The first half of path patching: what senders write, on its direct way to whoever reads it. */
import type { RunInputs } from "../graph/backend.ts";
import { gather, input, reshape, select } from "../graph/build.ts";
import { type Graph, makeGraph } from "../graph/graph.ts";
import { type Node, type Shape, sizeOf } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { type Site, type SiteName, sitesOf } from "../model/hookPoints.ts";
import { forward } from "../model/transformer.ts";
import type { SiteVisitor } from "../model/visitor.ts";
import { weightNodes } from "../model/weights.ts";
import { type ActivationCache, cached, makeCache } from "./activationCache.ts";
import { edit, fullShape, joinEdits, placeEdits } from "./edits.ts";
import type { Network } from "./network.ts";
import type { PathEnd } from "./pathEnds.ts";
import { repeatSequences } from "./rows.ts";
import type { Tensor } from "./tensor.ts";

/** Whether the layer norms on a direct path are computed from the changed stream or keep the scales of the base run. */
export type PathNorms = "recomputed" | "frozen";

/** The sites that a direct path holds at their base values: z of every head, the neurons, the scales of frozen norms. */
export function frozenSites(config: ModelConfig, norms: PathNorms): SiteName[] {
  const form =
    norms === "frozen" ? /attn\.hook_z$|mlp\.hook_post$|hook_scale$/ : /attn\.hook_z$|mlp\.hook_post$/;
  return [...sitesOf(config).keys()].filter((name) => form.test(name));
}

/** Where senders are taken from, and what all else is held at. */
export interface DirectRequest {
  /** The run that is patched; holds {@link frozenSites}. */
  readonly base: ActivationCache;
  /** The run that senders take their values from; holds their sites. */
  readonly source: ActivationCache;
  /** One after the other, each with all sequences of the base run. */
  readonly senders: readonly PathEnd[];
  /** Inputs of receivers that are wanted, and whether the logits are. */
  readonly sites: readonly Site[];
  readonly logits: boolean;
  readonly norms: PathNorms;
}

/**
 * Inputs of receivers when each sender in turn has its source value and every other component its base value.
 *
 * The outputs of components are inputs of this graph, so attention is not computed: a row costs embeddings, norms and
 * the matrices that write to and read from the stream.
 *
 * @returns  `cache` and `logits` with a row for every sender and sequence, the sequences of a sender together
 */
export async function directRun(
  network: Network,
  { base, source, senders, sites, logits, norms }: DirectRequest,
): Promise<{ cache: ActivationCache; logits: Tensor | undefined }> {
  const { config, models } = network;
  const { batch, pos } = base;
  const tokens = repeatSequences(base.tokens(), senders.length);
  const frame = { models, batch: tokens.batch, pos };
  const from = Array.from({ length: frame.batch }, (_, row) => row % batch);
  const edits = senders.flatMap((sender, k) => {
    const own = Array.from({ length: batch }, (_, row) => k * batch + row);
    return sender.sites.map(({ name }) =>
      edit(name, { ...sender.region, batch: own }, { kind: "fromCache", cache: source, batch: from }),
    );
  });
  const sent = joinEdits(network, placeEdits(network, edits, frame), frame);
  const frozen = frozenSites(config, norms);

  const inputs: Record<string, RunInputs[string]> = {
    tokens: tokens.data,
    sequence: Int32Array.from(from),
  };
  for (const name of frozen) inputs[`frozen ${name}`] = cached(base, name).data; // [model, batch, …]
  for (const [name, { set, value }] of sent) {
    inputs[`sent ${name}`] = set;
    inputs[`source ${name}`] = value;
  }
  const layout: Layout = {
    ...{ rows: frame.batch, batch, pos, frozen, logits },
    sent: [...sent.keys()],
    sites: sites.map(({ name }) => name),
  };
  const program = network.program(`direct path ${JSON.stringify(layout)}`, () => directGraph(config, layout));
  const out = await program.run(inputs);
  const tensors = new Map(
    sites.map((site) => [site.name, { ...fullShape(site, frame), data: out[site.name] }]),
  );
  return {
    cache: makeCache(network, tokens, tensors),
    logits: logits
      ? {
          axes: ["model", "batch", "pos", "dVocab"],
          shape: [models, frame.batch, pos, config.dVocab],
          data: out.logits,
        }
      : undefined,
  };
}

interface Layout {
  rows: number;
  batch: number;
  pos: number;
  frozen: readonly string[];
  sent: readonly string[];
  sites: readonly string[];
  logits: boolean;
}

/** Outputs: the sites by name, and logits. */
function directGraph(config: ModelConfig, { rows, batch, pos, ...layout }: Layout): Graph {
  const outputs: Record<string, Node> = {};
  const sequence = input("sequence", [rows], "int32");
  /** The base run's rows, each where its sequence is. */
  const heldAt = (name: string, shape: Shape) => {
    const perRow = sizeOf(shape) / rows;
    return reshape(gather(input(`frozen ${name}`, [batch, perRow]), sequence), shape);
  };
  const at: SiteVisitor = (name, computed) => {
    const { shape } = computed;
    const own = layout.frozen.includes(name) ? heldAt(name, shape) : computed;
    const node = layout.sent.includes(name)
      ? select(input(`sent ${name}`, shape), input(`source ${name}`, shape), own)
      : own;
    if (layout.sites.includes(name)) outputs[name] = node;
    return node;
  };
  const logits = forward(config, weightNodes(config), input("tokens", [rows, pos], "int32"), at);
  if (layout.logits) outputs.logits = logits;
  return makeGraph({ outputs });
}
