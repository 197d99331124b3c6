/** What selectivity a preset's untrained units have by random projection alone. */
import { randomStream } from "../../base/random.ts";
import { randomProjectionNull, readsEmbeddingSum } from "../../features/randomProjectionNull.ts";
import { hasBias } from "../../model/config.ts";
import type { ArmSpec } from "../population/arm.ts";

/** eta² of units drawn from the random-projection null, by kind. */
export interface Projection {
  token: Float64Array;
  position: Float64Array;
}

/** Units drawn from the random-projection null. */
const NULL_DRAWS = 2000;

/** eta² under the random-projection null of this config; undefined where that null says nothing about it. */
export function projectionNull(arm: ArmSpec): Projection | undefined {
  const { config, init } = arm;
  const applies =
    init.scheme === "pytorch" &&
    config.normalization !== "none" &&
    config.positions === "learned" &&
    hasBias(config, "mlp") &&
    readsEmbeddingSum(config);
  if (!applies) return undefined;
  return randomProjectionNull({
    dModel: config.dModel,
    dVocab: config.dVocab,
    nPos: arm.probe.nPos,
    actFn: config.actFn,
    draws: NULL_DRAWS,
    stream: randomStream(arm.study, "projection null"),
  });
}
