/** One run of a network with everything that can be asked of it: the machinery behind the verbs. */
import { ArgumentError, ShapeError } from "../base/errors.ts";
import type { RunInputs, TensorData } from "../graph/backend.ts";
import { add, einsum, input, mul, select, sum } from "../graph/build.ts";
import { gradient } from "../graph/gradient.ts";
import { type Graph, makeGraph } from "../graph/graph.ts";
import type { Node } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import { resolveSites, type Site, type SiteName, type SiteSelector, sitesOf } from "../model/hookPoints.ts";
import { forward } from "../model/transformer.ts";
import type { SiteVisitor } from "../model/visitor.ts";
import { weightNodes } from "../model/weights.ts";
import { type ActivationCache, makeCache } from "./activationCache.ts";
import {
  type Edit,
  type EditForm,
  type EditReport,
  type Frame,
  fullShape,
  joinEdits,
  type PlacedEdit,
  placeEdits,
  reportEdits,
} from "./edits.ts";
import type { Metric, MetricGraph } from "./metrics.ts";
import type { Network } from "./network.ts";
import type { Tensor } from "./tensor.ts";
import { type TokenArray, type Tokens, tokenArray } from "./tokens.ts";

/**
 * Sites by name (`blocks.*` for every layer), by prefix (`blocks.0.` for all of block 0), or those for which a function
 * says yes.
 */
export type SiteChoice = readonly SiteSelector[] | ((site: Site) => boolean);

/** What a run is asked for. */
export interface PassRequest {
  sites?: SiteChoice;
  edits?: readonly Edit[];
  gradientsOf?: Metric;
  /** The stream that a block reads, where it is known: what comes before is not computed, and cannot be asked for. */
  start?: StreamStart;
}

/** The residual stream before a block. */
export interface StreamStart {
  readonly layer: number;
  /** blocks.{layer}.hook_resid_pre of the run, [model, batch, pos, dModel] */
  readonly stream: TensorData;
}

/** What a run gave. */
export interface Pass {
  logits: Tensor;
  cache: ActivationCache;
  report: readonly EditReport[];
  /** Where a metric was given: its values, [model, batch], and its gradients. */
  metric?: Tensor;
  gradients?: ActivationCache;
}

/**
 * The sites that are meant, in firing order.
 *
 * @throws NameError      if a name or selector matches nothing, with the nearest site
 * @throws ArgumentError  if nothing is selected
 */
export function chosenSites(config: ModelConfig, choice: SiteChoice): Site[] {
  const all = [...sitesOf(config).values()];
  const sites = typeof choice === "function" ? all.filter(choice) : resolveSites(config, choice);
  if (sites.length > 0) return sites;
  throw new ArgumentError({
    where: "sites",
    rule: "must select at least one site",
    got: typeof choice === "function" ? `a function that refused all ${all.length}` : "an empty list",
    wayOut: `The first site is ${JSON.stringify(all[0].name)}.`,
  });
}

/** Runs a network once; once more for each edit by function. */
export async function runPass(network: Network, tokens: Tokens, request: PassRequest): Promise<Pass> {
  const { config, models } = network;
  const given = tokenArray(network, tokens);
  const frame = { models, batch: given.batch, pos: given.pos };
  const sites = request.sites === undefined ? [] : chosenSites(config, request.sites);
  const wanted = placeEdits(network, request.edits ?? [], frame);
  const placed: PlacedEdit[] = [];
  for (const one of wanted) placed.push(await applied(network, given, frame, placed, one));
  const pass = await execute(network, given, frame, {
    sites,
    placed,
    metric: request.gradientsOf,
    start: request.start,
  });
  // an edit by function was turned into its values; the report names it as what was asked for
  const report = pass.report.map((entry, i) => ({ ...entry, kind: wanted[i].action.kind }));
  return { ...pass, report: report.sort((a, b) => a.edit - b.edit) };
}

/** An edit by function as a replacement: the network is run with the edits before it, and the function sees the result. */
async function applied(
  network: Network,
  tokens: TokenArray,
  frame: Frame,
  before: readonly PlacedEdit[],
  one: PlacedEdit,
): Promise<PlacedEdit> {
  const { action, site } = one;
  if (action.kind !== "function") return one;
  const { cache } = await execute(network, tokens, frame, { sites: [site], placed: before });
  const own = cache.get(site.name);
  const values = action.apply(own);
  if (values.length !== own.data.length)
    throw new ShapeError({
      where: `function at "${site.name}"`,
      rule: `must return ${own.data.length} numbers, [${own.axes.map((axis, i) => `${axis} ${own.shape[i]}`).join(", ")}]`,
      got: String(values.length),
      wayOut: "Return the whole activation; the region says which part is taken.",
    });
  return { ...one, action: { kind: "replace", values } };
}

interface Plan {
  sites: readonly Site[];
  placed: readonly PlacedEdit[];
  metric?: Metric;
  start?: StreamStart;
}

async function execute(
  network: Network,
  tokens: TokenArray,
  frame: Frame,
  { sites, placed, metric, start }: Plan,
): Promise<Pass> {
  const { config, models } = network;
  const { batch, pos } = frame;
  const edits = joinEdits(network, placed, frame);
  const graphOf = metric === undefined ? undefined : differentiable(metric);
  const names = sites.map(({ name }) => name);
  const forms = [...edits].map(([name, { form }]) => ({ name, form }));
  const key = JSON.stringify(["pass", batch, pos, names, forms, graphOf?.key, start?.layer]);
  const program = network.program(key, () => {
    return passGraph(config, frame, { sites, forms, metric: graphOf, start: start?.layer });
  });

  const inputs: Record<string, RunInputs[string]> =
    start === undefined ? { tokens: tokens.data } : { start: start.stream };
  for (const [name, { form, ...arrays }] of edits)
    for (const part of partsOf(form)) inputs[inputName(name, part)] = arrays[part];
  Object.assign(inputs, graphOf?.inputs({ models, batch, pos, dVocab: config.dVocab }));
  const out = await program.run(inputs);

  const collected = (prefix: string) =>
    makeCache(
      network,
      tokens,
      new Map(
        sites.map((site) => [site.name, { ...fullShape(site, frame), data: out[`${prefix} ${site.name}`] }]),
      ),
    );
  return {
    logits: {
      axes: ["model", "batch", "pos", "dVocab"],
      shape: [models, batch, pos, config.dVocab],
      data: out.logits,
    },
    cache: collected("site"),
    report: reportEdits(network, placed, frame, (name) => out[`before ${name}`]),
    ...(metric === undefined
      ? {}
      : {
          metric: { axes: ["model", "batch"] as const, shape: [models, batch], data: out.metric },
          gradients: collected("gradient"),
        }),
  };
}

function differentiable({ name, graph }: Metric): MetricGraph {
  if (graph !== undefined) return graph;
  throw new ArgumentError({
    where: `gradients of "${name}"`,
    rule: "this metric is not differentiable",
    wayOut: "Take loss, logit difference, probability, entropy or KL divergence.",
  });
}

type EditPart = "set" | "value" | "changed" | "factor" | "addend";
const inputName = (site: string, part: EditPart) => `edit ${part} ${site}`;

/** The inputs that a form needs. */
function partsOf({ set, add, scale }: EditForm): EditPart[] {
  return [
    ...(set ? (["set", "value"] as const) : []),
    ...(scale || add ? (["changed"] as const) : []),
    ...(scale ? (["factor"] as const) : []),
    ...(add ? (["addend"] as const) : []),
  ];
}

/** y = set ? value : changed ? x · factor + addend : x. Selected, not multiplied by a mask: 0 · NaN is NaN. */
function edited(x: Node, name: string, form: EditForm): Node {
  const part = (which: EditPart) => input(inputName(name, which), x.shape);
  let y = x;
  if (form.scale) y = mul(y, part("factor"));
  if (form.add) y = add(y, part("addend"));
  if (form.scale || form.add) y = select(part("changed"), y, x);
  return form.set ? select(part("set"), part("value"), y) : y;
}

interface Layout {
  sites: readonly Site[];
  forms: readonly { name: SiteName; form: EditForm }[];
  metric?: MetricGraph;
  /** The block whose stream is an input, so that what comes before has no use and is left out of the graph. */
  start?: number;
}

/** Outputs: logits, `site …` as the model went on with it, `before …` of edited sites, metric and `gradient …`. */
function passGraph(
  config: ModelConfig,
  { batch, pos }: Frame,
  { sites, forms, metric, start }: Layout,
): Graph {
  const outputs: Record<string, Node> = {};
  const formOf = new Map(forms.map(({ name, form }) => [name as string, form]));
  const weights = weightNodes(config);
  const tokens = input("tokens", [batch, pos], "int32");
  const seen = new Map<string, Node>();
  const at: SiteVisitor = (name, computed) => {
    const given = start !== undefined && name === `blocks.${start}.hook_resid_pre`;
    const node = given ? input("start", computed.shape) : computed;
    const form = formOf.get(name);
    const answer = form === undefined ? node : edited(node, name, form);
    if (form !== undefined) outputs[`before ${name}`] = node;
    seen.set(name, answer);
    return answer;
  };
  // a head's result is on the model's way only where it is edited or differentiated: its detour sums in another order,
  // and who only looks must not change a bit
  const onTheWay = sites.filter(({ name, gated }) => gated && metric !== undefined && !formOf.has(name));
  const asked = new Set<string>([...formOf.keys(), ...onTheWay.map(({ name }) => name)]);
  const logits = forward(config, weights, tokens, at, { asked });
  outputs.logits = logits;
  for (const { name, gated, layer } of sites) {
    if (gated && !asked.has(name)) seen.set(name, headResults(weights, seen, layer as number));
    outputs[`site ${name}`] = seen.get(name) as Node;
  }
  if (metric !== undefined) {
    const byRow = metric.build(logits); // [batch]
    outputs.metric = byRow;
    const nodes = sites.map(({ name }) => seen.get(name) as Node);
    gradient(sum(byRow), nodes).forEach((node, i) => {
      outputs[`gradient ${sites[i].name}`] = node;
    });
  }
  return makeGraph({ outputs });
}

/** z · W_O by head, beside the model's own way: [batch, pos, head, dModel]. */
function headResults(
  weights: Readonly<Record<string, Node>>,
  seen: ReadonlyMap<string, Node>,
  layer: number,
): Node {
  const z = seen.get(`blocks.${layer}.attn.hook_z`) as Node; // [batch, pos, head, dHead]
  const wO = weights[`blocks.${layer}.attn.W_O`];
  return einsum("batch pos head dHead, head dHead dModel -> batch pos head dModel", z, wO);
}
