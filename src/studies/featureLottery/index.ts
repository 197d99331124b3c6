/** S13, the feature lottery: which frequency of modular addition a unit ends with. */
import type { Study } from "../protocol/study.ts";
import { arms, type LotteryArm } from "./arms.ts";
import { conclude } from "./conclude.ts";
import { type LotteryTold, measure } from "./measure.ts";
import { plan } from "./plan.ts";

export const featureLottery: Study<LotteryArm, LotteryTold> = { plan, arms, measure, conclude };
