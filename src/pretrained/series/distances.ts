/** Distances between the checkpoints of a series, for all of the model and for parts of it. */
import type { Fingerprint } from "./fingerprint.ts";
import { squaredDistance } from "./sketch.ts";

/** Distances of every pair of checkpoints. */
export interface Distances {
  /** What was compared: `the model`, a file, or a layer. */
  readonly name: string;
  /** Root mean square over matrices of the relative distance ‖W_a − W_b‖ / s, s the matrix's median norm. */
  at(a: number, b: number): number;
}

/**
 * Matrices alone: norms and biases begin at 1 and 0, so that their motion has no size to be compared with, and the bias
 * of keys does nothing and hardly moves.
 */
export const isMatrix = ({
  name,
  shape,
}: {
  readonly name: string;
  readonly shape: readonly number[];
}): boolean =>
  shape.length > 1 && shape.every((size) => size > 1) && !/(?:^|[._])b(?:ias)?(?:_\w+)?$/i.test(name);

/** The part of a model that a tensor belongs to: its layer, or itself. */
function partOf(name: string): string {
  const layer = /(?:^|\.)(\d+)\./.exec(name)?.[1];
  return layer === undefined ? name : `layer ${layer}`;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

/**
 * Distances of the whole model first, then of every part: layers, matrices outside of layers, and files where a
 * checkpoint has several.
 *
 * @param prints  of one config: the same tensors in the same order; those with numbers that are not finite give NaN
 */
export function distancesOf(prints: readonly Fingerprint[]): Distances[] {
  if (prints.length === 0) return [];
  const [{ tensors }] = prints;
  const tables = tensors.flatMap((tensor, t) => {
    if (!isMatrix(tensor)) return [];
    const scale = median(prints.map((print) => print.tensors[t].norm));
    if (!(scale > 0 && Number.isFinite(scale))) return [];
    const squares = prints.map((a, i) =>
      prints
        .slice(0, i)
        .map((b) => squaredDistance(a.tensors[t].sketch, b.tensors[t].sketch) / (scale * scale)),
    );
    return [{ tensor, squares }];
  });
  const over = (name: string, chosen: typeof tables): Distances => {
    const rows = prints.map((_, i) =>
      Float64Array.from({ length: i }, (__, j) =>
        Math.sqrt(chosen.reduce((sum, { squares }) => sum + squares[i][j], 0) / chosen.length),
      ),
    );
    return { name, at: (a, b) => (a === b ? 0 : rows[Math.max(a, b)][Math.min(a, b)]) };
  };
  const groups = new Map<string, typeof tables>();
  const join = (name: string, table: (typeof tables)[number]) =>
    groups.set(name, [...(groups.get(name) ?? []), table]);
  // files of one layout have the same names in every checkpoint, after the folder's
  const shardOf = (file: string) => file.slice(file.lastIndexOf("/") + 1);
  const shards = new Set(tensors.map(({ file }) => shardOf(file)));
  for (const table of tables) join(partOf(table.tensor.name), table);
  if (shards.size > 1) for (const table of tables) join(shardOf(table.tensor.file), table);
  return [over("the model", tables), ...[...groups].map(([name, chosen]) => over(name, chosen))];
}

/** Mean cosine between the matrices of two checkpoints, from their sketches; NaN where there is none. */
export function cosineOf(a: Fingerprint, b: Fingerprint): number {
  const cosines = a.tensors.flatMap((tensor, t) => {
    const other = b.tensors[t];
    const scale = tensor.norm * other.norm;
    if (!isMatrix(tensor) || !(scale > 0 && Number.isFinite(scale))) return [];
    const apart = squaredDistance(tensor.sketch, other.sketch);
    return [(tensor.norm ** 2 + other.norm ** 2 - apart) / 2 / scale];
  });
  return cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length;
}
