/**
 * Path patching: which component tells which.
 *
 * Patching a head moves everything that its output reaches. Here the sender's output moves only one thing, the input of
 * a receiver, and only on the direct path: what the sender wrote to the stream is read there, and no component between
 * them has noticed. It takes two runs besides the clean and the corrupt one.
 *
 * 1. The base run with the sender's source value, where the output of every other component is held at its base value:
 *    z of every head, the neurons (`mlp.hook_post`) of every MLP, and so `hook_attn_out` and `hook_mlp_out`. The
 *    receiver's input is read off.
 * 2. The base run with that input. All that follows the receiver is computed as usual.
 *
 * Layer norms are no components. With `norms: "recomputed"` those on the way normalise the stream as it has become: with
 * pre-LN that is the norm before the receiver, with post-LN every norm between sender and receiver, and what the base
 * run wrote is rescaled along with what the sender did. With `"frozen"` they divide by the scales of the base run; the
 * path is then linear in what is sent, and what several senders send adds up (but for the nonlinearity that mlmHead puts
 * before the logits). Biases are the same in all runs.
 */
import { integerIn } from "../base/check.ts";
import { ArgumentError, ShapeError, unknownName } from "../base/errors.ts";
import { sizeOf } from "../graph/node.ts";
import type { ModelConfig } from "../model/config.ts";
import type { ActivationCache } from "./activationCache.ts";
import { directRun, frozenSites, type PathNorms } from "./directPath.ts";
import type { Metric } from "./metrics.ts";
import type { Network } from "./network.ts";
import { runPass } from "./pass.ts";
import {
  type NormalisedEffects,
  normalisedEffects,
  type PatchDirection,
  patchDirections,
} from "./patchEffects.ts";
import { isLogits, type PathEnd, pathEnds, reaches } from "./pathEnds.ts";
import { repeatSequences, someRows } from "./rows.ts";
import { replacedMetric, type SweepOptions, type SweepPlan } from "./sweep.ts";
import type { Tensor } from "./tensor.ts";
import { type TokenArray, type Tokens, tokenArray } from "./tokens.ts";

/** Pairs of inputs, the paths between components, and what is asked. */
export interface PathPatchOptions {
  /** [pair][pos]; row by row a pair with `corrupt`. */
  readonly clean: Tokens;
  readonly corrupt: Tokens;
  /**
   * What writes: heads (`attn.hook_z`), neurons (`mlp.hook_post`), whole sublayers (`hook_attn_out`, `hook_mlp_out`) and
   * embeddings, told apart as in a sweep. The senders of all lists follow one another.
   */
  readonly senders: readonly SweepOptions[];
  /**
   * What reads: inputs of heads (`attn.hook_q`, `hook_k`, `hook_v`), of MLPs (`mlp.hook_pre`, gated ones also `mlp.hook_pre_linear`), or `unembed.hook_out`,
   * where the direct path is the direct effect. Sites of one part are patched together; to tell queries, keys and values
   * of a head apart give three lists.
   */
  readonly receivers: readonly SweepOptions[];
  /** A metric of the pairs; lists of tokens or targets have one entry a pair. */
  readonly metric: Metric;
  /** Default `denoising`: the clean output of the sender goes into the corrupt run. */
  readonly direction?: PatchDirection;
  /** Default `recomputed`. */
  readonly norms?: PathNorms;
  /** Confidence of the intervals, in (0, 1), default 0.95. */
  readonly level?: number;
  /** Most rows of one run, default 256; one path with all pairs always goes into one. */
  readonly maxRows?: number;
}

/** What {@link pathPatching} gives; the axes of `effect` are [model, sender, receiver]. */
export interface PathPatching extends NormalisedEffects {
  /** The metric of the patched runs, [model, sender, receiver, batch]; NaN where there is no path. */
  readonly patched: Tensor;
  /** What stands at each index of the axes `sender` and `receiver`. */
  readonly senders: readonly PathEnd[];
  readonly receivers: readonly PathEnd[];
}

const norms: readonly PathNorms[] = ["recomputed", "frozen"];
/** Most rows of one run unless another maximum is given, as in a sweep. */
const MAX_ROWS = 256;

/**
 * Patches every direct path from a sender to a receiver in turn.
 *
 *   effect = ( metric(patched) − metric(corrupt) ) / ( metric(clean) − metric(corrupt) )
 *
 * 0 is the answer of the corrupt run, 1 that of the clean one, whatever the direction. Where the receiver is computed
 * before the sender there is no path, and the effect is NaN. A position's stream is read at that position only, so
 * between different positions the effect is that of doing nothing.
 *
 * All receivers of a sender are read off one row of a packed batch, and their replacement is a sweep as any other: bit
 * for bit what as many whole runs would give.
 *
 * @example pathPatching(network, { clean, corrupt, metric,
 *            senders: [{ over: [hook.z("all")], by: ["layer", "head"] }],
 *            receivers: [{ over: [hook.k("all")], by: ["layer", "head"] }] })
 * @throws ArgumentError  if no sender lies before a receiver, for a site that is no such end, if no pair of any model has
 *                        a difference, or for what {@link SweepOptions} forbids
 * @throws ShapeError     if clean and corrupt differ in shape
 * @throws NameError      for a site, an axis, a direction or a kind of norms that does not exist, with the nearest one
 * @source Wang et al. 2022 (they hold heads only; here MLPs are components too, and a way through one is two paths);
 *         Goldowsky-Dill et al. 2023 (the path from sender to receiver, followed by all paths from there).
 *         TransformerLens' direct path patching of pre-LN heads is `norms: "frozen"`.
 */
export async function pathPatching(network: Network, options: PathPatchOptions): Promise<PathPatching> {
  const { metric, direction = "denoising", level = 0.95, maxRows = MAX_ROWS } = options;
  const how = options.norms ?? "recomputed";
  if (!Object.hasOwn(patchDirections, direction))
    throw unknownName("path patching, direction", direction, Object.keys(patchDirections));
  if (!norms.includes(how)) throw unknownName("path patching, norms", how, norms);
  const both = { clean: tokenArray(network, options.clean), corrupt: tokenArray(network, options.corrupt) };
  const { batch, pos } = both.clean;
  if (batch !== both.corrupt.batch || pos !== both.corrupt.pos)
    throw new ShapeError({
      where: "path patching",
      rule: "clean and corrupt must be pairs of equally long sequences",
      got: `[batch ${batch}, pos ${pos}] and [batch ${both.corrupt.batch}, pos ${both.corrupt.pos}]`,
    });
  const senders = pathEnds(network.config, "sender", options.senders, pos);
  const receivers = pathEnds(network.config, "receiver", options.receivers, pos);
  requirePath(network.config, senders, receivers);

  const written = senders.flatMap(({ sites }) => sites.map(({ name }) => name));
  const sites = [...new Set([...frozenSites(network.config, how), ...written])];
  const runOf = async (tokens: TokenArray) => {
    const { logits, cache } = await runPass(network, tokens, { sites });
    return { cache, metric: metric.measure(logits) };
  };
  const runs = { clean: await runOf(both.clean), corrupt: await runOf(both.corrupt) };
  const { from, into } = patchDirections[direction];
  const patched = await patchedMetric(network, senders, receivers, {
    base: runs[into].cache,
    source: runs[from].cache,
    norms: how,
    metric,
    maxRows: integerIn("path patching, maxRows", maxRows, 1),
  });
  const effects = normalisedEffects(patched, {
    clean: runs.clean.metric,
    corrupt: runs.corrupt.metric,
    level,
  });
  return { ...effects, patched, senders, receivers };
}

function requirePath(config: ModelConfig, senders: readonly PathEnd[], receivers: readonly PathEnd[]): void {
  if (senders.some((sender) => receivers.some((receiver) => reaches(config, sender, receiver)))) return;
  const listed = (ends: readonly PathEnd[]) => {
    const names = ends.map(({ name }) => name);
    return names.length > 4 ? `${names[0]} and ${names.length - 1} more` : names.join(", ");
  };
  throw new ArgumentError({
    where: "path patching",
    rule: "a sender must be computed before a receiver",
    got: `from ${listed(senders)} to ${listed(receivers)}`,
    wayOut: config.parallelBlocks
      ? "Take receivers of later layers, or the logits."
      : "Take receivers of later layers, the MLP of the same layer, or the logits.",
  });
}

interface Runs {
  base: ActivationCache;
  source: ActivationCache;
  norms: PathNorms;
  metric: Metric;
  maxRows: number;
}

/** The metric with every path patched, [model, sender, receiver, batch]; NaN where there is none. */
async function patchedMetric(
  network: Network,
  senders: readonly PathEnd[],
  receivers: readonly PathEnd[],
  { base, source, norms, metric, maxRows }: Runs,
): Promise<Tensor> {
  const { models, config } = network;
  const { batch } = base;
  const shape = [models, senders.length, receivers.length, batch];
  const data = new Float64Array(sizeOf(shape)).fill(Number.NaN);
  const indices = (ends: readonly PathEnd[], of: (end: PathEnd) => boolean) =>
    ends.flatMap((end, index) => (of(end) ? [index] : []));
  const leading = indices(senders, (sender) =>
    receivers.some((receiver) => reaches(config, sender, receiver)),
  );
  const last = indices(receivers, isLogits);
  const inside = indices(receivers, (receiver) => {
    return !isLogits(receiver) && senders.some((sender) => reaches(config, sender, receiver));
  });
  const cells = inside.map((receiver) => receivers[receiver]);
  const sites = [...new Map(cells.flatMap((cell) => cell.sites.map((site) => [site.name, site]))).values()];
  const plan: SweepPlan = { sites, axes: ["receiver"], shape: [cells.length], cells, layers: [] };

  for (const chunk of evenParts(leading, Math.max(1, Math.floor(maxRows / batch)))) {
    const run = await directRun(network, {
      ...{ base, source, norms, sites },
      senders: chunk.map((sender) => senders[sender]),
      logits: last.length > 0,
    });
    const each = bySender(metric, batch);
    /** Takes the values [model, receiver, chunk · batch] over. */
    const take = (own: readonly number[], { data: values }: Tensor) => {
      for (let at = 0; at < models * own.length * chunk.length; at++) {
        const sender = chunk[at % chunk.length];
        const receiver = own[Math.floor(at / chunk.length) % own.length];
        const model = Math.floor(at / chunk.length / own.length);
        if (!reaches(config, senders[sender], receivers[receiver])) continue;
        const to = (model * senders.length + sender) * receivers.length + receiver;
        data.set(values.subarray(at * batch, (at + 1) * batch), to * batch);
      }
    };
    if (run.logits !== undefined) for (const receiver of last) take([receiver], each.measure(run.logits));
    if (cells.length === 0) continue;
    const tokens = repeatSequences(base.tokens(), chunk.length);
    take(
      inside,
      await replacedMetric(network, tokens, { plan, replacement: run.cache, metric: each, maxRows }),
    );
  }
  return { axes: ["model", "sender", "receiver", "batch"], shape, data };
}

/** A metric of `batch` sequences as one of as many several times over. */
function bySender(metric: Metric, batch: number): Metric {
  const measure = (logits: Tensor): Tensor => {
    const [models, rows] = logits.shape;
    const data = new Float64Array(models * rows);
    for (let first = 0; first < rows; first += batch) {
      const values = metric.measure(someRows(logits, first, batch)).data; // [model, batch]
      for (let model = 0; model < models; model++)
        data.set(values.subarray(model * batch, (model + 1) * batch), model * rows + first);
    }
    return { axes: ["model", "batch"], shape: [models, rows], data };
  };
  return { ...metric, measure, graph: undefined };
}

/** A list in as few parts of at most `most` as there can be, all of nearly one size. */
function evenParts<T>(list: readonly T[], most: number): T[][] {
  const size = Math.ceil(list.length / Math.ceil(list.length / most));
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) =>
    list.slice(i * size, (i + 1) * size),
  );
}
