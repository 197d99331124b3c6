/** The arms of S4 at full and at quick size: one scale of the embeddings each. */
import { presets } from "../../model/config.ts";
import type { Growth } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";
import { plan, scales } from "./plan.ts";

/** Networks whose embeddings begin at one scale. */
export interface ScaleArm extends Arm {
  readonly scale: number;
  readonly growth: Growth;
  /** Latin blocks of the probe. */
  readonly blocks: number;
  /** Unseen sequences on which loss is measured. */
  readonly heldOut: number;
}

/** Name of the arm of a scale. */
export const armOfScale = (scale: number) => `embeddings × ${scale}`;

/** The arms at a size; all share initial draws and data by seed. */
export function arms({ seeds, quick }: StudySize): ScaleArm[] {
  return scales.map((scale) => ({
    ...{ name: armOfScale(scale), seeds, scale },
    growth: {
      study: plan.name,
      config: presets.causal,
      init: { scheme: "pytorch", embeddingScale: scale },
      task: "patterns",
      ...{ batch: 32, steps: quick ? 128 : 320, rate: 1e-3, checkpoints: [] },
    },
    blocks: quick ? 20 : 100,
    heldOut: quick ? 256 : 2048,
  }));
}
