/** From what the networks of S8 told to its outcomes, tables and figures. */

import { meanFinite, meanInterval } from "../../figures/spread.ts";
import {
  type HierarchyDepth,
  hierarchyByLayer,
  hierarchyDifferences,
} from "../../figures/studies/layerHierarchy.ts";
import { linearRegression } from "../../stats/linearRegression.ts";
import { mean } from "../../stats/moments.ts";
import { numberText } from "../protocol/numberText.ts";
import { type Outcome, overSeeds } from "../protocol/outcome.ts";
import type { Findings, StudyTable } from "../protocol/study.ts";
import type { HierarchyTold, LayerTold } from "./measure.ts";
import { MARGIN } from "./plan.ts";

type Told = ReadonlyMap<string, readonly HierarchyTold[]>;

/** Outcomes, tables and figures. */
export function conclude(told: Told): Findings {
  const outcomes = outcomesOf(told);
  return {
    outcomes,
    notes: notesOf(told),
    tables: [layerTable(told)],
    figures: [hierarchyByLayer(depthsOf(told)), hierarchyDifferences(differencesOf(told, outcomes))],
  };
}

/** One number of every seed of an arm; NaN for a network that diverged. */
function ofArm(told: Told, arm: string, of: (layers: readonly LayerTold[]) => number): number[] {
  return (told.get(arm) ?? []).map(({ divergedAt, layers }) =>
    divergedAt === null ? of(layers) : Number.NaN,
  );
}

const minus = (a: readonly number[], b: readonly number[]) => a.map((value, seed) => value - b[seed]);

/** Least-squares slope over layers. */
function slopeOf(values: readonly number[]): number {
  return linearRegression(
    values.map((_, layer) => layer),
    values,
  ).estimate;
}

/** The part of the lost tuning that is a layer's own doing, in [0, 1] where both parts cost something. */
const ownShare = ({ lost: { own, upstream } }: LayerTold) => own / (own + upstream);

/** r of layer 0 less that of layer 1. */
const drop = ([first, second]: readonly LayerTold[]) => first.both - second.both;
const transplantedDrop = (layers: readonly LayerTold[]) => layers[0].own - layers[layers.length - 1].own;

function outcomesOf(told: Told): Outcome[] {
  const slope = (layers: readonly LayerTold[]) => slopeOf(layers.map(({ z }) => z));
  const slopes = ["depth 2", "depth 4", "depth 2 matched", "depth 4 matched"].map((arm) =>
    overSeeds(ofArm(told, arm, slope), {
      name: arm.replace("depth", "slope"),
      label: `slope of artanh r per layer, ${arm.replace(" matched", ", matched displacement")}`,
      nothing: 0,
    }),
  );
  const frozen = minus(
    ofArm(told, "embeddings frozen", ([first]) => first.both),
    ofArm(told, "layer 0 frozen", ([, second]) => second.both),
  );
  const differences = [
    { name: "difference", arm: "depth 2", of: drop, label: "r of layer 0 less layer 1, depth 2" },
    {
      ...{ name: "transplanted", arm: "depth 2", of: transplantedDrop },
      label: "r of layer 0 less layer 1 with upstream initial, depth 2",
    },
    {
      ...{ name: "transplanted 4", arm: "depth 4", of: transplantedDrop },
      label: "r of layer 0 less layer 3 with upstream initial, depth 4",
    },
    {
      name: "scale 0.3",
      arm: "embeddings x0.3",
      of: drop,
      label: "r of layer 0 less layer 1, embeddings × 0.3",
    },
    {
      name: "scale 0.1",
      arm: "embeddings x0.1",
      of: drop,
      label: "r of layer 0 less layer 1, embeddings × 0.1",
    },
  ].map(({ name, arm, of, label }) => overSeeds(ofArm(told, arm, of), { name, label, nothing: 0 }));
  return [
    ...slopes,
    overSeeds(frozen, {
      name: "frozen",
      label: "r of layer 0 less layer 1, each grown with all before it frozen, depth 2",
      nothing: 0,
    }),
    ...differences,
    overSeeds(
      ofArm(told, "depth 2", ([first, second]) => ownShare(second) - ownShare(first)),
      {
        name: "own share 2",
        label: "own share of the lost tuning, layer 1 less layer 0, depth 2",
        nothing: 0,
      },
    ),
    overSeeds(
      ofArm(told, "depth 4", (layers) => slopeOf(layers.map(ownShare))),
      {
        name: "own share 4",
        label: "slope of the own share of the lost tuning per layer, depth 4",
        nothing: 0,
      },
    ),
  ];
}

function notesOf(told: Told): string[] {
  const all = [...told.values()].flat();
  const diverged = all.filter(({ divergedAt }) => divergedAt !== null).length;
  const dead = all
    .flatMap(({ divergedAt, layers }) => (divergedAt === null ? layers : []))
    .map((of) => of.dead);
  const ratios = ["depth 2", "depth 2 matched", "depth 4", "depth 4 matched"].map((arm) => {
    const ratio = ofArm(
      told,
      arm,
      (layers) => layers[layers.length - 1].displacement / layers[0].displacement,
    );
    return `${numberText(meanFinite(ratio))} in ${arm}`;
  });
  const displaced = (arm: string, layer: number) =>
    numberText(meanFinite(ofArm(told, arm, (layers) => layers[layer].displacement)));
  return [
    `Fan-ins of the last layer move, of their length, this multiple of those of the first: ${ratios.join(", ")}. The matching holds if the matched ones are near 1.`,
    `${diverged} of ${all.length} networks diverged and are left out; a mean layer has ${numberText(mean(dead))} units whose tuning cannot be compared, and its means are over the others.`,
    `The two arms with frozen weights train fewer weights on the same task, so what is left moves further: fan-ins of layer 0 go ${displaced("embeddings frozen", 0)} of their length with the embeddings frozen, those of layer 1 go ${displaced("layer 0 frozen", 1)} with all below frozen.`,
    `Beside the rules: with equal displacement and upstream put back at once, r of layer 0 less layer 1 is ${cellText(ofArm(told, "depth 2 matched", transplantedDrop))} at depth 2 and ${cellText(ofArm(told, "depth 4 matched", transplantedDrop))} from first to last layer at depth 4.`,
    "Intervals are not adjusted. Rules that ask for several conditions at once are stricter for it, not laxer.",
  ];
}

const cellText = (values: ArrayLike<number>): string => {
  const { mean: estimate, low, high } = meanInterval(values);
  return `${numberText(estimate)} [${numberText(low)}, ${numberText(high)}]`;
};

function layerTable(told: Told): StudyTable {
  const rows = [...told].flatMap(([arm, seeds]) => {
    const layers = seeds[0]?.layers.length ?? 0;
    return Array.from({ length: layers }, (_, layer) => {
      const of = (what: (layer: LayerTold) => number) =>
        cellText(ofArm(told, arm, (all) => what(all[layer])));
      return [
        ...[arm, `L${layer}`, of(({ both }) => both), of(({ own }) => own), of(({ upstream }) => upstream)],
        ...[of(ownShare), of(({ displacement }) => displacement), of(({ stranger }) => stranger)],
        layer === 0 ? cellText(seeds.map(({ loss }) => loss)) : "",
      ];
    });
  });
  return {
    title: "Persistence by arm and layer",
    columns: [
      ...["arm", "layer", "r", "r, own block trained", "r, upstream trained", "own share of 1 − r"],
      ...["displacement of fan-ins", "r with another network", "training loss, nats"],
    ],
    rows,
    caption:
      "Means over seeds with unadjusted 95 % t intervals. r is the mean over units of the correlation with their initial tuning. Where nothing upstream was trained the own share is 1.",
  };
}

function depthsOf(told: Told): HierarchyDepth[] {
  return ["depth 1", "depth 2", "depth 4"].map((arm) => {
    const seeds = (told.get(arm) ?? []).filter(({ divergedAt }) => divergedAt === null);
    const layers = seeds[0]?.layers.length ?? 0;
    const of = (what: (layer: LayerTold) => number) =>
      Array.from({ length: layers }, (_, layer) => seeds.map((seed) => what(seed.layers[layer])));
    return {
      ...{ title: arm, seeds: seeds.length },
      both: of(({ both }) => both),
      own: of(({ own }) => own),
      upstream: of(({ upstream }) => upstream),
      stranger: of(({ stranger }) => stranger),
    };
  });
}

function differencesOf(told: Told, outcomes: readonly Outcome[]) {
  const seeds = told.get("depth 2")?.length ?? 0;
  const outcome = (name: string) => outcomes.find((one) => one.name === name) as Outcome;
  const row = (label: string, { estimate, interval: [low, high] }: Outcome) => ({
    label,
    estimate,
    low,
    high,
  });
  const rowOf = (label: string, values: ArrayLike<number>) => {
    const { mean: estimate, low, high } = meanInterval(values);
    return { label, estimate, low, high };
  };
  return {
    seeds,
    margin: MARGIN,
    differences: [
      row("as trained", outcome("difference")),
      row("embeddings × 0.3", outcome("scale 0.3")),
      row("embeddings × 0.1", outcome("scale 0.1")),
      row("upstream frozen", outcome("frozen")),
      rowOf("equal displacement", ofArm(told, "depth 2 matched", drop)),
      row("upstream put back", outcome("transplanted")),
      rowOf("both of these", ofArm(told, "depth 2 matched", transplantedDrop)),
    ],
    shares: ["depth 1", "depth 2", "depth 4"].flatMap((arm) =>
      Array.from({ length: told.get(arm)?.[0]?.layers.length ?? 0 }, (_, layer) =>
        rowOf(
          `${arm}, L${layer}`,
          ofArm(told, arm, (layers) => ownShare(layers[layer])),
        ),
      ),
    ),
  };
}
