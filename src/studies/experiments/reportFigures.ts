/** The figures of each section, made from its numbers; networks that are shown one by one are those of the first seed. */
import { activationBins } from "../../features/largestActivation.ts";
import {
  activationDistributions,
  attentionPatterns,
  attentionVariability,
  effectSizes,
  embeddingCosines,
  type FigureSpec,
  percent,
  positionSelectivity,
  type Subject,
  singularValues,
  structuredResponses,
  tokenPositionInteraction,
  tokenPositionMaps,
  tokenSelectivity,
  topInputs,
  unitNetwork,
} from "../../figures/index.ts";
import { cosineNull } from "./cosineNull.ts";
import type { PopulationResult } from "./result.ts";
import type { SectionName } from "./spec.ts";

type Figures = { readonly [S in SectionName]: (population: PopulationResult) => FigureSpec[] };

/** A population as figures know it: all of its seeds, or one of them in full. */
function subjectOf({ name, step, setup: { seeds } }: PopulationResult, shown: "all" | "first"): Subject {
  return {
    name: step === 0 || step === null ? name : `${name} at step ${step}`,
    seeds: seeds.length,
    time: step === 0 ? "then" : "now",
    ...(shown === "first" ? { seed: seeds[0] } : {}),
  };
}

const tokensOf = ({ config }: PopulationResult) =>
  Array.from({ length: config.dVocab }, (_, token) => String(token));

const kindNames = { neuron: "MLP", residual: "stream", head: "heads" } as const;
const groupTitle = ({ layer, kind }: { layer: number; kind: keyof typeof kindNames }) =>
  `layer ${layer} · ${kindNames[kind]}`;

/** Items by the panel that they belong to, panels in the order in which they first occur. */
function byTitle<T>(items: readonly T[], titleOf: (item: T) => string): { title: string; items: T[] }[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const title = titleOf(item);
    groups.set(title, [...(groups.get(title) ?? []), item]);
  }
  return [...groups].map(([title, list]) => ({ title, items: list }));
}

const detection: Figures["detection"] = (population) => {
  const { numbers } = population.sections.detection;
  const { exhaustivePositions, exhaustiveInputs, sampleSequences, sampledPositions } = numbers.search;
  const searched = [
    ...(exhaustivePositions.length > 0
      ? [`all ${exhaustiveInputs} inputs of ${exhaustivePositions.length} positions`]
      : []),
    ...(sampledPositions.length > 0 ? [`a sample of ${sampleSequences} sequences`] : []),
  ].join(" and ");
  const neurons = numbers.examples.filter(({ kind }) => kind === "neuron");
  const { low, high, count } = activationBins;
  return [
    topInputs({
      subject: subjectOf(population, "first"),
      // what a position cannot see is a token of its own
      tokens: [...tokensOf(population), "·"],
      searched,
      units: (neurons.length > 0 ? neurons : numbers.examples).map((unit) => ({
        name: unit.name,
        inputs: unit.inputs.map(({ tokens, ...input }) => ({
          ...input,
          tokens: tokens.map((token) => (token < 0 ? population.config.dVocab : token)),
        })),
        usual: unit.usual,
        ...(Number.isFinite(unit.overlap) ? { stability: unit.overlap } : {}),
      })),
    }),
    {
      ...activationDistributions({
        subject: subjectOf(population, "all"),
        sites: numbers.groups.map((group) => ({
          title: groupTitle(group),
          edges: Array.from({ length: count + 1 }, (_, i) => low + ((high - low) * i) / count),
          shares: group.distribution,
          // each unit is standardised by itself, and nothing of it is exactly 0 then
          ...{ zeroShare: 0, mean: 0, sd: 1 },
        })),
      }),
      title: `${subjectOf(population, "all").name}: activations of each unit in its own standard deviations, beside the normal.`,
    },
  ];
};

const hypotheses: Figures["hypotheses"] = (population) => {
  const { numbers, null: drawn } = population.sections.hypotheses;
  if (numbers.results.length === 0) return [];
  return [
    effectSizes({
      subject: subjectOf(population, "first"),
      effects: numbers.results.map(({ name, token, pos, selected, tested, holm }) => ({
        unit: name,
        cell: `token ${token} at ${pos}`,
        selected,
        tested,
        p: holm,
      })),
      null: drawn.permuted.d,
      correction: `Holm over ${numbers.hypotheses} hypotheses`,
      alpha: numbers.alpha,
    }),
  ];
};

const projectionName = "random projections of random embeddings through layer norm and the nonlinearity";

const mapping: Figures["mapping"] = (population) => {
  const { numbers, null: drawn } = population.sections.mapping;
  const first = subjectOf(population, "first");
  const groups = byTitle(numbers.units, groupTitle);
  const nullOf = (kind: keyof typeof kindNames, source: "token" | "position") => {
    const spread = drawn.projection[kind]?.[source];
    return spread === undefined
      ? { low: Number.NaN, high: Number.NaN }
      : { low: spread.low, high: spread.high, middle: spread.mean };
  };
  const selectivity = (source: "token" | "position", levels: readonly string[]) => ({
    subject: first,
    levels,
    groups: groups.map(({ title, items }) => ({
      title,
      null: nullOf(items[0].kind, source),
      units: items.map((unit) => ({
        name: unit.name,
        curve: source === "token" ? unit.tokenCurve : unit.positionCurve,
        share: unit.shares[source],
      })),
    })),
    nullName: projectionName,
  });
  const positions = Array.from({ length: numbers.positions }, (_, pos) => String(pos));
  return [
    tokenSelectivity(selectivity("token", tokensOf(population))),
    positionSelectivity(selectivity("position", positions)),
    tokenPositionMaps({
      subject: first,
      tokens: tokensOf(population),
      nPos: numbers.positions,
      groups: byTitle(numbers.maps, groupTitle).map(({ title, items }) => ({ title, units: items })),
    }),
    interactionFigure(population),
  ];
};

/** Shares of variance of every group, beside random networks: the one null that all kinds of units have. */
function interactionFigure(population: PopulationResult): FigureSpec {
  const { numbers, null: drawn } = population.sections.mapping;
  return tokenPositionInteraction({
    subject: subjectOf(population, "all"),
    sites: numbers.groups.map(({ shares, ...group }, i) => {
      const band = (source: "token" | "position" | "interaction" | "context") => {
        const { low, high, mean } = drawn.networks[i].shares[source];
        return { low, high, middle: mean };
      };
      return {
        title: groupTitle(group),
        shares,
        null: {
          token: band("token"),
          position: band("position"),
          interaction: band("interaction"),
          context: band("context"),
        },
      };
    }),
    nullName: `${population.nullSeeds.length} random networks (middle 90 %)`,
  });
}

const circuits: Figures["circuits"] = (population) => {
  const { numbers, null: drawn } = population.sections.circuits;
  const { nodes, edges } = numbers.network;
  const place = new Map(nodes.map(({ name }, index) => [name, index]));
  if (edges.length === 0) return []; // the table says so
  return [
    unitNetwork({
      subject: subjectOf(population, "first"),
      units: nodes.map(({ name, layer }) => ({ name, layer })),
      edges: edges.map(({ from, to, r }) => ({
        a: place.get(from) as number,
        b: place.get(to) as number,
        r,
      })),
      pairs: numbers.pairs,
      threshold: Math.min(...edges.map(({ r }) => Math.abs(r))),
      expected: [{ null: "random networks", pairs: drawn.networks.edges.mean }],
      effectiveInputs: numbers.nEff.estimate,
    }),
  ];
};

/** |z| that one random set in twenty exceeds. */
const CRITICAL = 1.96;

const structured: Figures["structured"] = (population) => {
  const { families } = population.sections.structured.numbers;
  const sites = families[0]?.sites ?? [];
  if (sites.length === 0) return [];
  const unitName = (site: string, layer: number, unit: number) => {
    if (site.endsWith("mlp.hook_post")) return `L${layer}N${unit}`;
    return `L${layer}${site.endsWith("attn_out") ? "A" : "R"}${unit}`;
  };
  const part = (site: string) => site.replace(/^blocks\.\d+\./, "").replace("hook_", "");
  return [
    structuredResponses({
      subject: subjectOf(population, "first"),
      families: families.map(({ family }) => family),
      groups: sites.map(({ site, layer }, s) => ({
        title: `layer ${layer} · ${part(site)}`,
        units: Array.from({ length: families[0].z[s].length }, (_, unit) => ({
          name: unitName(site, layer, unit),
          z: families.map(({ z }) => z[s][unit]),
        })),
        beyond: families.map(({ z }) => {
          const varying = z[s].filter(Number.isFinite);
          return varying.filter((one) => Math.abs(one) > CRITICAL).length / Math.max(1, varying.length);
        }),
      })),
      critical: CRITICAL,
      level: 0.05,
    }),
  ];
};

const initialisation: Figures["initialisation"] = (population) => {
  const { numbers, null: drawn } = population.sections.initialisation;
  const { histogramReach: reach, activations, heads } = numbers;
  const shown = activations.filter(({ site }) => /mlp\.hook_(pre|post)$|hook_resid_post$/.test(site));
  const distributions = activationDistributions({
    subject: subjectOf(population, "all"),
    sites: shown.map(({ site, rms, mean, zero, histogram }) => {
      const bins = histogram.length;
      const others = 1 - zero.estimate;
      const meanOfOthers = mean.estimate / others;
      const zeroBin = Math.floor(bins / 2); // exact zeros were counted where 0 lies
      return {
        title: site.replace(/^blocks\.(\d+)\./, "L$1 ").replace("hook_", ""),
        edges: Array.from({ length: bins + 1 }, (_, i) => rms.estimate * reach * ((2 * i) / bins - 1)),
        shares: histogram.map((share, bin) => (bin === zeroBin ? share - zero.estimate : share)),
        zeroShare: zero.estimate,
        mean: meanOfOthers,
        sd: Math.sqrt(Math.max(0, rms.estimate ** 2 / others - meanOfOthers ** 2)),
      };
    }),
  });
  if (heads.length === 0) return [distributions];
  return [
    // detection has distributions too, of standardised units
    { ...distributions, name: `${distributions.name}-scales` },
    {
      ...attentionVariability({
        subject: subjectOf(population, "all"),
        heads: heads.map(({ layer, head, entropy, distance }) => {
          const random = drawn.attention.find((one) => one.layer === layer);
          return {
            layer,
            head,
            entropyRatio: entropy,
            totalVariation: distance,
            ...(random === undefined || random.distance.networks === 0
              ? {}
              : {
                  null: {
                    entropyRatio: { ...random.entropy, middle: random.entropy.mean },
                    totalVariation: { ...random.distance, middle: random.distance.mean },
                  },
                }),
          };
        }),
      }),
      nullModel:
        "dashed line: uniform attention; grey band and tick: means over the heads of a layer in random networks, middle 90 % and mean.",
      reading: "Dot: mean over queries, sequences and seeds; line: 95 % t interval over seeds.",
    },
    attentionPatterns({
      subject: subjectOf(population, "first"),
      nPos: population.setup.nPos,
      causal: population.config.causal,
      heads: heads.map(({ layer, head, meanPattern }) => ({ layer, head, pattern: meanPattern.flat() })),
    }),
  ];
};

/** Spectra beside their shuffles; of those the section keeps the middle 90 %. */
function spectraFigure(population: PopulationResult): FigureSpec {
  const { spectra } = population.sections.sources.numbers;
  const subject = subjectOf(population, "first");
  const outside = spectra.map(
    ({ values, low, high }) => values.filter((value, i) => value < low[i] || value > high[i]).length,
  );
  const all = spectra.reduce((sum, { values }) => sum + values.length, 0);
  const found = outside.reduce((sum, count) => sum + count, 0);
  return {
    ...singularValues({
      subject,
      matrices: spectra.map(({ name, values, low, mean, high }) => ({
        ...{ name, values },
        null: { low, median: mean, high },
      })),
      nullName: "the matrix's own entries in random order",
    }),
    title: `${subject.name}: ${found} of ${all} singular values (${percent(found / all)}) lie outside what the same entries have in random order; 10 % would by chance.`,
    nullModel:
      "grey band and line: the matrix's own entries in random order, middle 90 % and mean at each place.",
  };
}

const sources: Figures["sources"] = (population) => {
  const { numbers } = population.sections.sources;
  const subject = subjectOf(population, "first");
  const cosines = numbers.tokenCosines;
  return [
    ...(cosines.length < 2
      ? []
      : [
          embeddingCosines({
            subject,
            tables: [
              {
                title: "token embeddings",
                labels: tokensOf(population),
                cosines: cosines.flat(),
                null: cosineNull(cosines.length, population.config.dModel),
              },
            ],
            nullName: "normal vectors of the same dimension",
          }),
        ]),
    ...(numbers.spectra.length === 0 ? [] : [spectraFigure(population)]),
  ];
};

/** Figures of every section. */
export const sectionFigures: Figures = {
  detection,
  hypotheses,
  mapping,
  circuits,
  structured,
  initialisation,
  sources,
};
