/** The two ways in which a population lies in memory; kernels/assembly has a folder for what differs in each. */

/** Operands begin at multiples of this: a vector across two cache lines takes two reads. */
export const VECTOR_BYTES = 16;

/** Names of the layouts, as the folders of kernels/assembly. */
export type LayoutName = "lanes" | "single";

/** Elements are the smallest pieces that the planner knows: the same scalar of every model of a group. */
export interface Layout {
  name: LayoutName;
  /** Models of a group, side by side in an element. */
  lanes: 1 | 4;
  /** Bytes of an element: float32 or int32 of each model. */
  elementBytes: 4 | 16;
}

/** Four models in the lanes of a vector. */
export const LANE_LAYOUT: Layout = { name: "lanes", lanes: 4, elementBytes: 16 };
/** One model, its neighbouring scalars in the lanes of a vector. */
export const SINGLE_LAYOUT: Layout = { name: "single", lanes: 1, elementBytes: 4 };

/**
 * Time of one model by itself over its share of a full group of lanes, a little on the safe side: measured were 1.07 in
 * training 16 dimensions, 0.98 at 64, 0.87 at 128.
 */
const SINGLE_COST = 1.1;

/** The layout expected to be faster: single where lanes would be idle and the population is small. Bits are the same. */
export function layoutFor(models: number): Layout {
  const places = Math.ceil(models / LANE_LAYOUT.lanes) * LANE_LAYOUT.lanes;
  return models * SINGLE_COST < places ? SINGLE_LAYOUT : LANE_LAYOUT;
}
