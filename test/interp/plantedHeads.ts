/** Attention patterns of heads that are of one kind only, set down by hand. */
import type { HeadScoreName } from "../../src/interp/headScores.ts";
import type { Tensor } from "../../src/interp/tensor.ts";
import type { TokenArray } from "../../src/interp/tokens.ts";

/** No token twice running, so that what follows a copy is never the query itself. */
export const plantedTokens = [
  [3, 1, 4, 0, 3, 1, 4, 0],
  [2, 5, 2, 0, 5, 2, 1, 5],
  [0, 1, 2, 3, 4, 5, 6, 7],
];

export const arrayOf = (rows: readonly (readonly number[])[]): TokenArray => ({
  data: Int32Array.from(rows.flat()),
  batch: rows.length,
  pos: rows[0].length,
});

/** Attention of one query by key, of one kind of head. */
export type Attend = (sequence: readonly number[], query: number, visible: number) => number[];

const onto = (length: number, keys: readonly number[]) =>
  Array.from({ length }, (_, key) => (keys.includes(key) ? 1 / keys.length : 0));
export const evenly: Attend = (sequence, _, visible) =>
  Array.from(sequence, (_token, key) => (key < visible ? 1 / visible : 0));
const earlier = (sequence: readonly number[], query: number) =>
  sequence.flatMap((token, key) => (key < query && token === sequence[query] ? [key] : []));
/** Where there is nothing to look up, all attention goes to the query itself. */
const orSelf = (keys: number[], query: number) => (keys.length > 0 ? keys : [query]);

export const planted: Record<HeadScoreName, Attend> = {
  previous: (sequence, query) => onto(sequence.length, [Math.max(query - 1, 0)]),
  first: (sequence) => onto(sequence.length, [0]),
  self: (sequence, query) => onto(sequence.length, [query]),
  duplicate: (sequence, query) => onto(sequence.length, orSelf(earlier(sequence, query), query)),
  induction: (sequence, query) =>
    onto(
      sequence.length,
      orSelf(
        earlier(sequence, query).map((key) => key + 1),
        query,
      ),
    ),
  uniformity: evenly,
};

/** One model, one layer, a head for each kind: [model 1, batch, head, queryPos, keyPos]. */
export function patternOf(
  rows: readonly (readonly number[])[],
  kinds: readonly Attend[],
  causal: boolean,
): Tensor {
  const pos = rows[0].length;
  const data = rows.flatMap((row) =>
    kinds.flatMap((attend) => row.flatMap((_, query) => attend(row, query, causal ? query + 1 : pos))),
  );
  return {
    axes: ["model", "batch", "head", "queryPos", "keyPos"],
    shape: [1, rows.length, kinds.length, pos, pos],
    data: Float64Array.from(data),
  };
}
