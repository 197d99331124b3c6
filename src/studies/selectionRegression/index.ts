/** Study S10: do strong units persist, or do they only regress to the mean? */
import type { Study } from "../protocol/study.ts";
import { type SelectionArm, selectionArms } from "./arms.ts";
import { concludeSelection } from "./conclude.ts";
import { measureSelection, type SelectionTold } from "./measure.ts";
import { plan } from "./plan.ts";

/** Study S10. */
export const selectionRegression: Study<SelectionArm, SelectionTold> = {
  plan,
  arms: selectionArms,
  measure: measureSelection,
  conclude: concludeSelection,
};
