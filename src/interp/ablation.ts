/** Ablation: what a network answers when a part of it says nothing, the average thing, noise, or what it said elsewhere. */
import { ArgumentError, ShapeError, unknownName } from "../base/errors.ts";
import type { RandomStream } from "../base/random.ts";
import { sizeOf, stridesOf } from "../graph/node.ts";
import { type ActivationCache, makeCache } from "./activationCache.ts";
import { type Estimate, overModels, overRows } from "./estimate.ts";
import type { Metric } from "./metrics.ts";
import type { Network } from "./network.ts";
import { runPass } from "./pass.ts";
import { firstOrderChange, replacedMetric, type SweepOptions, type SweepPlan, sweepPlan } from "./sweep.ts";
import { meanOver, type Tensor } from "./tensor.ts";
import { type TokenArray, type Tokens, tokenArray } from "./tokens.ts";

const manners = ["zero", "mean", "random", "resample"] as const;

/**
 * What a part becomes.
 *
 * - `zero`: 0
 * - `mean`: its mean over the reference sequences
 * - `random`: a normal draw for every element, with the mean and the standard deviation (root mean square about
 *   the mean) over the reference sequences
 * - `resample`: what it was in another sequence of the probe; no sequence keeps its own
 */
export type AblationManner = (typeof manners)[number];

/** Which parts are ablated, how, and what is asked. */
export interface AblationOptions extends SweepOptions {
  readonly how: AblationManner;
  /** A metric of the probe sequences; lists of tokens or targets have one entry a sequence. */
  readonly metric: Metric;
  /** Source of the draws; required for `random` and `resample`. Advanced. */
  readonly stream?: RandomStream;
  /** Sequences that mean and standard deviation are taken over, as long as the probe's; by default the probe itself. */
  readonly reference?: Tokens;
  /**
   * Whether each position has a mean and standard deviation of its own, so that what an activation says about position
   * is kept; by default they are taken over positions too. Scores and patterns always have their own.
   */
  readonly byPosition?: boolean;
  /** Confidence of the intervals, in (0, 1), default 0.95. */
  readonly level?: number;
}

/** Impact of every part on the metric, in the metric's unit. */
export interface Impact {
  /** [model, ...by], mean over the probe's sequences with a t interval; of one sequence the interval is (−∞, ∞). */
  readonly impact: Estimate;
  /** [...by], mean over the models' means with a t interval over models, the seeds of a population. */
  readonly acrossModels: Estimate;
  /** [model, ...by, batch], the impact in every sequence. */
  readonly impacts: Tensor;
  /** The metric of the intact network, [model, batch]. */
  readonly intact: Tensor;
  /** The layer at each index of the axis `layer`. */
  readonly layers: readonly number[];
}

/** What {@link ablate} gives. */
export interface Ablation extends Impact {
  /** The metric of the ablated networks, [model, ...by, batch]. */
  readonly ablated: Tensor;
}

/**
 * Ablates every part of a network in turn.
 *
 *   impact = metric(ablated) − metric(intact)
 *
 * A useful part has a positive impact on a loss, a negative one on the logit of the right token. All ablations are rows
 * of packed batches, bit for bit what as many runs would give. All parts are given the same draws.
 *
 * @example ablate(network, probe, { over: [hook.mlpPost("all")], by: ["layer", "unit"], how: "mean", metric })
 * @param maxRows  most rows of one run, default 256; one part with all sequences always goes into one
 * @throws ArgumentError  without a stream where one is needed, for `resample` of a single sequence, or for what
 *                        {@link SweepOptions} forbids
 * @throws ShapeError     if the reference sequences are not as long as the probe's
 * @throws NameError      for a site, an axis or a manner that does not exist, with the nearest one
 */
export async function ablate(
  network: Network,
  tokens: Tokens,
  options: AblationOptions & { readonly maxRows?: number },
): Promise<Ablation> {
  const { metric, maxRows } = options;
  const { probe, plan, replacement, logits } = await prepared(network, tokens, options);
  const ablated = await replacedMetric(network, probe, { plan, replacement, metric, maxRows });
  const intact = metric.measure(logits);
  const [models, batch] = intact.shape;
  const perModel = ablated.data.length / models;
  const impacts = Float64Array.from(ablated.data, (value, i) => {
    return value - intact.data[Math.floor(i / perModel) * batch + (i % batch)];
  });
  return { ...impactOf({ ...ablated, data: impacts }, intact, plan, options), ablated };
}

/**
 * Importance by gradient: the impact of every ablation to first order, from one run and its gradients.
 *
 *   impact ≈ Σ ( replacement − activation ) · ∂ metric / ∂ activation
 *
 * Signed as {@link ablate}'s impact, with the same replacements for an equal stream. It is exact where the metric is
 * linear in the part, and 0 at a saturated one however large its impact. Sites that lie after one another and are
 * replaced together are each counted with all that follows, so what passes through several counts several times: tell
 * them apart, by layer for instance.
 *
 * @throws ArgumentError if the metric is not differentiable; otherwise as {@link ablate}
 * @source Molchanov et al. 2017, section 2.2 (their importance is the size of this, for zero ablation)
 */
export async function taylorImportance(
  network: Network,
  tokens: Tokens,
  options: AblationOptions,
): Promise<Impact> {
  const { metric } = options;
  const { probe, plan, replacement } = await prepared(network, tokens, options);
  const { change, logits } = await firstOrderChange(network, probe, { plan, replacement, metric });
  return impactOf(change, metric.measure(logits), plan, options);
}

function impactOf(
  impacts: Tensor,
  intact: Tensor,
  { layers }: SweepPlan,
  { level = 0.95 }: AblationOptions,
): Impact {
  const impact = overRows(impacts, level);
  return { impact, acrossModels: overModels(impact.estimate, level), impacts, intact, layers };
}

interface Prepared {
  probe: TokenArray;
  plan: SweepPlan;
  /** What every site becomes, one row for each sequence. */
  replacement: ActivationCache;
  /** Of the intact network. */
  logits: Tensor;
}

async function prepared(network: Network, tokens: Tokens, options: AblationOptions): Promise<Prepared> {
  const probe = tokenArray(network, tokens);
  const plan = sweepPlan(network.config, options, probe.pos);
  const sites = plan.sites.map(({ name }) => name);
  const reference = options.reference === undefined ? probe : tokenArray(network, options.reference);
  if (reference.pos !== probe.pos)
    throw new ShapeError({
      where: "ablation, reference",
      rule: "sequences must be as long as the probe's",
      got: `${reference.pos} and ${probe.pos}`,
    });
  const { logits, cache: intact } = await runPass(network, probe, { sites });
  const seen = reference === probe ? intact : (await runPass(network, reference, { sites })).cache;
  const make = makerOf(options, probe.batch);
  const tensors = new Map(sites.map((name) => [name, make(intact.get(name), seen.get(name))]));
  return { probe, plan, replacement: makeCache(network, probe, tensors), logits };
}

/** What makes the replacement of a site from its activations in the probe and in the reference sequences. */
function makerOf(
  { how, stream, byPosition = false }: AblationOptions,
  batch: number,
): (own: Tensor, reference: Tensor) => Tensor {
  const average = (values: Tensor) => {
    return meanOver(values, byPosition || !values.axes.includes("pos") ? ["batch"] : ["batch", "pos"]);
  };
  switch (how) {
    case "zero":
      return (own) => ({ ...own, data: new Float64Array(own.data.length) });
    case "mean":
      return (own, reference) => spread(average(reference), own);
    case "random": {
      const draws = streamOf(how, stream);
      return (own, reference) => {
        const mean = average(reference);
        const centre = spread(mean, reference).data;
        const squares = Float64Array.from(reference.data, (x, i) => {
          return x === centre[i] ? 0 : (x - centre[i]) ** 2; // −∞ less −∞, a hidden score, counts as 0
        });
        const means = spread(mean, own).data;
        const variances = spread(average({ ...reference, data: squares }), own).data;
        const data = Float64Array.from(means, (m, i) => m + Math.sqrt(variances[i]) * draws.normal());
        return { ...own, data };
      };
    }
    case "resample": {
      const source = cycle(batch, streamOf(how, stream));
      return (own) => {
        const perRow = own.data.length / (own.shape[0] * batch);
        const data = Float64Array.from(own.data, (_, i) => {
          const row = Math.floor(i / perRow);
          const from = row - (row % batch) + source[row % batch];
          return own.data[from * perRow + (i % perRow)];
        });
        return { ...own, data };
      };
    }
    default:
      throw unknownName("ablation, how", String(how), manners);
  }
}

function streamOf(how: AblationManner, stream: RandomStream | undefined): RandomStream {
  if (stream !== undefined) return stream;
  throw new ArgumentError({
    where: `ablation, ${how}`,
    rule: "needs a random stream",
    wayOut: 'Give stream: randomStream("ablation", seed).',
  });
}

/**
 * A uniform permutation of one cycle: every row goes to another.
 *
 * @source Sattolo 1986
 */
function cycle(rows: number, stream: RandomStream): number[] {
  if (rows < 2)
    throw new ArgumentError({
      where: "ablation, resample",
      rule: "needs at least two sequences, for no sequence takes its own activations",
      got: String(rows),
    });
  const order = Array.from({ length: rows }, (_, row) => row);
  for (let last = rows - 1; last > 0; last--) {
    const other = stream.integer(last);
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

/** Values repeated along the axes that they lack. */
function spread(values: Tensor, { axes, shape }: Tensor): Tensor {
  const strides = stridesOf(values.shape);
  const steps = axes.map((axis) => strides[values.axes.indexOf(axis)] ?? 0);
  const data = new Float64Array(sizeOf(shape));
  let next = 0;
  const walk = (axis: number, from: number) => {
    if (axis === axes.length) {
      data[next++] = values.data[from];
      return;
    }
    for (let index = 0; index < shape[axis]; index++) walk(axis + 1, from + index * steps[axis]);
  };
  walk(0, 0);
  return { axes, shape, data };
}
