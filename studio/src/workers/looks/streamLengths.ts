/** How long the residual stream is at every site. */
import { type Network, runWithCache } from "../../../../src/interp/index.ts";
import { sitesOf } from "../../../../src/model/hookPoints.ts";

/** What is asked. */
export interface StreamLengthsRequest {
  /** [batch][pos] */
  readonly sequences: readonly (readonly number[])[];
}

/** What is seen. */
export interface StreamLengths {
  /** In firing order. */
  readonly sites: readonly string[];
  /** Mean Euclidean length over sequences and positions, [model][site]. */
  readonly lengths: readonly (readonly number[])[];
}

export async function streamLengths(
  network: Network,
  { sequences }: StreamLengthsRequest,
): Promise<StreamLengths> {
  const { config, models } = network;
  const sites = [...sitesOf(config).keys()].filter((name) =>
    /^blocks\.0\.hook_resid_pre$|hook_resid_(mid|post)$/.test(name),
  );
  const { cache } = await runWithCache(network, sequences, { sites });
  const bySite = sites.map((site) => meanLengths(cache.get(site).data, models, config.dModel));
  return {
    sites,
    lengths: Array.from({ length: models }, (_, model) => bySite.map((of) => of[model])),
  };
}

/** Mean length of the vectors of each model, [model, …, dModel]. */
function meanLengths(values: ArrayLike<number>, models: number, dModel: number): number[] {
  const rows = values.length / dModel / models;
  return Array.from({ length: models }, (_, model) => {
    let total = 0;
    for (let row = 0; row < rows; row++) {
      let square = 0;
      for (let i = 0; i < dModel; i++) square += values[(model * rows + row) * dModel + i] ** 2;
      total += Math.sqrt(square);
    }
    return total / rows;
  });
}
