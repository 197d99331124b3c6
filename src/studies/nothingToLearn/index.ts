/** S7: is there persistence where there is nothing to learn, and what decides tuning, initialisation or data? */
import type { Study } from "../protocol/study.ts";
import { arms, type NothingToLearnArm } from "./arms.ts";
import { conclude, type NothingToLearnTold } from "./conclude.ts";
import { measureCrossed } from "./crossed.ts";
import { measureMatched } from "./matched.ts";
import { plan } from "./plan.ts";

export const nothingToLearn: Study<NothingToLearnArm, NothingToLearnTold> = {
  plan,
  arms,
  measure: async (arm, seeds, context) =>
    arm.kind === "matched"
      ? await measureMatched(arm, seeds, context)
      : await measureCrossed(arm, seeds, context),
  conclude,
};
