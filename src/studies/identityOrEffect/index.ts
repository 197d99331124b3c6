/** S4: identity of tuning against size of effect. */
import type { Study } from "../protocol/study.ts";
import { arms, type ScaleArm } from "./arms.ts";
import { conclude } from "./conclude.ts";
import { measure, type ScaleTold } from "./measure.ts";
import { plan } from "./plan.ts";

export const identityOrEffect: Study<ScaleArm, ScaleTold> = { plan, arms, measure, conclude };
