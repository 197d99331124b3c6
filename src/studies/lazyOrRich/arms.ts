/** The networks of the study: five settings for the noise, four output scales under two optimisers, four widths in three ways. */

import { randomStream } from "../../base/random.ts";
import { latinBlocks, type Probe } from "../../data/probes.ts";
import { type ModelConfig, presets } from "../../model/config.ts";
import { maximalUpdate } from "../../train/maximalUpdate.ts";
import { type Optimizer, optimizers } from "../../train/optimizers.ts";
import { streams } from "../population/arm.ts";
import type { Growth } from "../population/growth.ts";
import type { Arm, StudySize } from "../protocol/study.ts";

/** Key of all streams: arms that differ in the task, the rate or the scale share initialisations and data by seed. */
export const studyName = "lazy-or-rich";

/** Settings at which training is compared with noise of its size, in words. */
export const settings = {
  original: "original, 160 steps",
  masked: "masked, 320 steps",
  long: "masked, 1280 steps",
  fast: "rate 3e-3, 640 steps",
  small: "embeddings × 0.1, 320 steps",
} as const;
export type SettingName = keyof typeof settings;
export const settingNames = Object.keys(settings) as readonly SettingName[];

/** α of the output α · (f(θ) − f(θ₀)). */
export const outputScales = [0.1, 1, 10, 100] as const;
export const scaledOptimizers = ["adam", "sgd"] as const;
export type ScaledOptimizer = (typeof scaledOptimizers)[number];

/** How a network grows wider than the base: what is done to its initialisation and rates. */
export const parametrisations = {
  constant: "standard, same rate",
  inverse: "standard, rate ∝ 1 / width",
  maximal: "maximal update",
} as const;
export type Parametrisation = keyof typeof parametrisations;
export const parametrisationNames = Object.keys(parametrisations) as readonly Parametrisation[];

/** Width at which all parametrisations are one network. */
export const baseWidth = 16;
/** dModel; dHead is half of it and dMlp four times. */
export function widthsOf({ quick }: { quick: boolean }): readonly number[] {
  return quick ? [16, 32] : [16, 32, 64, 128];
}

/** What a seed of any arm is grown and measured with. */
interface Measured extends Arm {
  readonly growth: Growth;
  /** Latin blocks of the probe. */
  readonly blocks: number;
}

/** Networks that are compared with noise of the size of their displacement. */
export interface NoiseArm extends Measured {
  readonly part: "noise";
  readonly setting: SettingName;
  /** Networks of each kind of noise for every trained one: of the kinds that are tested, and of all others. */
  readonly draws: { readonly tested: number; readonly explored: number };
  /** Sequences whose gradients span one point's share of the gradient noise. */
  readonly gradients: number;
}

/** Networks that are only compared with their own initialisation. */
export interface GrowthArm extends Measured {
  readonly part: "scale" | "width";
  /** Factors of initial values by weight, where they are not those of the scheme. */
  readonly initFactors?: Readonly<Record<string, number>>;
  /** Logits whose gradients are compared before and after, each of a sequence of its own, and the seeds where they are. */
  readonly linear: { readonly outputs: number; readonly seeds: readonly number[] };
}

export type LazyOrRichArm = NoiseArm | GrowthArm;

export const noiseArmName = (setting: SettingName) => `noise ${setting}`;
export const scaleArmName = (optimizer: ScaledOptimizer, scale: number) => `scale ${optimizer} ${scale}`;
/** At the base width there is one arm for all parametrisations. */
export const widthArmName = (parametrisation: Parametrisation, width: number) =>
  width === baseWidth ? `width ${width}` : `width ${width} ${parametrisation}`;

/** Equal stretches of a training, at whose ends it is looked at; a multiple of four, so that quarters are among them. */
export const stretchCount = 32;

/** Sequences of the original study's training set. */
const originalSequences = 500;

const common = {
  study: studyName,
  config: presets.causal as ModelConfig,
  init: { scheme: "pytorch" },
  task: "patterns",
  batch: 32,
  rate: 1e-3,
} as const satisfies Partial<Growth>;

/** Optimisers of the sweep over scales, with their rates at α = 1. */
const scaled: Record<ScaledOptimizer, { optimizer: Optimizer; rate: number; steps: number }> = {
  adam: { optimizer: optimizers.adam, rate: 1e-3, steps: 320 },
  // without momentum, and slow: at 1.5 times this rate networks of α = 0.1 end near a loss of 2 instead of 1.3 nats,
  // at five times they break and learn nothing (eight other seeds, looked at for their loss alone)
  sgd: { optimizer: { name: "sgd", momentum: 0 }, rate: 0.02, steps: 640 },
};

/** Rate at the base width: twice the usual, so that few steps move wide networks, the dearest of all, far enough. */
const widthRate = 2e-3;

/** Logits for the tangent kernels of the two sweeps, whose cost grows with the square. */
const linearOutputs = { scale: 64, width: 32 } as const;
/** Networks of each width with a tangent kernel: the widest has 400,000 weights, so each gradient is as long. */
export const wideKernels = 8;

/** Every arm. The sweeps have two thirds of the seeds, the first ones. */
export function armsOf(size: StudySize): LazyOrRichArm[] {
  const sweepSeeds = size.seeds.slice(0, Math.ceil((2 * size.seeds.length) / 3));
  const blocks = size.quick ? 20 : 100;
  const outputs = (full: number) => (size.quick ? 16 : full);
  const steps = (full: number) => (size.quick ? stretchCount : full);
  const noise = settingNames.map((setting): NoiseArm => {
    const growth = settingGrowth(setting);
    const count = steps(growth.steps);
    const checkpoints = Array.from({ length: stretchCount + 1 }, (_, at) => (at * count) / stretchCount);
    return {
      part: "noise",
      name: noiseArmName(setting),
      seeds: size.seeds,
      setting,
      growth: { ...growth, steps: count, checkpoints },
      blocks,
      draws: size.quick ? { tested: 2, explored: 1 } : { tested: 4, explored: 2 },
      gradients: size.quick ? 16 : 64,
      cost: 1 + count / 1000,
    };
  });
  const scale = scaledOptimizers.flatMap((name) =>
    outputScales.map(
      (outputScale): GrowthArm => ({
        part: "scale",
        name: scaleArmName(name, outputScale),
        seeds: sweepSeeds,
        growth: {
          ...common,
          ...scaled[name],
          rate: scaledRate(name, outputScale),
          outputScale,
          steps: steps(scaled[name].steps),
          checkpoints: [],
        },
        linear: { outputs: outputs(linearOutputs.scale), seeds: sweepSeeds },
        blocks,
        cost: scaled[name].steps / 640,
      }),
    ),
  );
  const width = widthsOf(size).flatMap((dModel) =>
    parametrisationNames
      .filter((name) => dModel !== baseWidth || name === "constant")
      .map((name): GrowthArm => {
        const { config, rate, rateFactors, initFactors } = widened(name, dModel);
        return {
          part: "width",
          name: widthArmName(name, dModel),
          seeds: sweepSeeds,
          growth: { ...common, config, rate, rateFactors, steps: size.quick ? 16 : 96, checkpoints: [] },
          initFactors,
          linear: { outputs: outputs(linearOutputs.width), seeds: sweepSeeds.slice(0, wideKernels) },
          blocks,
          cost: (dModel / 32) ** 1.8,
        };
      }),
  );
  return [...noise, ...scale, ...width];
}

/** The probe of an arm: the positions that are trained. */
export function probeOf({ growth, blocks }: LazyOrRichArm): Probe {
  const { dVocab, nCtx } = growth.config;
  return latinBlocks({
    dVocab,
    nPos: nCtx - 1,
    blocks,
    stream: randomStream(...streams.probe(growth.study)),
  });
}

function settingGrowth(setting: SettingName): Growth {
  const checkpoints: readonly number[] = [];
  switch (setting) {
    case "original":
      return {
        ...common,
        config: presets.original,
        sequences: originalSequences,
        steps: 160,
        checkpoints,
      };
    case "masked":
      return { ...common, steps: 320, checkpoints };
    case "long":
      return { ...common, steps: 1280, checkpoints };
    case "fast":
      return { ...common, rate: 3e-3, steps: 640, checkpoints };
    case "small":
      return { ...common, init: { scheme: "pytorch", embeddingScale: 0.1 }, steps: 320, checkpoints };
  }
}

/**
 * Rate at an output scale: the same speed of the output, by a motion of 1/α.
 *
 * Chizat's rule, rate / α², is for descent, whose step is rate times a gradient that α multiplies: rate / α² · α = rate / α.
 * Adam divides that factor out of the gradient again, so the same motion needs rate / α.
 */
export function scaledRate(optimizer: ScaledOptimizer, outputScale: number): number {
  const { rate } = scaled[optimizer];
  return optimizer === "sgd" ? rate / (outputScale * outputScale) : rate / outputScale;
}

function widened(parametrisation: Parametrisation, dModel: number) {
  const base: ModelConfig = {
    ...common.config,
    dModel: baseWidth,
    dHead: baseWidth / 2,
    dMlp: 4 * baseWidth,
  };
  const config: ModelConfig = { ...base, dModel, dHead: dModel / 2, dMlp: 4 * dModel };
  if (parametrisation === "constant") return { config, rate: widthRate };
  if (parametrisation === "inverse") return { config, rate: (widthRate * baseWidth) / dModel };
  const { init, rate } = maximalUpdate(config, base);
  return { config, rate: widthRate, rateFactors: rate, initFactors: init };
}
