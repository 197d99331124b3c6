/** What a unit could do for the loss, before anything is learned: how far it moves along with the network's errors. */
import { ArgumentError } from "../base/errors.ts";
import type { Sequences } from "../data/types.ts";
import { logProbabilities } from "../interp/metrics.ts";
import type { Network } from "../interp/network.ts";
import type { SiteName } from "../model/hookPoints.ts";
import { siteActivations } from "./siteActivations.ts";

const logitSite: SiteName = "unembed.hook_out";

/**
 * Fitness of every unit of some sites: the slope of the loss in a readout of the unit alone, scaled to unit variance.
 *
 *   fitness = ‖ E[ (a − E a)/sd(a) · (y − p) ] ‖
 *
 * y is the one-hot target, p the network's prediction, E the mean over sequences and positions, the norm Euclidean over
 * the vocabulary. A unit whose standardised activation were added to the logits with a small vector c of weights would
 * lower the loss by fitness · ‖c‖ at best. It does not depend on the unit's scale, which the weights behind it set.
 *
 * Edges: NaN for a unit that does not vary.
 *
 * @param sequences  of the task, with targets; every position counts
 * @param sites      with axes [batch, pos, unit], e.g. `blocks.0.mlp.hook_post`
 * @returns          by site, [model, unit], ≥ 0
 * @throws NameError      for a site that the model has not
 * @throws ArgumentError  for sequences of which only some positions count, or that do not fit the network
 */
export async function unitFitness(
  network: Network,
  sequences: Sequences,
  sites: readonly SiteName[],
): Promise<Map<SiteName, Float64Array>> {
  const { inputs: tokens, targets, count, nPos, scored } = sequences;
  if (scored !== undefined)
    throw new ArgumentError({
      where: "unit fitness",
      rule: "needs sequences of which every position counts",
      got: `scored positions ${scored.join("")}`,
    });
  const rows = count * nPos;
  const { dVocab } = network.config;
  const perModel = await siteActivations(network, { tokens, count, nPos }, [logitSite, ...sites]);
  const found = perModel.map((activations) => {
    const logits = activations.get(logitSite) ?? new Float64Array();
    const residual = new Float64Array(rows * dVocab); // y − p, [row, token]
    for (let row = 0; row < rows; row++) {
      const ln = logProbabilities(logits.subarray(row * dVocab, (row + 1) * dVocab));
      for (let token = 0; token < dVocab; token++)
        residual[row * dVocab + token] = (targets[row] === token ? 1 : 0) - Math.exp(ln[token]);
    }
    return sites.map((site) => {
      const values = activations.get(site) ?? new Float64Array(); // [row, unit]
      const units = values.length / rows;
      return Float64Array.from({ length: units }, (_, unit) =>
        slopeOf((row) => values[row * units + unit], residual, { rows, dVocab }),
      );
    });
  });
  return new Map(
    sites.map((site, i) => [site, Float64Array.from(found.flatMap((ofModel) => [...ofModel[i]]))]),
  );
}

function slopeOf(
  at: (row: number) => number,
  residual: Float64Array,
  { rows, dVocab }: { rows: number; dVocab: number },
): number {
  let mean = 0;
  for (let row = 0; row < rows; row++) mean += at(row) / rows;
  let variance = 0;
  const slope = new Float64Array(dVocab);
  for (let row = 0; row < rows; row++) {
    const centred = at(row) - mean;
    variance += (centred * centred) / rows;
    for (let token = 0; token < dVocab; token++)
      slope[token] += (centred * residual[row * dVocab + token]) / rows;
  }
  const norm = Math.sqrt(slope.reduce((total, x) => total + x * x, 0));
  return variance > 0 ? norm / Math.sqrt(variance) : Number.NaN;
}
