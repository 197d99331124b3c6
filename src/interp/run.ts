/** The verbs: run a network, look at it, intervene, differentiate. Nothing is registered and nothing stays behind. */
import type { ActivationCache } from "./activationCache.ts";
import type { Edit, EditReport } from "./edits.ts";
import type { Metric } from "./metrics.ts";
import type { Network } from "./network.ts";
import { runPass, type SiteChoice } from "./pass.ts";
import type { Tensor } from "./tensor.ts";
import type { Tokens } from "./tokens.ts";

/**
 * Logits of the next token at every position, [model, batch, pos, dVocab].
 *
 * @throws ShapeError, ArgumentError if the tokens do not fit the network
 */
export async function forward(network: Network, tokens: Tokens): Promise<Tensor> {
  return (await runPass(network, tokens, {})).logits;
}

/** What {@link runWithCache} gives. */
export interface CachedRun {
  /** [model, batch, pos, dVocab] */
  readonly logits: Tensor;
  readonly cache: ActivationCache;
}

/**
 * Runs a network and keeps the activations of some sites. Looking changes no bit of anything else.
 *
 * @example runWithCache(network, tokens, { sites: [hook.pattern("all"), hook.residPost(1)] })
 * @example runWithCache(network, tokens, { sites: ({ axes }) => axes.includes("head") })
 * @example runWithCache(network, tokens, { sites: ["blocks.0.", "ln_final."] })
 * @param sites  by name, `blocks.*` for every layer, by prefix up to a dot, or a predicate
 * @throws NameError      if a name or selector matches nothing, with the nearest site
 * @throws ArgumentError  if nothing is selected, or the tokens do not fit
 */
export async function runWithCache(
  network: Network,
  tokens: Tokens,
  { sites }: { sites: SiteChoice },
): Promise<CachedRun> {
  const { logits, cache } = await runPass(network, tokens, { sites });
  return { logits, cache };
}

/** What {@link runWithHooks} gives. */
export interface EditedRun extends CachedRun {
  /** What each edit did, in the order of the edits, one entry for each site it names. */
  readonly report: readonly EditReport[];
}

/**
 * Runs a network with interventions. Everything before the first edited site keeps its bits, and so does every model,
 * row and position that no edit reaches.
 *
 * @param edits  in any order; those of one site are applied in the order given
 * @param sites  what to cache besides: activations as the model goes on with them, edits included
 * @throws NameError      for a site that does not exist, with the nearest one
 * @throws ArgumentError  for an edit that touches nothing, an index outside its axis, a stale cache
 * @throws ShapeError     for values that do not fit
 */
export async function runWithHooks(
  network: Network,
  tokens: Tokens,
  { edits, sites }: { edits: readonly Edit[]; sites?: SiteChoice },
): Promise<EditedRun> {
  const { logits, cache, report } = await runPass(network, tokens, { edits, sites });
  return { logits, cache, report };
}

/** What {@link gradients} gives. */
export interface GradientRun extends CachedRun {
  /** Values of the metric, [model, batch]. */
  readonly metric: Tensor;
  /** ∂ metric / ∂ activation by site; a row's gradient is that of its own metric. */
  readonly gradients: ActivationCache;
}

/**
 * Gradients of a metric in the activations of any sites.
 *
 *   gradient[row, …] = ∂ metric[row] / ∂ activation[row, …]
 *
 * Rows of a batch never see each other, so one run gives every row its own; divide by the number of rows for the
 * gradient of the mean. The gradient is the total one: it includes every later site that the activation reaches. For a
 * layer norm's scale and normalised values, both are treated as nodes of the computation. Asking for the gradient in
 * `attn.hook_result` lets the heads be summed in another order, which may change the last bits of the run.
 *
 * @param of     a differentiable metric, e.g. `logitDifference(5, 2)`
 * @param edits  interventions of the run; the gradient is taken in the activation after them
 * @throws ArgumentError if the metric is not differentiable
 */
export async function gradients(
  network: Network,
  tokens: Tokens,
  { of, sites, edits }: { of: Metric; sites: SiteChoice; edits?: readonly Edit[] },
): Promise<GradientRun> {
  const run = await runPass(network, tokens, { sites, edits, gradientsOf: of });
  return {
    logits: run.logits,
    cache: run.cache,
    metric: run.metric as Tensor,
    gradients: run.gradients as ActivationCache,
  };
}
