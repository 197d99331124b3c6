/** Activations of one run, by site, with the names of their axes. */
import { ArgumentError, NameError, nearest } from "../base/errors.ts";
import type { SiteName } from "../model/hookPoints.ts";
import type { Network } from "./network.ts";
import { type AxisPick, pick, type Tensor } from "./tensor.ts";
import type { TokenArray } from "./tokens.ts";

/**
 * Activations, or gradients in them, of one run. What `get` returns is a copy: no one can change what is cached.
 *
 * A cache belongs to the network, and to the weights, that it was made with; a tool that is given a cache together with
 * another network or after weights were written refuses it as stale.
 */
export interface ActivationCache {
  readonly network: Network;
  /** The network's version at the time. */
  readonly version: number;
  /** Sequences of the run, and their positions. */
  readonly batch: number;
  readonly pos: number;
  /** Sites that were asked for, in firing order. */
  readonly names: readonly SiteName[];
  /** The tokens of the run: a copy, [batch, pos] or [model, batch, pos]. */
  tokens(): TokenArray;
  /** Whether a site was cached. */
  has(name: string): boolean;
  /**
   * A copy of a site's activations, [model, ...axes of the site], or of part of it.
   *
   * @example cache.get("blocks.0.attn.hook_pattern", { model: 0, head: 1 })   // [batch, queryPos, keyPos]
   * @throws NameError      if the site was not cached, or has no such axis, with the nearest match
   * @throws ArgumentError  for an index outside its axis
   */
  get(name: SiteName, at?: AxisPick): Tensor;
}

const held = new WeakMap<ActivationCache, ReadonlyMap<string, Tensor>>();

/** A cache of tensors that nobody else holds. */
export function makeCache(
  network: Network,
  tokens: TokenArray,
  tensors: ReadonlyMap<SiteName, Tensor>,
): ActivationCache {
  const { batch, pos } = tokens;
  const cache: ActivationCache = {
    network,
    version: network.version,
    batch,
    pos,
    names: [...tensors.keys()],
    tokens: () => ({ ...tokens, data: tokens.data.slice() }),
    has: (name) => tensors.has(name as SiteName),
    get: (name, at) => {
      const tensor = cached(cache, name);
      return at === undefined
        ? { axes: [...tensor.axes], shape: [...tensor.shape], data: tensor.data.slice() }
        : pick(tensor, at, `cache of "${name}"`);
    },
  };
  held.set(cache, tensors);
  return cache;
}

/** The cached tensor itself, for readers of this floor that leave it as it is. */
export function cached(cache: ActivationCache, name: string): Tensor {
  const tensor = held.get(cache)?.get(name);
  if (tensor !== undefined) return tensor;
  const hint = nearest(name, cache.names);
  throw new NameError({
    where: `cache, ${JSON.stringify(name)}`,
    rule: "this site was not cached",
    got: `${cache.names.length} sites`,
    wayOut: hint === undefined ? undefined : `Nearest: ${JSON.stringify(hint)}; or name it among the sites.`,
  });
}

/**
 * Throws unless a cache was made by this network with the weights it has now.
 *
 * @throws ArgumentError
 */
export function requireFresh(network: Network, cache: ActivationCache): void {
  const same = cache.network === network;
  if (same && cache.version === network.version) return;
  throw new ArgumentError({
    where: "stale cache",
    rule: same
      ? "weights were written after it was made"
      : "it was made with another network than the one it is used with",
    got: same ? `version ${cache.version}, the network is at ${network.version}` : undefined,
    wayOut: "Run the network again with runWithCache.",
  });
}
