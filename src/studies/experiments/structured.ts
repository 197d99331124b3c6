/**
 * Experiment 5, structured inputs: what units and heads make of sequences with a structure, beside what they make of
 * random ones.
 *
 * Structured sets are Latin blocks, so tuning to token and position cancels, and what is left is what a network makes
 * of the context.
 */
import { againstNetworks, type NetworkComparison } from "../../features/networkNull.ts";
import { seedInterval } from "../../features/seedInterval.ts";
import { type StructuredFamily, structuredFamilies } from "../../features/structuredSequences.ts";
import { type ByHeadScore, byHeadScore } from "../../interp/headScores.ts";
import type { Interval } from "../../stats/intervals.ts";
import { holm } from "../../stats/multiplicity.ts";
import { tTest } from "../../stats/tTest.ts";
import type { ExperimentSetup, Section, Verdict } from "./section.ts";
import {
  type BesideRandom,
  type Deviation,
  SETS_PER_BLOCK,
  type StructuredModel,
  type StructuredResponse,
  type StructuredSite,
  structuredSites,
} from "./structuredMeasure.ts";

export { measureStructured, type StructuredModel } from "./structuredMeasure.ts";

/** Units, or head scores, of a population on one family; every Interval is a mean over seeds. */
export interface StructuredDeviation {
  /** Root mean square deviation, in standard deviations over sets; about 1 for a random set. */
  readonly rms: Interval;
  /** Share outside the spread over random sets, family-wise at 0.05 over the network and the families. */
  readonly outside: Interval;
  /** p that the structured set is one more random set: of one seed by rank, of several by t over seeds. */
  readonly p: number;
}

/** One family. */
export interface StructuredFamilyNumbers {
  readonly family: StructuredFamily;
  /** Of the first seed, the sequence that starts with token 0. */
  readonly example: readonly number[];
  readonly units: StructuredDeviation;
  readonly heads: StructuredDeviation;
  /** Mean activation of every site on the structured set and on random sets, and the share of its units outside. */
  readonly sites: readonly {
    readonly site: string;
    readonly layer: number;
    readonly mean: Interval;
    readonly random: Interval;
    readonly z: Interval;
    readonly outside: Interval;
  }[];
  /** Of the first seed: corrected scores of every head. */
  readonly scores: readonly {
    readonly layer: number;
    readonly head: number;
    readonly scores: ByHeadScore<BesideRandom>;
  }[];
  /** Of the first seed: z of every unit, [site][unit]. */
  readonly z: readonly (readonly number[])[];
}

/** Numbers of the section. */
export interface StructuredNumbers {
  readonly seeds: readonly number[];
  /** Units and head scores that were compared. */
  readonly units: number;
  readonly headScores: number;
  readonly families: readonly StructuredFamilyNumbers[];
}

/** The nulls of the section, by family in the order of the numbers. */
export interface StructuredNull {
  /** Random sets of each seed. */
  readonly sets: number;
  readonly families: readonly {
    readonly family: StructuredFamily;
    /** Random sets of the same size: the mean over them, mean over seeds. */
    readonly units: { readonly rms: Interval; readonly outside: Interval };
    readonly heads: { readonly rms: Interval; readonly outside: Interval };
    /** The root mean square deviations of random networks on the same family. */
    readonly networks: { readonly units: NetworkComparison; readonly heads: NetworkComparison };
  }[];
}

const ALPHA = 0.05;
const kinds = ["units", "heads"] as const;

/**
 * Responses of a population to structured inputs, beside random inputs and random networks.
 *
 * @param nulls  the same measured on random networks; may be empty
 */
export function summariseStructured(
  models: readonly StructuredModel[],
  nulls: readonly StructuredModel[],
  setup: ExperimentSetup,
): Section<StructuredNumbers, StructuredNull> {
  const sites = structuredSites(setup.config);
  const numbers: StructuredNumbers = {
    seeds: models.map(({ seed }) => seed),
    units: sites.reduce((sum, { units }) => sum + units, 0),
    headScores: headScoreCount(models),
    families: structuredFamilies.map((family) => familyNumbers(family, models, sites, setup)),
  };
  const drawn: StructuredNull = {
    sets: SETS_PER_BLOCK * setup.blocks,
    families: structuredFamilies.map((family) => {
      const over = (kind: "units" | "heads", key: "rmsRandom" | "shareRandom") =>
        seedInterval(models.map(({ families }) => families[family][kind][key]));
      const rms = (of: readonly StructuredModel[], kind: "units" | "heads") =>
        of.map(({ families }) => families[family][kind].rms);
      return {
        family,
        units: { rms: over("units", "rmsRandom"), outside: over("units", "shareRandom") },
        heads: { rms: over("heads", "rmsRandom"), outside: over("heads", "shareRandom") },
        networks: {
          units: againstNetworks(rms(models, "units"), rms(nulls, "units"), "greater"),
          heads: againstNetworks(rms(models, "heads"), rms(nulls, "heads"), "greater"),
        },
      };
    }),
  };
  return {
    question:
      "Do units and heads respond to structured sequences beyond the spread over random ones, and more than in random networks?",
    numbers,
    null: drawn,
    verdict: verdictOf(numbers, drawn),
  };
}

function headScoreCount(models: readonly StructuredModel[]): number {
  const first = models.at(0)?.families.constant.scores ?? [];
  return first.reduce((sum, scores) => sum + Object.keys(scores).length, 0);
}

function familyNumbers(
  family: StructuredFamily,
  models: readonly StructuredModel[],
  sites: readonly StructuredSite[],
  { config }: ExperimentSetup,
): StructuredFamilyNumbers {
  const responses = models.map(({ families }) => families[family]);
  const first: StructuredResponse | undefined = responses.at(0);
  const layers = first === undefined ? 0 : first.scores.length / config.nHeads;
  const layerNames = sitesWithAttention(sites);
  let start = 0;
  return {
    family,
    example: first?.example ?? [],
    units: deviation(responses.map(({ units }) => units)),
    heads: deviation(responses.map(({ heads }) => heads)),
    sites: sites.map(({ site, layer }, i) => {
      const of = (key: keyof BesideRandom | "outside") =>
        seedInterval(responses.map((one) => one.sites[i][key]));
      return {
        ...{ site, layer },
        ...{ mean: of("value"), random: of("mean"), z: of("z"), outside: of("outside") },
      };
    }),
    scores: Array.from({ length: layers }, (_, layer) =>
      Array.from({ length: config.nHeads }, (_, head) => ({
        ...{ layer: layerNames[layer], head },
        scores: byHeadScore(
          (name) => (first as StructuredResponse).scores[layer * config.nHeads + head][name],
        ),
      })),
    ).flat(),
    z: sites.map(({ units }) =>
      Array.from((first?.z ?? new Float32Array(0)).subarray(start, (start += units))),
    ),
  };
}

/** The layers that have attention, in order. */
function sitesWithAttention(sites: readonly StructuredSite[]): number[] {
  return sites.filter(({ site }) => site.endsWith("hook_attn_out")).map(({ layer }) => layer);
}

/** Deviations over seeds; a network in which nothing varies deviates by nothing and is left out of the means. */
function deviation(of: readonly Deviation[]): StructuredDeviation {
  const measured = of.filter(({ varying }) => varying > 0);
  const rms = seedInterval(measured.map((one) => one.rms));
  const outside = seedInterval(measured.map(({ share }) => share));
  if (measured.length === 0) return { rms, outside, p: Number.NaN };
  if (measured.length === 1) return { rms, outside, p: measured[0].p };
  const { t, p } = tTest(measured.map((one) => one.rms - one.rmsRandom));
  return { rms, outside, p: t > 0 ? p / 2 : 1 - p / 2 };
}

function verdictOf(
  { families, seeds }: StructuredNumbers,
  { sets, families: drawn }: StructuredNull,
): Verdict {
  const statement =
    "Some kind of structure moves units or heads beyond the spread over random sequences, and more than in random networks.";
  const beside = drawn.some(({ networks }) => networks.units.networks > 0);
  const rule = `for a family and for units or heads, the root mean square deviation exceeds that of random sets${
    beside ? " and that of random networks" : ""
  }: the larger p, Holm over all of them, ≤ 0.05`;
  const tests = families.flatMap((family, i) =>
    kinds.map((kind) => {
      const { p, smallest } = drawn[i].networks[kind];
      const own = family[kind].p;
      return {
        name: `${family.family} ${kind}`,
        own,
        p: beside ? Math.max(own, p) : own,
        smallest: Math.max(seeds.length === 1 ? 1 / (1 + sets) : 0, beside ? smallest : 0),
        rms: family[kind].rms.estimate,
        networks: drawn[i].networks[kind].mean,
      };
    }),
  );
  const decided = tests.filter(({ p }) => !Number.isNaN(p));
  if (decided.length === 0)
    return {
      holds: null,
      statement,
      rule,
      evidence: "The context moves nothing in this model: no attention.",
    };
  if (decided.every(({ smallest }) => smallest * decided.length > ALPHA))
    return {
      holds: null,
      statement,
      rule,
      evidence: "Too few random sets or networks for so many families.",
    };
  const adjusted = holm(decided.map(({ p }) => p));
  const count = (values: ArrayLike<number>) => Array.from(values).filter((p) => p <= ALPHA).length;
  const found = count(adjusted);
  const beyondRandom = count(holm(decided.map(({ own }) => own)));
  const { name, rms, networks } = decided.reduce((best, one) => (one.rms > best.rms ? one : best));
  const among = beside ? `, in random networks ${networks.toFixed(2)}` : "";
  return {
    ...{ holds: found > 0, statement, rule },
    evidence: `${beyondRandom} of ${decided.length} beyond random sequences, ${beside ? `${found} beyond random networks too` : "no random networks to compare with"}; largest: ${name}, ${rms.toFixed(2)} standard deviations${among}.`,
  };
}
