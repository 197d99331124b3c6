/** The arms of S5 at full and at quick size: one learning rate each. */
import { presets } from "../../model/config.ts";
import { logSpaced } from "../../train/checkpoints.ts";
import type { Growth } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";
import { plan, rates } from "./plan.ts";

/** Networks of one learning rate. */
export interface DoseArm extends Arm {
  readonly growth: Growth;
  /** Latin blocks of the probe. */
  readonly blocks: number;
  /** Unseen sequences on which loss is measured. */
  readonly heldOut: number;
}

/** Name of the arm of a rate. */
export const armOfRate = (rate: number) => `rate ${rate}`;

/** The arms at a size; all share initialisations and data by seed. */
export function arms({ seeds, quick }: StudySize): DoseArm[] {
  const steps = quick ? 128 : 5120;
  return rates.map((rate) => ({
    name: armOfRate(rate),
    seeds,
    growth: {
      study: plan.name,
      config: presets.causal,
      init: { scheme: "pytorch" },
      task: "patterns",
      ...{ batch: 32, steps, rate, checkpoints: logSpaced(steps) },
    },
    blocks: quick ? 20 : 100,
    heldOut: quick ? 256 : 2048,
  }));
}
