/** Maximal-update parametrisation as factors on an initialisation and on learning rates, so that both transfer to other widths. */
import { type ModelConfig, validateConfig } from "../model/config.ts";
import { fanOf } from "../model/fans.ts";
import { weightShapes } from "../model/weights.ts";

/** Factors by name of the weight; every weight is named. */
export interface WidthFactors {
  /** Of the initial values of a standard initialisation: matrices and biases of variance ∝ 1 / fanIn, embeddings ∝ 1. */
  readonly init: Readonly<Record<string, number>>;
  /** Of Adam's learning rate. */
  readonly rate: Readonly<Record<string, number>>;
}

/**
 * What maximal update asks of a model, relative to one of the same architecture and another width: at the base all
 * factors are 1, so both parametrisations are one network there.
 *
 *   with s = fanIn of the base / fanIn                    initial values   rate under Adam
 *   embeddings, layer norms                               1                1
 *   biases                                                1/√s             1         (they keep their size)
 *   hidden matrices                                       1                s
 *   unembedding                                           √s               s         (variance ∝ 1 / fanIn²)
 *   W_Q and b_Q, besides                                  √h               √h,  h = dHead of the base / dHead
 *
 * The last line divides attention scores by dHead instead of its root. Adam makes the same steps whatever a gradient is
 * multiplied by, so a factor in front of a matrix is that factor on its initial values and on its rate (up to Adam's
 * eps), and the architecture need not change.
 *
 * @param config  an untied model: one matrix cannot have the scale of an embedding and of an output
 * @throws ArgumentError if a config cannot exist
 * @source Yang, Hu et al. 2022 ("Tensor Programs V"), table 3 and definition 4.1; the symmetry is their lemma J.1
 */
export function maximalUpdate(config: ModelConfig, base: ModelConfig): WidthFactors {
  validateConfig(config);
  validateConfig(base);
  const init: Record<string, number> = {};
  const rate: Record<string, number> = {};
  const queries = Math.sqrt(base.dHead / config.dHead);
  for (const name of weightShapes(config).keys()) {
    const { role, fanIn } = fanOf(config, name);
    const s = fanOf(base, name).fanIn / fanIn;
    const isQuery = name.endsWith(".W_Q") || name.endsWith(".b_Q");
    const scores = isQuery ? queries : 1;
    init[name] = scores * (role === "output" ? Math.sqrt(s) : role === "bias" ? 1 / Math.sqrt(s) : 1);
    rate[name] = scores * (role === "output" || role === "hidden" ? s : 1);
  }
  return { init, rate };
}
