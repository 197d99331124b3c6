/** Which units the view "Then and now" lists, and in which order: plain data, so that a link can carry it. */
import { z } from "zod";
import { curveKinds } from "../../../src/features/unitCurves.ts";

/** Which part of tuning is compared. */
export const curveKind = z.enum(curveKinds);

/** What rows can be sorted by. */
export const sortKeys = ["persistence", "initial", "current", "change", "token", "position", "unit"] as const;
export type SortKey = (typeof sortKeys)[number];

/**
 * What became of a unit's selectivity by the original criterion: selective then and still, selective then only, now
 * only, never.
 */
export const fates = ["survived", "lost", "new", "never"] as const;
export type Fate = (typeof fates)[number];

/** Values from `low` to `high`, both included. */
export type Range = readonly [low: number, high: number];

/** Every value that a share of variance, and a correlation, can have. */
export const wholeRange = { selectivity: [0, 1], persistence: [-1, 1] } as const satisfies Record<
  string,
  Range
>;

const range = ([low, high]: Range) => {
  const bound = z.number().min(low).max(high);
  return z.tuple([bound, bound]).readonly();
};

/**
 * - `text`: names of units, or their beginnings
 * - `selectivity` before training and `persistence`, the correlation with the own initialisation: units without a value
 *   pass only the whole range
 * - `scale`: what the darkest colour is, the largest deviation of each unit or of all that are listed
 */
export const rowChoice = z
  .strictObject({
    sort: z.enum(sortKeys),
    reversed: z.boolean(),
    text: z.string().max(1000),
    fate: z.enum([...fates, "any"]),
    selectivity: range(wholeRange.selectivity),
    persistence: range(wholeRange.persistence),
    scale: z.enum(["unit", "layer"]),
  })
  .readonly();
export type RowChoice = z.infer<typeof rowChoice>;

/** All units, most persistent first. */
export const allRows: RowChoice = {
  sort: "persistence",
  reversed: false,
  text: "",
  fate: "any",
  selectivity: [...wholeRange.selectivity],
  persistence: [...wholeRange.persistence],
  scale: "unit",
};
