/** Many ways of touching the same networks, each measured by one number a network. */
import { type Network, runWithHooks } from "../../../../src/interp/index.ts";
import type { TouchEdits } from "../../state/touchChoice.ts";
import { type Measure, metricOf } from "../../views/touch/measure.ts";
import { drawsOf, packedEdits, sourcesOf, type TouchInputs } from "../../views/touch/touchEdits.ts";

/** What is asked. */
export interface TouchVariantsRequest extends TouchInputs {
  /** Edits that these networks have. */
  readonly variants: readonly TouchEdits[];
  readonly measure: Measure;
}

/** Rows of one run at most. */
const MOST_ROWS = 64;

/** The measure of every variant, [variant][model]; means over draws where something is resampled. */
export async function touchVariants(
  network: Network,
  { variants, measure, ...inputs }: TouchVariantsRequest,
): Promise<Float64Array[]> {
  const draws = drawsOf(variants, inputs);
  const sources = await sourcesOf(network, variants, inputs);
  const metric = metricOf(measure, inputs.tokens);
  const perRun = Math.max(1, Math.floor(MOST_ROWS / draws));
  const found: Float64Array[] = [];
  for (let first = 0; first < variants.length; first += perRun) {
    const together = variants.slice(first, first + perRun);
    const rows = together.length * draws;
    const { logits } = await runWithHooks(
      network,
      Array.from({ length: rows }, () => inputs.tokens),
      { edits: packedEdits(network, together, { sources, draws }) },
    );
    const { data } = metric.measure(logits); // [model, variant, draw]
    for (let variant = 0; variant < together.length; variant++)
      found.push(
        Float64Array.from({ length: network.models }, (_, model) => {
          let total = 0;
          for (let draw = 0; draw < draws; draw++) total += data[model * rows + variant * draws + draw];
          return total / draws;
        }),
      );
  }
  return found;
}
