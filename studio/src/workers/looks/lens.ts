/** The logit lens of one sequence: what every model would answer at every site. */
import { type LensNorm, type LensResult, logitLens, type Network } from "../../../../src/interp/index.ts";

/** What is asked. */
export interface LensRequest {
  readonly tokens: readonly number[];
}

/** One lens. */
export interface LensSeen {
  readonly norm: LensNorm;
  /** In firing order. */
  readonly sites: readonly string[];
  /** Probability of every next token, [model, site, pos, dVocab]. */
  readonly probabilities: Float64Array;
}

const seen = ({ sites, logProbs }: LensResult, norm: LensNorm): LensSeen => ({
  ...{ norm, sites },
  probabilities: Float64Array.from(logProbs.data, Math.exp),
});

/** Both kinds; without a final norm they are one, and it is there once. */
export async function lens(network: Network, { tokens }: LensRequest): Promise<LensSeen[]> {
  const recomputed = seen(await logitLens(network, [tokens], { norm: "recomputed" }), "recomputed");
  if (!network.config.finalNorm) return [recomputed];
  return [recomputed, seen(await logitLens(network, [tokens], { norm: "frozen" }), "frozen")];
}
