/** The networks of S11. */
import { presets } from "../../model/config.ts";
import type { Growth } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";
import { STUDY } from "./plan.ts";

/** One arm of S11: how its networks grow and how finely they are examined. */
export interface FunctionArm extends Arm {
  readonly growth: Growth;
  /** Latin blocks of the tuning probe. */
  readonly blocks: number;
  /** Unseen sequences in each of the two halves on which losses are measured. */
  readonly unseen: number;
  /** Partners of a resample ablation. */
  readonly partners: number;
  /** Fresh initialisations and random directions for a group of weights. */
  readonly groupDraws: number;
  /** The same for the fan-in of a single unit. */
  readonly unitDraws: { readonly fresh: number; readonly near: number };
  /** Random groups of units that are ablated in each layer. */
  readonly randomGroups: number;
}

/** Arms at a size. */
export function arms({ seeds, quick }: StudySize): FunctionArm[] {
  const steps = quick ? 160 : 1280;
  const effort = quick
    ? { blocks: 20, unseen: 64, partners: 1, groupDraws: 2, randomGroups: 2 }
    : { blocks: 100, unseen: 256, partners: 4, groupDraws: 8, randomGroups: 16 };
  const unitDraws = quick ? { fresh: 1, near: 1 } : { fresh: 4, near: 2 };
  const growth: Omit<Growth, "config"> = {
    ...{ study: STUDY, init: { scheme: "pytorch" }, task: "patterns", batch: 32, rate: 1e-3 },
    ...{ steps, checkpoints: [] },
  };
  return [
    { name: "masked", seeds, growth: { ...growth, config: presets.causal }, ...effort, unitDraws },
    { name: "unmasked", seeds, growth: { ...growth, config: presets.original }, ...effort, unitDraws },
  ];
}
