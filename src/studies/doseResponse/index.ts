/** S5: dose-response and half-life of persistence. */
import type { Study } from "../protocol/study.ts";
import { arms, type DoseArm } from "./arms.ts";
import { conclude } from "./conclude.ts";
import { type DoseTold, measure } from "./measure.ts";
import { plan } from "./plan.ts";

export const doseResponse: Study<DoseArm, DoseTold> = { plan, arms, measure, conclude };
