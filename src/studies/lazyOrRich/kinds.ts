/** The kinds of noise in words, in the order in which a reader meets them. */
import type { NoiseName } from "./measure.ts";

/** What each kind keeps of training's displacement, besides the norm of every tensor. */
export const noiseTitles: Record<NoiseName, string> = {
  isotropic: "nothing (isotropic)",
  permuted: "sizes of entries",
  byUnit: "norm by unit",
  spectrum: "singular values",
  outputs: "which units move together",
  inputs: "what is read differently",
  signed: "each tensor, sign random",
  opposite: "all, the other way (−D)",
  stretches: "stretches, signs random",
  gradient: "span of gradients",
  preconditioned: "gradients, as Adam scales them",
};
