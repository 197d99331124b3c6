/** The base network on fresh sequences, and the original's settings. */
import { presets } from "../../model/config.ts";
import type { Growth } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";
import { plan } from "./plan.ts";

/** Networks of one setting; a seed is a network and a stranger. */
export interface SelectionArm extends Arm {
  readonly growth: Growth;
  /** Latin blocks of the probe; its halves have half of them each. */
  readonly blocks: number;
}

/** Both arms. */
export function selectionArms({ seeds, quick }: StudySize): SelectionArm[] {
  const arm = (name: string, steps: number, own: Pick<Growth, "config" | "sequences">): SelectionArm => ({
    ...{ name, seeds, blocks: quick ? 20 : 100, cost: steps },
    growth: {
      ...{ study: plan.name, ...own, init: { scheme: "pytorch" }, task: "patterns" },
      ...{ batch: 32, steps, rate: 1e-3, checkpoints: [0, steps] },
    },
  });
  return [
    arm("base", quick ? 48 : 320, { config: presets.causal }),
    arm("original", quick ? 24 : 160, { config: presets.original, sequences: 500 }),
  ];
}
