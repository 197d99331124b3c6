/** S9: does token or position tuning persist better, where both are treated alike? */
import type { Study } from "../protocol/study.ts";
import { arms, type TokenOrPositionArm } from "./arms.ts";
import { conclude } from "./conclude.ts";
import { measure, type TokenOrPositionTold } from "./measure.ts";
import { plan } from "./plan.ts";

export const tokenOrPosition: Study<TokenOrPositionArm, TokenOrPositionTold> = {
  plan,
  arms,
  measure,
  conclude,
};
