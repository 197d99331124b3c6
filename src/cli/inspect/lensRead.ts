/** The likeliest tokens at every place of a lens, judged: among all tokens, or by rank where a vocabulary is large. */
import { inTurn } from "../../base/inTurn.ts";
import { randomStream } from "../../base/random.ts";
import {
  type LensNorm,
  type LensResult,
  logitLens,
  type Network,
  originalLens,
  runWithCache,
} from "../../interp/index.ts";
import type { ModelConfig } from "../../model/config.ts";
import { type SiteName, sitesOf } from "../../model/hookPoints.ts";
import { type Judged, judgeCells, type Measured } from "./judged.ts";
import type { DrawnNull } from "./verb.ts";

/** Which lens. */
export interface LensKind {
  readonly norm: LensNorm;
  /** The original study's variant instead. */
  readonly original: boolean;
}

/** The likeliest tokens at one place. */
export interface Place {
  readonly site: SiteName;
  readonly sequence: number;
  readonly position: number;
  readonly tokens: readonly { readonly token: number; readonly judged: Judged }[];
}

/** A lens with its judged places. */
export interface LensReading {
  readonly lens: LensResult["lens"];
  readonly sites: readonly SiteName[];
  /** By site, sequence, position. */
  readonly places: readonly Place[];
  /** Whether a token is held against the token of its rank in the null, and not against itself. */
  readonly byRank: boolean;
}

/** Most probabilities that are judged one by one. */
const CELLS = 400_000;

const stream = () => randomStream("inspect", "lens", "groups");

/** Sites that a lens reads: every stream once, or the outputs of sublayers. */
function lensSites(config: ModelConfig, { original }: LensKind): SiteName[] {
  const isRead = original ? /hook_(attn|mlp)_out$/ : /hook_resid_(mid|post)$|^blocks\.0\.hook_resid_pre$/;
  return [...sitesOf(config).keys()].filter((name) => isRead.test(name));
}

/** Reads the lens and keeps the likeliest tokens of the mean over networks. */
export async function readLens(
  network: Network,
  tokens: readonly (readonly number[])[],
  kind: LensKind,
  { top, drawn }: { top: number; drawn: DrawnNull | null },
): Promise<LensReading> {
  const { dVocab } = network.config;
  const k = Math.min(top, dVocab);
  const cells = lensSites(network.config, kind).length * tokens.length * tokens[0].length * dVocab;
  // a rank is that of one network: several have their own tokens at it
  return cells <= CELLS || network.models > 1
    ? amongAll(network, tokens, kind, { top: k, drawn })
    : byRank(network, tokens, kind, { top: k, drawn });
}

const read = (network: Network, tokens: readonly (readonly number[])[], { norm, original }: LensKind) =>
  original ? originalLens(network, tokens) : logitLens(network, tokens, { norm });

/** Every token at every site, sequence and position is a cell. */
function measured({ logProbs }: LensResult): Measured {
  const [models] = logProbs.shape;
  const values = Float64Array.from(logProbs.data, Math.exp);
  return { models, cells: values.length / models, rows: 1, values };
}

/** All places, [site, sequence, position]. */
function placesOf<S>(
  sites: readonly S[],
  tokens: readonly (readonly number[])[],
  of: (site: S, sequence: number, position: number, index: number) => Place,
): Place[] {
  const nPos = tokens[0].length;
  return sites.flatMap((site, s) =>
    tokens.flatMap((_, sequence) =>
      Array.from({ length: nPos }, (_, position) =>
        of(site, sequence, position, (s * tokens.length + sequence) * nPos + position),
      ),
    ),
  );
}

async function amongAll(
  network: Network,
  tokens: readonly (readonly number[])[],
  kind: LensKind,
  { top, drawn }: { top: number; drawn: DrawnNull | null },
): Promise<LensReading> {
  const { dVocab } = network.config;
  const result = await read(network, tokens, kind);
  const random = await drawn?.measured(async (other) => measured(await read(other, tokens, kind)));
  const judged = judgeCells(measured(result), random ?? null, { direction: "greater", stream: stream() });
  const byEstimate = (a: { judged: Judged }, b: { judged: Judged }) => b.judged.estimate - a.judged.estimate;
  const { lens, sites } = result;
  return {
    ...{ lens, sites, byRank: false },
    places: placesOf(sites, tokens, (site, sequence, position, index) => {
      const cells = judged.slice(index * dVocab, (index + 1) * dVocab);
      // the sort keeps the order of equals, so the smaller token comes first
      const sorted = cells.map((one, token) => ({ token, judged: one })).sort(byEstimate);
      return { site, sequence, position, tokens: sorted.slice(0, top) };
    }),
  };
}

/** Indices of the k largest numbers, the largest first, of equals the smaller. */
function largestIndices(values: ArrayLike<number>, k: number): number[] {
  const kept: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (kept.length === k && !(values[i] > values[kept[k - 1]])) continue;
    let at = kept.length;
    while (at > 0 && values[i] > values[kept[at - 1]]) at--;
    kept.splice(at, 0, i);
    if (kept.length > k) kept.pop();
  }
  return kept;
}

/** The k likeliest tokens of every place, and their probabilities as cells [model, place · rank]; site after site, which needs less room. */
async function ranked(
  network: Network,
  tokens: readonly (readonly number[])[],
  kind: LensKind,
  k: number,
): Promise<{ lens: LensResult["lens"]; tokens: Int32Array; measured: Measured }> {
  const { config, models } = network;
  const sites = lensSites(config, kind);
  const frozen = kind.norm === "frozen" && !kind.original && config.finalNorm;
  const { cache } = await runWithCache(network, tokens, {
    sites: frozen ? [...sites, "ln_final.hook_scale"] : sites,
  });
  const perSite = tokens.length * tokens[0].length;
  const cells = sites.length * perSite * k;
  const values = new Float64Array(models * cells);
  const best = new Int32Array(models * cells);
  const [lens] = await inTurn(sites, async (site, s) => {
    const one = kind.original
      ? await originalLens(network, cache, { sites: [site] })
      : await logitLens(network, cache, { norm: kind.norm, sites: [site] });
    const { data } = one.logProbs; // [model, 1, batch, pos, dVocab]
    for (let row = 0; row < models * perSite; row++) {
      const own = data.subarray(row * config.dVocab, (row + 1) * config.dVocab);
      const model = Math.floor(row / perSite);
      const to = model * cells + (s * perSite + (row % perSite)) * k;
      largestIndices(own, k).forEach((token, rank) => {
        best[to + rank] = token;
        values[to + rank] = Math.exp(own[token]);
      });
    }
    return one.lens;
  });
  return { lens, tokens: best, measured: { models, cells, rows: 1, values } };
}

async function byRank(
  network: Network,
  tokens: readonly (readonly number[])[],
  kind: LensKind,
  { top, drawn }: { top: number; drawn: DrawnNull | null },
): Promise<LensReading> {
  const own = await ranked(network, tokens, kind, top);
  const random = await drawn?.measured(async (other) => (await ranked(other, tokens, kind, top)).measured);
  const judged = judgeCells(own.measured, random ?? null, { direction: "greater", stream: stream() });
  const sites = lensSites(network.config, kind);
  return {
    ...{ lens: own.lens, sites, byRank: true },
    places: placesOf(sites, tokens, (site, sequence, position, index) => ({
      ...{ site, sequence, position },
      tokens: Array.from({ length: top }, (_, rank) => ({
        token: own.tokens[index * top + rank],
        judged: judged[index * top + rank],
      })),
    })),
  };
}
