/** The networks of S8. */
import type { Growth } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";
import { STUDY } from "./plan.ts";
import { layerRates, ofDepth } from "./rates.ts";

/** One arm of S8. */
export interface HierarchyArm extends Arm {
  readonly growth: Growth;
  /** Latin blocks of the tuning probe. */
  readonly blocks: number;
}

/**
 * Learning rates by layer at which the mean row-wise displacement of W_in is the same in all layers within 0.1 %: fixed
 * point of rate ← rate · displacement of layer 0 / own displacement over 12 networks of 1280 steps, of seeds that are in
 * no arm (1000 to 1011). The study measures how well they match in its own networks.
 */
const matchedRates = {
  2: [1, 0.7554],
  4: [1, 0.9184, 0.7842, 0.6109],
} as const;

/** Arms at a size. */
export function arms({ seeds, quick }: StudySize): HierarchyArm[] {
  const blocks = quick ? 20 : 100;
  const arm = (name: string, depth: number, changes: Partial<Growth> = {}): HierarchyArm => ({
    ...{ name, seeds, blocks, cost: depth },
    growth: {
      ...{ study: STUDY, config: ofDepth(depth), init: { scheme: "pytorch" }, task: "patterns" },
      ...{ batch: 32, steps: quick ? 160 : 1280, rate: 1e-3, checkpoints: [], ...changes },
    },
  });
  const two = ofDepth(2);
  const embeddings = { "embed.W_E": 0, "pos_embed.W_pos": 0 };
  return [
    arm("depth 1", 1),
    arm("depth 2", 2),
    arm("depth 4", 4),
    arm("depth 2 matched", 2, { rateFactors: layerRates(two, matchedRates[2]) }),
    arm("depth 4 matched", 4, { rateFactors: layerRates(ofDepth(4), matchedRates[4]) }),
    arm("embeddings x0.3", 2, { init: { scheme: "pytorch", embeddingScale: 0.3 } }),
    arm("embeddings x0.1", 2, { init: { scheme: "pytorch", embeddingScale: 0.1 } }),
    arm("embeddings frozen", 2, { rateFactors: embeddings }),
    arm("layer 0 frozen", 2, { rateFactors: { ...layerRates(two, [0, 1]), ...embeddings } }),
  ];
}
