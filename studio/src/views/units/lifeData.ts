/** What the figure of one unit's life is drawn from. */
import { cellEffects } from "../../../../src/features/cellEffects.ts";
import { compareUnits, counterparts } from "../../../../src/features/compareUnits.ts";
import { ownModel } from "../../../../src/features/pairing.ts";
import { type CurveKind, curveOf, type UnitCurves, unitCurves } from "../../../../src/features/unitCurves.ts";
import { type Spread, spreadOf } from "../../../../src/figures/spread.ts";
import type { UnitLifeData, UnitLook, UnitMoment } from "../../../../src/figures/unitLife.ts";
import { pearson } from "../../../../src/stats/correlation.ts";
import { siteOfLayer } from "../../../../src/studies/persistence/spec.ts";
import type { ArmSpec, ModelSeeds } from "../../../../src/studies/population/arm.ts";
import type { ArmCheckpoint } from "../../../../src/studies/population/gather.ts";
import { type InitReference, nullCorrelations, sortedSpread } from "./initNull.ts";
import { tuningNames } from "./layerFinding.ts";
import type { LayerLook } from "./layerLook.ts";

/** Cells of the unit of one index in every seed, [model, token, pos]. */
function cellsOfUnit(
  look: ArmCheckpoint,
  { layer, unit, arm }: { layer: number; unit: number; arm: ArmSpec },
) {
  const { units, cellMean } = look.sites[siteOfLayer(layer)];
  const values = cellMean as Float32Array;
  const { dVocab } = arm.config;
  const { nPos } = arm.probe;
  const size = dVocab * nPos;
  const models = values.length / (units * size);
  const found = new Float64Array(models * size);
  for (let model = 0; model < models; model++) {
    const start = (model * units + unit) * size;
    found.set(values.subarray(start, start + size), model * size);
  }
  return { site: siteOfLayer(layer), models, units: 1, dVocab, nPos, cellMean: found };
}

/** Middle 90 % of a curve's levels over all units of the other seeds. */
function populationOf(
  { curves, models, units }: LayerLook,
  factor: "token" | "position",
  model: number,
): Spread[] {
  const { values, length } = curves[factor];
  const end = models * units * length;
  const [ownStart, ownEnd] = [model * units * length, (model + 1) * units * length];
  return Array.from({ length }, (_, level) => {
    const found: number[] = [];
    for (let i = level; i < end; i += length)
      if ((i < ownStart || i >= ownEnd) && !Number.isNaN(values[i])) found.push(values[i]);
    return sortedSpread(Float64Array.from(found).sort());
  });
}

/** A unit at one time, among the units of the other seeds. */
export function momentOf(look: LayerLook, { unit, model }: { unit: number; model: number }): UnitMoment {
  const at = model * look.units + unit;
  const size = look.dVocab * look.nPos;
  const { mean } = cellEffects(look.cellMean.subarray(at * size, (at + 1) * size), look.nPos);
  const curve = (kind: CurveKind) => curveOf(look.curves[kind], at);
  return {
    mean,
    cells: curve("all"),
    token: curve("token"),
    position: curve("position"),
    population: {
      token: populationOf(look, "token", model),
      position: populationOf(look, "position", model),
    },
  };
}

/**
 * A unit's life up to the shown step.
 *
 * @param looks      steps ascending, from the initialisation
 * @param moments    the unit at the first of them and at the last, from {@link momentOf}
 * @param reference  of the same kind, from all units of the layer
 */
export function lifeData(
  looks: readonly ArmCheckpoint[],
  moments: Pick<UnitLifeData, "before" | "after">,
  {
    layer,
    unit,
    model,
    kind,
    arm,
    models,
    reference,
  }: {
    layer: number;
    unit: number;
    model: number;
    kind: CurveKind;
    arm: ArmSpec;
    models: readonly ModelSeeds[];
    reference: InitReference;
  },
): UnitLifeData {
  const tables = looks.map((look) => cellsOfUnit(look, { layer, unit, arm }));
  const curves = tables.map((table) => unitCurves(table));
  const pairs = counterparts(tables[0], tables[0], ownModel);
  const lives = curves.map((now, i): UnitLook => {
    const r = compareUnits(curves[0][kind], now[kind], pairs, pearson);
    const points = (of: UnitCurves) => curveOf(of, model);
    return {
      step: looks[i].step,
      token: points(now.token),
      position: points(now.position),
      r: r[model],
      others: spreadOf(r.filter((_, other) => other !== model)),
      null: sortedSpread(nullCorrelations(reference, now[kind], { at: model, model })),
    };
  });
  return {
    ...{ layer, unit, seed: models[model].init, seeds: models.length, tuning: tuningNames[kind] },
    probe: { dVocab: arm.config.dVocab, nPos: arm.probe.nPos },
    ...moments,
    looks: lives,
  };
}
