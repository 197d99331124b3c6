/** The arms of S7 at full and at quick size. */
import { presets } from "../../model/config.ts";
import { weightShapes } from "../../model/weights.ts";
import type { Growth } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";
import { plan } from "./plan.ts";

/** What the networks of a matched set are trained on, or how. */
export const conditions = ["task", "random", "permuted", "frozen"] as const;
/** One of {@link conditions}. */
export type Condition = (typeof conditions)[number];
/** Conditions in which there is nothing to learn. */
export const controls = ["random", "permuted"] as const satisfies readonly Condition[];

/** Conditions whose displacement isotropic noise is compared at. */
export const moved = ["task", ...controls] as const;

/** Six networks a seed: one of each condition, and two twins of the task's. */
export interface MatchedArm extends Arm {
  readonly kind: "matched";
  readonly growths: Readonly<Record<Condition, Growth>>;
  /** Latin blocks of the probe. */
  readonly blocks: number;
  /** Sequences that linear probes are fitted to, and as many that they are judged on. */
  readonly samples: number;
}

/** One initialisation on several data orders a seed. */
export interface CrossedArm extends Arm {
  readonly kind: "crossed";
  readonly growth: Growth;
  readonly blocks: number;
  /** Seeds of the data. */
  readonly orders: readonly number[];
}

export type NothingToLearnArm = MatchedArm | CrossedArm;

/** Seeds this far apart are those of twins: no seed of the study comes near. */
export const TWIN = 1_000_000;

/** The arms at a size. The crossed design takes the first 8 seeds as initialisations. */
export function arms({ seeds, quick }: StudySize): NothingToLearnArm[] {
  const config = presets.causal;
  const steps = quick ? 40 : 1280;
  const base: Growth = {
    ...{ study: plan.name, config, init: { scheme: "pytorch" }, task: "patterns", batch: 32, rate: 1e-3 },
    ...{ steps, checkpoints: quick ? [0, 10, steps] : [0, 10, 20, 40, 80, 160, 320, 640, steps] },
  };
  const body = [...weightShapes(config).keys()].filter((name) => name.startsWith("blocks."));
  const blocks = quick ? 20 : 100;
  return [
    {
      ...{ kind: "matched", name: "matched sets", seeds, blocks, samples: quick ? 40 : 200, cost: 8 },
      growths: {
        task: base,
        random: { ...base, task: "random" },
        permuted: { ...base, task: "permuted" },
        frozen: { ...base, rateFactors: Object.fromEntries(body.map((name) => [name, 0])) },
      },
    },
    {
      ...{ kind: "crossed", name: "crossed", seeds: seeds.slice(0, 8), blocks },
      ...{ growth: { ...base, checkpoints: [] }, cost: 4 },
      orders: (quick ? [0, 1] : [0, 1, 2, 3]).map((order) => 2 * TWIN + order),
    },
  ];
}
