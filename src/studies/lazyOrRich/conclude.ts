/** From what the seeds told to what was found. */
import { fixed, intervalText, percent } from "../../figures/numberText.ts";
import { linearRegression } from "../../stats/linearRegression.ts";
import { mean } from "../../stats/moments.ts";
import { holmFamily } from "../protocol/family.ts";
import { type Outcome, overSeeds } from "../protocol/outcome.ts";
import type { Findings, StudySize } from "../protocol/study.ts";
import {
  baseWidth,
  noiseArmName,
  outputScales,
  parametrisationNames,
  parametrisations,
  type ScaledOptimizer,
  scaleArmName,
  scaledOptimizers,
  settingNames,
  widthArmName,
  widthsOf,
} from "./arms.ts";
import type { Told } from "./measure.ts";
import { figuresOf } from "./pictures.ts";
import { layers, outcomeNames } from "./plan.ts";
import { tablesOf } from "./tables.ts";
import {
  type AllTold,
  bothLayers,
  linearityBySeed,
  pooledDifference,
  pooledR,
  rBySeed,
  toldOf,
} from "./told.ts";

const optimizerTitles: Record<ScaledOptimizer, string> = { adam: "Adam", sgd: "descent" };

/** The least-squares slope of r on x, one a seed. */
function slopes(x: readonly number[], arms: readonly (readonly Told[])[]): number[] {
  const r = arms.map(bothLayers);
  return r[0].map(
    (_, at) =>
      linearRegression(
        x,
        r.map((of) => of[at]),
      ).estimate,
  );
}

/** The differences from noise, which are tested together. */
function differencesOf(told: AllTold): Outcome[] {
  const isotropic = settingNames.flatMap((setting) =>
    layers.map((layer) => {
      const entries = toldOf(told, noiseArmName(setting));
      const noise = rBySeed(entries, "isotropic", layer);
      return {
        name: outcomeNames.difference(setting, layer),
        label: `r trained − isotropic (${setting}, L${layer})`,
        bySeed: rBySeed(entries, "trained", layer).map((r, at) => r - noise[at]),
        nothing: 0,
      };
    }),
  );
  const gradient = layers.map((layer) => ({
    name: outcomeNames.directed(layer),
    label: `r trained − gradient noise (mean of the settings, L${layer})`,
    bySeed: pooledDifference(told, "trained", "gradient", layer),
    nothing: 0,
  }));
  return holmFamily([...isotropic, ...gradient]);
}

/** Every outcome that a rule may name, in the order of the report. */
function outcomesOf(told: AllTold, size: StudySize): Outcome[] {
  const scale = scaledOptimizers.flatMap((name) => {
    const arms = outputScales.map((at) => toldOf(told, scaleArmName(name, at)));
    const largest = outputScales.length - 1;
    return [
      overSeeds(slopes(outputScales.map(Math.log10), arms), {
        name: outcomeNames.scale(name),
        label: `slope of r on log10 of the output scale, ${optimizerTitles[name]}`,
        unit: "per decade",
      }),
      overSeeds(bothLayers(arms[largest]), {
        name: outcomeNames.lazy(name),
        label: `r at output scale ${outputScales[largest]}, ${optimizerTitles[name]}`,
      }),
    ];
  });
  const widths = widthsOf(size);
  const width = parametrisationNames.map((name) =>
    overSeeds(
      slopes(
        widths.map(Math.log2),
        widths.map((at) => toldOf(told, widthArmName(name, at))),
      ),
      {
        name: outcomeNames.width(name),
        label: `slope of r on log2 of the width, ${parametrisations[name]}`,
        unit: "per doubling",
      },
    ),
  );
  return [...differencesOf(told), ...scale, ...width];
}

/** The statistics over seeds: outcomes, tables, pictures and what a reader must know. */
export function conclude(told: AllTold, size: StudySize): Findings {
  const outcomes = outcomesOf(told, size);
  return {
    outcomes,
    notes: notesOf(told, size),
    tables: tablesOf(told, size),
    figures: figuresOf(told, size, outcomes),
  };
}

function notesOf(told: AllTold, size: StudySize): string[] {
  const all = [...told.values()].flat();
  const diverged = all.filter((entry) => entry.diverged).length;
  const silent = all.flatMap((entry) => [...entry.silent]).reduce((sum, count) => sum + count, 0);
  const against = (noise: string) =>
    layers
      .map((layer) => `${meanText(pooledDifference(told, "trained", noise, layer))} in layer ${layer}`)
      .join(" and ");
  const [narrow, wide] = widthsOf(size)
    .slice(-2)
    .map((width) => ({ width, entries: toldOf(told, widthArmName("maximal", width)) }));
  const lastDoubling = layers.map((layer) => {
    const before = rBySeed(narrow.entries, "trained", layer);
    return `${meanText(rBySeed(wide.entries, "trained", layer).map((r, at) => r - before[at]))} in layer ${layer}`;
  });
  const unitLoss = scaledOptimizers.map(
    (name) =>
      `${optimizerTitles[name]} ${fixed(mean(toldOf(told, scaleArmName(name, 1)).map(({ loss }) => loss)), 3)}`,
  );
  return [
    `${diverged} of ${all.length} trained networks diverged and are left out. Left out of the means are also ${silent} units in all without tuning before or after training (silent, or constant over all cells).`,
    `Two nulls of equal size, mean of the settings: r trained − r isotropic noise is ${against("isotropic")}; r trained − r noise among the gradients is ${against("gradient")}. The rule on C6 is about the first; the first table has both by setting.`,
    `Amount of motion: isotropic noise alone undoes ${layers
      .map(
        (layer) =>
          `${percent(undone(told, "isotropic", layer) / undone(told, "trained", layer))} in layer ${layer}`,
      )
      .join(" and ")} of the 1 − r that training undoes, mean of the settings.`,
    `Control: r of the displacement's own entries, permuted with random signs, − r isotropic noise is ${layers
      .map((layer) => `${meanText(pooledDifference(told, "permuted", "isotropic", layer))} in layer ${layer}`)
      .join(" and ")}.`,
    "The intervals of the twelve differences from noise hold together (Bonferroni), their p-values are Holm's; those of slopes, tables and figures are each at 95 %. Kinds of noise besides the isotropic one and that of gradients, parts, and alignment are exploratory: no rule depends on them.",
    `Maximal update from width ${narrow.width} to ${wide.width} changes r by ${lastDoubling.join(" and ")}. At width ${baseWidth} all parametrisations are one network.`,
    `How linear training was (exploratory: no rule depends on it): the share of the motion of logits that their gradients at initialisation do not account for, and the motion of the tangent kernel (1 − CKA), are ${linearText(told, size)}.`,
    `Training loss at output scale 1 at the end, nats: ${unitLoss.join(", ")}. r is compared at equal numbers of steps, not at equal loss; a network that learned less kept more for that reason too.`,
  ];
}

/** Linearisation error and kernel movement at the ends of both sweeps; means, for the table has the intervals. */
function linearText(told: AllTold, size: StudySize): string {
  const both = (arm: string) =>
    (["error", "kernel"] as const)
      .map((what) => {
        const { estimate } = overSeeds(linearityBySeed(toldOf(told, arm), what), { name: "", label: "" });
        return fixed(estimate, 4);
      })
      .join(" and ");
  const ends = [outputScales[0], outputScales[outputScales.length - 1]];
  const scales = scaledOptimizers.flatMap((name) =>
    ends.map(
      (scale) => `${both(scaleArmName(name, scale))} at output scale ${scale} under ${optimizerTitles[name]}`,
    ),
  );
  const widest = widthsOf(size)[widthsOf(size).length - 1];
  const widths = [
    `${both(widthArmName("constant", baseWidth))} at width ${baseWidth}`,
    ...parametrisationNames.map(
      (name) => `${both(widthArmName(name, widest))} at width ${widest} (${parametrisations[name]})`,
    ),
  ];
  return [...scales, ...widths].join("; ");
}

/** 1 − r of one kind of network, mean of settings and seeds that have a number. */
function undone(told: AllTold, network: string, layer: number): number {
  return 1 - overSeeds(pooledR(told, network, layer), { name: "", label: "" }).estimate;
}

/** `−0.045 [−0.049, −0.041]`: mean and 95 % t interval over seeds. */
function meanText(bySeed: readonly number[]): string {
  const { estimate, interval } = overSeeds(bySeed, { name: "", label: "" });
  return `${fixed(estimate, 3)} ${intervalText(interval, 3)}`;
}
