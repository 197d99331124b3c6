/** The original study's networks, and the same with the mask that their task needs. */
import { presets } from "../../model/config.ts";
import type { Growth } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";
import { plan } from "./plan.ts";

/** Networks of one preset; a seed is a network, a stranger of another initialisation and a twin on other data. */
export interface PersistenceArm extends Arm {
  readonly growth: Growth;
  /** Latin blocks of the probe. */
  readonly blocks: number;
  /** Latin blocks of the smaller probe of the permutation test, and its shuffles. */
  readonly permuted: { readonly blocks: number; readonly permutations: number };
}

/** Both arms, with the original's 500 sequences gone through ten times. */
export function persistenceArms({ seeds, quick }: StudySize): PersistenceArm[] {
  const steps = quick ? 32 : 160;
  return (["original", "causal"] as const).map((name) => ({
    ...{ name, seeds, blocks: quick ? 20 : 100 },
    growth: {
      study: plan.name,
      config: presets[name],
      init: { scheme: "pytorch" },
      task: "patterns",
      sequences: 500,
      ...{ batch: 32, steps, rate: 1e-3, checkpoints: [0, steps] },
    },
    permuted: { blocks: quick ? 4 : 10, permutations: quick ? 39 : 99 },
  }));
}
