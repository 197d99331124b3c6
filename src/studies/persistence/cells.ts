/** Tuning curves of a gathered arm, for the comparisons between models that no single job can make. */
import { type CellMeans, neighbourModel, type Pairing } from "../../features/index.ts";
import type { ArmSpec } from "../population/arm.ts";
import type { ArmCheckpoint } from "../population/gather.ts";

/** Cell means of one site at one checkpoint. */
export function cellsAt(checkpoint: ArmCheckpoint, site: string, { config, probe }: ArmSpec): CellMeans {
  const { units, cellMean } = checkpoint.sites[site];
  const values = cellMean as Float32Array;
  const { dVocab } = config;
  const { nPos } = probe;
  return {
    site,
    models: values.length / (units * dVocab * nPos),
    units,
    dVocab,
    nPos,
    cellMean: Float64Array.from(values),
  };
}

/** From a main model to the model of `otherData` that was fed the same data from another initialisation. */
export const sameDataOtherInit = (models: number): Pairing => neighbourModel(models, -1);
