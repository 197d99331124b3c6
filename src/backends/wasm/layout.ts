/** The two ways in which a population lies in memory; kernels/assembly has a folder for what differs in each. */

/** Elements are the smallest pieces that the planner knows: the same scalar of every model of a group. */
export interface Layout {
  name: "lanes" | "single";
  /** Models of a group, side by side in an element. */
  lanes: 1 | 4;
  /** Bytes of an element: float32 or int32 of each model. */
  elementBytes: 4 | 16;
}

/** Four models in the lanes of a vector. */
export const LANE_LAYOUT: Layout = { name: "lanes", lanes: 4, elementBytes: 16 };
/** One model, its neighbouring scalars in the lanes of a vector. */
export const SINGLE_LAYOUT: Layout = { name: "single", lanes: 1, elementBytes: 4 };

/** Up to so many models are faster one by one than in lanes that are partly idle. */
const MOST_SINGLE = 2;

/** The faster layout for a population. Either gives the same bits. */
export function layoutFor(models: number): Layout {
  return models <= MOST_SINGLE ? SINGLE_LAYOUT : LANE_LAYOUT;
}
