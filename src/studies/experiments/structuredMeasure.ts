/** What structured inputs do to each network: its units and heads on structured sets and on random sets of the same size. */
import { inTurn } from "../../base/inTurn.ts";
import { randomStream } from "../../base/random.ts";
import { latinBlocks } from "../../data/probes.ts";
import { type SetSpread, setSpread } from "../../features/setSpread.ts";
import { visitActivations } from "../../features/siteActivations.ts";
import {
  type StructuredFamily,
  shiftedSet,
  structuredFamilies,
  structuredOffsets,
} from "../../features/structuredSequences.ts";
import { sizeOf } from "../../graph/node.ts";
import {
  type ByHeadScore,
  byHeadScore,
  correctedScore,
  headScoreNames,
  patternScores,
} from "../../interp/headScores.ts";
import type { Network } from "../../interp/network.ts";
import { runWithCache } from "../../interp/run.ts";
import type { ModelConfig } from "../../model/config.ts";
import { type Site, type SiteName, sitesOf } from "../../model/hookPoints.ts";
import type { ExperimentSetup } from "./section.ts";

/** Random sets for every Latin block of the setup. */
export const SETS_PER_BLOCK = 3;
/** Family-wise level over the units of a network and the six families. */
export const OUTSIDE_LEVEL = 0.05 / structuredFamilies.length;

/** A site whose units are looked at. */
export interface StructuredSite {
  readonly site: SiteName;
  readonly layer: number;
  readonly units: number;
}

/** Attention output, MLP units and stream of every layer, as far as the model has them. */
export function structuredSites(config: ModelConfig): StructuredSite[] {
  const parts = ["hook_attn_out", "mlp.hook_post", "hook_resid_post"];
  return [...sitesOf(config).values()].flatMap((site: Site): StructuredSite[] =>
    site.layer !== undefined && parts.some((part) => site.name === `blocks.${site.layer}.${part}`)
      ? [{ site: site.name, layer: site.layer, units: sizeOf(site.shape(1, 1)) }]
      : [],
  );
}

/** A number of a structured set beside the same of random sets. */
export interface BesideRandom {
  readonly value: number;
  readonly mean: number;
  readonly sd: number;
  /** In standard deviations over all sets, this one included; NaN where the set has no such number. */
  readonly z: number;
}

/** How units, or scores of heads, of one network deviate on a structured set; see `setSpread`. */
export interface Deviation {
  readonly varying: number;
  readonly rms: number;
  readonly rmsRandom: number;
  readonly p: number;
  readonly share: number;
  readonly shareRandom: number;
}

/** One network on one family. */
export interface StructuredResponse {
  /** The sequence that starts with token 0; the others of the set are shifted by a token each. */
  readonly example: readonly number[];
  readonly units: Deviation;
  /** Mean activation of the site, and share of its units outside, [site]. */
  readonly sites: readonly (BesideRandom & { readonly outside: number })[];
  /** Deviation of each unit, sites one after the other, [unit]. */
  readonly z: Float32Array;
  readonly heads: Deviation;
  /** Corrected scores, [layer · head]. */
  readonly scores: readonly ByHeadScore<BesideRandom>[];
}

/** One network on all families. */
export interface StructuredModel {
  readonly seed: number;
  readonly families: Readonly<Record<StructuredFamily, StructuredResponse>>;
}

/** Sums over one set of inputs. */
interface SetSums {
  /** Mean activation, sites one after the other, [unit]. */
  readonly means: Float64Array;
  /** Sums over sequences of raw score, uniform score and queries: [score][layer · head], [score], [score]. */
  readonly raw: Float64Array;
  readonly uniform: Float64Array;
  readonly queries: Float64Array;
}

/**
 * Responses of every model. The random sets are shared by all models; motifs of structured sets are drawn for each seed,
 * so that an interval over seeds covers their choice.
 *
 * @throws ArgumentError if the setup does not fit the network
 */
export async function measureStructured(
  network: Network,
  setup: ExperimentSetup,
): Promise<StructuredModel[]> {
  const { config, nPos, blocks, seeds } = setup;
  const { dVocab } = config;
  const sites = structuredSites(config);
  const patterns = nPos > 1 ? headSites(config) : [];
  const sets = SETS_PER_BLOCK * blocks;
  const stream = randomStream("experiments", "structured", "random sets");
  const random = latinBlocks({ dVocab, nPos, blocks: sets, stream });
  const sums = seeds.map(() => Array.from({ length: sets }, () => emptySums(sites, patterns, config)));
  const scale = seeds.map(() => new Float64Array(totalUnits(sites)));
  const add = adder(config, { sites, patterns, nPos });

  await visitActivations(
    network,
    random,
    [...sites, ...patterns].map(({ site }) => site),
    (block) => {
      const { model, site, first, rows, values } = block;
      for (let row = 0; row < rows; row++) {
        const sequence = first + row;
        const tokens = random.tokens.subarray(sequence * nPos, (sequence + 1) * nPos);
        const one = values.subarray((row * values.length) / rows, ((row + 1) * values.length) / rows);
        add(sums[model][Math.floor(sequence / dVocab)], site, one, tokens);
        squares(scale[model], sites, site, one);
      }
    },
  );
  for (const own of scale)
    own.forEach((total, unit) => {
      own[unit] = Math.sqrt(total / (random.count * nPos));
    });

  const draws = seeds.map((seed) =>
    structuredFamilies.map((family) =>
      structuredOffsets(family, {
        ...{ dVocab, nPos },
        stream: randomStream("experiments", "structured", seed, family),
      }),
    ),
  );
  const responses = await inTurn(structuredFamilies, async (_, family) => {
    const tokens = draws.map((own) => shiftedSet(own[family], dVocab));
    const own = seeds.map(() => emptySums(sites, patterns, config));
    await runSets(network, tokens, [...sites, ...patterns], nPos, (model, site, values, row) =>
      add(own[model], site, values, tokens[model].subarray(row * nPos, (row + 1) * nPos)),
    );
    return own.map((structured, model) =>
      responseOf(structured, sums[model], {
        ...{ sites, scale: scale[model] },
        example: Array.from(draws[model][family]),
      }),
    );
  });
  return seeds.map((seed, model) => ({
    seed,
    families: Object.fromEntries(
      structuredFamilies.map((family, i) => [family, responses[i][model]]),
    ) as Record<StructuredFamily, StructuredResponse>,
  }));
}

/** Patterns of every layer with attention. */
function headSites(config: ModelConfig): { site: SiteName; layer: number }[] {
  return [...sitesOf(config).values()].flatMap(({ name, layer }) =>
    layer !== undefined && name.endsWith(".attn.hook_pattern") ? [{ site: name, layer }] : [],
  );
}

function totalUnits(sites: readonly StructuredSite[]): number {
  return sites.reduce((sum, { units }) => sum + units, 0);
}

function emptySums(
  sites: readonly StructuredSite[],
  patterns: readonly unknown[],
  { nHeads }: ModelConfig,
): SetSums {
  const scores = headScoreNames.length;
  return {
    means: new Float64Array(totalUnits(sites)),
    raw: new Float64Array(scores * patterns.length * nHeads),
    uniform: new Float64Array(scores),
    queries: new Float64Array(scores),
  };
}

/** Adds one sequence at one site to the sums of its set. */
function adder(
  config: ModelConfig,
  {
    sites,
    patterns,
    nPos,
  }: { sites: readonly StructuredSite[]; patterns: readonly { site: SiteName }[]; nPos: number },
) {
  const { dVocab, nHeads, causal } = config;
  const starts = new Map<string, { start: number; units: number }>();
  let start = 0;
  for (const { site, units } of sites) {
    starts.set(site, { start, units });
    start += units;
  }
  const heads = patterns.length * nHeads;
  return (set: SetSums, site: SiteName, values: Float32Array | Float64Array, tokens: Int32Array) => {
    const place = starts.get(site);
    if (place !== undefined) {
      for (let at = 0; at < values.length; at++)
        set.means[place.start + (at % place.units)] += values[at] / (dVocab * nPos);
      return;
    }
    const layer = patterns.findIndex((pattern) => pattern.site === site);
    const { scores } = patternScores(
      [
        {
          axes: ["model", "batch", "head", "queryPos", "keyPos"],
          shape: [1, 1, nHeads, nPos, nPos],
          data: values,
        },
      ],
      { data: tokens, batch: 1, pos: nPos },
      { causal },
    );
    for (const [s, name] of headScoreNames.entries()) {
      const { raw, uniform, queries } = scores[name].bySequence;
      for (let head = 0; head < nHeads; head++) set.raw[s * heads + layer * nHeads + head] += raw.data[head];
      if (layer > 0) continue; // the same tokens in every layer
      set.uniform[s] += uniform.data[0];
      set.queries[s] += queries.data[0];
    }
  };
}

function squares(
  scale: Float64Array,
  sites: readonly StructuredSite[],
  site: SiteName,
  values: Float32Array | Float64Array,
): void {
  let start = 0;
  for (const { site: name, units } of sites) {
    if (name === site)
      for (let at = 0; at < values.length; at++) scale[start + (at % units)] += values[at] * values[at];
    start += units;
  }
}

/** Runs every model on sequences of its own and shows them one by one. */
async function runSets(
  network: Network,
  tokens: readonly Int32Array[],
  sites: readonly { site: SiteName }[],
  nPos: number,
  visit: (model: number, site: SiteName, values: Float32Array | Float64Array, row: number) => void,
): Promise<void> {
  if (sites.length === 0) return;
  const batch = tokens[0].length / nPos;
  const data = Int32Array.from(tokens.flatMap((own) => Array.from(own)));
  const { cache } = await runWithCache(
    network,
    { data, batch, pos: nPos },
    { sites: sites.map(({ site }) => site) },
  );
  for (const { site } of sites) {
    const all = cache.get(site).data; // [model, batch, …]
    const size = all.length / (tokens.length * batch);
    for (let model = 0; model < tokens.length; model++)
      for (let row = 0; row < batch; row++) {
        const at = (model * batch + row) * size;
        visit(model, site, all.subarray(at, at + size), row);
      }
  }
}

interface Frame {
  readonly sites: readonly StructuredSite[];
  /** Root mean square activation, [unit]. */
  readonly scale: Float64Array;
  readonly example: readonly number[];
}

function responseOf(
  own: SetSums,
  random: readonly SetSums[],
  { sites, scale, example }: Frame,
): StructuredResponse {
  const level = OUTSIDE_LEVEL;
  const units = setSpread(
    own.means,
    random.map(({ means }) => means),
    { level, scale },
  );
  const siteMeans = ({ means }: SetSums) => {
    let start = 0;
    return Float64Array.from(sites, ({ units: count }) => {
      const part = means.subarray(start, start + count);
      start += count;
      return part.reduce((sum, value) => sum + value, 0) / count;
    });
  };
  const bySite = setSpread(siteMeans(own), random.map(siteMeans), {
    level,
    scale: siteMeans({ ...own, means: scale }),
  });
  const ownSites = siteMeans(own);
  const scores = correctedOf(own);
  const heads = setSpread(scores, random.map(correctedOf), {
    level,
    scale: new Float64Array(scores.length).fill(1),
  });
  const perScore = scores.length / headScoreNames.length;
  let start = 0;
  return {
    example,
    units: deviationOf(units),
    sites: sites.map(({ units: count }, site) => {
      const outside = units.outside.subarray(start, (start += count)).reduce((sum, one) => sum + one, 0);
      return { ...beside(ownSites, bySite, site), outside: outside / count };
    }),
    z: Float32Array.from(units.z),
    heads: deviationOf(heads),
    scores: Array.from({ length: perScore }, (_, head) =>
      byHeadScore((name) => beside(scores, heads, headScoreNames.indexOf(name) * perScore + head)),
    ),
  };
}

/** Corrected scores of a set, [score, layer · head]; NaN where none of its queries has the score. */
function correctedOf({ raw, uniform, queries }: SetSums): Float64Array {
  const heads = raw.length / headScoreNames.length;
  return raw.map((sum, at) => {
    const s = Math.floor(at / heads);
    return correctedScore(headScoreNames[s], sum, uniform[s], queries[s]);
  });
}

function beside(values: Float64Array, { mean, sd, z }: SetSpread, at: number): BesideRandom {
  return { value: values[at], mean: mean[at], sd: sd[at], z: z[at] };
}

function deviationOf({ varying, rms, rmsRandom, p, share, shareRandom }: SetSpread): Deviation {
  return { varying, rms, rmsRandom, p, share, shareRandom };
}
