/** Networks that are touched: one sequence with interventions beside the same without them. */
import {
  type EditReport,
  logProbabilities,
  meanOver,
  type Network,
  runWithCache,
  runWithHooks,
  type Tensor,
} from "../../../../src/interp/index.ts";
import type { TouchEdits } from "../../state/touchChoice.ts";
import { drawsOf, packedEdits, sourcesOf, type TouchInputs } from "../../views/touch/touchEdits.ts";

/** What is asked. */
export interface TouchRequest extends TouchInputs {
  /** Edits that these networks have. */
  readonly edits: TouchEdits;
}

/** What networks answer; arrays are [model, pos, dVocab], means over draws where something is resampled. */
export interface Answers {
  readonly logits: Float64Array;
  /** ln p, nats. */
  readonly logProbs: Float64Array;
  readonly probabilities: Float64Array;
}

/** What is seen. */
export interface TouchSeen {
  readonly models: number;
  readonly clean: Answers;
  readonly edited: Answers;
  /** Of the other sequence. */
  readonly other: Answers;
  /** [model, head, queryPos, keyPos] of each layer that attends. */
  readonly patterns: { readonly clean: readonly Tensor[]; readonly edited: readonly Tensor[] };
  /** Sequences that resampled parts were taken from; 1 where none is. */
  readonly draws: number;
  /** What each edit did, over all models and draws. */
  readonly report: readonly Pick<EditReport, "touched" | "changed" | "norm">[];
}

const PATTERNS = "blocks.*.attn.hook_pattern";

/** Answers of a run, means over its rows. */
function answersOf({ shape, data }: Tensor): Answers {
  const [models, rows, pos, dVocab] = shape;
  const per = pos * dVocab;
  const [logits, logProbs, probabilities] = [0, 0, 0].map(() => new Float64Array(models * per));
  for (let row = 0; row < models * rows; row++) {
    const to = Math.floor(row / rows) * per;
    for (let at = 0; at < per; at += dVocab) {
      const own = data.subarray(row * per + at, row * per + at + dVocab);
      logProbabilities(own).forEach((logP, token) => {
        logits[to + at + token] += own[token] / rows;
        logProbs[to + at + token] += logP / rows;
        probabilities[to + at + token] += Math.exp(logP) / rows;
      });
    }
  }
  return { logits, logProbs, probabilities };
}

export async function touch(network: Network, { edits, ...inputs }: TouchRequest): Promise<TouchSeen> {
  const sites = network.config.mlpOnly ? undefined : ([PATTERNS] as const);
  const draws = drawsOf([edits], inputs);
  const sources = await sourcesOf(network, [edits], inputs);
  const clean = await runWithHooks(network, [inputs.tokens], { edits: [], sites });
  const edited =
    edits.length === 0
      ? clean
      : await runWithHooks(
          network,
          Array.from({ length: draws }, () => inputs.tokens),
          { edits: packedEdits(network, [edits], { sources, draws }), sites },
        );
  const other = await runWithHooks(network, [inputs.other], { edits: [] });
  const patternsOf = ({ cache }: typeof clean) =>
    cache.names.map((name) => meanOver(cache.get(name), ["batch"]));
  return {
    models: network.models,
    clean: answersOf(clean.logits),
    edited: answersOf(edited.logits),
    other: answersOf(other.logits),
    patterns: { clean: patternsOf(clean), edited: patternsOf(edited) },
    draws,
    report: edited.report.map(({ touched, changed, norm }) => ({ touched, changed, norm })),
  };
}

/** What is asked of the neurons of a layer. */
export interface NeuronsRequest {
  readonly tokens: readonly number[];
  readonly layer: number;
}

/** Activations of neurons after the nonlinearity, [model, pos, dMlp]. */
export async function neurons(network: Network, { tokens, layer }: NeuronsRequest): Promise<Tensor> {
  const site = `blocks.${layer}.mlp.hook_post` as const;
  const { cache } = await runWithCache(network, [tokens], { sites: [site] });
  return meanOver(cache.get(site), ["batch"]);
}
