/**
 * Rotary positions: queries and keys turn with their position, so that a score depends on how far apart the two are.
 *
 * Dimension i of the first half of what turns and dimension i of its second half are a plane; at position p it is turned
 * by p · f[i] radians. (Other models pair neighbouring dimensions; a permutation of W_Q and W_K leads from one to the
 * other.) Dimensions from rotaryDim on stay as they are.
 *
 * @source Su et al. 2021, "RoFormer", section 3.2; in halves as in GPT-NeoX and Llama
 */
import { cos, exp, log, sin } from "../base/exact.ts";
import { add, concat, constant, mul, slice } from "../graph/build.ts";
import type { Node } from "../graph/node.ts";
import type { ModelConfig, RopeScaling } from "./config.ts";

/** Factors of a turn, each [pos, 1, dHead]. */
export interface Turn {
  /** Cosine for the dimension itself; 1 where nothing turns. */
  readonly own: Node;
  /** Sine with its sign for the dimension's partner in the plane; 0 where nothing turns. */
  readonly partner: Node;
  /** Dimensions that turn. */
  readonly rotaryDim: number;
}

/**
 * Radians that each plane turns by in one position.
 *
 *   f[i] = rotaryBase^(−2 i / rotaryDim), slowed as `ropeScaling` says
 *
 * The same bits on every machine.
 *
 * @returns  [rotaryDim / 2]
 * @source for `llama3`: Llama 3.1's reference code
 */
export function rotaryFrequencies(config: ModelConfig): Float64Array {
  const { dHead, rotaryDim = dHead, rotaryBase = 10000, ropeScaling } = config;
  return Float64Array.from({ length: rotaryDim / 2 }, (_, i) => {
    const frequency = exp(((-2 * i) / rotaryDim) * log(rotaryBase));
    return ropeScaling === undefined ? frequency : frequency * slowing(frequency, ropeScaling);
  });
}

function slowing(frequency: number, scaling: RopeScaling): number {
  const slow = 1 / scaling.factor;
  if (scaling.kind === "linear") return slow;
  const { lowFreqFactor, highFreqFactor, originalCtx } = scaling;
  const waves = (originalCtx * frequency) / (2 * Math.PI); // that fit into the first training's inputs
  const kept = (waves - lowFreqFactor) / (highFreqFactor - lowFreqFactor); // 0 at the low end, 1 at the high one
  const share = Math.min(1, Math.max(0, kept));
  return slow + (1 - slow) * share;
}

/**
 * The factors of positions 0 to pos − 1.
 *
 * The same bits on every machine.
 */
export function turnOf(config: ModelConfig, pos: number): Turn {
  const { dHead, rotaryDim = dHead } = config;
  const frequencies = rotaryFrequencies(config);
  const half = rotaryDim / 2;
  const own = new Float64Array(pos * dHead).fill(1);
  const partner = new Float64Array(pos * dHead);
  for (let p = 0; p < pos; p++)
    for (const [i, frequency] of frequencies.entries()) {
      const [c, s] = [cos(p * frequency), sin(p * frequency)];
      const [first, second] = [p * dHead + i, p * dHead + half + i];
      own[first] = own[second] = c;
      partner[first] = -s;
      partner[second] = s;
    }
  return {
    own: constant(own, [pos, 1, dHead]),
    partner: constant(partner, [pos, 1, dHead]),
    rotaryDim,
  };
}

/**
 * Queries or keys, turned.
 *
 *   y[i] = x[i] cos − x[i + half] sin,  y[i + half] = x[i + half] cos + x[i] sin,  half = rotaryDim / 2
 *
 * @param x  [batch, pos, head, dHead]
 * @returns  [batch, pos, head, dHead]
 */
export function turned(x: Node, { own, partner, rotaryDim }: Turn): Node {
  const dHead = x.shape[3];
  const parts = [slice(x, 3, rotaryDim / 2, rotaryDim), slice(x, 3, 0, rotaryDim / 2)];
  if (rotaryDim < dHead) parts.push(slice(x, 3, rotaryDim, dHead));
  const partners = concat(parts, 3); // [batch, pos, head, dHead]
  return add(mul(x, own), mul(partners, partner)); // [batch, pos, head, dHead]
}
