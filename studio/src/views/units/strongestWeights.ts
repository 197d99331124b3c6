/** The weights into and out of one MLP neuron that are largest now. */
import type { ModelConfig } from "../../../../src/model/config.ts";
import type { Weights } from "../../../../src/model/weights.ts";

/** One weight, before training and now. */
export interface WeightNow {
  /** Dimension of the residual stream. */
  readonly dimension: number;
  readonly initial: number;
  readonly current: number;
}

/** Largest magnitudes first. */
export interface StrongestWeights {
  /** From the stream into the neuron, a column of `W_in`. */
  readonly incoming: readonly WeightNow[];
  /** From the neuron into the stream, a row of `W_out`. */
  readonly outgoing: readonly WeightNow[];
}

/**
 * @param before  [model, ...shape]
 * @param count   of each side
 */
export function strongestWeights(
  { before, after }: { before: Weights; after: Weights },
  { dModel, dMlp }: Pick<ModelConfig, "dModel" | "dMlp">,
  { layer, unit, model, count }: { layer: number; unit: number; model: number; count: number },
): StrongestWeights {
  const strongest = (name: string, place: (dimension: number) => number): WeightNow[] => {
    const [then, now] = [before[name], after[name]];
    return Array.from({ length: dModel }, (_, dimension) => {
      const at = model * dModel * dMlp + place(dimension);
      return { dimension, initial: then[at], current: now[at] };
    })
      .sort((a, b) => Math.abs(b.current) - Math.abs(a.current))
      .slice(0, count);
  };
  return {
    incoming: strongest(`blocks.${layer}.mlp.W_in`, (dimension) => dimension * dMlp + unit),
    outgoing: strongest(`blocks.${layer}.mlp.W_out`, (dimension) => unit * dModel + dimension),
  };
}
