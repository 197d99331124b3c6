/** With what persistence might fall: every amount is 0 before training. */
import type { DoseTold } from "./measure.ts";

/** An amount of training, of motion or of learning. */
export interface Amount {
  readonly label: string;
  /** At every checkpoint. */
  readonly of: (told: DoseTold, layer: number, rate: number) => ArrayLike<number>;
}

/** All amounts; those that the rules compare come first. */
export const amounts = {
  displacement: {
    label: "displacement upstream",
    of: ({ layers }, layer) => layers[layer].displacement,
  },
  progress: { label: "loss progress", of: ({ progress }) => progress },
  own: { label: "displacement of W_in", of: ({ layers }, layer) => layers[layer].own },
  network: { label: "displacement of all weights", of: ({ network }) => network },
  logits: { label: "relative change of the logits", of: ({ logits }) => logits },
  kl: { label: "KL from the first answers", of: ({ kl }) => kl },
  rateSteps: {
    label: "steps × rate",
    of: ({ steps }, _, rate) => steps.map((step) => step * rate),
  },
  steps: { label: "steps", of: ({ steps }) => steps },
} as const satisfies Record<string, Amount>;

export type AmountName = keyof typeof amounts;

export const amountNames = Object.keys(amounts) as AmountName[];
