/** Initialisation × data: which of the two decides what a unit is tuned to after training. */
import { randomStream } from "../../base/random.ts";
import { latinBlocks } from "../../data/probes.ts";
import { unitCurves } from "../../features/unitCurves.ts";
import { crossedEffects } from "../../stats/crossedEffects.ts";
import { mean } from "../../stats/moments.ts";
import { streams } from "../population/arm.ts";
import { growNetworks } from "../population/growth.ts";
import { tuningOf } from "../population/lookInside.ts";
import type { MeasureContext } from "../protocol/study.ts";
import type { CrossedArm } from "./arms.ts";
import type { layers } from "./plan.ts";

/** Trained tuning of one initialisation under every data order. */
export interface CrossedTold {
  readonly kind: "crossed";
  readonly divergedAt: number | null;
  readonly units: number;
  /** Cell means about the mean of each unit, [layer][data order]: [unit, cell]. */
  readonly tuning: readonly (readonly Float32Array[])[];
}

export async function measureCrossed(
  { growth, blocks, orders }: CrossedArm,
  seeds: readonly number[],
  { backend, progress }: MeasureContext,
): Promise<CrossedTold[]> {
  const { study, config, steps } = growth;
  const models = seeds.flatMap((init) => orders.map((data) => ({ init, data })));
  const { weights, divergedAt } = await growNetworks(backend, growth, models, {
    progress: (step, loss) => progress(step / steps, loss),
  });
  const probe = latinBlocks({
    ...{ dVocab: config.dVocab, nPos: config.nCtx - 1, blocks },
    stream: randomStream(...streams.probe(study)),
  });
  const curves = [
    ...(await tuningOf(backend, config, weights, { sites: ["blocks.*.mlp.hook_post"], probe })).values(),
  ];
  const tuning = curves.map((ofLayer) => unitCurves(ofLayer).all);
  return seeds.map((_, i) => {
    const own = orders.map((_, j) => i * orders.length + j);
    return {
      kind: "crossed",
      divergedAt: own.map((model) => divergedAt[model]).find((step) => step !== null) ?? null,
      units: config.dMlp,
      tuning: tuning.map(({ values, length }) =>
        own.map((model) => {
          const size = config.dMlp * length;
          return Float32Array.from(values.subarray(model * size, (model + 1) * size));
        }),
      ),
    };
  });
}

/** Shares of the variance of trained tuning, mean over units. */
export interface TuningShares {
  readonly init: number;
  readonly data: number;
  /** What the two do only together. */
  readonly rest: number;
}

/**
 * Variance components of every unit's trained tuning, summed over its cells.
 *
 *   y_ab(cell) = m + I_a + D_b + R_ab;  share_I = Σ_cells σ²_I / Σ_cells (σ²_I + σ²_D + σ²_R)
 *
 * @param layer  0 or 1
 * @param told   initialisations, at least two
 */
export function tuningShares(told: readonly CrossedTold[], layer: (typeof layers)[number]): TuningShares {
  const [{ units, tuning }] = told;
  const cells = tuning[layer][0].length / units;
  const byUnit = Array.from({ length: units }, (_, unit) => {
    const sums = { first: 0, second: 0, rest: 0 };
    for (let cell = 0; cell < cells; cell++) {
      const table = told.map((init) => init.tuning[layer].map((order) => order[unit * cells + cell]));
      const { varianceFirst, varianceSecond, varianceRest } = crossedEffects(table);
      sums.first += varianceFirst;
      sums.second += varianceSecond;
      sums.rest += varianceRest;
    }
    const all = sums.first + sums.second + sums.rest;
    return { init: sums.first / all, data: sums.second / all, rest: sums.rest / all };
  }).filter(({ init }) => Number.isFinite(init)); // a unit that is dead in all networks has no shares
  return {
    init: mean(byUnit.map(({ init }) => init)),
    data: mean(byUnit.map(({ data }) => data)),
    rest: mean(byUnit.map(({ rest }) => rest)),
  };
}

/**
 * Jackknife pseudo-values of the shares over initialisations, [initialisation]: their mean is the estimate less its
 * first-order bias, and their spread over initialisations gives its interval.
 *
 *   n θ − (n − 1) θ_without a
 *
 * @returns  empty for fewer than three initialisations, one fewer than which must still be crossed
 * @source Tukey 1958
 */
export function shareByInit(told: readonly CrossedTold[], layer: (typeof layers)[number]): TuningShares[] {
  const n = told.length;
  if (n < 3) return [];
  const whole = tuningShares(told, layer);
  return told.map((_, left) => {
    const without = tuningShares(told.toSpliced(left, 1), layer);
    const pseudo = (key: keyof TuningShares) => n * whole[key] - (n - 1) * without[key];
    return { init: pseudo("init"), data: pseudo("data"), rest: pseudo("rest") };
  });
}
