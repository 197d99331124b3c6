/** Tuning of all MLP neurons of one layer, in every seed, at one step. */
import { type CurveKind, type UnitCurves, unitCurves } from "../../../../src/features/unitCurves.ts";
import { cellsAt } from "../../../../src/studies/persistence/cells.ts";
import { siteOfLayer } from "../../../../src/studies/persistence/spec.ts";
import type { ArmSpec } from "../../../../src/studies/population/arm.ts";
import type { ArmCheckpoint } from "../../../../src/studies/population/gather.ts";
import type { SiteSnapshot } from "../../../../src/studies/population/openPopulation.ts";

export interface LayerLook {
  /** Mean activation in every cell, [model, unit, token, pos]. */
  readonly cellMean: Float64Array;
  readonly step: number;
  readonly models: number;
  readonly units: number;
  readonly dVocab: number;
  readonly nPos: number;
  /** By kind, [model, unit, point]. */
  readonly curves: Readonly<Record<CurveKind, UnitCurves>>;
  /** Share of a unit's variance, by kind, [model, unit]; NaN for a unit without variance. */
  readonly selectivity: Readonly<Record<CurveKind, Float64Array>>;
}

/**
 * The layer at a step.
 *
 * Selectivity is eta²; of `all` it is what token, position and interaction explain together, 1 − the context's share.
 */
export function layerLook(look: ArmCheckpoint, layer: number, arm: ArmSpec): LayerLook {
  const site = siteOfLayer(layer);
  const cells = cellsAt(look, site, arm);
  const { models, units, dVocab, nPos, cellMean } = cells;
  const { eta2 } = look.sites[site];
  return {
    ...{ step: look.step, cellMean, models, units, dVocab, nPos },
    curves: unitCurves(cells),
    selectivity: { ...eta2, all: explainedByCells(eta2) },
  };
}

function explainedByCells({ token, position, interaction }: SiteSnapshot["eta2"]): Float64Array {
  return token.map((share, at) => share + position[at] + interaction[at]);
}
