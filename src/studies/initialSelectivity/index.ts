/** Study S2: initial selectivity is the random-projection null. */
import type { Study } from "../protocol/study.ts";
import { type SelectivityArm, selectivityArms } from "./arms.ts";
import { concludeSelectivity } from "./conclude.ts";
import { measureSelectivity, type SelectivityTold } from "./measure.ts";
import { plan } from "./plan.ts";

/** Study S2. */
export const initialSelectivity: Study<SelectivityArm, SelectivityTold> = {
  plan,
  arms: selectivityArms,
  measure: measureSelectivity,
  conclude: concludeSelectivity,
};
