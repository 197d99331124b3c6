/** Activations of a population on given sequences, a block of sequences at a time. */
import type { TensorData } from "../graph/backend.ts";
import type { Network } from "../interp/network.ts";
import { runWithCache } from "../interp/run.ts";
import { emptyLike } from "../interp/tensor.ts";
import type { SiteName } from "../model/hookPoints.ts";

/** Sequences of equal length, the same for all models. */
export interface Sequences {
  /** [sequence, pos] */
  readonly tokens: Int32Array;
  readonly count: number;
  readonly nPos: number;
}

/** Activations of some sequences at one site of one model. */
export interface ActivationBlock {
  readonly model: number;
  readonly site: SiteName;
  /** The first sequence, and how many there are. */
  readonly first: number;
  readonly rows: number;
  /** [sequence − first, pos, …axes of the site]; a view that the next block overwrites nothing of. */
  readonly values: TensorData;
}

/** Sequences in one run: bounds the scratch memory, changes no result. */
const BLOCK = 250;

/**
 * Shows the activations of every model at some sites, block after block, in the order of the sequences.
 *
 * @throws NameError      for a site that the model has not
 * @throws ArgumentError  if the sequences do not fit the network
 */
export async function visitActivations(
  network: Network,
  { tokens, count, nPos }: Sequences,
  sites: readonly SiteName[],
  visit: (block: ActivationBlock) => void,
): Promise<void> {
  if (count === 0 || sites.length === 0) return;
  const batch = Math.ceil(count / Math.ceil(count / BLOCK)); // blocks of equal size: one program
  for (let first = 0; first < count; first += batch) {
    const rows = Math.min(batch, count - first);
    const data = new Int32Array(batch * nPos); // the rest of the last block is token 0, and no one is shown it
    data.set(tokens.subarray(first * nPos, (first + rows) * nPos));
    const { cache } = await runWithCache(network, { data, batch, pos: nPos }, { sites });
    for (const site of sites) {
      const all = cache.get(site).data; // [model, batch, pos, …]
      const size = all.length / network.models;
      for (let model = 0; model < network.models; model++) {
        const values = all.subarray(model * size, model * size + (size / batch) * rows);
        visit({ model, site, first, rows, values });
      }
    }
  }
}

/**
 * The activations themselves, for probes that fit into memory.
 *
 * @returns  [model], each by site: [sequence, pos, unit] with the site's axes flattened to units
 * @throws NameError, ArgumentError as {@link visitActivations}
 */
export async function siteActivations(
  network: Network,
  sequences: Sequences,
  sites: readonly SiteName[],
): Promise<Map<SiteName, TensorData>[]> {
  const models = Array.from({ length: network.models }, () => new Map<SiteName, TensorData>());
  await visitActivations(network, sequences, sites, ({ model, site, first, rows, values }) => {
    const row = values.length / rows;
    const whole = models[model].get(site) ?? emptyLike(values, sequences.count * row);
    models[model].set(site, whole);
    whole.set(values, first * row);
  });
  return models;
}
