/** From what the networks of S11 told to its outcomes, tables and figures. */
import { randomStream } from "../../base/random.ts";
import { patternsFloor } from "../../data/patternsFloor.ts";
import { weightedPersistence } from "../../features/importance.ts";
import { meanInterval } from "../../figures/spread.ts";
import {
  type FunctionPopulation,
  functionByRank,
  functionGroups,
  functionResets,
} from "../../figures/studies/functionKept.ts";
import type { Band } from "../../figures/subject.ts";
import { mean } from "../../stats/moments.ts";
import { holm } from "../../stats/multiplicity.ts";
import { signFlip } from "../../stats/permutation.ts";
import { quantile } from "../../stats/quantile.ts";
import { numberText } from "../protocol/numberText.ts";
import { type Outcome, overSeeds } from "../protocol/outcome.ts";
import type { Findings, StudySize, StudyTable } from "../protocol/study.ts";
import type { FunctionTold } from "./measure.ts";
import {
  freshIndex,
  groupIndices,
  importanceByRank,
  importanceOf,
  type LayerNumbers,
  layerNumbers,
  livingUnits,
} from "./numbers.ts";
import { GROUP, STUDY } from "./plan.ts";

/** Shuffles of a null. */
const SHUFFLES = 1000;
/** Parts that units are ranked into in the figure. */
const BINS = 8;
/** Layers of every arm. */
const LAYERS = [0, 1] as const;

/** The networks of an arm that did not diverge, with their numbers. */
interface Population {
  readonly name: string;
  readonly told: readonly FunctionTold[];
  readonly diverged: number;
  /** [seed][layer] */
  readonly numbers: readonly (readonly LayerNumbers[])[];
}

/** Outcomes of the masked arm, tables and figures of both. */
export function conclude(all: ReadonlyMap<string, readonly FunctionTold[]>, { quick }: StudySize): Findings {
  const populations = [...all].map(([name, told]) => populationOf(name, told));
  const main = populations.find(({ name }) => name === "masked") ?? populations[0];
  const outcomes = outcomesOf(main);
  const shuffles = quick ? 200 : SHUFFLES;
  const shown = populations.map((population) => shownOf(population, shuffles));
  return {
    outcomes,
    notes: notesOf(populations, main, shuffles),
    tables: [holmTable(outcomes), layerTable(populations), ...populations.map(resetTable)],
    figures: [functionByRank(shown), functionGroups(shown), functionResets(shown)],
  };
}

function populationOf(name: string, all: readonly FunctionTold[]): Population {
  const told = all.filter(({ divergedAt }) => divergedAt === null);
  const numbers = told.map(({ layers }) => layers.map(layerNumbers));
  return { name, told, numbers, diverged: all.length - told.length };
}

/** One number a seed: of one layer, or the mean over layers. */
function bySeed({ numbers }: Population, of: keyof LayerNumbers, layer?: number): number[] {
  return numbers.map((layers) =>
    layer === undefined ? mean(layers.map((one) => one[of])) : layers[layer][of],
  );
}

/** An index of a weight group, one number a seed. */
function ofGroup({ told }: Population, kind: "fpi" | "near", name: string): number[] {
  return told.map((one) => groupIndices(one)[kind][one.groupNames.indexOf(name)]);
}

const inputsOf = (layer: number) => `L${layer} MLP in`;

function outcomesOf(population: Population): Outcome[] {
  const advantage = "importance-weighted less plain persistence";
  const groups = `loss without ${GROUP} persistent less without ${GROUP} changed units`;
  const layered = (make: (layer: number) => Outcome) => LAYERS.map(make);
  const [fpi, near] = (["fpi", "near"] as const).map((kind) =>
    LAYERS.map((layer) => ofGroup(population, kind, inputsOf(layer))),
  );
  return [
    overSeeds(bySeed(population, "advantage"), {
      ...{ name: "weighted", label: `${advantage}, mean of layers`, nothing: 0 },
    }),
    ...layered((layer) =>
      overSeeds(bySeed(population, "advantage", layer), {
        ...{ name: `weighted L${layer}`, label: `${advantage}, layer ${layer}`, nothing: 0 },
      }),
    ),
    overSeeds(bySeed(population, "groups"), {
      ...{ name: "groups", label: `${groups}, mean of layers`, unit: "nats", nothing: 0 },
    }),
    ...layered((layer) =>
      overSeeds(bySeed(population, "groups", layer), {
        ...{ name: `groups L${layer}`, label: `${groups}, layer ${layer}`, unit: "nats", nothing: 0 },
      }),
    ),
    ...layered((layer) =>
      overSeeds(bySeed(population, "partial", layer), {
        name: `partial L${layer}`,
        label: `rank correlation of importance and persistence given variance, layer ${layer}`,
        nothing: 0,
      }),
    ),
    ...layered((layer) =>
      overSeeds(ofGroup(population, "fpi", inputsOf(layer)), {
        ...{ name: `FPI L${layer}`, label: `FPI of the MLP's input weights, layer ${layer}`, nothing: 0 },
      }),
    ),
    overSeeds(bySeed(population, "wins"), {
      name: "wins",
      label: "share of single fan-ins that are better reset to their own beginning than to another",
      nothing: 0.5,
    }),
    overSeeds(
      population.told.map((_, seed) => mean(LAYERS.map((layer) => fpi[layer][seed] - near[layer][seed]))),
      {
        name: "beyond nearness",
        label: "FPI of the MLP's input weights less that of equally distant ones, mean of layers",
        nothing: 0,
      },
    ),
  ];
}

function notesOf(populations: readonly Population[], main: Population, shuffles: number): string[] {
  const stream = (purpose: string) => randomStream(STUDY, purpose);
  const floor = patternsFloor({ dVocab: 10, nCtx: 8 }).causal;
  const text = (values: readonly number[]) => numberText(mean(values));
  const shuffled = shuffledAdvantages(main, shuffles);
  const observed = mean(bySeed(main, "advantage"));
  const beyond = shuffled.filter((value) => Math.abs(value) >= Math.abs(observed)).length;
  return [
    ...populations.map(({ name, told, diverged }) => {
      const losses = (when: "before" | "after") => text(told.map(({ loss }) => loss[when]));
      return `${name}: loss on unseen sequences ${losses("before")} nats before and ${losses("after")} after training (causal floor ${numberText(floor)}); ${diverged} of ${told.length + diverged} networks diverged and are left out.`;
    }),
    `Shuffling persistence among the units of a layer ${shuffles} times gives a weighted less plain persistence within [${numberText(quantile(shuffled, 0.025))}, ${numberText(quantile(shuffled, 0.975))}] in 95 % of cases (p ${numberText((1 + beyond) / (1 + shuffles))} for the observed one); swapping the two groups of a seed at random gives p ${numberText(signFlip(bySeed(main, "groups"), { stream: stream("sign flip") }).p)} for their difference.`,
    `The importance of single units has a reliability of ${LAYERS.map((layer) => text(bySeed(main, "reliability", layer))).join(" and ")} in layers 0 and 1 (rank correlation of the two halves of the unseen sequences, by Spearman and Brown); its rank correlations are smaller than true ones by the root of that.`,
    `The groups of ${GROUP} are alike in variance (ratio of means ${LAYERS.map((layer) => text(bySeed(main, "varianceRatio", layer))).join(" and ")}) and apart in persistence (r ${LAYERS.map((layer) => `${text(bySeed(main, "rPersistent", layer))} against ${text(bySeed(main, "rChanged", layer))}`).join(" and ")}).`,
    `The C6 rule asks the layers to agree. The mean of layers alone says: weighted less plain persistence ${signText(bySeed(main, "advantage"))}, persistent less changed groups ${signText(bySeed(main, "groups"))}; by mean ablation instead of resampling ${signText(bySeed(main, "advantageMean"))} and ${signText(bySeed(main, "groupsMean"))}.`,
    "Intervals of outcomes and tables are not adjusted; the C6 rule asks for several conditions at once, which makes it stricter, not laxer. Adjusted p values stand in the first table.",
  ];
}

/** Where a mean lies with its 95 % interval: `below 0`, `above 0`, `around 0`. */
function signText(values: readonly number[]): string {
  const { low, high } = meanInterval(values);
  return high < 0 ? "below 0" : low > 0 ? "above 0" : "around 0";
}

/** Mean advantage over layers and seeds with persistence shuffled within each layer, [shuffle]. */
function shuffledAdvantages({ told }: Population, shuffles: number): Float64Array {
  const stream = randomStream(STUDY, "shuffle");
  const layers = told.flatMap((one) => one.layers.map(livingPairs));
  return Float64Array.from({ length: shuffles }, () =>
    mean(
      layers.map(({ importance, r }) => {
        const order = stream.permutation(r.length);
        const { weighted, unweighted } = weightedPersistence(
          importance,
          r.map((_, at) => r[order[at]]),
        );
        return weighted - unweighted;
      }),
    ),
  );
}

function livingPairs(layer: FunctionTold["layers"][number]) {
  const importance = importanceOf(layer);
  const units = livingUnits(layer);
  return { importance: units.map((unit) => importance[unit]), r: units.map((unit) => layer.r[unit]) };
}

const intervalCell = (values: ArrayLike<number>): string => {
  const { mean: estimate, low, high } = meanInterval(values);
  return `${numberText(estimate)} [${numberText(low)}, ${numberText(high)}]`;
};

function holmTable(outcomes: readonly Outcome[]): StudyTable {
  const tested = outcomes.filter(({ p }) => p !== null);
  const adjusted = holm(tested.map(({ p }) => p as number));
  return {
    title: "Outcomes of the masked arm, adjusted",
    columns: ["outcome", "estimate", "95 % interval", "p", "p (Holm)"],
    rows: tested.map(({ label, estimate, interval, p }, at) => [
      ...[label, numberText(estimate), `[${interval.map(numberText).join(", ")}]`],
      ...[numberText(p as number), numberText(adjusted[at])],
    ]),
    caption: `Means over seeds with unadjusted t intervals; p of the t test against nothing, and adjusted by Holm over these ${tested.length}.`,
  };
}

const layerRows: readonly (readonly [label: string, of: keyof LayerNumbers])[] = [
  ["mean r", "unweighted"],
  ["importance-weighted r", "weighted"],
  ["weighted less plain", "advantage"],
  ["the same by mean ablation", "advantageMean"],
  ["Spearman of importance and r", "spearman"],
  ["the same given variance", "partial"],
  ["reliability of importance", "reliability"],
  ["Spearman of importance and first-order cost", "taylorAgrees"],
  ["Spearman of importance and first-order cost before training", "taylorBefore"],
  ["Spearman of r and first-order cost before training", "taylorBeforeR"],
  ["share of units that do harm", "harmful"],
  ["units without tuning", "dead"],
  [`loss without ${GROUP} persistent units, matched, nats`, "persistent"],
  [`loss without ${GROUP} changed units, matched, nats`, "changed"],
  [`loss without ${GROUP} random units, nats`, "random"],
  ["persistent less changed, nats", "groups"],
  ["the same by mean ablation, nats", "groupsMean"],
  ["the same without matching, nats", "groupsOfAll"],
  ["own fan-in better than a fresh one, share", "wins"],
  ["FPI of single fan-ins", "unitFpi"],
  ["the same of equally distant points", "unitNear"],
];

function layerTable(populations: readonly Population[]): StudyTable {
  const columns = populations.flatMap((population) =>
    LAYERS.map((layer) => ({ population, layer, title: `${population.name} L${layer}` })),
  );
  return {
    title: "Units and groups of units",
    columns: ["", ...columns.map(({ title }) => title)],
    rows: layerRows.map(([label, of]) => [
      label,
      ...columns.map(({ population, layer }) => intervalCell(bySeed(population, of, layer))),
    ]),
    caption:
      "Means over seeds with unadjusted 95 % t intervals; losses are rises above that of the intact network.",
  };
}

function resetTable({ name, told }: Population): StudyTable {
  const groups = told[0]?.groupNames ?? [];
  return {
    title: `Resets of weight groups, ${name}`,
    columns: ["group", "own", "fresh", "equally distant", "FPI", "FPI of equally distant"],
    rows: groups.map((group, part) => {
      const indices = told.map(groupIndices);
      return [
        group,
        intervalCell(told.map(({ groupResets }) => groupResets.own[part])),
        intervalCell(told.map(({ groupResets }) => mean(groupResets.fresh[part]))),
        intervalCell(told.map(({ groupResets }) => mean(groupResets.near[part]))),
        intervalCell(indices.map(({ fpi }) => fpi[part])),
        intervalCell(indices.map(({ near }) => near[part])),
      ];
    }),
    caption:
      "What the loss rises by, nats, when a group is reset to its own initial value, to a fresh draw, or moved equally far in a random direction; indices are taken within each network. Means over seeds with unadjusted 95 % t intervals.",
  };
}

/** What the figures show of an arm. */
function shownOf(population: Population, shuffles: number): FunctionPopulation {
  const { name, told, diverged } = population;
  const stream = randomStream(STUDY, name, "figure null");
  return {
    ...{ name, seeds: told.length, diverged, groupSize: GROUP },
    layers: LAYERS.map((layer) => {
      const pairs = told.map((one) => livingPairs(one.layers[layer]));
      const eighthOfAny = Array.from({ length: shuffles }, () =>
        mean(
          pairs.map(({ importance }) => {
            const order = stream.permutation(importance.length).subarray(0, importance.length / BINS);
            return mean(Float64Array.from(order, (at) => importance[at]));
          }),
        ),
      );
      return {
        layer,
        byRank: pairs.map(({ importance, r }) => Array.from(importanceByRank(importance, r, BINS))),
        rankNull: bandOf(eighthOfAny),
        changed: bySeed(population, "changed", layer),
        persistent: bySeed(population, "persistent", layer),
        random: bandOf(
          Array.from(told[0]?.layers[layer].groups.random ?? [], (_, draw) =>
            mean(told.map((one) => one.layers[layer].groups.random[draw])),
          ),
        ),
        partial: bySeed(population, "partial", layer),
      };
    }),
    resets: (told[0]?.groupNames ?? []).map((group, part) => ({
      group,
      fpi: ofGroup(population, "fpi", group),
      near: ofGroup(population, "near", group),
      null: bandOf(
        Array.from({ length: shuffles }, () =>
          mean(
            told.map(({ groupResets: { fresh } }) =>
              freshIndex(fresh[part], stream.integer(fresh[part].length)),
            ),
          ),
        ),
      ),
    })),
  };
}

function bandOf(values: ArrayLike<number>): Band {
  return { low: quantile(values, 0.025), middle: mean(values), high: quantile(values, 0.975) };
}
