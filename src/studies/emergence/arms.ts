/** The arms of S14 at full and at quick size. */
import { type ModelConfig, presets } from "../../model/config.ts";
import { weightShapes } from "../../model/weights.ts";
import { logSpaced } from "../../train/checkpoints.ts";
import type { Growth } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";
import { plan, widths } from "./plan.ts";

/** Heads that are looked at while they learn to copy. */
export interface InductionArm extends Arm {
  readonly kind: "induction";
  readonly growth: Growth;
  /** Sequences of repeated tokens that heads are scored on. */
  readonly probes: number;
}

/** Networks whose neurons are described by dictionaries. */
export interface DictionaryArm extends Arm {
  readonly kind: "dictionaries";
  readonly growth: Growth;
  /** Latin blocks that dictionaries are trained on, and that they are judged on. */
  readonly blocks: { readonly train: number; readonly test: number };
  readonly latents: number;
  readonly sparsity: number;
  readonly steps: number;
}

/** Networks of which only the ends are trained, beside whole ones. */
export interface EmbeddingsArm extends Arm {
  readonly kind: "embeddings";
  readonly width: number;
  readonly growth: Growth;
  /** Unseen sequences on which loss is measured. */
  readonly heldOut: number;
}

export type EmergenceArm = InductionArm | DictionaryArm | EmbeddingsArm;

const attentionOnly: ModelConfig = {
  ...presets.causal,
  ...{ nLayers: 2, nHeads: 4, dModel: 32, dHead: 8, dVocab: 16, nCtx: 16 },
  ...{ normalization: "pre", finalNorm: true, attnOnly: true },
};

const ofWidth = (width: number): ModelConfig => ({
  ...presets.causal,
  ...{ dModel: width, dHead: width / 2, dMlp: 4 * width },
});

/** What is trained where only embeddings are. */
export const ends = ["embed.W_E", "pos_embed.W_pos", "unembed.W_U", "unembed.b_U"];

/** Every other weight stands still. */
export function frozenBody(config: ModelConfig): Record<string, number> {
  const body = [...weightShapes(config).keys()].filter((name) => !ends.includes(name));
  return Object.fromEntries(body.map((name) => [name, 0]));
}

/** The arms at a size: wide networks take fewer seeds, since each is sixty times the work of a narrow one. */
export function arms({ seeds, quick }: StudySize): EmergenceArm[] {
  const common = { study: plan.name, init: { scheme: "pytorch" }, batch: 32 } as const;
  const half = seeds.slice(0, Math.max(2, Math.ceil(seeds.length / 2)));
  const steps = (full: number) => (quick ? Math.ceil(full / 16) : full);
  const base: Growth = {
    ...{ ...common, config: presets.causal, task: "patterns", rate: 1e-3 },
    ...{ steps: steps(1280), checkpoints: [] },
  };
  return [
    {
      ...{ kind: "induction", name: "induction", seeds, probes: quick ? 32 : 128, cost: 2 },
      growth: {
        ...{ ...common, config: attentionOnly, task: "induction", rate: 1e-2 },
        ...{ steps: steps(2000), checkpoints: logSpaced(steps(2000)) },
      },
    },
    {
      ...{ kind: "dictionaries", name: "autoencoders", seeds: half, growth: base, cost: 6 },
      blocks: quick ? { train: 10, test: 10 } : { train: 100, test: 20 },
      ...{ latents: 256, sparsity: 0.01, steps: quick ? 40 : 1000 },
    },
    ...widths.map(
      (width): EmbeddingsArm => ({
        ...{ kind: "embeddings", name: `embeddings ${width}`, width, heldOut: 512 },
        seeds: width > 16 ? half : seeds,
        growth: {
          ...{ ...base, config: ofWidth(width) },
          steps: quick ? (width > 64 ? 4 : 20) : 640,
        },
        cost: (width / 16) ** 2,
      }),
    ),
  ];
}
