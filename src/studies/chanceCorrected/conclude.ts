/** From what seeds told to kappas with their nulls, and to everything beside them. */

import { classTransitions, unitClassNames } from "../../features/index.ts";
import { type FigureSpec, maintained, tuningCorrelation } from "../../figures/index.ts";
import { classMoves, correctedKappas, layerKeeps } from "../../figures/studies/chanceCorrected.ts";
import { presets } from "../../model/config.ts";
import { type FamilyMember, holmFamily } from "../protocol/family.ts";
import { type Outcome, overSeeds } from "../protocol/outcome.ts";
import type { Findings, StudySize } from "../protocol/study.ts";
import { type GroupTold, type LayerTold, layers, type TransitionsTold, thresholds } from "./compare.ts";
import type { PersistenceTold } from "./measure.ts";
import {
  type ArmTold,
  classKappas,
  intervalOf,
  ofGroup,
  ofLayer,
  pooledTransitions,
  strangerKappa,
} from "./overArms.ts";
import { groups } from "./plan.ts";
import { criterionTable, layersTable, screenTable, transitionsTable, tuningTable } from "./tables.ts";

/** Statistics over seeds of both arms. */
export function concludePersistence(
  told: ReadonlyMap<string, readonly PersistenceTold[]>,
  { seeds }: StudySize,
): Findings {
  const arms = [...told].map(([name, entries]): ArmTold => {
    const kept = entries.filter(({ diverged }) => !diverged);
    return { name, entries: kept, diverged: entries.length - kept.length };
  });
  const family = holmFamily(arms.flatMap(kappaMembers));
  const original = arms.find(({ name }) => name === "original") as ArmTold;
  return {
    outcomes: [
      ...family,
      ...holmFamily(gapMembers(original)),
      ...layers.flatMap((layer) => layerOutcomes(original, layer)),
    ],
    notes: [
      ...arms.flatMap(({ name, diverged }) =>
        diverged === 0 ? [] : [`${diverged} seeds of ${name} diverged and are left out.`],
      ),
      "The first twelve outcomes are confirmatory, with the stranger's correlations; matching, classes and subspaces support them and have unadjusted intervals.",
      "Units are tuned to positions that were trained. The original also probed the eighth, which no update ever reaches; its kappas are in the table and drawn hollow.",
      "The stream is sixteen numbers wide and sums of a token's and a position's vector fill fifteen: the initial stream of any network spans nearly all additive tuning, so that only the excess over another network's speaks of inheritance.",
      "Cohen's kappa of classes treats a change among mixed shares as it does one from token to position; the table has four definitions of class.",
    ],
    tables: [
      criterionTable(arms, family),
      tuningTable(arms),
      transitionsTable(arms),
      layersTable(arms),
      screenTable(arms),
    ],
    figures: figuresOf(arms, family, seeds),
  };
}

function kappaMembers(arm: ArmTold): FamilyMember[] {
  return groups.map((group, at) => ({
    name: `kappa ${arm.name} L${group.layer} ${group.kind}`,
    label: `kappa ${arm.name} L${group.layer} ${group.kind}`,
    nothing: 0,
    bySeed: ofGroup(arm, at, ({ kappa }) => kappa),
  }));
}

/** Layer 0 minus layer 1, by the criterion and by tuning. */
function gapMembers(arm: ArmTold): FamilyMember[] {
  const gap = (name: string, label: string, of: (told: GroupTold) => number) =>
    (["token", "position"] as const).map((kind) => {
      const [first, second] = layers.map((layer) =>
        ofGroup(
          arm,
          groups.findIndex((group) => group.layer === layer && group.kind === kind),
          of,
        ),
      );
      return {
        name: `${name} ${kind}`,
        label: `${label} (${kind}), L0 − L1, ${arm.name}`,
        nothing: 0,
        bySeed: first.map((value, seed) => value - second[seed]),
      };
    });
  return [...gap("kappa gap", "kappa", ({ kappa }) => kappa), ...gap("r gap", "tuning r", ({ r }) => r)];
}

function layerOutcomes(arm: ArmTold, layer: number): Outcome[] {
  const where = `${arm.name} L${layer}`;
  const outcome = (name: string, label: string, bySeed: readonly number[], nothing?: number) =>
    overSeeds(bySeed, { name: `${name} L${layer}`, label: `${label}, ${where}`, nothing });
  return [
    outcome(
      "r stranger",
      "tuning r with a stranger",
      ofLayer(arm, layer, ({ strangerR }) => strangerR),
      0,
    ),
    outcome(
      "recovered",
      "units matched to themselves",
      ofLayer(arm, layer, ({ recovered }) => recovered),
    ),
    outcome("class kappa", "Cohen's kappa of classes (threshold 0.5)", classKappas(arm, layer, 0, "own"), 0),
    outcome(
      "subspace excess",
      "R² on the own initial stream − another network's",
      ofLayer(arm, layer, ({ subspace, subspaceStranger }) => subspace - subspaceStranger),
      0,
    ),
  ];
}

function figuresOf(
  arms: readonly ArmTold[],
  family: readonly Outcome[],
  seeds: readonly number[],
): FigureSpec[] {
  const populations = arms.map((arm) => ({
    arm,
    config: presets[arm.name as keyof typeof presets],
    summary: {
      preset: arm.name,
      seeds,
      models: seeds.map((_, at) => ({ divergedAt: at < arm.diverged ? 0 : null })),
      groups: groups.map((group, at) => {
        const of = (number: (told: GroupTold) => number) => intervalOf(ofGroup(arm, at, number));
        const share = of((told) => told.maintained);
        const [r, stranger, twin] = [
          of((told) => told.r),
          of((told) => told.strangerR),
          of((told) => told.twinR),
        ];
        return {
          ...group,
          criterion: {
            maintained: share.estimate,
            ci: [share.low, share.high] as const,
            null: of((told) => told.nullShuffle).estimate,
            excess: of((told) => told.maintained - told.nullShuffle).estimate,
            nullOtherInit: of((told) => told.nullStranger).estimate,
          },
          tuning: {
            ...{ r: r.estimate, ci: [r.low, r.high] as const },
            ...{ nullR: stranger.estimate, nullCi: [stranger.low, stranger.high] as const },
            ...{ ceilingR: twin.estimate, ceilingCi: [twin.low, twin.high] as const },
          },
        };
      }),
    },
  }));
  return [
    maintained(populations),
    correctedKappas(
      populations.map(({ arm, ...population }) => ({
        ...population,
        groups: groups.map((group, at) => {
          const { estimate, interval } = family.find(
            ({ name }) => name === `kappa ${arm.name} L${group.layer} ${group.kind}`,
          ) as Outcome;
          return {
            label: `L${group.layer} ${group.kind}`,
            kappa: { estimate, low: interval[0], high: interval[1] },
            stranger: strangerKappa(arm, at),
            untrained: intervalOf(arm.entries.map(({ kappaUntrained }) => kappaUntrained[at])),
          };
        }),
      })),
      `its t interval, ${family.length} together at 95 %`,
    ),
    tuningCorrelation(populations),
    classMoves(
      populations.map(({ arm, ...population }) => ({
        ...population,
        layers: layers.map((layer) => {
          const map = (of: keyof TransitionsTold) =>
            classTransitions(pooledTransitions(arm, layer, 0, of)).probability.flatMap((row) =>
              Array.from(row),
            );
          return {
            ...{ layer, own: map("own"), stranger: map("stranger") },
            kappa: intervalOf(classKappas(arm, layer, 0, "own")),
            strangerKappa: intervalOf(classKappas(arm, layer, 0, "stranger")),
          };
        }),
      })),
      { classes: unitClassNames, threshold: thresholds[0] },
    ),
    layerKeeps(
      arms.flatMap((arm) =>
        layers.map((layer) => {
          const of = (number: (told: LayerTold) => number) => intervalOf(ofLayer(arm, layer, number));
          return {
            label: `${arm.name} L${layer}`,
            subspace: of((told) => told.subspace),
            subspaceNull: of((told) => told.subspaceStranger),
            recovered: of((told) => told.recovered),
            recoveredNull: of((told) => told.strangerRecovered),
          };
        }),
      ),
      populations,
    ),
  ];
}
