/** From what every network told to what S9 found. */
import { seedInterval } from "../../features/seedInterval.ts";
import { fixed, intervalText } from "../../figures/numberText.ts";
import { meanFinite } from "../../figures/spread.ts";
import { factorContrasts, factorsThroughTraining } from "../../figures/studies/tokenOrPosition.ts";
import { holmFamily } from "../protocol/family.ts";
import type { Findings, StudyTable } from "../protocol/study.ts";
import { SYMMETRIC } from "./arms.ts";
import { contrast, factors, type TokenOrPositionTold } from "./measure.ts";
import { layers, MARGIN, type Measure, measures, outcomeName } from "./plan.ts";

type Told = ReadonlyMap<string, readonly TokenOrPositionTold[]>;

const measureNames = Object.keys(measures) as Measure[];

const panelTitles: Readonly<Record<Measure, string>> = {
  raw: "maintained of five neurons, raw",
  kappa: "maintained share beyond chance, kappa",
  r: "r of tuning curves",
  variance: "ln ratio of variance, after to before",
};

/** The statistics of S9 over seeds. */
export function conclude(all: Told): Findings {
  const told = new Map(
    [...all].map(([arm, networks]) => [arm, networks.filter(({ divergedAt }) => divergedAt === null)]),
  );
  const own = told.get(SYMMETRIC) ?? [];
  const count = (map: Told) => [...map.values()].reduce((sum, networks) => sum + networks.length, 0);
  const lost = count(all) - count(told);
  const bySeed = (networks: readonly TokenOrPositionTold[], measure: Measure, layer: number) =>
    networks.map((network) => contrast(network.layers[layer], measure));
  return {
    outcomes: holmFamily(
      layers.flatMap((layer) =>
        measureNames.map((measure) => ({
          name: outcomeName(measure, layer),
          label: `token − position, ${measures[measure]}, layer ${layer}`,
          unit: measure === "raw" ? "neurons" : "",
          nothing: 0,
          bySeed: bySeed(own, measure, layer),
        })),
      ),
    ),
    notes: [
      "All outcomes are of the arm with learned positions. With 8 tokens and 8 trained positions (sequences of 9, whose last token is only a target) both factors have 7 degrees of freedom, embeddings of one standard deviation, and 32 gradient terms for each row of either in a batch.",
      "The eight intervals hold together at 95 % (Bonferroni) and p is Holm's over the eight; equivalence is decided by the 90 % interval of each.",
      "Kappa has no value for a seed in which every neuron of the trained layer would be called maintained; the variance ratio none where a cross-validated variance is not positive. Such seeds are left out of that outcome only.",
      changeOfLead(own),
      ...(lost > 0 ? [`${lost} networks diverged and are left out.`] : []),
    ],
    tables: [contrastTable(told, bySeed), courseTable(own), factorTable(told)],
    figures: [
      factorContrasts({
        seeds: own.length,
        margin: MARGIN,
        measures: measureNames.map((measure) => ({
          name: panelTitles[measure],
          unit: measure === "raw" ? "neurons" : "",
          isR: measure === "r",
          rows: [...told].flatMap(([arm, networks]) =>
            layers.map((layer) => ({
              ...{ arm, layer, main: arm === SYMMETRIC },
              bySeed: bySeed(networks, measure, layer),
            })),
          ),
        })),
      }),
      factorsThroughTraining({
        steps: own[0]?.steps ?? [],
        layers: layers.map((layer) => ({
          layer,
          token: own.map((network) => network.layers[layer].token.r),
          position: own.map((network) => network.layers[layer].position.r),
          null: own.flatMap((network) => factors.map((factor) => network.layers[layer][factor].nullR)),
        })),
      }),
    ],
  };
}

/** How far r favours positions on the way, and where it ends. */
function changeOfLead(networks: readonly TokenOrPositionTold[]): string {
  const steps = networks[0]?.steps ?? [];
  const ways = layers.map((layer) => {
    const lead = steps.map((_, at) =>
      meanFinite(networks.map(({ layers: of }) => of[layer].token.r[at] - of[layer].position.r[at])),
    );
    const lowest = lead.reduce((best, value, at) => (value < lead[best] ? at : best), 0);
    return `${fixed(lead[lowest], 3)} at step ${steps[lowest]} and ${fixed(lead.at(-1), 3)} at step ${steps.at(-1)} in layer ${layer}`;
  });
  return `By r, token less position is ${ways.join("; ")}, the first being its lowest on the way: which of the two seems to persist better can depend on when one looks.`;
}

/** `0.71 [0.70, 0.72]` over seeds. */
function over(values: readonly number[], digits = 3): string {
  const { estimate, low, high } = seedInterval(values);
  return `${fixed(estimate, digits)} ${intervalText([low, high], digits)}`;
}

function contrastTable(
  told: Told,
  bySeed: (networks: readonly TokenOrPositionTold[], measure: Measure, layer: number) => number[],
): StudyTable {
  return {
    title: "Token less position, in all arms",
    columns: ["arm", "layer", "raw (neurons of 5)", "kappa", "r", "ln variance ratio", "loss (nats)"],
    rows: [...told].flatMap(([arm, networks]) =>
      layers.map((layer) => [
        ...[arm, `L${layer}`],
        ...measureNames.map((measure) => over(bySeed(networks, measure, layer))),
        over(networks.map(({ loss }) => loss)),
      ]),
    ),
    caption:
      "Mean over seeds with its 95 % t interval, not adjusted. Above 0 tokens persist better, below 0 positions do.",
  };
}

function courseTable(networks: readonly TokenOrPositionTold[]): StudyTable {
  return {
    title: "r through training, learned positions",
    columns: ["layer", "step", "r token", "r position", "token − position"],
    rows: layers.flatMap((layer) =>
      (networks[0]?.steps ?? []).flatMap((step, at) => {
        if (step === 0) return []; // 1 by definition
        const of = networks.map((network) => network.layers[layer]);
        return [
          [
            ...[`L${layer}`, step],
            over(of.map(({ token }) => token.r[at])),
            over(of.map(({ position }) => position.r[at])),
            over(of.map(({ token, position }) => token.r[at] - position.r[at])),
          ],
        ];
      }),
    ),
    caption:
      "Mean over seeds with its 95 % t interval, not adjusted. Which of the two seems to persist better can depend on when one looks.",
  };
}

function factorTable(told: Told): StudyTable {
  return {
    title: "Each factor by itself",
    columns: [
      ...["arm", "layer", "factor", "r", "r with another seed"],
      ...["maintained", "kappa", "variance before", "after"],
    ],
    rows: [...told].flatMap(([arm, networks]) =>
      layers.flatMap((layer) =>
        factors.map((factor) => {
          const of = networks.map((network) => network.layers[layer][factor]);
          return [
            ...[arm, `L${layer}`, factor],
            over(of.map(({ r }) => r.at(-1) ?? Number.NaN)),
            over(of.map(({ nullR }) => nullR)),
            over(of.map(({ raw }) => raw)),
            over(of.map(({ kappa }) => kappa)),
            over(
              of.map(({ before }) => before),
              4,
            ),
            over(
              of.map(({ after }) => after),
              4,
            ),
          ];
        }),
      ),
    ),
    caption:
      "Mean over seeds with its 95 % t interval. Variance: cross-validated, of activations, mean over neurons; a share of variance would fall when another component grows.",
  };
}
