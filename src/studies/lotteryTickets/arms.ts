import { presets } from "../../model/config.ts";
import type { Growth } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";
import { plan } from "./plan.ts";

/** Networks with all their subnetworks: every seed is a matched set. */
export interface TicketsArm extends Arm {
  readonly growth: Growth;
  /** The step whose values the early ticket begins with. */
  readonly earlyStep: number;
  /** Latin blocks of the probe that tuning is measured on. */
  readonly probeBlocks: number;
  /** Held-out sequences for losses; the first of them also for what units do. */
  readonly heldOut: number;
  readonly unitSequences: number;
}

/** One arm: the tickets of a seed need the network that they were found in. */
export function arms({ seeds, quick }: StudySize): TicketsArm[] {
  const steps = quick ? 20 : 640;
  const earlyStep = steps / 10;
  return [
    {
      name: "tickets",
      seeds,
      growth: {
        study: plan.name,
        config: presets.causal,
        init: { scheme: "pytorch" },
        task: "patterns",
        ...{ batch: 32, steps, rate: 1e-3, checkpoints: [earlyStep] },
      },
      earlyStep,
      probeBlocks: quick ? 20 : 100,
      heldOut: quick ? 200 : 4000,
      unitSequences: quick ? 40 : 200,
    },
  ];
}
