/** S11: does the trained network need what persists, and does it still need its own beginning? */
import type { Study } from "../protocol/study.ts";
import { arms, type FunctionArm } from "./arms.ts";
import { conclude } from "./conclude.ts";
import { type FunctionTold, measure } from "./measure.ts";
import { plan } from "./plan.ts";

/** Study S11. */
export const functionKept: Study<FunctionArm, FunctionTold> = { plan, arms, measure, conclude };
