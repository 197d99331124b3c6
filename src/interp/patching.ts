/**
 * Activation patching: what of one run, put into another, makes its answer that of the first.
 *
 * A clean input has an answer that a corrupt one, alike but for what matters, has not. Denoising puts parts of the clean
 * run into the corrupt one and asks what suffices to restore the answer; noising puts parts of the corrupt run into the
 * clean one and asks what is necessary for it.
 */
import { ShapeError, unknownName } from "../base/errors.ts";
import { pearson } from "../stats/correlation.ts";
import type { ActivationCache } from "./activationCache.ts";
import type { Metric } from "./metrics.ts";
import type { Network } from "./network.ts";
import { runPass } from "./pass.ts";
import {
  type NormalisedEffects,
  normalisedEffects,
  type PatchDirection,
  patchDirections,
} from "./patchEffects.ts";
import { firstOrderChange, replacedMetric, type SweepOptions, type SweepPlan, sweepPlan } from "./sweep.ts";
import type { Tensor } from "./tensor.ts";
import { type TokenArray, type Tokens, tokenArray } from "./tokens.ts";

/** Pairs of inputs, and what is asked of them. */
export interface PatchOptions extends SweepOptions {
  /** [pair][pos]; row by row a pair with `corrupt`. */
  readonly clean: Tokens;
  readonly corrupt: Tokens;
  /** A metric of the pairs; lists of tokens or targets have one entry a pair. */
  readonly metric: Metric;
  /** Confidence of the intervals, in (0, 1), default 0.95. */
  readonly level?: number;
}

/** Effects of patches, with their intervals: [model, ...by] and [model, ...by, batch]. */
export interface PatchEffects extends NormalisedEffects {
  /** The layer at each index of the axis `layer`. */
  readonly layers: readonly number[];
}

/** What {@link patchSweep} gives. */
export interface PatchSweep extends PatchEffects {
  /** The metric of the patched runs, [model, ...by, batch]. */
  readonly patched: Tensor;
}

/**
 * Patches every part of a network in turn.
 *
 *   effect = ( metric(patched) − metric(corrupt) ) / ( metric(clean) − metric(corrupt) )
 *
 * 0 is the answer of the corrupt run, 1 that of the clean one, whatever the direction. Patches are rows of packed
 * batches, in which only what can differ from the unpatched run is computed; their metrics are bit for bit what as many
 * whole runs would give.
 *
 * A pair with the same metric clean and corrupt has no effect to speak of: NaN, left out of the means and counted.
 *
 * @example patchSweep(network, { clean, corrupt, over: [hook.z("all")], by: ["layer", "head"], metric })
 * @param maxRows  most rows of one run, default 256; one patch of all pairs goes into one where its sites lie in several
 *                 layers or outside of all
 * @throws ArgumentError  if no pair of any model has a difference, or for what {@link SweepOptions} forbids
 * @throws ShapeError     if clean and corrupt differ in shape
 * @throws NameError      for a site, an axis or a direction that does not exist, with the nearest one
 * @source Meng et al. 2022 (causal tracing); Heimersheim & Nanda 2024 (denoising and noising, normalised metrics)
 */
export async function patchSweep(
  network: Network,
  options: PatchOptions & { readonly direction?: PatchDirection; readonly maxRows?: number },
): Promise<PatchSweep> {
  const { metric, direction = "denoising", maxRows, level = 0.95 } = options;
  if (!Object.hasOwn(patchDirections, direction))
    throw unknownName("patch sweep, direction", direction, Object.keys(patchDirections));
  const { from, into } = patchDirections[direction];
  const both = await pairsOf(network, options);
  const { plan } = both;
  const patched = await replacedMetric(network, both[into].tokens, {
    plan,
    replacement: both[from].cache,
    metric,
    maxRows,
  });
  const [clean, corrupt] = [both.clean.metric, both.corrupt.metric];
  return { ...normalisedEffects(patched, { clean, corrupt, level }), layers: plan.layers, patched };
}

/** What {@link attributionPatching} gives. */
export interface AttributionPatching extends PatchEffects {
  /** First-order change of the metric, [model, ...by, batch]: the effects before division. */
  readonly change: Tensor;
  /** The sweep it approximates, where asked for. */
  readonly exact?: PatchSweep;
  /** Pearson's r of its effects with the exact ones over all parts, by model; NaN where either does not vary. */
  readonly correlation?: readonly number[];
}

/**
 * Patching by gradient: the effect of every patch to first order, from one clean run and one corrupt run with gradients.
 *
 *   effect ≈ Σ ( clean − corrupt ) · ∂ metric / ∂ activation  /  ( metric(clean) − metric(corrupt) ),
 *
 * the slope taken in the corrupt run. It is exact where the metric is linear in what is patched, such as the last
 * block's heads without a final norm; softmax, norms and saturation in between make it wrong. Sites that lie after one
 * another and are patched together are each counted with all that follows, so tell them apart by layer.
 *
 * @param exact  also do the exact sweep, denoising, and correlate
 * @throws ArgumentError if the metric is not differentiable; otherwise as {@link patchSweep}
 * @source Nanda 2023, "Attribution patching"; Syed, Rager & Conmy 2024
 */
export async function attributionPatching(
  network: Network,
  options: PatchOptions & { readonly exact?: boolean; readonly maxRows?: number },
): Promise<AttributionPatching> {
  const { metric, level = 0.95 } = options;
  const { plan, clean, corrupt } = await pairsOf(network, options);
  const { change } = await firstOrderChange(network, corrupt.tokens, {
    plan,
    replacement: clean.cache,
    metric,
  });
  const metrics = { clean: clean.metric, corrupt: corrupt.metric };
  const effects = normalisedEffects(change, { ...metrics, level, areChanges: true });
  const own = { ...effects, layers: plan.layers, change };
  if (options.exact !== true) return own;
  const exact = await patchSweep(network, { ...options, direction: "denoising" });
  const [approximate, whole] = [own.effect.estimate.data, exact.effect.estimate.data];
  const cells = plan.cells.length;
  const correlation = Array.from({ length: network.models }, (_, model) => {
    const [first, end] = [model * cells, (model + 1) * cells];
    return pearson(approximate.subarray(first, end), whole.subarray(first, end));
  });
  return { ...own, exact, correlation };
}

interface Side {
  tokens: TokenArray;
  cache: ActivationCache;
  metric: Tensor;
}

/** The unpatched runs, with the sites that are swept. */
async function pairsOf(
  network: Network,
  options: PatchOptions,
): Promise<{ plan: SweepPlan; clean: Side; corrupt: Side }> {
  const [clean, corrupt] = [tokenArray(network, options.clean), tokenArray(network, options.corrupt)];
  if (clean.batch !== corrupt.batch || clean.pos !== corrupt.pos)
    throw new ShapeError({
      where: "patching",
      rule: "clean and corrupt must be pairs of equally long sequences",
      got: `[batch ${clean.batch}, pos ${clean.pos}] and [batch ${corrupt.batch}, pos ${corrupt.pos}]`,
    });
  const plan = sweepPlan(network.config, options, clean.pos);
  const side = async (tokens: TokenArray): Promise<Side> => {
    const { logits, cache } = await runPass(network, tokens, { sites: plan.sites.map(({ name }) => name) });
    return { tokens, cache, metric: options.metric.measure(logits) };
  };
  return { plan, clean: await side(clean), corrupt: await side(corrupt) };
}
