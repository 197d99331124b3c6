/** How far single weights have moved, and groups of them. */
import { weightDisplacement } from "../../features/displacement.ts";

/** The motion of one weight since the first checkpoint. */
export interface Motion {
  readonly name: string;
  /** ‖W − W₀‖ / ‖W₀‖; NaN for a weight that was 0. */
  readonly relative: number;
  /** Cosine between W and W₀; NaN if either is 0. */
  readonly cosine: number;
}

/** @param first  and `values`: of one model, equally long */
export function motionOf(name: string, first: Float32Array, values: Float32Array): Motion {
  const moved = weightDisplacement({ [name]: first }, { [name]: values }, 1).get(name);
  return { name, relative: moved?.relative[0] ?? Number.NaN, cosine: moved?.cosine[0] ?? Number.NaN };
}

/** Whether a weight is a matrix by its name: biases and norms have no size to be compared with. */
const isMatrix = (name: string) => /(?:^|\.)W(?:_\w+)?$/.test(name);

/** The part of the model that a weight belongs to, as a figure names it. */
export function groupOf(name: string): string | null {
  if (!isMatrix(name)) return null;
  const block = /^blocks\.(\d+)\.(attn|mlp)\./.exec(name);
  if (block !== null) return `L${block[1]} ${block[2] === "attn" ? "attention" : "MLP"}`;
  if (name.startsWith("embed.")) return "embedding";
  if (name.startsWith("pos_embed.")) return "positions";
  return name.startsWith("unembed.") ? "unembedding" : null;
}

/** Root mean square of the relative motions in each group, in the order of the weights. */
export function groupMotions(motions: readonly Motion[]): Map<string, number> {
  const groups = new Map<string, number[]>();
  for (const { name, relative } of motions) {
    const group = groupOf(name);
    if (group !== null && Number.isFinite(relative))
      groups.set(group, [...(groups.get(group) ?? []), relative ** 2]);
  }
  return new Map(
    [...groups].map(([group, squares]) => [
      group,
      Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length),
    ]),
  );
}
