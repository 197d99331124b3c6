/** What selectivity a preset's untrained units have by random projection alone. */
import { randomStream } from "../../base/random.ts";
import { randomProjectionNull } from "../../features/randomProjectionNull.ts";
import type { ArmSpec } from "../population/job.ts";

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
    config.biases;
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
