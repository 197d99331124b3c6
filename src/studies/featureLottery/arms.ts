/** The arms of S13 at full and at quick size. */
import { logSpaced } from "../../train/checkpoints.ts";
import { type AdamW, optimizers } from "../../train/optimizers.ts";
import type { Arm, StudySize } from "../protocol/study.ts";
import type { AdditionNetwork } from "./network.ts";
import { perceptron } from "./perceptron.ts";
import { transformer } from "./transformer.ts";

/** What adds. */
export type LotteryKind = "perceptron" | "transformer";

/** What is boosted in a twin: a frequency in each of half of the units, in one unit, or in the embedding of the numbers. */
export type TwinKind = "units" | "unit" | "embedding";

/** Networks of one kind, modulus and scale of their initial weights, each with its boosted twins. */
export interface LotteryArm extends Arm {
  readonly kind: LotteryKind;
  readonly modulus: number;
  readonly units: number;
  /** Standard deviation of a perceptron's initial weights; multiple of a transformer's. */
  readonly scale: number;
  readonly rate: number;
  readonly optimizer: AdamW;
  readonly steps: number;
  /** What is boosted in its twins, a twin each. The first is that of the first run: see the plan. */
  readonly twins: readonly TwinKind[];
  /** Steps that are looked at, the first 0 and the last `steps`. */
  readonly checkpoints: readonly number[];
}

/** The two moduli; odd, so that every frequency has a phase. The quick ones leave 5 and 6 frequencies. */
export function moduliOf(quick: boolean): Readonly<Record<"smaller" | "larger", number>> {
  return quick ? { smaller: 11, larger: 13 } : { smaller: 23, larger: 31 };
}

/** Standard deviations of a perceptron's initial weights: from all but 0, where units specialise, to lazy. */
export const perceptronScales = [0.02, 0.1, 0.3, 1] as const;

/** Multiples of PyTorch's initialisation of a transformer. Below 0.3 it takes long to leave the saddle at 0. */
export const transformerScales = [0.3, 0.5, 1, 2] as const;

const UNITS = 128;

/** The arms at a size. */
export function arms({ seeds, quick }: StudySize): LotteryArm[] {
  const { smaller, larger } = moduliOf(quick);
  const arm = (kind: LotteryKind, modulus: number, scale: number): LotteryArm => {
    const slow = kind === "transformer";
    // half of the larger transformers of the largest scale have learned nothing yet after 500
    const late = slow && modulus === larger && scale === Math.max(...transformerScales);
    const steps = quick ? (slow ? 300 : 480) : slow ? (late ? 800 : 500) : 600;
    const twins: readonly TwinKind[] = slow
      ? ["embedding", "units", ...(modulus === smaller ? (["unit"] as const) : [])]
      : ["units"];
    return {
      ...{ name: `${kind} ${modulus} ${scale}`, seeds, kind, modulus, scale, steps, twins },
      ...{ units: quick ? 32 : UNITS, checkpoints: logSpaced(steps) },
      // decay keeps a transformer's logits, which grow with five matrices in a row, from running away
      ...{ rate: slow ? 2e-3 : 3e-3, optimizer: { ...optimizers.adamw, weightDecay: slow ? 1 : 0.01 } },
      cost: (modulus / smaller) ** 3 * (slow ? 2 : 1) * (1 + twins.length) * (steps / 500),
    };
  };
  return [
    ...[smaller, larger].flatMap((modulus) =>
      perceptronScales.map((scale) => arm("perceptron", modulus, scale)),
    ),
    ...[smaller, larger].flatMap((modulus) =>
      transformerScales.map((scale) => arm("transformer", modulus, scale)),
    ),
  ];
}

/** The network of an arm. */
export function networkOf({ kind, ...sizes }: LotteryArm): AdditionNetwork {
  return kind === "perceptron" ? perceptron(sizes) : transformer(sizes);
}
