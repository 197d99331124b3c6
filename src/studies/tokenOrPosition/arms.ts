/** The arms of S9 at full and at quick size. */
import { type ModelConfig, presets } from "../../model/config.ts";
import type { Growth } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";
import { plan } from "./plan.ts";

/** Networks of one kind of positions. */
export interface TokenOrPositionArm extends Arm {
  readonly growth: Growth;
  /** Latin blocks of the probe. */
  readonly blocks: number;
}

/** The arm that the outcomes are of. */
export const SYMMETRIC = "learned";

/** As many tokens as trained positions: a network sees all tokens of a sequence but the last. */
const LEVELS = 8;
const symmetric = { dVocab: LEVELS, nCtx: LEVELS + 1 } as const;

const configs: Readonly<Record<string, ModelConfig>> = {
  [SYMMETRIC]: { ...presets.causal, ...symmetric },
  sinusoidal: { ...presets.causal, ...symmetric, positions: "sinusoidal" },
  "no positions": { ...presets.causal, ...symmetric, positions: "none" },
  "no mask": { ...presets.original, ...symmetric },
};

/** The arms at a size; networks of equal seed share initial weights and data between them. */
export function arms({ seeds, quick }: StudySize): TokenOrPositionArm[] {
  const steps = quick ? 80 : 1280;
  return Object.entries(configs).map(([name, config]) => ({
    ...{ name, seeds, blocks: quick ? 20 : 100 },
    growth: {
      ...{ study: plan.name, config, init: { scheme: "pytorch" }, task: "patterns", batch: 32, rate: 1e-3 },
      ...{ steps, checkpoints: quick ? [0, 20, steps] : [0, 20, 40, 80, 160, 320, 640, steps] },
    },
  }));
}
