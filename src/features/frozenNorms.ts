/**
 * What layer norm does to tuning: units with every norm as it is, and with its scale frozen.
 *
 * A norm divides each stream by its own standard deviation. Frozen, it divides all of them by their mean one: it still
 * centres and keeps the size, and is linear. The difference is what the division by an input's own scale makes.
 */

import { edit } from "../interp/edits.ts";
import type { Network } from "../interp/network.ts";
import { runWithCache, runWithHooks } from "../interp/run.ts";
import { meanOver } from "../interp/tensor.ts";
import { type SiteName, sitesOf } from "../model/hookPoints.ts";
import type { Sequences } from "./siteActivations.ts";

/** Activations of one site with norms as they are, and frozen, [model, sequence, pos, unit] each. */
export interface FrozenNorms {
  readonly intact: Float32Array;
  readonly frozen: Float32Array;
}

/** Sequences in one run; it bounds memory and changes nothing but the order in which scales are averaged. */
const BLOCK = 250;

/**
 * Activations of some sites twice, by site.
 *
 * The frozen scale is each model's mean over all sequences and positions of the intact run.
 *
 * @returns undefined where no block has a norm
 * @throws NameError, ArgumentError as `runWithCache`
 */
export async function frozenNorms(
  network: Network,
  { tokens, count, nPos }: Sequences,
  sites: readonly SiteName[],
): Promise<Map<SiteName, FrozenNorms> | undefined> {
  const scales = [...sitesOf(network.config).values()].filter(
    ({ name, layer }) => layer !== undefined && name.endsWith(".hook_scale"),
  );
  if (scales.length === 0 || sites.length === 0) return undefined;
  const { models } = network;
  const blocks = Array.from({ length: Math.ceil(count / BLOCK) }, (_, block) => {
    const [from, to] = [block * BLOCK, Math.min(count, (block + 1) * BLOCK)];
    return { data: tokens.slice(from * nPos, to * nPos), batch: to - from, pos: nPos, from };
  });
  const result = new Map<SiteName, FrozenNorms>();
  const keep = (
    which: keyof FrozenNorms,
    site: SiteName,
    block: (typeof blocks)[number],
    all: ArrayLike<number>,
  ) => {
    const row = all.length / models / block.batch;
    const whole = result.get(site) ?? {
      intact: new Float32Array(models * count * row),
      frozen: new Float32Array(models * count * row),
    };
    result.set(site, whole);
    for (let model = 0; model < models; model++)
      for (let at = 0; at < block.batch * row; at++)
        whole[which][(model * count + block.from) * row + at] = all[model * block.batch * row + at];
  };
  const means = new Map(scales.map(({ name }) => [name, new Float64Array(models)]));
  for (const block of blocks) {
    const { cache } = await runWithCache(network, block, {
      sites: [...sites, ...scales.map(({ name }) => name)],
    });
    for (const site of sites) keep("intact", site, block, cache.get(site).data);
    for (const { name } of scales) {
      const { data } = meanOver(cache.get(name), ["batch", "pos", "one"]); // [model]
      const own = means.get(name) as Float64Array;
      for (let model = 0; model < models; model++) own[model] += (data[model] * block.batch) / count;
    }
  }
  const edits = scales.map(({ name }) =>
    edit(
      name,
      {},
      {
        kind: "mean",
        values: { axes: ["model"], shape: [models], data: means.get(name) as Float64Array },
      },
    ),
  );
  for (const block of blocks) {
    const { cache } = await runWithHooks(network, block, { edits, sites });
    for (const site of sites) keep("frozen", site, block, cache.get(site).data);
  }
  return result;
}
