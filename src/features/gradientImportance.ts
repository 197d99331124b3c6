/** Importance of units by gradients: what one backward pass, or a few, say that ablating every unit would. */
import { integerIn } from "../base/check.ts";
import { ArgumentError } from "../base/errors.ts";
import { edit } from "../interp/edits.ts";
import type { Metric } from "../interp/metrics.ts";
import type { Network } from "../interp/network.ts";
import { gradients, runWithCache } from "../interp/run.ts";
import type { Tensor } from "../interp/tensor.ts";
import type { Tokens } from "../interp/tokens.ts";
import type { SiteName } from "../model/hookPoints.ts";

/** Which units, and what for. */
export interface GradientImportanceOptions {
  /** A site with axes [batch, pos, …]; its last axes are the units, e.g. `blocks.0.mlp.hook_post`. */
  readonly site: SiteName;
  /** A differentiable metric of the sequences, e.g. `lossMetric(targets)`. */
  readonly metric: Metric;
}

/**
 * Size of the first-order effect of every unit, wherever it points: a unit that helps here and hurts there counts.
 *
 *   E Σ_pos | a · ∂L/∂a |,  E over sequences
 *
 * The signed version about the mean is `taylorImportance` with mean ablation.
 *
 * @returns  [model, unit], ≥ 0, in the metric's unit
 * @throws NameError, ArgumentError if there is no such site, it has no axes [batch, pos, …], or the metric is not
 *   differentiable
 * @source Molchanov et al. 2017, section 2.2
 */
export async function absoluteImportance(
  network: Network,
  tokens: Tokens,
  { site, metric }: GradientImportanceOptions,
): Promise<Float64Array> {
  const run = await gradients(network, tokens, { of: metric, sites: [site] });
  const [own, slope] = [run.cache.get(site), run.gradients.get(site)];
  const { models, sequences, perSequence, units } = extents(own);
  const found = new Float64Array(models * units);
  own.data.forEach((value, at) => {
    const model = Math.floor(at / (sequences * perSequence));
    found[model * units + (at % units)] += Math.abs(value * slope.data[at]) / sequences;
  });
  return found;
}

/**
 * Importance by integrated gradients: what each unit contributes to the cost of taking all units of a site to their mean,
 * on the straight way there.
 *
 *   I_i = E Σ_pos (ā_i − a_i) · ∫₀¹ ∂L/∂a_i at a + t (ā − a) dt,  E over sequences
 *
 * ā is the mean over sequences and positions. The integral is the mean of the slopes in the middles of `steps` equal
 * parts. Σ_i I_i is what taking the whole site to its mean costs, to within that rule's error: first-order importance,
 * which is the slope at the beginning alone, promises nothing of the kind.
 *
 * @param steps  default 8; each costs a forward and a backward pass
 * @returns      [model, unit], signed: positive where the unit lowers the metric
 * @throws as {@link absoluteImportance}
 * @source Sundararajan, Taly & Yan 2017, eq. 1 (their baseline is our ā), and proposition 1 for the sum
 */
export async function integratedImportance(
  network: Network,
  tokens: Tokens,
  { site, metric, steps = 8 }: GradientImportanceOptions & { readonly steps?: number },
): Promise<Float64Array> {
  integerIn("integrated importance, steps", steps, 1);
  const own = (await runWithCache(network, tokens, { sites: [site] })).cache.get(site);
  const { models, sequences, perSequence, units } = extents(own);
  const perModel = sequences * perSequence;
  const unitOf = (at: number) => Math.floor(at / perModel) * units + (at % units);
  const means = new Float64Array(models * units);
  own.data.forEach((value, at) => {
    means[unitOf(at)] += (value * units) / perModel;
  });
  const found = new Float64Array(models * units);
  for (let step = 0; step < steps; step++) {
    const share = (step + 0.5) / steps;
    const data = own.data.map((value, at) => value + share * (means[unitOf(at)] - value));
    const run = await gradients(network, tokens, {
      of: metric,
      sites: [site],
      edits: [edit(site, {}, { kind: "replace", values: { ...own, data } })],
    });
    run.gradients.get(site).data.forEach((slope, at) => {
      const unit = unitOf(at);
      found[unit] += ((means[unit] - own.data[at]) * slope) / (steps * sequences);
    });
  }
  return found;
}

/** Sizes of an array [model, batch, pos, …units]. */
function extents({ axes, shape, data }: Tensor) {
  if (axes[1] !== "batch" || axes[2] !== "pos" || axes.length < 4)
    throw new ArgumentError({
      where: "importance by gradients",
      rule: "a site must have axes [batch pos …]",
      got: `[${axes.slice(1).join(" ")}]`,
    });
  const [models, sequences, nPos] = shape;
  const perSequence = data.length / (models * sequences);
  return { models, sequences, perSequence, units: perSequence / nPos };
}
