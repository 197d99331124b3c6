/**
 * Copying scores: whether attending to a token makes a head raise that token's own logit, from the weights alone.
 *
 * Both are of the full OV circuit M = W_E OV W_U, [source token, token of the logit]:
 *
 *   eigenvalue   Σ Re λ / Σ |λ| over the eigenvalues of M: 1 if all are positive, as where every token, and every mix of
 *                tokens, raises itself; −1 for a head that lowers what it sees
 *   diagonal     share of tokens t for which M[t, t] is among the `within` largest of its row; ties share places
 *
 * The non-zero eigenvalues of M are those of a dHead × dHead matrix. At an initialisation of symmetric laws W_V and −W_V
 * are equally likely, so the eigenvalue score has expectation 0, and with an unembedding of its own the diagonal score
 * has within / dVocab. Neither is small in a single random head: eigenvalue scores of dHead numbers scatter widely, and
 * {@link weightNull} says how widely.
 *
 * The circuit is the direct path with norms folded. The eigenvalue score is not changed by the scale of the norm before
 * the unembedding, if that is one number; biases and scales by token are left out.
 */
import { integerIn } from "../base/check.ts";
import type { ModelConfig } from "../model/config.ts";
import { factoredEigenvalues, rowOf } from "./factoredMatrix.ts";
import { ovCircuits } from "./headCircuits.ts";
import type { CircuitNorms } from "./streamNorms.ts";
import { indicesOf, type Tensor } from "./tensor.ts";
import type { WeightScores } from "./weightNull.ts";
import type { WeightSource } from "./weightSource.ts";

/** Name of a copying score. */
export type CopyingScoreName = "eigenvalue" | "diagonal";

/** Copying scores of all heads of a population. */
export interface CopyingScores extends WeightScores<CopyingScoreName> {
  /** Each [model, layer, head]: eigenvalue in [−1, 1], NaN for a head that writes nothing; diagonal in [0, 1]. */
  readonly scores: Readonly<Record<CopyingScoreName, Tensor>>;
  /** Expectations at random initialisation; undefined where there is no simple one. */
  readonly atRandom: Readonly<Record<CopyingScoreName, number | undefined>>;
}

/** Options of {@link copyingScores}. */
export interface CopyingOptions {
  /** Default `folded`. */
  norms?: CircuitNorms;
  /** Places at the top of a row that count as copying, default 1. */
  within?: number;
  /** Source tokens that the diagonal score is a share of, by default all; with many, all cost dVocab² dHead a head. */
  tokens?: readonly number[];
}

/**
 * Copying scores of every head of every model.
 *
 * @throws ArgumentError  for a model without attention, weights that are not finite, or an option out of range
 * @source eigenvalues: Elhage et al. 2021, "Copying"; diagonal: after Wang et al. 2022, section 3.4, who ask for the
 *         token among the five largest
 */
export async function copyingScores(
  source: WeightSource,
  { norms = "folded", within = 1, tokens }: CopyingOptions = {},
): Promise<CopyingScores> {
  const { config, models } = source;
  const { nLayers, nHeads, dVocab } = config;
  integerIn("copying scores, within", within, 1, dVocab);
  const asked = indicesOf("copying scores, tokens", tokens, dVocab);
  const circuits = await ovCircuits(source, { from: "tokens", to: "logits", norms });
  const tensor = (values: readonly number[]): Tensor => ({
    axes: ["model", "layer", "head"],
    shape: [models, nLayers, nHeads],
    data: Float64Array.from(values),
  });
  return {
    config,
    setting: { norms, within, tokens: asked.length === dVocab ? "all" : asked.join(" ") },
    atRandom: expectations(config, within),
    scores: {
      eigenvalue: tensor(
        circuits.map(({ matrix }) => {
          const { re, im } = factoredEigenvalues(matrix);
          let [sum, size] = [0, 0];
          for (let i = 0; i < re.length; i++) {
            sum += re[i];
            size += Math.sqrt(re[i] * re[i] + im[i] * im[i]);
          }
          return size === 0 ? Number.NaN : sum / size;
        }),
      ),
      diagonal: tensor(
        circuits.map(({ matrix }) => {
          const shares = asked.map((token) => shareWithin(rowOf(matrix, token), token, within));
          return shares.reduce((sum, share) => sum + share, 0) / shares.length;
        }),
      ),
    },
  };
}

/** Chance that an entry is among the largest `within`, if equals are put in random order. */
function shareWithin(row: Float64Array, entry: number, within: number): number {
  let [above, equal] = [0, 0];
  for (const value of row) {
    if (value > row[entry]) above++;
    else if (value === row[entry]) equal++;
  }
  return Math.min(1, Math.max(0, (within - above) / equal));
}

function expectations(
  { attention, tiedUnembed, dVocab }: ModelConfig,
  within: number,
): CopyingScores["atRandom"] {
  return {
    // W_E P W_Eᵀ, tied and without W_V, has no negative eigenvalue
    eigenvalue: attention === "parameterFree" && tiedUnembed ? undefined : 0,
    diagonal: tiedUnembed ? undefined : within / dVocab,
  };
}
