/** The arms of S15 at full and at quick size. */
import type { ModelConfig } from "../../model/config.ts";
import { presets } from "../../model/config.ts";
import type { InitOptions } from "../../model/init.ts";
import type { Training } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";

/** How the networks of a seed differ in what they read and in how they begin. */
export const conditions = ["text", "shuffled", "small", "gpt2"] as const;
/** One of {@link conditions}. */
export type Condition = (typeof conditions)[number];

/** Seeds this far apart are those of twins: no seed of the study comes near. */
export const TWIN = 1_000_000;

/** What the arms share. */
interface TextArm extends Arm {
  /** The text itself: a worker reads no files. */
  readonly text: string;
  /** The size of the vocabulary comes from the text. */
  readonly config: Omit<ModelConfig, "dVocab">;
  readonly training: Omit<Training, "config">;
  /** Windows of held-out text, on which losses and tuning are measured. */
  readonly windows: number;
  /** Latin blocks of the balanced probe. */
  readonly blocks: number;
}

/** Four networks a seed: text and shuffled text, and two twins of the text's. */
export interface MatchedArm extends TextArm {
  readonly kind: "matched";
  /** Windows on which the importance of neurons is measured. */
  readonly weighed: number;
}

/** Two networks a seed that begin otherwise. */
export interface ScalesArm extends TextArm {
  readonly kind: "scales";
}

export type TextPersistenceArm = MatchedArm | ScalesArm;

/** How the networks of a condition begin. */
export const beginnings: Readonly<Record<Condition, InitOptions>> = {
  text: { scheme: "pytorch" },
  shuffled: { scheme: "pytorch" },
  small: { scheme: "pytorch", embeddingScale: 0.02 },
  gpt2: { scheme: "gpt2" },
};

/**
 * Networks of four seeds fill a vector and keep a worker busy for minutes, so that eight seeds are two jobs of each arm.
 */
const SEEDS_PER_JOB = 4;

/**
 * The arms at a size; without a text they have no seeds.
 *
 * @param text  characters to learn
 */
export function arms(text: string, { seeds: asked, quick }: StudySize): TextPersistenceArm[] {
  const seeds = text === "" ? [] : asked;
  const steps = quick ? 24 : 1536;
  const shared = {
    ...{ seeds, text, seedsPerJob: SEEDS_PER_JOB },
    config: {
      ...presets.gpt,
      ...{ dModel: 32, nHeads: 4, dHead: 8, dMlp: quick ? 48 : 128, nCtx: quick ? 16 : 32 },
    },
    training: {
      ...{ batch: quick ? 8 : 32, steps, rate: 1e-3 },
      checkpoints: quick ? [0, 8, steps] : [0, 8, 16, 32, 64, 128, 256, 512, 1024, steps],
    },
    ...{ windows: quick ? 256 : 512, blocks: quick ? 2 : 8 },
  };
  return [
    { ...shared, kind: "matched", name: "matched sets", weighed: quick ? 8 : 64, cost: 4 },
    { ...shared, kind: "scales", name: "other scales", cost: 2 },
  ];
}
