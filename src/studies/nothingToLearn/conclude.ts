/** From what every matched set and every crossed network told to what S7 found. */

import { fixed } from "../../figures/numberText.ts";
import { meanFinite } from "../../figures/spread.ts";
import {
  nothingToLearnPersistence,
  nothingToLearnQuality,
  tuningShareFigure,
} from "../../figures/studies/nothingToLearn.ts";
import { holmFamily } from "../protocol/family.ts";
import { type Outcome, overSeeds } from "../protocol/outcome.ts";
import type { Findings } from "../protocol/study.ts";
import { type Condition, conditions, controls } from "./arms.ts";
import { type CrossedTold, shareByInit } from "./crossed.ts";
import type { MatchedTold } from "./matched.ts";
import { layers } from "./plan.ts";
import {
  conditionNames,
  pathTable,
  persistenceTable,
  qualityTable,
  similarityTable,
  twinTable,
} from "./tables.ts";

export type NothingToLearnTold = MatchedTold | CrossedTold;

/** The statistics of S7 over seeds. */
export function conclude(told: ReadonlyMap<string, readonly NothingToLearnTold[]>): Findings {
  const all = [...told.values()].flat();
  const matched = all.filter((one) => one.kind === "matched");
  const crossed = all.filter((one) => one.kind === "crossed");
  const fine = matched.filter(({ divergedAt }) => divergedAt === null);
  const crossedFine = crossed.filter(({ divergedAt }) => divergedAt === null);
  const shares = layers.map((layer) => shareByInit(crossedFine, layer));
  const lost = all.length - fine.length - crossedFine.length;
  const orders = crossed[0]?.tuning[0]?.length ?? 0;
  return {
    outcomes: [
      ...contrasts(fine),
      ...layers.map((layer) =>
        overSeeds(
          fine.map(({ otherInit }) => otherInit.r[layer]),
          {
            name: `other init L${layer}`,
            label: `trained tuning r of two initialisations on the same data, layer ${layer}`,
            nothing: 0,
          },
        ),
      ),
      ...layers.map((layer) =>
        overSeeds(
          fine.map(({ otherInit }) => otherInit.matchingGain[layer]),
          {
            name: `matching gain L${layer}`,
            label: `matched mean r of two initialisations, trained less untrained, layer ${layer}`,
            nothing: 0,
          },
        ),
      ),
      ...layers.map((layer) =>
        shareOutcome(
          shares[layer].map(({ init }) => init),
          layer,
        ),
      ),
    ],
    notes: [
      "Tuning r is over all cells of the 64 neurons after the ReLU; flat neurons are left out. Means are over seeds, intervals t over seeds; those of the six contrasts hold together at 95 % (Bonferroni).",
      "At equal displacement every weight of the task's network was pulled back (or pushed on) along its own displacement to the distance that the control's weight moved: a network that no training visited. The table of paths compares with one that was: the task's own path where all its weights together had moved as far as the control's.",
      unlearning(fine),
      "Units of one index in two initialisations are exchangeable, so r between initialisations is 0 by symmetry unless training gives indices a meaning; the matching gain asks the same up to relabelling.",
      `Variance shares come from ${crossedFine.length} initialisations × ${orders} data orders. Their intervals are jackknife over initialisations only; a component that is estimated below 0 in a cell counts as 0, which can only add to its share.`,
      "Null-normalised similarity is (s − s₀)/(1 − s₀), s₀ that of the same trained layer with the untrained layer of another seed. Canonical correlations are left out: two layers of 64 neurons have more directions than the 70 cells can tell apart.",
      "Quality and listening are measured on the task's sequences and on all sequences of three tokens, in all conditions alike. A linear readout is fitted to few sequences (200, in the quick version 40), so its quality is a lower bound.",
      ...(lost > 0 ? [`${lost} of ${all.length} sets had a network that diverged and are left out.`] : []),
    ],
    tables: [
      persistenceTable(fine),
      pathTable(fine),
      twinTable(fine, shares),
      similarityTable(fine),
      qualityTable(fine),
    ],
    figures: [
      nothingToLearnPersistence({
        seeds: fine.length,
        steps: fine[0]?.steps ?? [],
        layers: layers.map((layer) => ({
          layer,
          null: fine.map(({ otherInit }) => otherInit.r[layer]),
          conditions: conditions.map((condition) => ({
            name: conditionNames[condition],
            r: fine.map(({ of }) => of[condition].persistence[layer].r),
            displacement: fine.map(({ of }) => of[condition].displacement),
            noise: condition === "frozen" ? [] : fine.map(({ noise }) => noise[condition][layer]),
          })),
        })),
      }),
      tuningShareFigure({
        inits: crossedFine.length,
        orders,
        shares: layers.map((layer) => ({ layer, byInit: shares[layer] })),
      }),
      nothingToLearnQuality({
        seeds: fine.length,
        layers: layers.map((layer) => ({
          layer,
          initial: fine.map(({ initial }) => initial[layer].linear),
          conditions: conditions.map((condition) => ({
            name: conditionNames[condition],
            quality: fine.map(({ of }) => of[condition].numbers[layer].linear),
            r: fine.map(({ of }) => of[condition].persistence[layer].r.at(-1) ?? Number.NaN),
          })),
        })),
      }),
    ],
  };
}

/** Tuning r of a condition at the last step, one a seed. */
function lastR(told: readonly MatchedTold[], condition: Condition, layer: number): number[] {
  return told.map(({ of }) => of[condition].persistence[layer].r.at(-1) ?? Number.NaN);
}

/** Why the controls lose tuning, with the numbers that show it. */
function unlearning(told: readonly MatchedTold[]): string {
  const perLayer = (of: (one: MatchedTold, layer: number) => number) =>
    layers.map((layer) => fixed(meanFinite(told.map((one) => of(one, layer))))).join(" / ");
  const noise = perLayer((one, layer) => one.noise.random[layer]);
  const scaled = perLayer((one, layer) => one.scaled.random[layer]);
  const control = layers.map((layer) => fixed(meanFinite(lastR(told, "random", layer)))).join(" / ");
  const gain = perLayer(({ of }, layer) => of.random.persistence[layer].gain);
  const loss = (when: "lossBefore" | "loss") => fixed(meanFinite(told.map(({ of }) => of.random[when])), 3);
  return `Nothing to learn is not nothing to do: an untrained network's guesses vary with its input, which costs ${loss("lossBefore")} nats on random sequences where indifference costs 2.303, and training unlearns it (${loss("loss")} nats; the tuning of layers 0 / 1 keeps its form but fades to ${gain} of its size). So a control is no network at rest. At the displacement of the random control, r in layers 0 / 1 is ${noise} after isotropic noise, ${scaled} for the task and ${control} for the control itself: an advantage of the task over a control is none over motion alone.`;
}

/** The family of contrasts about C6: the task less a control. */
function contrasts(told: readonly MatchedTold[]): Outcome[] {
  const minus = (a: readonly number[], b: readonly number[]) => a.map((value, seed) => value - b[seed]);
  const equalSteps = layers.map((layer) => ({
    name: `equal steps random L${layer}`,
    label: `r task − r random at equal steps, layer ${layer}`,
    nothing: 0,
    bySeed: minus(lastR(told, "task", layer), lastR(told, "random", layer)),
  }));
  const equalDisplacement = controls.flatMap((control) =>
    layers.map((layer) => ({
      name: `equal displacement ${control} L${layer}`,
      label: `r task − r ${control} at equal displacement, layer ${layer}`,
      nothing: 0,
      bySeed: minus(
        told.map(({ scaled }) => scaled[control][layer]),
        lastR(told, control, layer),
      ),
    })),
  );
  return holmFamily([...equalSteps, ...equalDisplacement]);
}

function shareOutcome(pseudo: readonly number[], layer: number): Outcome {
  const outcome = overSeeds(pseudo, {
    name: `init share L${layer}`,
    label: `share of the variance of trained tuning that is the initialisation's, layer ${layer}`,
  });
  return { ...outcome, method: "jackknife over initialisations, t interval of its pseudo-values" };
}
