/** What learned masks say: a family of outcomes of their own, two tables, a figure. */

import type { FigureSpec } from "../../figures/figure.ts";
import { fixed, percent } from "../../figures/numberText.ts";
import { meanInterval } from "../../figures/spread.ts";
import { learnedMasks } from "../../figures/studies/lotteryTicketsLearned.ts";
import { spearman } from "../../stats/correlation.ts";
import { partialSpearman } from "../../stats/partialCorrelation.ts";
import { type Outcome, overSeeds } from "../protocol/outcome.ts";
import type { StudyTable } from "../protocol/study.ts";
import { aurocNull, aurocOf, overLayers, type ScoreOfUnit } from "./keptUnits.ts";
import { type LearnedOverlap, learnedArms, learnedKeeps, learnedLabels } from "./learned.ts";
import type { LayerUnits, SeedTickets } from "./measure.ts";
import { oneFamily } from "./oneFamily.ts";
import { outcomeNames } from "./plan.ts";
import { mainKeep, ticketName } from "./tickets.ts";
import { withInterval } from "./withInterval.ts";

/** Loss of the network under a mask, nothing trained, [seed]. */
const lossesOf = (seeds: readonly SeedTickets[], arm: string, keep: number) =>
  seeds.map(({ learned }) => learned.losses[ticketName(arm, keep)]);
const trainedLosses = (seeds: readonly SeedTickets[], name: string) =>
  seeds.map(({ losses }) => losses[name]);
const less = (a: readonly number[], b: readonly number[]) => a.map((value, seed) => value - b[seed]);
const matricesTrained = (seeds: readonly SeedTickets[]) =>
  seeds.map(({ learned }) => learned.matricesTrained);
const maskTrained = (seeds: readonly SeedTickets[]) => seeds.map(({ learned }) => learned.maskTrained);
const ofTicket = (seeds: readonly SeedTickets[]) => trainedLosses(seeds, ticketName("rewind", mainKeep));

/** Jaccard of a learned mask and the ticket's less what chance gives, [seed]. */
const beyondChance = (seeds: readonly SeedTickets[], arm: string, keep: number) =>
  seeds.map(({ learned }) => {
    const { jaccard, expectedJaccard } = learned.overlaps[ticketName(arm, keep)];
    return jaccard - expectedJaccard;
  });

/** The units of each seed with the weights that a learned mask at 20 % keeps of them. */
const unitsUnder = (seeds: readonly SeedTickets[], arm: string) =>
  seeds.map(({ units, learned }) => ({
    units: units.map((layer, at) => ({ ...layer, kept: learned.kept[arm][at] })),
  }));

/** Twelve outcomes, corrected as one family. */
export function learnedOutcomes(seeds: readonly SeedTickets[]): Outcome[] {
  const against = (arm: string, other: string) =>
    learnedKeeps.map((keep) =>
      overSeeds(less(lossesOf(seeds, arm, keep), lossesOf(seeds, other, keep)), {
        name: outcomeNames.learned(arm, other, keep),
        label: `loss without training, mask ${learnedLabels[arm]} − mask ${learnedLabels[other]}, ${percent(keep)} kept`,
        unit: "nats",
        nothing: 0,
      }),
    );
  const [half] = learnedKeeps;
  return oneFamily([
    ...against("edge-popup", "random"),
    ...against("bernoulli", "random"),
    ...against("edge-popup", "same sign"),
    ...against("edge-popup rescaled", "random rescaled"),
    overSeeds(less(lossesOf(seeds, "edge-popup rescaled", half), matricesTrained(seeds)), {
      name: outcomeNames.learned("edge-popup rescaled", "matrices trained", half),
      label: `loss without training, mask ${learnedLabels["edge-popup rescaled"]}, ${percent(half)} kept − of the same matrices trained, all else frozen`,
      ...{ unit: "nats", nothing: 0 },
    }),
    overSeeds(less(maskTrained(seeds), ofTicket(seeds)), {
      name: outcomeNames.maskTrained,
      label: "loss of the learned mask trained from its own values − of the ticket, 20 % kept",
      ...{ unit: "nats", nothing: 0 },
    }),
    overSeeds(beyondChance(seeds, "edge-popup", mainKeep), {
      name: outcomeNames.learnedJaccard,
      label: "Jaccard of the learned mask and the ticket's − by chance, 20 % kept",
      nothing: 0,
    }),
    overSeeds(aurocOf(unitsUnder(seeds, "edge-popup"), "persistence"), {
      name: outcomeNames.learnedAuroc,
      label: "AUROC of persistence r for the units of which the learned mask keeps more than its share",
      nothing: 0.5,
    }),
  ]);
}

/** Losses by mask and share, and how masks and units go together. */
export function learnedTables(seeds: readonly SeedTickets[]): StudyTable[] {
  const [dense, untrained] = [trainedLosses(seeds, "dense"), trainedLosses(seeds, "untrained")];
  /** Of the loss that training the whole network takes away, the share that another network goes without, [seed]. */
  const gain = (losses: readonly number[]) =>
    losses.map((loss, seed) => (untrained[seed] - loss) / (untrained[seed] - dense[seed]));
  const blank = learnedKeeps.slice(1).map(() => "");
  const whole = (label: string, losses: readonly number[]) => [
    ...[label, withInterval(losses), ...blank],
    ...[withInterval(gain(losses), 2), ...blank],
  ];
  const scores: readonly ScoreOfUnit[] = ["persistence", "fanIn", "importance"];
  return [
    {
      title: "Masks learned while nothing is trained",
      columns: [
        "network",
        ...learnedKeeps.map(percent),
        ...learnedKeeps.map((keep) => `share of the training's gain, ${percent(keep)}`),
      ],
      rows: [
        ...Object.entries(learnedLabels).map(([arm, label]) => [
          label,
          ...learnedKeeps.map((keep) => withInterval(lossesOf(seeds, arm, keep))),
          ...learnedKeeps.map((keep) => withInterval(gain(lossesOf(seeds, arm, keep)), 2)),
        ]),
        whole("whole network before training", untrained),
        whole("the matrices trained, all else frozen", matricesTrained(seeds)),
        whole("whole network trained", dense),
      ],
      caption:
        "Held-out loss in nats, mean over seeds with its 95 % t interval. Masks of the matrices of attention and MLP; rescaled: those matrices are divided by the share that stays. The gain of training: from the whole network before it to the whole network after it.",
    },
    {
      title: "Learned masks beside the ticket's",
      columns: [
        ...["mask", "kept", "Jaccard with the ticket's", "by chance", "beyond chance"],
        ...["share of the ticket", "share, like magnitudes", "beyond like magnitudes"],
        ...["AUROC persistence", "AUROC fan-in before training", "AUROC importance after training"],
      ],
      rows: learnedArms.flatMap(({ arm }) =>
        learnedKeeps.map((keep) => {
          const overlap = (kind: keyof LearnedOverlap) =>
            seeds.map(({ learned }) => learned.overlaps[ticketName(arm, keep)][kind]);
          const of = (kind: keyof LearnedOverlap) => fixed(meanInterval(overlap(kind)).mean, 3);
          return [
            ...[learnedLabels[arm], percent(keep), of("jaccard"), of("expectedJaccard")],
            withInterval(beyondChance(seeds, arm, keep)),
            ...[of("share"), of("shareByMagnitude")],
            withInterval(less(overlap("share"), overlap("shareByMagnitude"))),
            ...scores.map((score) =>
              keep === mainKeep ? withInterval(aurocOf(unitsUnder(seeds, arm), score)) : "",
            ),
          ];
        }),
      ),
      caption: `Over all matrices by their entries; chance: hypergeometric expectation. Share: of the ticket's weights, those that the learned mask keeps too; like magnitudes: expected of masks that keep as many weights of each tenth of initial magnitude and are random otherwise. AUROC of a unit's score for whether the mask keeps more than ${percent(mainKeep)} of its weights, mean of both layers, then over seeds with 95 % t intervals.`,
    },
  ];
}

/** Some numbers of some units, one list a kind. */
const columnsOf = <Kinds extends readonly (keyof LayerUnits)[]>(
  layer: LayerUnits,
  units: readonly number[],
  kinds: readonly [...Kinds],
) => kinds.map((kind) => units.map((unit) => layer[kind][unit])) as { [K in keyof Kinds]: number[] };

/** What the tables do not say. */
export function learnedNotes(seeds: readonly SeedTickets[]): string[] {
  const drawn = learnedKeeps.map((keep) => {
    const ended = seeds.map(({ learned }) => learned.probability[ticketName("bernoulli", keep)]);
    return `${percent(keep)} to ${withInterval(ended, 2)}`;
  });
  const units = unitsUnder(seeds, "edge-popup");
  const withKept = overLayers(units, "persistence", (layer, usable) =>
    spearman(...columnsOf(layer, usable, ["persistence", "kept"])),
  );
  const fanInFixed = overLayers(units, "persistence", (layer, usable) => {
    const [persistence, kept, fanIn] = columnsOf(layer, usable, ["persistence", "kept", "fanIn"]);
    return partialSpearman(persistence, kept, [fanIn]);
  });
  const randomTrained = trainedLosses(seeds, ticketName("random mask", mainKeep));
  const diverged = [...matricesTrained(seeds), ...maskTrained(seeds)].filter(Number.isNaN).length;
  return [
    "The outcomes of learned masks were added after the study had first been run: they are a family of their own, no rule asks for them, and the rates of their descent were chosen on four other networks. The rate of the trained ones was not: on those four, three times that rate would have taken the matrices 0.07 nats further down.",
    `Bernoulli draws do not hold the share that is kept: the mean probability of an entry went from ${drawn.join(" and from ")}. Its masks are the largest scores of each matrix, cut to the share, so that at 20 % they are not what was drawn in the end.`,
    `The edge-popup mask of 20 %, found without training a weight and then trained from its own values, ends at ${withInterval(maskTrained(seeds))}: ${withInterval(less(maskTrained(seeds), ofTicket(seeds)))} nats beside the ticket, ${withInterval(less(maskTrained(seeds), randomTrained))} beside a random mask.${diverged > 0 ? ` ${diverged} networks of these comparisons diverged and are left out.` : ""}`,
    `Persistence of a unit and the weights that the edge-popup mask of 20 % keeps of it, mean of both layers: Spearman ${withInterval(withKept)}, with the fan-in norm before training held fixed ${withInterval(fanInFixed)}.`,
  ];
}

/** Losses under masks at both shares, and which units the learned mask keeps. */
export function learnedFigure(seeds: readonly SeedTickets[]): FigureSpec {
  const under = (arm: string) => ({
    label: learnedLabels[arm],
    losses: learnedKeeps.map((keep) => lossesOf(seeds, arm, keep)),
  });
  return learnedMasks({
    ...{ seeds: seeds.length, keeps: learnedKeeps },
    ...{ dense: trainedLosses(seeds, "dense"), untrained: trainedLosses(seeds, "untrained") },
    matricesTrained: matricesTrained(seeds),
    groups: [
      {
        title: "own values",
        learned: [under("edge-popup"), under("bernoulli")],
        given: under("same sign"),
        random: under("random"),
      },
      {
        title: "rescaled",
        learned: [under("edge-popup rescaled")],
        given: under("same sign rescaled"),
        random: under("random rescaled"),
      },
    ],
    trained: [
      { label: "learned mask", losses: maskTrained(seeds), main: true },
      { label: "ticket", losses: ofTicket(seeds) },
    ],
    randomTrained: trainedLosses(seeds, ticketName("random mask", mainKeep)),
    units: learnedArms.map(({ arm }) => ({
      label: learnedLabels[arm],
      auroc: aurocOf(unitsUnder(seeds, arm), "persistence"),
      null: aurocNull(unitsUnder(seeds, arm)),
      main: arm === "edge-popup" ? true : undefined,
    })),
  });
}
